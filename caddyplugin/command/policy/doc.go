// Package policy is the commands about a policy: what it says (explain, coverage,
// reasons), whether it is right (check, test), what changes (diff), and how it is
// changed (schema, policy export, sign, reload).
package policy

import "github.com/spf13/cobra"

// Commands are those of this package, to be added to the command transfer.
func Commands() []*cobra.Command {
	return []*cobra.Command{
		checkCommand(),
		coverageCommand(),
		diffCommand(),
		explainCommand(),
		helpCommand(),
		policyCommand(),
		reasonsCommand(),
		schemaCommand(),
		testCommand(),
	}
}
