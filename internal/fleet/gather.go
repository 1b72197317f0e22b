package fleet

import (
	"fmt"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// bundle is the entries of one object.
type bundle struct {
	first   record.ID
	count   uint64
	time    time.Time // of the first
	entries []byte    // as an entry bundle has them, until they are packed
	packed  []byte
	tried   bool // somebody may have put it
	done    bool // it is there
}

// gather reads what is durable into bundles, as far as they may be under way, and notes
// them before anybody puts one.
func (s *Shipper) gather() (more bool, err error) {
	if s.signed == nil { // before the entries, so that all it covers are read
		if s.signed, err = s.latestCheckpoint(); err != nil {
			return false, err
		}
	}
	plan := s.noted.Planned
	for e, err := range s.o.Log.Read(s.next) {
		if err != nil {
			s.pending, s.next = nil, s.noted.Shipped.ID
			return false, fmt.Errorf("reading what is to be shipped: %w", err)
		}
		if !s.take(e, &plan) {
			more = true
			break
		}
		s.next = record.ID{Epoch: e.Epoch, Index: e.Index + 1}
	}
	if len(plan) > 0 && !s.filled(plan) {
		s.pending, s.next = nil, s.noted.Shipped.ID
		return false, fmt.Errorf("%w: entries that were being shipped are not there", ErrSetBack)
	}
	s.noted.Planned = nil
	for _, b := range s.pending {
		b.tried = b.tried || b.first.Compare(s.noted.Doubt.ID) < 0
		s.noted.Planned = append(s.noted.Planned, planned{place{b.first}, b.count})
	}
	if len(s.pending) > 0 || !s.saved {
		if err := s.save(); err != nil {
			s.pending, s.next = nil, s.noted.Shipped.ID
			return false, err
		}
	}
	s.shipped()
	return more, nil
}

// take puts an entry into the last bundle, or begins another one. It reports false if there
// is no room. A plan of an earlier process is kept to as long as the entries are there.
func (s *Shipper) take(e format.Entry, plan *[]planned) bool {
	if n := len(s.pending); n > 0 && s.pending[n-1].takes(e, *plan, n-1) {
		s.pending[n-1].add(e.Data)
		return true
	}
	n := len(s.pending)
	if n < len(*plan) && (*plan)[n].First.ID != e.ID {
		*plan = nil // its epoch is gone
	}
	if n == maxObjects || len(*plan) > 0 && n == len(*plan) {
		return false
	}
	b := &bundle{first: e.ID, time: timeOf(e.Data), tried: n < len(*plan)}
	b.add(e.Data)
	s.pending = append(s.pending, b)
	return true
}

// takes reports whether the next entry belongs to the bundle, which is the i-th.
func (b *bundle) takes(e format.Entry, plan []planned, i int) bool {
	if e.Epoch != b.first.Epoch || e.Index != b.first.Index+b.count {
		return false
	}
	if i < len(plan) {
		return b.count < plan[i].Count
	}
	return b.count < MaxEntries && len(b.entries) < maxBundle
}

func (b *bundle) add(data []byte) {
	b.entries, b.count = format.AppendEntry(b.entries, data), b.count+1
}

// filled reports whether the bundles are those of a plan.
func (s *Shipper) filled(plan []planned) bool {
	if len(s.pending) != len(plan) {
		return false
	}
	for i, b := range s.pending {
		if b.count != plan[i].Count {
			return false
		}
	}
	return true
}

// timeOf is an entry's time; the zero time if it says none.
func timeOf(data []byte) time.Time {
	e, err := record.Parse(data)
	if err != nil {
		return time.Time{}
	}
	return e.Head().Time
}
