package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// ledgerCommand holds the commands that read or tend a ledger.
func ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "Reads a transfer ledger"}
	cmd.AddCommand(
		ledgerKeysCommand(),
		verifyCommand(),
		tailCommand(),
		proveCommand(),
		exportTilesCommand(),
		inspectCommand(),
	)
	return cmd
}

func verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify FOLDER",
		Short: "Checks that every entry is whole and none is missing",
		Long: "Reads every entry of the ledger and checks its frames, checksums and numbering.\n" +
			"It needs no running gateway and changes nothing. Exit code 0: fine, 1: error, 2: corruption.",
		Args: cobra.ExactArgs(1),
	}
	asJSON := jsonFlag(cmd)
	return run(cmd, func(w io.Writer, args []string) (int, error) {
		return verifyLedger(w, args[0], *asJSON)
	})
}

// verifyLedger checks the ledger and prints what was found.
func verifyLedger(w io.Writer, dir string, asJSON bool) (int, error) {
	report, err := ledger.Verify(dir, ledger.VerifyOptions{})
	var corrupt *ledger.CorruptError
	if err != nil && !errors.As(err, &corrupt) {
		return exitError, err
	}
	if asJSON {
		result := map[string]any{"entries": report.Entries, "bytes": report.Bytes, "ok": corrupt == nil}
		if corrupt != nil {
			result["problem"] = corrupt.Error()
		}
		if err := printJSON(w, result); err != nil {
			return exitError, err
		}
	} else if corrupt == nil {
		if _, err := fmt.Fprintf(w, "ok: %d entries, %d bytes\n", report.Entries, report.Bytes); err != nil {
			return exitError, err
		}
	}
	if corrupt != nil {
		return exitFindings, corrupt
	}
	return exitFine, nil
}

func tailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tail FOLDER",
		Short: "Prints the last entries, one JSON object a line",
		Args:  cobra.ExactArgs(1),
	}
	n := cmd.Flags().Uint64P("lines", "n", 10, "how many entries; 0 for all")
	return run(cmd, func(w io.Writer, args []string) (int, error) {
		if err := tailLedger(w, args[0], *n); err != nil {
			return exitError, err
		}
		return exitFine, nil
	})
}

// tailLedger prints the last n entries, all of them when n is 0.
func tailLedger(w io.Writer, dir string, n uint64) error {
	from, err := ledger.Last(dir, n)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	err = ledger.Read(dir, from, func(e ledger.Entry) error {
		_, err := fmt.Fprintf(out, "%s\n", e.Data)
		return err
	})
	return errors.Join(err, out.Flush())
}
