package tiles

import (
	"golang.org/x/mod/sumdb/tlog"
)

// Source is one log as tlog-tiles shows it: one epoch of a ledger. Its methods
// may be called by any number of goroutines, beside a writer that appends.
//
// A source gives out what its latest checkpoint covers, and nothing else: for a
// tile or bundle beyond it, and for a checkpoint before the first, the error
// satisfies errors.Is(err, fs.ErrNotExist). A width below the one that exists
// is always served, because a tile only ever grows to the right. What a source
// returns need not be verified; whoever uses it does that. Callers do not
// change the bytes they get.
type Source interface {
	// Checkpoint returns the latest published checkpoint: a signed note. Tiles
	// and bundles asked for afterwards cover at least its tree.
	Checkpoint() ([]byte, error)

	// Tile returns a hash tile of t.W hashes, 32 bytes each: t.H is Height, t.L
	// at least 0.
	Tile(t tlog.Tile) ([]byte, error)

	// Bundle returns the first width entries of the entry bundle n, each after
	// its length as a big-endian uint16.
	Bundle(n int64, width int) ([]byte, error)
}
