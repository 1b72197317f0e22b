package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// overdue is for how long the time of epochs has been over whenever somebody
// looked, by the processes' own clocks, so that a wrong calendar deletes nothing. It
// outlives a restart; what passes between two processes does not count.
type overdue struct {
	known map[uint32]time.Duration // by epoch, as in the file; nil before it was read
	seen  map[uint32]time.Duration // with this look
	last  time.Time                // when somebody looked last; zero for not in this process
	since time.Duration            // from then to this look
}

// look begins a look at the epochs that are there.
func (o *overdue) look(fsys format.FS, dir string, epochs []format.Epoch) error {
	if o.known == nil {
		o.known = make(map[uint32]time.Duration)
		data, err := format.ReadFile(fsys, filepath.Join(dir, format.OverdueName))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			o.known = nil
			return fmt.Errorf("reading for how long epochs are overdue: %w", err)
		}
		if json.Unmarshal(data, &o.known) != nil || o.known == nil {
			o.known = make(map[uint32]time.Duration) // they wait anew
		}
	}
	o.seen, o.since = maps.Clone(o.known), 0
	maps.DeleteFunc(o.seen, func(number uint32, _ time.Duration) bool {
		return !slices.ContainsFunc(epochs, func(e format.Epoch) bool { return e.Number == number })
	})
	now := time.Now() // monotonic
	if !o.last.IsZero() {
		o.since = now.Sub(o.last)
	}
	o.last = now
	return nil
}

// waits notes that an epoch's time is over and reports whether it must be so for
// longer.
func (o *overdue) waits(number uint32, dueFor time.Duration) bool {
	if dueFor <= 0 {
		return false
	}
	so, before := o.known[number]
	if before {
		so = min(so+o.since, dueFor)
	}
	o.seen[number] = so
	return so < dueFor
}

// forget notes that an epoch's time is not over, or that it is gone.
func (o *overdue) forget(number uint32) { delete(o.seen, number) }

// keep ends a look.
func (o *overdue) keep(fsys format.FS, dir string) error {
	if maps.Equal(o.known, o.seen) {
		return nil
	}
	data, err := json.Marshal(o.seen)
	if err == nil {
		err = format.WriteDurable(fsys, filepath.Join(dir, format.OverdueName), data)
	}
	if err != nil {
		return fmt.Errorf("keeping for how long epochs are overdue: %w", err)
	}
	o.known = o.seen
	return nil
}
