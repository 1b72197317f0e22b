// Package tiles is the public face of a transfer log: the formats of C2SP by
// which anybody can read and check it with tools that are not ours.
//
//   - tlog-checkpoint and signed-note: [Checkpoint], [OpenCheckpoint]
//   - tlog-tiles: [Source], [Handler], [Export]
//   - tlog-proof, the receipt of an entry: [Receipt], [Tree.Receipt]
//
// A log's own key is always needed to read it: nothing here trusts a [Source],
// every hash and entry is checked against the signed checkpoint.
//
// It knows neither how the ledger stores its entries nor what they say. The
// Merkle tree and its proofs are those of golang.org/x/mod/sumdb/tlog.
package tiles
