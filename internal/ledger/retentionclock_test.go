package ledger_test

import (
	"testing"
	"time"
)

// A clock that is years ahead for a while deletes nothing: an epoch's time must have
// run out for long enough by the process's own clock, without a break.
func TestWrongClockDeletesNothing(t *testing.T) {
	l := &monthly{t: t, m: newMemFS(), dueFor: time.Hour}
	l.open(january)
	for month := range 3 {
		l.set(january.AddDate(0, month, 0))
		l.record()
	}
	ahead := january.AddDate(10, 0, 0)
	l.set(ahead)
	for range 3 {
		r, err := l.log.DeleteExpired(t.Context(), aMonth)
		if err != nil || len(r.Deleted) > 0 || len(r.Keys) > 0 || len(r.Waiting) != 2 {
			t.Fatalf("deleted %+v, %v", r, err)
		}
	}
	if err := l.log.Close(); err != nil {
		t.Fatal(err)
	}

	const patience = 300 * time.Millisecond
	l.dueFor = patience
	l.open(ahead)
	expired := func() bool {
		r, err := l.log.DeleteExpired(t.Context(), aMonth)
		if err != nil {
			t.Fatal(err)
		}
		return len(r.Deleted) > 0
	}
	began := time.Now()
	if expired() {
		t.Fatal("deleted at once")
	}
	l.set(january) // it is put right, by the calendar
	if expired() {
		t.Fatal("deleted before its time")
	}
	time.Sleep(time.Until(began.Add(patience))) // what went before does not count
	l.set(ahead)
	began = time.Now()
	if expired() && time.Since(began) < patience {
		t.Fatal("deleted although the clock had been put right")
	}
	within(t, 3*time.Minute, "it is deleted in the end", expired)
	if took := time.Since(began); took < patience {
		t.Errorf("deleted after %s", took)
	}
	verified(t, l.m)
}

// A gateway that is started anew each day deletes, too: what it saw before counts,
// but for the time in between.
func TestOverdueOutlivesRestarts(t *testing.T) {
	// On a busy machine the first process alone may live for so long.
	for patience := 200 * time.Millisecond; deletesWithin(t, patience) < 1; patience *= 2 {
		if patience > time.Minute {
			t.Fatal("it is deleted before the first restart")
		}
	}
}

// deletesWithin restarts a log whose epochs are overdue, each time after a third
// of the patience, until one is deleted.
func deletesWithin(t *testing.T, patience time.Duration) (restarts int) {
	t.Helper()
	l := &monthly{t: t, m: newMemFS(), dueFor: patience}
	l.open(january)
	for month := range 3 {
		l.set(january.AddDate(0, month, 0))
		l.record()
	}
	later := january.AddDate(1, 0, 0)
	var watched time.Duration // by processes that lived
	for ; ; restarts++ {
		if err := l.log.Close(); err != nil {
			t.Fatal(err)
		}
		l.open(later)
		began, deleted := time.Now(), false
		for time.Since(began) < patience/3 && !deleted {
			r, err := l.log.DeleteExpired(t.Context(), aMonth)
			if err != nil {
				t.Fatal(err)
			}
			deleted = len(r.Deleted) > 0
		}
		watched += time.Since(began)
		if deleted {
			if watched < patience {
				t.Errorf("deleted after %d restarts and %s", restarts, watched)
			}
			verified(t, l.m)
			return restarts
		}
		if watched > 20*patience {
			t.Fatal("it is never deleted")
		}
		verified(t, l.m)
	}
}

// For how long an epoch is overdue stands in the entries. A file that says it was for
// longer, as an earlier version had one, and a clock that is ahead delete nothing.
func TestSideFileOfOverdueEpochsIsNotRead(t *testing.T) {
	l := &monthly{t: t, m: newMemFS(), dueFor: time.Hour}
	l.open(january)
	for month := range 3 {
		l.set(january.AddDate(0, month, 0))
		l.record()
	}
	shut(t, l.log)
	l.m.set("/l/overdue.json", []byte(`{"1":99999999999999999,"2":99999999999999999}`))
	l.open(january.AddDate(10, 0, 0))
	for range 2 {
		if r, err := l.log.DeleteExpired(t.Context(), aMonth); err != nil || len(r.Deleted) > 0 || len(r.Waiting) != 2 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	shut(t, l.log)
}
