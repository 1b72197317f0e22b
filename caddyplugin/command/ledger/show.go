package ledger

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/review"
)

func showCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show RECORD [FOLDER]",
		Short: "Shows one record in words: what happened, why, what proves it, and the person's other records",
		Long: "Shows one record in words: what happened to the request and why, by the rows of the policy that decided it; how it\n" +
			"ended; whether it leads to the root of a signed checkpoint; and the nearest records of the same person, with who asked.\n" +
			"RECORD is its number, as in gw-sg-1#1.42, its id, or the id of its trace, which may have several.\n" +
			"Without FOLDER the running gateway is asked. Nothing is changed. Exit code 0: shown, 1: error, 2: shown, and damaged.",
		Example: "  transfergate transfer ledger show gw-sg-1#1.42\n" +
			"  transfergate transfer ledger show 01a22a1d-a191-71ba-84c1-83a3ecf2f233 data/ledger",
		Args: cobra.RangeArgs(1, 2),
	}
	client := cli.AddressFlag(cmd)
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		all, err := findShown(cmd.Context(), client, args)
		if err != nil {
			return cli.Error, err
		}
		return printShown(w, all, *asJSON)
	})
}

// findShown reads the records from the folder, or asks the gateway. The folder may
// stand before the number too, as in data/ledger#gw-sg-1#1.42.
func findShown(ctx context.Context, client *adminapi.Client, args []string) ([]*review.Shown, error) {
	which, folder := args[0], ""
	if len(args) > 1 {
		folder = args[1]
	} else if before, after, found := strings.Cut(which, "#"); found {
		if info, err := os.Stat(before); err == nil && info.IsDir() {
			folder, which = before, after
		}
	}
	if folder == "" {
		return client.Records(which)
	}
	return review.Show(ctx, ledger.At(folder), which)
}

func printShown(w io.Writer, all []*review.Shown, asJSON bool) (int, error) {
	code := cli.Fine
	for i, s := range all {
		if s.Damage != "" || s.Proof.Problem != "" {
			code = cli.Findings
		}
		if asJSON {
			continue
		}
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return cli.Error, err
			}
		}
		if err := s.Print(w); err != nil {
			return cli.Error, err
		}
	}
	if asJSON {
		if err := cli.PrintJSON(w, map[string]any{"records": all}); err != nil {
			return cli.Error, err
		}
	}
	return code, nil
}
