package directory

import (
	"time"

	"github.com/sparkoo/transfergate/internal/cache"
)

// faults remembers for which accounts the directory failed to answer, so that whoever
// has such an account does not make it be asked with each request. They belong to
// registers, by which a record was judged, and end with their [Lookup].
type faults struct {
	negative time.Duration // how long a wrong answer about an account is believed
	about    *cache.Cache[string, fault]
}

// fault is why the directory was asked in vain, and when.
type fault struct {
	err   error
	asked time.Time
}

const (
	// maxFaults bounds how many are remembered, of about 150 bytes each.
	maxFaults = 10_000

	// briefly is how long a failure is remembered that may be anybody's.
	briefly = time.Second
)

func newFaults(negative time.Duration) *faults {
	return &faults{negative: negative, about: cache.New[string, fault](maxFaults)}
}

// of returns why an account need not be asked for again yet, nil if it may. A fault
// from the future is none.
func (f *faults) of(account string, now time.Time) error {
	known, ok := f.about.Get(account)
	if !ok {
		return nil
	}
	lasts := min(briefly, f.negative)
	if aboutAccount(known.err) {
		lasts = f.negative
	}
	if age := now.Sub(known.asked); age < 0 || age >= lasts {
		return nil
	}
	return known.err
}

// any reports whether the account failed when it was last asked for, however long ago.
func (f *faults) any(account string) bool {
	_, ok := f.about.Get(account)
	return ok
}

// note remembers how asking for an account at a moment has ended.
func (f *faults) note(account string, asked time.Time, err error) {
	if err != nil {
		f.about.Put(account, fault{err, asked}, maxFaults)
		return
	}
	if _, ok := f.about.Get(account); ok {
		f.about.Delete(account)
	}
}
