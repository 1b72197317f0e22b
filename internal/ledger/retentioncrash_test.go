package ledger_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// failAfter makes every operation but the integrator's fail after so many; failed
// reports whether one has.
func failAfter(m *memFS, n int64) (failed func() bool) {
	var ops atomic.Int64
	m.setHook(func(op, name string) error {
		if strings.Contains(name, "/checkpoint") || op == "free" || ops.Add(1) <= n {
			return nil
		}
		return pathError(op, name, syscall.EIO)
	})
	return func() bool { return ops.Load() > n }
}

// end ends a log whose disk has failed: what comes of it no longer counts.
func (l *monthly) end() {
	l.m.setHook(nil)
	_ = l.log.Close() // it may be broken
}

// A deletion that stops at any operation, by an error and then by a crash, is
// finished by the next start's run; the ledger verifies at every stage.
func TestInterruptedDeletion(t *testing.T) {
	base := newMonthly(t, 3)
	shut(t, base.log)
	at := day(2026, 4, 12)
	rng := rand.New(rand.NewPCG(3, 4))
	step := int64(3)
	switch {
	case testing.Short() || testsupport.Race:
		step = 9
	case testsupport.Full():
		step = 1
	}
	for n, failed := int64(0), true; failed; n += step {
		l := &monthly{t: t, m: base.m.clone()}
		l.open(at)
		hasFailed := failAfter(l.m, n)
		_, _ = l.log.DeleteExpired(t.Context(), aMonth) // the state it leaves is what counts
		failed = hasFailed()
		crashed := &monthly{t: t, m: l.m.crash(rng, rng.Float64())}
		l.end()
		// Between two epochs the next one, or its first checkpoint, is missing until the log is opened.
		if _, err := verifyFS(crashed.m, "/l"); err != nil && !strings.Contains(err.Error(), "in the moment between the two") {
			t.Fatalf("crashed at operation %d: %v", n, err)
		}
		crashed.open(at)
		crashed.expire(at, 3, 4)
		names := crashed.m.names("/l")
		if slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, ".deleted") }) {
			t.Fatalf("crashed at operation %d: %v are left", n, names)
		}
		shut(t, crashed.log)
	}
}

// promised is an acknowledged record.
type promised struct {
	at, until time.Time // it is kept until then
	text      string
}

// retained is a ledger under random use, and what was promised to its users.
type retained struct {
	*monthly
	rng   *rand.Rand
	keep  ledger.Retain
	kept  map[record.ID]promised
	holds map[string]ledger.Hold
}

// Whatever is done in whatever order, no record is lost before its time, nor
// while a hold covers it; the ledger verifies after each step; and an epoch that
// somebody removes by hand is missed.
//
//clause:tests §6.1
func TestRetentionKeepsItsPromises(t *testing.T) {
	sequences := 12
	switch {
	case testing.Short() || testsupport.Race:
		sequences = 8
	case testsupport.Full():
		sequences = 40
	}
	deleted := 0
	for seed := range uint64(sequences) {
		r := &retained{monthly: &monthly{t: t, m: newMemFS(), segment: 64}, rng: rand.New(rand.NewPCG(seed, 7)),
			kept: make(map[record.ID]promised), holds: make(map[string]ledger.Hold)}
		r.open(january)
		for range 50 {
			r.step()
			r.check(fmt.Sprint("sequence ", seed))
		}
		shut(t, r.log)
		deleted += verified(t, r.m).Deleted
		said := strings.Join(readAll(t, r.m), "\n")
		for _, number := range epochsOf(r.m)[:len(epochsOf(r.m))-1] {
			if strings.Contains(said, fmt.Sprintf(`"epoch":%d,"last"`, number)) {
				continue // a crash came between the entry of its deletion and the deletion
			}
			tampered := r.m.clone()
			drop(tampered, number)
			wantMissing(t, tampered, number, "no entry says that its time ran out")
		}
		if t.Failed() {
			t.Fatal("sequence ", seed)
		}
	}
	if deleted < sequences {
		t.Errorf("only %d epochs were deleted", deleted)
	}
}

