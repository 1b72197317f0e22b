package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// sealedLedger is a closed ledger in memory with n entries after the genesis
// entry and a policy, of which every full segment is sealed.
func sealedLedger(t testing.TB, n, segment int) *memFS {
	t.Helper()
	m := newMemFS()
	l := ledger.New("/l", ledger.Options{FS: m, SegmentEntries: segment, CheckpointInterval: time.Millisecond})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		add(t, l, fmt.Sprint("entry ", i+1))
	}
	if err := l.Snapshot("0123abcd", []byte("the policy")); err != nil {
		t.Fatal(err)
	}
	within(t, 3*time.Minute, "full segments are sealed", func() bool { return allSealed(m, (n+2)/segment, segment) })
	shut(t, l)
	return m
}

// allSealed reports whether so many segments were sealed, and removed.
func allSealed(m *memFS, full, segment int) bool {
	for i := range full {
		if m.get(fmt.Sprintf("/l/epoch-000001/sealed/%06d.zst", i)) == nil || m.get(fmt.Sprintf("/l/epoch-000001/seg/%06d.log", i)) != nil {
			return false
		}
	}
	return true
}

// What was sealed is read, shown and opened like any other entry.
func TestSealed(t *testing.T) {
	for _, segment := range []int{64, 256, 1024} {
		m := sealedLedger(t, 2100, segment)
		all := readMem(t, m)
		if len(all) != 2102 || all[2100] != "entry 2100" {
			t.Fatalf("%d entries", len(all))
		}
		v, err := ledger.AtFS(m, "/l").View(0)
		if err != nil {
			t.Fatal(err)
		}
		checkView(t, v, all)
		if before := reopen(t, m); !slices.Equal(before, all) {
			t.Errorf("%d entries after reopening", len(before))
		}
	}
}

// A flipped byte in a file of any kind is found by Verify, and never makes Open
// change or forget anything.
func TestFlipOfEveryKindOfFile(t *testing.T) {
	base := sealedLedger(t, 9, 4)
	step := 3
	switch {
	case testing.Short() || testsupport.Race:
		step = 7
	case testsupport.Full():
		step = 1
	}
	for _, name := range base.files("/l") {
		data := base.get(name)
		if len(data) == 0 || strings.HasSuffix(name, ".key") || strings.HasPrefix(name, "/l/keys/") {
			continue
		}
		end := len(data)
		if strings.HasSuffix(name, ".log") {
			end = ends(data)[len(ends(data))-2] // the mark after the last frame may be torn
		}
		for at := 0; at < end; at += step {
			m := base.clone()
			flipped := slices.Clone(data)
			flipped[at] ^= 0x41
			m.set(name, flipped)
			if _, err := verifyFS(m, "/l"); err == nil {
				t.Fatalf("byte %d of %s was flipped: not found", at, name)
			}
			l := ledger.New("/l", ledger.Options{FS: m})
			if err := l.Open(); err == nil {
				add(t, l, "after")
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			for _, other := range base.files("/l") {
				after, kept := m.get(other), base.get(other)
				grows := strings.HasSuffix(other, ".log") || strings.HasSuffix(other, "checkpoint") || strings.HasSuffix(other, "upper.tiles")
				if other == name {
					kept = flipped
				}
				if string(after) != string(kept) && !grows {
					t.Fatalf("byte %d of %s was flipped: %s was changed", at, name, other)
				}
			}
		}
		for size := range end {
			if size%step != 0 {
				continue
			}
			m := base.clone()
			m.set(name, data[:size])
			if _, err := verifyFS(m, "/l"); err == nil {
				t.Fatalf("%s was cut to %d bytes: not found", name, size)
			}
		}
		m := base.clone()
		if err := m.Remove(name); err != nil {
			t.Fatal(err)
		}
		if _, err := verifyFS(m, "/l"); err == nil {
			t.Errorf("%s was removed: not found", name)
		}
	}
}

// Verify says which entry is wrong, and what its hash should be.
func TestVerifyNamesTheEntry(t *testing.T) {
	base := sealedLedger(t, 9, 4)
	other := sealedLedger(t, 9, 4) // another genesis entry, another policy entry
	bad := new(ledger.CorruptError)
	m := base.clone()
	m.set("/l/epoch-000001/sealed/000000.zst", other.get("/l/epoch-000001/sealed/000000.zst"))
	if _, err := verifyFS(m, "/l"); !errors.As(err, &bad) || bad.File != "/l/epoch-000001/sealed/000000.zst" || bad.Index != 0 ||
		bad.Expected == "" || bad.Found == "" || bad.Expected == bad.Found || bad.Offset == 0 {
		t.Errorf("a segment of another ledger: %+v, %v", bad, err)
	}
	m = base.clone()
	hashes := m.get("/l/epoch-000001/hash/000001.tiles")
	hashes[2*32] ^= 1
	m.set("/l/epoch-000001/hash/000001.tiles", hashes)
	if _, err := verifyFS(m, "/l"); !errors.As(err, &bad) || bad.File != "/l/epoch-000001/hash/000001.tiles" || bad.Index != 6 ||
		bad.Offset != 64 || bad.Expected == "" || bad.Found == "" {
		t.Errorf("a changed hash: %+v, %v", bad, err)
	}
}

// With a state Verify goes on where an earlier call ended.
func TestVerifyResumes(t *testing.T) {
	m := sealedLedger(t, 2100, 256)
	var done, total int64
	o := verify.Options{State: "/state", Progress: func(d, of int64) { done, total = d, of }}
	r, err := verifyWith(m, "/l", o)
	if err != nil || r.Resumed != 0 || done == 0 || done > total {
		t.Fatalf("%+v, %v, %d of %d bytes", r, err, done, total)
	}
	again, err := verifyWith(m, "/l", o)
	if err != nil || again.Resumed != 2048 || again.Entries != r.Entries || again.Bytes != r.Bytes || again.Policies != r.Policies || done > total {
		t.Errorf("again: %+v, %v, %d of %d bytes", again, err, done, total)
	}
	m.set("/state", []byte("{"))
	if _, err := verifyWith(m, "/l", o); err == nil {
		t.Error("a state that is cut off is taken")
	}
}
