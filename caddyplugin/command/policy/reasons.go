package policy

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/decision"
)

func reasonsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reasons",
		Short: "Lists the reason codes of denials and failures, and what unlocks each",
		Args:  cobra.NoArgs,
	}
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, _ []string) (int, error) {
		if err := printReasons(w, *asJSON); err != nil {
			return cli.Error, err
		}
		return cli.Fine, nil
	})
}

// reasonRow is one code as JSON.
type reasonRow struct {
	Reason decision.Reason `json:"reason"`
	Status int             `json:"status"`
	Clause string          `json:"clause,omitempty"`
	Title  string          `json:"title"`
	Unlock string          `json:"unlock"`
}

// printReasons prints every code with its status, clause, title and unlock.
func printReasons(w io.Writer, asJSON bool) error {
	if asJSON {
		list := make([]reasonRow, 0, len(decision.Reasons()))
		for _, reason := range decision.Reasons() {
			info := reason.Info()
			list = append(list, reasonRow{reason, info.Status, info.Clause, info.Title, info.Unlock})
		}
		return cli.PrintJSON(w, list)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, reason := range decision.Reasons() {
		info := reason.Info()
		if _, err := fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", reason, info.Status, info.Clause, info.Title, info.Unlock); err != nil {
			return err
		}
	}
	return table.Flush()
}
