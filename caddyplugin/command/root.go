// Package command is the command line of the transfer gateway, the subcommand
// transfer of the program: one file a command. Commands read files or ask a
// running gateway through Caddy's admin API; what a command does is a function
// that takes a writer and plain arguments and returns the exit code.
package command

import (
	"encoding/json"
	"io"
	"strings"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// Exit codes, the same for every command.
const (
	exitFine     = caddy.ExitCodeSuccess       // it worked, and all is well
	exitError    = caddy.ExitCodeFailedStartup // it did not work; the error says why
	exitFindings = 2                           // it worked, and found something wrong
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "transfer",
		Usage: "COMMAND",
		Short: "Works with the transfer gateway's policy and ledger",
		Long: "Works with the transfer gateway's policy and ledger.\n\n" +
			"Exit codes: 0 fine, 1 error, 2 it worked and found something wrong.",
		CobraFunc: func(cmd *cobra.Command) {
			cmd.AddCommand(
				checkCommand(),
				coverageCommand(),
				diffCommand(),
				explainCommand(),
				helpCommand(),
				ledgerCommand(),
				policyCommand(),
				reasonsCommand(),
				testCommand(),
				schemaCommand(),
				verifyHeadersCommand(),
				verifyBundleCommand(),
			)
		},
	})
}

// run makes a function that returns an exit code a command's.
func run(cmd *cobra.Command, f func(w io.Writer, args []string) (int, error)) *cobra.Command {
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		return f(cmd.OutOrStdout(), fl.Args())
	})
	return cmd
}

// jsonFlag adds the flag every command has.
func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print the result as JSON")
}

// printJSON prints a result for programs.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// flush writes what was put together.
func flush(w io.Writer, text *strings.Builder) error {
	_, err := io.WriteString(w, text.String())
	return err
}
