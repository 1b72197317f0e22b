// Package ledger is the commands about a ledger: reading it (tail, query, show,
// inspect, would-deny, report), proving (verify, prove, export-tiles, and verify of a
// bundle) and tending it (keygen, epoch, keys, hold, adopt).
package ledger

import "github.com/spf13/cobra"

// Commands are those of this package, to be added to the command transfer.
func Commands() []*cobra.Command {
	return []*cobra.Command{ledgerCommand(), reportCommand(), verifyBundleCommand()}
}
