package verify

import (
	"errors"
	"fmt"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// deletion notes an entry that says that an epoch before its own was deleted.
func (v *verification) deletion(e *verifiedEpoch, d *record.Deleted) error {
	key, err := e.epoch.Verifier()
	if err != nil {
		return err
	}
	gone := d.Deleted
	if !key.Verify(format.DeletedMessage(&gone), d.Signature) {
		return errors.New("the entry says that an epoch was deleted, but the ledger's key has not signed it")
	}
	if gone.Number >= e.epoch.Number {
		return fmt.Errorf("the entry says that epoch %d was deleted, which came after it", gone.Number)
	}
	v.deleted[gone.Number] = append(v.deleted[gone.Number], gone)
	return nil
}

// missing makes sure that every epoch that is not there was deleted because its
// time ran out: an entry of a later epoch says so, and what it says of the epoch
// joins those around it.
func (v *verification) missing(epochs []*verifiedEpoch) error {
	there := make(map[uint32]*verifiedEpoch, len(epochs))
	for _, e := range epochs {
		there[e.epoch.Number] = e
	}
	after := epochs[len(epochs)-1].epoch
	for number := after.Number - 1; number >= max(v.o.From, 1); number-- {
		before := there[number]
		if before != nil && there[after.Number] == nil && after.Origin != "" {
			if err := (&verifiedEpoch{epoch: after}).follows(before); err != nil {
				return &format.CorruptError{File: format.EpochDir(v.dir, after.Number), What: "what is left of the deleted epoch does not follow " + before.epoch.Origin + ": " + err.Error()}
			}
			before.joined = after.Previous.Checkpoint != ""
		}
		if before != nil {
			after = before.epoch
			continue
		}
		gone, err := v.left(number, after)
		if err != nil {
			if !v.lost(number, err) {
				return err
			}
			after = format.Epoch{Number: number} // nobody knows what was before it
			continue
		}
		v.report.Deleted++
		after = format.Epoch{Number: gone.Number, Origin: gone.Origin, Key: gone.Key, Previous: format.PreviousOf(gone.Previous), Because: gone.Because, Lost: gone.Lost, Created: gone.Created}
	}
	return nil
}

// left finds what is left of a missing epoch, as the epoch after it knows it.
func (v *verification) left(number uint32, after format.Epoch) (record.DeletedEpoch, error) {
	for _, gone := range v.deleted[number] {
		if p := after.Previous; p != nil && p.Number == number && p.Origin == gone.Origin && p.Key == gone.Key && p.Checkpoint == gone.Checkpoint {
			return gone, nil
		}
	}
	what := "no entry says that its time ran out and it was deleted"
	if len(v.deleted[number]) > 0 {
		what = "the entry that says that it was deleted names another log or checkpoint than the genesis of " + after.Origin
	}
	return record.DeletedEpoch{}, &format.CorruptError{File: format.EpochDir(v.dir, number), What: fmt.Sprintf(
		"the epoch is missing, and %s: put its folder back; until then 'verify --from-epoch %d' checks what follows", what, after.Number)}
}
