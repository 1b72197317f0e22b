package ledger_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// texts are the entries of a ledger from an id on.
func texts(t testing.TB, d ledger.Dir, from record.ID) (all []string) {
	t.Helper()
	for e, err := range d.Entries(from) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(e.Data))
	}
	return all
}

func TestEntries(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, ledger.Options{SegmentEntries: 4, EpochEntries: 10})
	for i := range 30 {
		add(t, l, fmt.Sprint("entry ", i))
	}
	d := l.Dir()
	all := texts(t, d, record.ID{})
	if n := len(all); n < 34 || all[n-1] != "entry 29" {
		t.Fatalf("%d entries: %v", len(all), all)
	}
	from, err := d.Last(3)
	if some := texts(t, d, from); err != nil || !slices.Equal(some, all[len(all)-3:]) {
		t.Errorf("the last three: %v, %v", some, err)
	}
	n := 0
	for range d.Entries(record.ID{}) {
		if n++; n == 2 {
			break // and nothing is yielded after it
		}
	}
	if n != 2 {
		t.Errorf("%d entries before the break", n)
	}
	got := []error{}
	for e, err := range ledger.At(t.TempDir()).Entries(record.ID{}) {
		if e.Data != nil {
			t.Errorf("an entry of nothing: %v", e)
		}
		got = append(got, err)
	}
	if len(got) != 1 || got[0] == nil || !strings.Contains(got[0].Error(), "holds no ledger") {
		t.Errorf("an empty folder: %v", got)
	}
}

// A folder shows the ledgers of all classes, with what each keeps.
func TestDirOfClasses(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, ledger.Options{})
	help := open(t, ledger.At(dir).Of("help").Path, ledger.Options{})
	add(t, help, "of help")
	if err := help.SetHold(ledger.Hold{Ref: "case-7", Because: "order of a court", By: "legal-sg"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Snapshot("0123abcd", []byte("the policy")); err != nil {
		t.Fatal(err)
	}
	d := ledger.At(dir)
	classes, err := d.Classes()
	if err != nil || len(classes) != 2 || classes[0] != d || classes[1] != d.Of("help") || classes[1] != ledger.At(filepath.Join(dir, "class-help")) {
		t.Fatalf("%+v, %v", classes, err)
	}
	if one, err := classes[1].Classes(); err != nil || len(one) != 1 || one[0].Class != "help" {
		t.Errorf("the classes of a class: %+v, %v", one, err)
	}
	if some, err := d.Named("help"); err != nil || len(some) != 1 || some[0] != classes[1] {
		t.Errorf("%+v, %v", some, err)
	}
	if _, err := d.Named("none"); err == nil {
		t.Error("a class without a folder is taken")
	}
	if all := texts(t, d.Of("help"), record.ID{}); !slices.Contains(all, "of help") {
		t.Errorf("entries %v", all)
	}
	holds, err := d.AllHolds()
	if err != nil || len(holds) != 1 || holds[0].Class != "help" || holds[0].Ref != "case-7" {
		t.Errorf("holds %+v, %v", holds, err)
	}
	if policies, err := d.Policies(); err != nil || !slices.Equal(policies, []string{"0123abcd"}) {
		t.Errorf("policies %v, %v", policies, err)
	}
	if policy, err := d.Policy("0123abcd"); err != nil || string(policy) != "the policy" {
		t.Errorf("policy %q, %v", policy, err)
	}
}

// A set does to all classes, or to one, what is asked of it.
func TestSet(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, ledger.Options{})
	help := open(t, ledger.At(dir).Of("help").Path, ledger.Options{})
	used, open := 0, true
	s := ledger.NewSet(
		ledger.Member{Class: record.DefaultClass, Log: l},
		ledger.Member{Class: "help", Log: help, Acquire: func() bool { used++; return open }, Release: func() { used-- }},
	)
	if s.Log("help") != help || s.Log(record.DefaultClass) != l || s.Log("none") != nil {
		t.Error("another log of a class")
	}
	hold := ledger.ClassHold{Hold: ledger.Hold{Ref: "case-7", Because: "order of a court", By: "legal-sg"}, Class: "help"}
	if err := s.SetHold(hold); err != nil {
		t.Fatal(err)
	}
	if holds, err := s.Holds(); err != nil || len(holds) != 1 || holds[0].Class != "help" {
		t.Errorf("holds %+v, %v", holds, err)
	}
	lift := hold
	lift.Class = ""
	if err := s.LiftHold(lift); err != nil { // of all classes that have it
		t.Error(err)
	}
	if err := s.LiftHold(lift); !errors.Is(err, ledger.ErrNoHold) {
		t.Errorf("lifting it twice: %v", err)
	}
	if err := s.SetHold(ledger.ClassHold{Hold: hold.Hold, Class: "none"}); err == nil {
		t.Error("a hold on a class that is not there")
	}
	old := s.Keys()
	if err := s.RotateKeys(); err != nil {
		t.Fatal(err)
	}
	if keys := s.Keys(); len(old) != 2 || len(keys) != 4 || keys[0].Class != record.DefaultClass || keys[3].Class != "help" || !keys[3].Current {
		t.Errorf("keys %+v", keys)
	}
	if err := s.DestroyKey(old[1].Period); err != nil || len(s.Keys()) != 3 {
		t.Errorf("%v, keys %+v", err, s.Keys())
	}
	if err := s.DestroyKey(old[1].Period); !errors.Is(err, ledger.ErrNoKey) {
		t.Errorf("destroying it twice: %v", err)
	}
	if subjects := s.Subjects("p1", ""); len(subjects) != 3 {
		t.Errorf("subjects %v", subjects)
	}
	if err := s.Ready(); err != nil || used != 0 {
		t.Errorf("%v, used %d times", err, used)
	}
	open = false
	if err := s.RotateKeys(); !errors.Is(err, ledger.ErrClosed) || !strings.Contains(err.Error(), "help") {
		t.Errorf("a log that is closed: %v", err)
	}
}

