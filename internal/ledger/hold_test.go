package ledger_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// A hold keeps the epochs it is about, also over a restart, until it is lifted.
// Verify takes the gap between them.
//
//clause:tests §6.3
func TestHolds(t *testing.T) {
	l := newMonthly(t, 8)
	if err := l.log.SetHold(ledger.Hold{Ref: "case-7", Because: "order of a court", By: "legal-sg", From: day(2026, 3, 11), To: day(2026, 3, 20)}); err != nil {
		t.Fatal(err)
	}
	r := l.expire(day(2026, 10, 1), 3, 8, 9)
	if !slices.Equal(r.Held, []uint32{3}) || !slices.Equal(r.Deleted, []uint32{1, 2, 4, 5, 6, 7}) {
		t.Errorf("%+v", r)
	}
	if len(r.Keys) != 3 || r.Keys[0][:7] != "2026-01" || r.Keys[1][:7] != "2026-05" || r.Keys[2][:7] != "2026-06" {
		t.Errorf("the keys of %v are destroyed", r.Keys)
	}
	if r := verified(t, l.m); r.Deleted != 6 || r.First != 3 {
		t.Errorf("%+v", r)
	}
	gap := l.m.clone()
	drop(gap, 3)
	wantMissing(t, gap, 3, "no entry says")
	if err := l.log.Close(); err != nil {
		t.Fatal(err)
	}
	l.open(day(2026, 10, 1))
	if strings.Contains(l.out.String(), "foreign") {
		t.Errorf("the log takes its own files for foreign: %s", l.out)
	}
	l.expire(day(2026, 12, 1), 3, 9, 10)
	if err := l.log.LiftHold("case-8", "legal-sg", "over"); !errors.Is(err, ledger.ErrNoHold) {
		t.Errorf("lifting another hold: %v", err)
	}
	if err := l.log.LiftHold("case-7", "legal-sg", "the court has closed the case"); err != nil {
		t.Fatal(err)
	}
	l.expire(day(2026, 12, 1), 9, 10)
	said := strings.Join(inEpoch(t, l.m, 10), "\n")
	if !strings.Contains(said, `{"hold":{"because":"the court has closed the case","by":"legal-sg","from":"2026-03-11T00:00:00.000000Z","ref":"case-7","to":"2026-03-20T00:00:00.000000Z"},`) ||
		strings.Count(said, "hold.set") != 1 || !strings.Contains(said, `"type":"hold.lifted"`) {
		t.Errorf("entries of December:\n%s", said)
	}
	for _, entry := range inEpoch(t, l.m, 10) {
		if string(sorted(t, []byte(entry))) != entry {
			t.Errorf("not in the form of RFC 8785: %s", entry)
		}
	}
}

func TestHoldRefused(t *testing.T) {
	good := ledger.Hold{Ref: "case-7", Because: "order of a court", By: "legal-sg"}
	l := newMonthly(t, 1)
	for want, change := range map[string]func(*ledger.Hold){
		"the reference of a hold is not a token": func(h *ledger.Hold) { h.Ref = "../x" },
		"the office of a hold is not a token":    func(h *ledger.Hold) { h.By = "Ana Lee" },
		"a hold says why, in 1 to 256 bytes":     func(h *ledger.Hold) { h.Because = " " },
		"the hold case-7 ends on 2026-01-01T00:00:00Z, before it begins": func(h *ledger.Hold) {
			h.From, h.To = day(2026, 1, 2), day(2026, 1, 1)
		},
	} {
		h := good
		change(&h)
		if err := l.log.SetHold(h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := l.log.SetHold(good); err != nil {
		t.Fatal(err)
	}
	// A hold that cannot be read holds everything.
	l.m.set("/l/holds/case-9.json", []byte("{"))
	l.set(day(2030, 1, 1))
	if _, err := l.log.DeleteExpired(t.Context(), aMonth); err == nil || !strings.Contains(err.Error(), "/l/holds/case-9.json is no hold") {
		t.Errorf("with a broken hold: %v", err)
	}
	if err := l.log.Close(); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"SetHold": l.log.SetHold(good), "LiftHold": l.log.LiftHold("case-7", "legal-sg", "over"),
	} {
		if !errors.Is(err, ledger.ErrClosed) {
			t.Errorf("%s of a closed log: %v", name, err)
		}
	}
	if _, err := l.log.DeleteExpired(t.Context(), aMonth); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("DeleteExpired of a closed log: %v", err)
	}
}

// A hold's file is a copy of what an entry says: one that is removed, or changed to
// hold something else, lets nothing go, and is written anew.
//
//clause:tests §6.3
func TestSideFilesOfHoldsNeverOverruleTheLog(t *testing.T) {
	const file = "/l/holds/case-7.json"
	for name, tamper := range map[string]func(m *memFS){
		"removed":            func(m *memFS) { m.removeAll(t, file) },
		"the folder removed": func(m *memFS) { m.removeAll(t, "/l/holds") },
		"changed": func(m *memFS) {
			m.set(file, []byte(strings.ReplaceAll(string(m.get(file)), "2026-03", "2019-03")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newMonthly(t, 4)
			if err := l.log.SetHold(ledger.Hold{Ref: "case-7", Because: "order of a court", By: "legal-sg", From: day(2026, 3, 11), To: day(2026, 3, 20)}); err != nil {
				t.Fatal(err)
			}
			shut(t, l.log)
			tamper(l.m)
			l.open(day(2026, 10, 1))
			r, err := l.log.DeleteExpired(t.Context(), aMonth)
			if err != nil || !slices.Equal(r.Held, []uint32{3}) || slices.Contains(r.Deleted, 3) {
				t.Errorf("%+v, %v", r, err)
			}
			if !strings.Contains(string(l.m.get(file)), "2026-03-11") || !strings.Contains(l.out.String(), "it is written anew") {
				t.Errorf("the file is %q, the log says %s", l.m.get(file), l.out)
			}
			shut(t, l.log)
		})
	}
}

// The entry of a hold may stand in an epoch that is itself deleted: each epoch sets the
// holds again that there are, so that no file is needed for them, and none that is lifted.
func TestHoldOutlivesTheEpochOfItsEntry(t *testing.T) {
	l := newMonthly(t, 1)
	for _, ref := range []string{"case-7", "case-8"} {
		if err := l.log.SetHold(ledger.Hold{Ref: ref, Because: "order of a court", By: "legal-sg", From: day(2026, 3, 11), To: day(2026, 3, 20)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.log.LiftHold("case-8", "legal-sg", "it is over"); err != nil {
		t.Fatal(err)
	}
	for month := range 4 {
		l.set(january.AddDate(0, 1+month, 0))
		l.record()
	}
	r, err := l.log.DeleteExpired(t.Context(), aMonth)
	if err != nil || !slices.Contains(r.Deleted, 1) {
		t.Fatalf("%+v, %v: the epoch with the hold's entry is still there", r, err)
	}
	shut(t, l.log)
	l.m.removeAll(t, "/l/holds")
	l.open(day(2026, 10, 1))
	r, err = l.log.DeleteExpired(t.Context(), aMonth)
	if err != nil || !slices.Equal(r.Held, []uint32{3}) {
		t.Errorf("%+v, %v", r, err)
	}
	if got := l.m.get("/l/holds/case-8.json"); got != nil {
		t.Errorf("a hold that was lifted is back: %s", got)
	}
	shut(t, l.log)
	verified(t, l.m)
}
