package ledger

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
)

// ledgerCommand holds the commands that read or tend a ledger.
func ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "Reads a transfer ledger"}
	cmd.AddCommand(
		ledgerKeysCommand(),
		ledgerHoldCommand(),
		verifyCommand(),
		tailCommand(),
		queryCommand(),
		showCommand(),
		ledgerKeygenCommand(),
		epochCommand(),
		adoptCommand(),
		wouldDenyCommand(),
		proveCommand(),
		exportTilesCommand(),
		inspectCommand(),
		indexCommand(),
	)
	return cmd
}

func tailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tail FOLDER",
		Short: "Prints the last entries, each on a line after its number",
		Long: "Prints the last entries as they stand, each on a line after its number, which 'show' and 'prove' take, and a tab. Those of\n" +
			"a class of records that is kept apart are in FOLDER/class-NAME.",
		Args: cobra.ExactArgs(1),
	}
	n := cmd.Flags().Uint64P("lines", "n", 10, "how many entries; 0 for all")
	asJSON := cmd.Flags().Bool("json", false, "print an object a line, with the entry's number and the entry")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		return cli.Done(tailLedger(w, args[0], *n, *asJSON))
	})
}

// tailLedger prints the last n entries, all of them when n is 0.
func tailLedger(w io.Writer, dir string, n uint64, asJSON bool) error {
	l := ledger.At(dir)
	from, err := l.Last(n)
	if err != nil {
		return err
	}
	out, node := bufio.NewWriter(w), l.Node()
	lines, err := query.NewWriter(out, query.JSON, nil)
	if err != nil {
		return err
	}
	for e, err := range l.Entries(from) {
		if err == nil {
			row := query.NewRow(node, l.Class, e.ID, e.Data)
			if asJSON {
				err = lines.Row(&row)
			} else {
				_, err = fmt.Fprintf(out, "%s\t%s\n", row.Name, e.Data)
			}
		}
		if err != nil {
			return errors.Join(err, out.Flush())
		}
	}
	return out.Flush()
}