// OnSealed tells of each segment that is finished; what stands beside one is
// nobody's business, and goes with the epoch.
func TestSealedAndSideFiles(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	var told []ledger.Sealed
	out := new(lines)
	o := ledger.Options{SegmentEntries: 4, OnSealed: func(s ledger.Sealed) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, s)
	}}
	l := open(t, dir, o)
	for i := range 11 {
		add(t, l, fmt.Sprint("entry ", i))
	}
	within(t, 10*time.Second, "three segments are sealed", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) == 3
	})
	listed, err := l.Dir().Sealed(1)
	if err != nil || !slices.Equal(listed, told) {
		t.Errorf("told of %+v, listed %+v, %v", told, listed, err)
	}
	for i, s := range told {
		if s.First != (record.ID{Epoch: 1, Index: uint64(4 * i)}) || s.Entries != 4 {
			t.Errorf("segment %d: %+v", i, s)
		}
		for _, file := range []string{s.Archive, s.Hashes} {
			if _, err := os.Stat(file); err != nil {
				t.Error(err)
			}
		}
		if err := os.WriteFile(s.Side("parquet"), []byte("columns"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(told[0].Side("shipped")+".tmp", nil, 0o600); err != nil { // the rest of a write
		t.Fatal(err)
	}
	shut(t, l)
	o.Logger = slog.New(slog.NewTextHandler(out, nil))
	l = open(t, dir, o)
	if strings.Contains(out.String(), "foreign") {
		t.Errorf("side files are taken for foreign ones: %s", out)
	}
	if n := len(texts(t, l.Dir(), record.ID{})); n != 12 {
		t.Errorf("%d entries", n)
	}
	if _, err := verifyFS(nil, dir); err != nil {
		t.Error(err)
	}
}

// A policy is what an entry says was kept under its digest, or none: neither a file that was
// put there, nor one that was changed, nor one that only an older epoch knows.
func TestSnapshotIsWhatAnEntrySays(t *testing.T) {
	dir := t.TempDir()
	run := func(digest, policy string) {
		t.Helper()
		l := open(t, dir, ledger.Options{Node: "gw-sg-1", EpochEntries: 20})
		if err := l.Snapshot(digest, []byte(policy)); err != nil {
			t.Fatal(err)
		}
		for i := range 15 { // the next epoch says it anew
			add(t, l, fmt.Sprint("entry ", i))
		}
		shut(t, l)
	}
	d := ledger.At(dir)
	want := func(digest, policy string) {
		t.Helper()
		got, err := d.Snapshot(digest)
		if string(got) != policy || (err == nil) != (policy != "") {
			t.Errorf("%s: %q, %v; want %q", digest, got, err, policy)
		}
	}
	run("0123abcd", "the policy")
	want("0123abcd", "the policy")
	run("4567cdef", "another policy")
	want("4567cdef", "another policy")
	want("0123abcd", "") // an epoch was begun in which it was not in force
	if err := os.WriteFile(filepath.Join(dir, "policy", "89ab.tar"), []byte("put there"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("89ab", "")
	if err := os.WriteFile(filepath.Join(dir, "policy", "4567cdef.tar"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("4567cdef", "")
}
