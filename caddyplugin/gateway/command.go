package gateway

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// exitFindings is the exit code of a command that worked and found something wrong.
const exitFindings = 2

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "transfer",
		Usage: "ledger verify|tail FOLDER | reasons | verify-headers",
		Short: "Works with the transfer gateway's ledger, reason codes and header fields",
		CobraFunc: func(cmd *cobra.Command) {
			group := &cobra.Command{Use: "ledger", Short: "Reads a transfer ledger"}
			group.AddCommand(verifyCommand(), tailCommand())
			cmd.AddCommand(group, reasonsCommand(), verifyHeadersCommand())
		},
	})
}

func verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify FOLDER",
		Short: "Checks that every entry is whole and none is missing",
		Long: "Reads every entry of the ledger and checks its frames, checksums and numbering.\n" +
			"It needs no running gateway and changes nothing. Exit code 0: fine, 1: error, 2: corruption.",
		Args: cobra.ExactArgs(1),
	}
	asJSON := cmd.Flags().Bool("json", false, "print the result as JSON")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		return verifyLedger(cmd.OutOrStdout(), fl.Arg(0), *asJSON)
	})
	return cmd
}

// verifyLedger checks the ledger and prints what was found.
func verifyLedger(w io.Writer, dir string, asJSON bool) (int, error) {
	report, err := ledger.Verify(dir)
	var corrupt *ledger.CorruptError
	if err != nil && !errors.As(err, &corrupt) {
		return caddy.ExitCodeFailedStartup, err
	}
	if asJSON {
		result := map[string]any{"entries": report.Entries, "bytes": report.Bytes, "ok": corrupt == nil}
		if corrupt != nil {
			result["problem"] = corrupt.Error()
		}
		if err := json.NewEncoder(w).Encode(result); err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
	} else if corrupt == nil {
		if _, err := fmt.Fprintf(w, "ok: %d entries, %d bytes\n", report.Entries, report.Bytes); err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
	}
	if corrupt != nil {
		return exitFindings, corrupt
	}
	return caddy.ExitCodeSuccess, nil
}

func tailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tail FOLDER",
		Short: "Prints the last entries, one JSON object a line",
		Args:  cobra.ExactArgs(1),
	}
	n := cmd.Flags().Uint64P("lines", "n", 10, "how many entries; 0 for all")
	cmd.RunE = caddycmd.WrapCommandFuncForCobra(func(fl caddycmd.Flags) (int, error) {
		if err := tailLedger(cmd.OutOrStdout(), fl.Arg(0), *n); err != nil {
			return caddy.ExitCodeFailedStartup, err
		}
		return caddy.ExitCodeSuccess, nil
	})
	return cmd
}

// tailLedger prints the last n entries, all of them when n is 0.
func tailLedger(w io.Writer, dir string, n uint64) error {
	report, err := ledger.Verify(dir)
	if err != nil {
		return err
	}
	from := uint64(0)
	if n > 0 && report.Entries > n {
		from = report.Entries - n
	}
	out := bufio.NewWriter(w)
	err = ledger.Read(dir, from, func(e ledger.Entry) error {
		_, err := fmt.Fprintf(out, "%s\n", e.Data)
		return err
	})
	return errors.Join(err, out.Flush())
}
