package verify

import (
	"fmt"
	"slices"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// known holds the ledger against checkpoints that were kept elsewhere. An older copy
// of a ledger is whole: only who knows a later checkpoint misses what came after it.
func (v *verification) known(epochs []*verifiedEpoch) error {
	for _, signed := range v.o.Known {
		c, err := tiles.ReadCheckpoint(signed)
		if err != nil {
			return fmt.Errorf("%s: %w", format.Elsewhere, err)
		}
		i := slices.IndexFunc(epochs, func(e *verifiedEpoch) bool { return e.epoch.Origin == c.Origin })
		if i < 0 {
			if err := v.knownDeleted(c); err != nil && !v.knownLost(c, epochs, err) {
				return err
			}
			continue
		}
		key, err := epochs[i].epoch.Verifier()
		if err != nil {
			return err
		}
		if _, err := tiles.OpenCheckpoint(signed, key); err != nil {
			return &format.CorruptError{File: format.Elsewhere, What: err.Error()}
		}
		if err := epochs[i].tree.Covers(c, format.Elsewhere); err != nil && !v.lost(epochs[i].epoch.Number, err) {
			return err
		}
	}
	return nil
}

// knownDeleted holds what is left of a deleted epoch against a checkpoint of it.
func (v *verification) knownDeleted(c tiles.Checkpoint) error {
	for _, all := range v.deleted {
		for _, gone := range all {
			if gone.Origin != c.Origin {
				continue
			}
			if uint64(c.N) > gone.Entries {
				return &format.CorruptError{File: format.Elsewhere, What: fmt.Sprintf("it was signed over %d entries of %s, of which %d were there when it was deleted",
					c.N, c.Origin, gone.Entries)}
			}
			return nil
		}
	}
	return &format.CorruptError{File: format.Elsewhere, What: fmt.Sprintf("it was signed over %d entries of %s, which was not found in the ledger", c.N, c.Origin)}
}

// knownLost reports whether a checkpoint is of an epoch of the ledger that is lost.
func (v *verification) knownLost(c tiles.Checkpoint, epochs []*verifiedEpoch, err error) bool {
	ledger := format.LedgerOf(c.Origin)
	ours := slices.ContainsFunc(epochs, func(e *verifiedEpoch) bool { return format.LedgerOf(e.epoch.Origin) == ledger }) ||
		slices.ContainsFunc(v.losses, func(e format.Epoch) bool { return e.Previous != nil && format.LedgerOf(e.Previous.Origin) == ledger })
	return ours && v.lost(format.NumberOf(c.Origin), err)
}
