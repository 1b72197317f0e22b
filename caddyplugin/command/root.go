// Package command is the command line of the transfer gateway, the subcommand
// transfer of the program. Commands read files or ask a running gateway through
// Caddy's admin API; what a command does is a function that takes a writer and
// plain arguments and returns the exit code. They stand in rooms of their own,
// one file a command: policy, which asks and changes the registers, and ledger,
// which reads and tends the records; cli is what they share. Here they are put
// together.
package command

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/demo"
	"github.com/sparkoo/transfergate/caddyplugin/command/ledger"
	"github.com/sparkoo/transfergate/caddyplugin/command/policy"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "transfer",
		Usage: "COMMAND",
		Short: "Works with the transfer gateway's policy and ledger",
		Long: "Works with the transfer gateway's policy and ledger.\n\n" +
			"Exit codes: 0 fine, 1 error, 2 it worked and found something wrong.",
		CobraFunc: func(cmd *cobra.Command) {
			cmd.AddCommand(policy.Commands()...)
			cmd.AddCommand(ledger.Commands()...)
			cmd.AddCommand(statusCommand(), verifyHeadersCommand(), releaseCommand(), demo.Command())
			cmd.SetHelpTemplate(cmd.HelpTemplate() + documentation) // Caddy's names its own
		},
	})
}

// documentation is the end of every command's help.
const documentation = `
What it does, how it is run, and what to do when it fails:
https://github.com/sparkoo/transfergate
`
