package ledger

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
)

// ledgerCommand holds the commands that read or tend a ledger.
func ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "Reads a transfer ledger"}
	cmd.AddCommand(
		ledgerKeysCommand(),
		ledgerHoldCommand(),
		verifyCommand(),
		tailCommand(),
		ledgerKeygenCommand(),
		epochCommand(),
		adoptCommand(),
		wouldDenyCommand(),
		proveCommand(),
		exportTilesCommand(),
		inspectCommand(),
	)
	return cmd
}

func tailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tail FOLDER",
		Short: "Prints the last entries, one JSON object a line",
		Long:  "Prints the last entries. Those of a class of records that is kept apart are in FOLDER/class-NAME.",
		Args:  cobra.ExactArgs(1),
	}
	n := cmd.Flags().Uint64P("lines", "n", 10, "how many entries; 0 for all")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		if err := tailLedger(w, args[0], *n); err != nil {
			return cli.Error, err
		}
		return cli.Fine, nil
	})
}

// tailLedger prints the last n entries, all of them when n is 0.
func tailLedger(w io.Writer, dir string, n uint64) error {
	l := ledger.At(dir)
	from, err := l.Last(n)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	for e, err := range l.Entries(from) {
		if err == nil {
			_, err = fmt.Fprintf(out, "%s\n", e.Data)
		}
		if err != nil {
			return errors.Join(err, out.Flush())
		}
	}
	return out.Flush()
}
