package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// What stands is what the entries say: over starts, over epochs that go, and over a
// crash at any point of the begin of an epoch.
func TestWhatStandsIsInTheEntries(t *testing.T) {
	m := newMemFS()
	open := func() *ledger.Log {
		t.Helper()
		l := ledger.New("/l", ledger.Options{FS: m, Node: "gw-sg-1", EpochEntries: 6})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := open()
	standing := func(l *ledger.Log) record.Standing {
		t.Helper()
		s, err := l.Standing()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := standing(l); s.Approved != nil || s.Oversight != nil {
		t.Errorf("of a new ledger: %+v", s)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for serial := uint64(1); serial < 40; serial++ {
		if err := l.State(func(s *record.Standing) { s.Approved = &record.Approved{Serial: serial, Policy: "ab"} }); err != nil {
			t.Fatal(err)
		}
		for i := range int(serial % 5) {
			add(t, l, fmt.Sprint("entry ", i))
		}
		if serial == 7 {
			drop(m, 1) // as if its time had run out
		}
		if serial%3 == 0 {
			crashed := m.crash(rng, rng.Float64())
			shut(t, l)
			m = crashed
			l = open()
		}
		if s := standing(l); s.Approved == nil || s.Approved.Serial != serial {
			t.Fatalf("after serial %d: %+v", serial, s.Approved)
		}
	}
	before := l.Stats()
	if err := l.State(func(s *record.Standing) { s.Approved = &record.Approved{Serial: 39, Policy: "ab"} }); err != nil || l.Stats().Appended != before.Appended {
		t.Errorf("what stands already is said again: %v", err)
	}
	shut(t, l)
	if err := l.State(func(s *record.Standing) { s.Approved = nil }); err == nil || standing(l).Approved == nil {
		t.Errorf("a closed log takes another: %v", err)
	}
}
