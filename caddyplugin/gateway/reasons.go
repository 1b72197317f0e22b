package gateway

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/internal/decision"
)

func reasonsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reasons",
		Short: "Lists the reason codes of denials and failures, and what unlocks each",
		Args:  cobra.NoArgs,
	}
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) {
		if err := printReasons(cmd.OutOrStdout()); err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		return caddy.ExitCodeSuccess, nil
	})
	return cmd
}

// printReasons prints every code with its status, clause, title and unlock.
func printReasons(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, reason := range decision.Reasons() {
		info := reason.Info()
		if _, err := fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", reason, info.Status, info.Clause, info.Title, info.Unlock); err != nil {
			return err
		}
	}
	return table.Flush()
}
