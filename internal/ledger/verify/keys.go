package verify

import (
	"fmt"
	"path/filepath"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// vouched makes sure that every epoch is signed by one of the keys that were given
// to Ledger, or by one that such an epoch vouches for: the last entry of an epoch
// names the key of the next, and the genesis entry the key of the one before, with
// its last checkpoint. A ledger says itself which keys it has: whoever writes
// another one in its place signs it with a key of their own.
func (v *verification) vouched(epochs []*verifiedEpoch) error {
	if len(v.o.Keys) == 0 {
		return nil
	}
	good := make([]bool, len(epochs))
	for i, e := range epochs {
		for _, trusted := range v.o.Keys {
			key, err := tiles.LogKey(trusted, e.epoch.Origin)
			good[i] = good[i] || err == nil && key == e.epoch.Key && e.signed > 0
		}
	}
	follow := func(i int) bool { // how was verified with the entries
		p := epochs[i].epoch.Previous
		return epochs[i].epoch.Number == epochs[i-1].epoch.Number+1 && p != nil && p.Origin == epochs[i-1].epoch.Origin && !epochs[i-1].lost
	}
	for i := 1; i < len(epochs); i++ {
		good[i] = good[i] || good[i-1] && follow(i) && epochs[i-1].next != nil
	}
	later := true // all of the later epochs are good, one of which has signed what is left of deleted ones
	for i := len(epochs) - 1; i > 0; i-- {
		later = later && good[i]
		good[i-1] = good[i-1] || good[i] && follow(i) && epochs[i].epoch.Previous.Checkpoint != "" || later && epochs[i-1].joined
	}
	for i, e := range epochs {
		if good[i] || e.lost {
			continue
		}
		what := fmt.Sprintf("the epoch is signed with the key %s, for which none of the keys given vouches", e.epoch.Key)
		if e.signed == 0 {
			what = "nothing of the epoch is signed, so that no key vouches for it"
		}
		return &format.CorruptError{File: filepath.Join(format.EpochDir(v.dir, e.epoch.Number), format.EpochFile), What: what}
	}
	return nil
}