// step does one of the things that happen to a ledger.
func (r *retained) step() {
	now := r.log.Now()
	switch n := r.rng.IntN(100); {
	case n < 40:
		for range 1 + r.rng.IntN(6) {
			r.append()
		}
	case n < 60:
		r.set(now.Add(time.Duration(r.rng.IntN(40*24)) * time.Hour))
	case n < 65:
		r.set(now.Add(-time.Hour))
	case n < 70:
		r.keep = []ledger.Retain{{Days: 3}, {Days: 40}, aMonth, {Months: 3}}[r.rng.IntN(4)]
	case n < 75:
		h := ledger.Hold{Ref: fmt.Sprint("case-", r.rng.IntN(3)), Because: "an order", By: "legal"}
		if r.rng.IntN(3) > 0 {
			h.From = now.AddDate(0, 0, -r.rng.IntN(200))
			h.To = h.From.AddDate(0, 0, r.rng.IntN(60))
		}
		if err := r.log.SetHold(h); err != nil {
			r.t.Fatal(err)
		}
		r.holds[h.Ref] = h
	case n < 80:
		for ref := range maps.Keys(r.holds) {
			if err := r.log.LiftHold(ref, "legal", "over"); err != nil {
				r.t.Fatal(err)
			}
			delete(r.holds, ref)
			break
		}
	case n < 92:
		if _, err := r.log.DeleteExpired(r.t.Context(), r.keep); err != nil {
			r.t.Fatal(err)
		}
		r.forget()
	case n < 95:
		shut(r.t, r.log)
		r.open(now)
	default:
		failAfter(r.m, int64(r.rng.IntN(60)))
		_, _ = r.log.DeleteExpired(r.t.Context(), r.keep)
		r.forget()
		after := r.m.crash(r.rng, r.rng.Float64())
		r.end()
		r.m = after
		r.open(now)
	}
}

// append writes a record and notes what is promised about it.
func (r *retained) append() {
	now := r.log.Now()
	rec := record.Transfer{Header: record.Header{Type: record.TypeAccepted, Time: now}, Subject: r.log.Subject("ana", "", now)}
	until := now
	if r.keep != (ledger.Retain{}) {
		rec.RetainUntil = r.keep.Until(now)
		until, _ = time.Parse(time.DateOnly, rec.RetainUntil)
		until = until.AddDate(0, 0, 1)
	}
	text := string(rec.Append(nil))
	id, err := r.log.Append([]byte(text))
	if err != nil {
		r.t.Fatal(err)
	}
	r.kept[id] = promised{now, until, text}
}

// forget takes out the records that a run may have deleted.
func (r *retained) forget() {
	now := r.log.Now()
	there := make(map[uint32]bool)
	for _, number := range epochsOf(r.m) {
		there[number] = true
	}
	for id, p := range r.kept {
		if there[id.Epoch] {
			continue
		}
		held := slices.ContainsFunc(slices.Collect(maps.Values(r.holds)), func(h ledger.Hold) bool {
			return (h.From.IsZero() || !p.at.Before(h.From)) && (h.To.IsZero() || !p.at.After(h.To))
		})
		if now.Before(p.until) || held {
			r.t.Fatalf("on %v the record %v of %v was deleted, which is kept until %v; held: %v", now, id, p.at, p.until, held)
		}
		delete(r.kept, id)
	}
}

// readAll reads the entries of all epochs that are left.
func readAll(t *testing.T, m *memFS) (all []string) {
	t.Helper()
	if err := each(ledger.AtFS(m, "/l"), record.ID{}, func(e ledger.Entry) error {
		all = append(all, string(e.Data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// check verifies the ledger, and reads back every record that is promised.
func (r *retained) check(when string) {
	r.t.Helper()
	if _, err := verifyFS(r.m, "/l"); err != nil {
		r.t.Fatalf("%s: %v", when, err)
	}
	found := make(map[record.ID]string)
	if err := each(ledger.AtFS(r.m, "/l"), record.ID{}, func(e ledger.Entry) error {
		found[e.ID] = string(e.Data)
		return nil
	}); err != nil {
		r.t.Fatalf("%s: %v", when, err)
	}
	for id, p := range r.kept {
		if found[id] != p.text {
			r.t.Fatalf("%s: the record %v is lost", when, id)
		}
	}
}
