package ledger

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// overdue is for how long the time of epochs has been over whenever somebody
// looked, by the processes' own clocks, so that a wrong calendar deletes nothing.
// Entries say it, so that it outlives a restart and nobody can edit it; what passes
// between two processes does not count.
type overdue struct {
	known map[uint32]time.Duration // by epoch; nil before the first look
	seen  map[uint32]time.Duration // with this look
	last  time.Time                // when somebody looked last; zero for not in this process
	since time.Duration            // from then to this look
}

// look begins a look at the epochs that are there. said is what the entries say.
func (o *overdue) look(said []record.Overdue, epochs []format.Epoch) {
	if o.known == nil {
		o.known = durations(said)
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
}

func durations(said []record.Overdue) map[uint32]time.Duration {
	all := make(map[uint32]time.Duration)
	for _, e := range said {
		all[e.Epoch] = time.Duration(e.Millis) * time.Millisecond
	}
	return all
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

// keepSteps is in how many steps an epoch's wait is written down: what a process saw
// since the last one is lost with it, and the epoch waits so much longer.
const keepSteps = 4

// keepOverdue ends a look: an entry says what it found, if that is much of news.
func (l *Log) keepOverdue() error {
	o := &l.overdue
	standing, err := l.Standing()
	if err != nil {
		return err
	}
	said := durations(standing.Overdue)
	news := len(said) != len(o.seen)
	for number, so := range o.seen {
		before, known := said[number]
		news = news || !known || so >= before+l.o.DueFor/keepSteps
	}
	if news {
		var list []record.Overdue
		for _, number := range slices.Sorted(maps.Keys(o.seen)) {
			list = append(list, record.Overdue{Epoch: number, Millis: uint64(o.seen[number].Milliseconds())})
		}
		if err := l.State(func(s *record.Standing) { s.Overdue = list }); err != nil {
			return fmt.Errorf("keeping for how long epochs are overdue: %w", err)
		}
	}
	o.known = o.seen
	return nil
}
