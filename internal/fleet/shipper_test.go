package fleet_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/fleet"
	"github.com/sparkoo/transfergate/internal/fleet/fleettest"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// edge is a node's ledger, and what ships it.
type edge struct {
	t     testing.TB
	log   *ledger.Log
	store *fleettest.Store
	ship  *fleet.Shipper
	kept  []byte // the note
	fail  error  // of keeping it
}

func newEdge(t testing.TB, dir string, o ledger.Options) *edge {
	t.Helper()
	o.Node = "gw-br-1"
	e := &edge{t: t, log: ledger.New(dir, o), store: new(fleettest.Store)}
	if err := e.log.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.log.Close() })
	e.start()
	return e
}

// start begins as a process does: it knows the note alone.
func (e *edge) start() {
	e.t.Helper()
	view, err := e.log.Dir().View(0)
	if err != nil {
		e.t.Fatal(err)
	}
	origin, err := fleet.OriginOf("default", view.Origin())
	if err != nil {
		e.t.Fatal(err)
	}
	e.ship = fleet.NewShipper(fleet.ShipOptions{
		Origin: origin, Log: fleet.LogOf(e.log), Store: e.store,
		Load: func() ([]byte, error) { return bytes.Clone(e.kept), nil },
		Save: func(data []byte) error {
			if e.fail == nil {
				e.kept = bytes.Clone(data)
			}
			return e.fail
		},
		RetainUntil: func(now time.Time) time.Time { return now.AddDate(5, 0, 0) },
	})
}

func (e *edge) add(n int) {
	e.t.Helper()
	for range n {
		if _, err := e.log.Append([]byte(fmt.Sprint("entry after ", e.log.End()))); err != nil {
			e.t.Fatal(err)
		}
	}
}

// all ships until nothing is left.
func (e *edge) all() {
	e.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		_, err := e.ship.Turn(e.t.Context())
		if err == nil && e.ship.Status().Shipped == e.log.End() {
			return
		}
		if time.Now().After(deadline) {
			e.t.Fatalf("it does not end: %v", err)
		}
	}
}

// stored are the entries in the store, by place, as its oldest versions have them.
// Each must lie there once.
func stored(t testing.TB, store *fleettest.Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, name := range store.Names("live/") {
		n, err := fleet.ParseName(name)
		if err != nil {
			t.Fatal(err)
		}
		versions := versionsOf(t, store, name)
		data, err := store.Get(t.Context(), versions[len(versions)-1])
		if err != nil {
			t.Fatal(err)
		}
		for i, entry := range unpack(t, data) {
			place := record.ID{Epoch: n.Epoch, Index: n.First + uint64(i)}.String()
			if _, twice := all[place]; twice {
				t.Errorf("%s lies in the store twice", place)
			}
			all[place] = entry
		}
	}
	return all
}

func versionsOf(t testing.TB, s fleet.Store, name string) (all []fleet.Version) {
	t.Helper()
	for v, err := range s.List(t.Context(), name) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

// unpack reads an object of entries without the code that is tested.
func unpack(t testing.TB, data []byte) (entries []string) {
	t.Helper()
	d, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	raw, err := io.ReadAll(d)
	if err != nil {
		t.Fatal(err)
	}
	for rest := raw; len(rest) > 0; {
		n := 2 + int(binary.BigEndian.Uint16(rest))
		entries, rest = append(entries, string(rest[2:n])), rest[n:]
	}
	return entries
}

// written are the entries of the ledger.
func (e *edge) written() map[string]string {
	e.t.Helper()
	all := make(map[string]string)
	for entry, err := range e.log.Dir().Entries(record.ID{}) {
		if err != nil {
			e.t.Fatal(err)
		}
		all[entry.String()] = string(entry.Data)
	}
	return all
}

func (e *edge) checkAll() {
	e.t.Helper()
	if got, want := stored(e.t, e.store), e.written(); !maps.Equal(got, want) {
		e.t.Errorf("%d entries are in the store, and %d in the ledger, or they differ", len(got), len(want))
	}
}

// All entries of all epochs get into the store once, with checkpoints and finished
// segments byte for byte, and the next process goes on where this one was.
func TestShips(t *testing.T) {
	sealed := make(chan ledger.Sealed, 100)
	e := newEdge(t, t.TempDir(), ledger.Options{SegmentEntries: 8, EpochEntries: 50, CheckpointInterval: time.Millisecond,
		OnSealed: func(s ledger.Sealed) { sealed <- s }})
	e.add(30)
	e.all()
	e.add(90)
	e.all()
	e.all() // the next tick notes it
	e.checkAll()
	objects := len(e.store.Names("live/"))
	e.start()
	e.all()
	if again := len(e.store.Names("live/")); again != objects {
		t.Errorf("the next process put %d objects", again-objects)
	}
	for _, name := range e.store.Names("") {
		if n := len(versionsOf(t, e.store, name)); n != 1 && strings.HasPrefix(name, "live/") {
			t.Errorf("%s has %d versions", name, n)
		}
	}

	// What was finished is there, as it lies on the disk: of an earlier epoch, too, whose
	// segments are finished after the next one began.
	s := <-sealed
	for deadline := time.Now().Add(time.Minute); len(e.store.Names("hashes/")) == 0; {
		e.ship.Sealed()
		e.all()
		if time.Now().After(deadline) {
			t.Fatal("no finished segment is shipped")
		}
	}
	for prefix, file := range map[string]string{"sealed/": s.Archive, "hashes/": s.Hashes, "settings/": filepath.Join(filepath.Dir(filepath.Dir(s.Archive)), "EPOCH")} {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := e.store.Names(prefix)[0]
		if got, err := e.store.Get(t.Context(), versionsOf(t, e.store, name)[0]); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not the file %s: %v", name, file, err)
		}
	}

	// Closed, the log's last checkpoint and entries are shipped, too.
	e.add(1)
	if err := e.log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.ship.Finish(); err != nil {
		t.Fatal(err)
	}
	e.checkAll()
	end := e.log.End()
	last := fleet.Name{Kind: fleet.Checkpoint, Origin: fleet.Origin{}, Epoch: end.Epoch, First: end.Index}.String()
	_, last, _ = strings.Cut(last, "epoch-")
	if names := e.store.Names("checkpoint/"); !strings.HasSuffix(names[len(names)-1], last) {
		t.Errorf("the last checkpoint in the store is %s, and there are %s", names[len(names)-1], end)
	}
}

// A process that dies between putting an object and noting it changes nothing: the next
// one cuts the entries in the same places.
func TestDiesBetweenPutAndNote(t *testing.T) {
	e := newEdge(t, t.TempDir(), ledger.Options{})
	e.add(20)
	if _, err := e.ship.Turn(t.Context()); err != nil { // the note says what is planned, and not that it is done
		t.Fatal(err)
	}
	e.add(20)
	e.start()
	e.all()
	e.checkAll()
	if forks := e.ship.Status().Forks; forks != 0 {
		t.Errorf("%d forks of itself", forks)
	}
	for _, name := range e.store.Names("live/") {
		for _, v := range versionsOf(t, e.store, name) {
			if first := versionsOf(t, e.store, name)[0]; v.Sum != first.Sum {
				t.Errorf("%s has versions that differ", name)
			}
		}
	}
}

// Without a note all is put again, and it is no fork.
func TestLostNote(t *testing.T) {
	e := newEdge(t, t.TempDir(), ledger.Options{})
	e.add(20)
	e.all()
	e.kept = nil
	e.start()
	e.all()
	e.checkAll()
	if forks := e.ship.Status().Forks; forks != 0 {
		t.Errorf("%d forks of itself", forks)
	}
}

// What lies under a name that the ledger is about to give is a fork; both are kept.
func TestForeignObject(t *testing.T) {
	e := newEdge(t, t.TempDir(), ledger.Options{})
	e.all()
	end := e.log.End()
	name := strings.TrimSuffix(e.store.Names("live/")[0], fmt.Sprintf("%016d-%d.zst", 0, end.Index)) + fmt.Sprintf("%016d-%d.zst", end.Index, 3)
	e.store.Replace(name, []byte("foreign"))
	e.add(3)
	e.all()
	if forks := e.ship.Status().Forks; forks != 1 {
		t.Errorf("%d forks are told of", forks)
	}
	versions := versionsOf(t, e.store, name)
	if len(versions) != 2 {
		t.Fatalf("%d versions", len(versions))
	}
	if data, err := e.store.Get(t.Context(), versions[0]); err != nil || len(unpack(t, data)) != 3 {
		t.Errorf("ours is not kept: %v", err)
	}
}

// While the store is down, no more than 16 objects are held, and transfers' entries wait
// on the disk; how long the oldest has waited is known.
func TestStoreIsDown(t *testing.T) {
	e := newEdge(t, t.TempDir(), ledger.Options{})
	tried := make(map[string]bool)
	down := true
	e.store.Fault = func(name string, _ int) fleettest.Fault { // one call at a time
		if tried[name] = true; down {
			return fleettest.Lost
		}
		return fleettest.None
	}
	long := strings.Repeat("x", 60_000)
	var writers sync.WaitGroup
	for range 20 {
		writers.Go(func() {
			for range 20 { // 24 MB together
				if _, err := e.log.Append([]byte(long)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	for range 5 {
		if _, err := e.ship.Turn(t.Context()); !errors.Is(err, fleettest.ErrNet) {
			t.Fatal(err)
		}
	}
	if len(tried) != 16 {
		t.Errorf("%d objects were under way", len(tried))
	}
	status := e.ship.Status()
	if age := time.Since(status.Oldest); status.Failing == nil || age < 0 || age > time.Hour {
		t.Errorf("%+v", status)
	}
	if n, err := fleet.LogOf(e.log).Behind(status.Shipped); err != nil || n != e.log.End().Index {
		t.Errorf("%d entries wait, %v", n, err)
	}
	down = false
	e.all()
	e.checkAll()
	if status := e.ship.Status(); status.Failing != nil || !status.Oldest.IsZero() || status.Shipped != e.log.End() {
		t.Errorf("%+v", status)
	}
}

// A ledger that was set back is not shipped over its own later state.
func TestSetBack(t *testing.T) {
	e := newEdge(t, t.TempDir(), ledger.Options{})
	e.kept = []byte(`{"origin":"` + originOf(t, e).String() + `","shipped":"7.1","doubt":"0.0","checkpoint":"0.0","sealed":"0.0"}`)
	e.start()
	if _, err := e.ship.Turn(t.Context()); !errors.Is(err, fleet.ErrSetBack) {
		t.Errorf("it says %v", err)
	}
	if names := e.store.Names(""); len(names) != 0 {
		t.Errorf("it put %v", names)
	}
}

func originOf(t *testing.T, e *edge) fleet.Origin {
	t.Helper()
	view, err := e.log.Dir().View(0)
	if err != nil {
		t.Fatal(err)
	}
	o, err := fleet.OriginOf("default", view.Origin())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// process is a node's process: it knows the note alone.
type process struct {
	*fleet.Shipper
	log   *fleettest.Log
	store *fleettest.Store
	kept  []byte
	fail  error // of keeping the note
}

func (p *process) start() {
	p.Shipper = fleet.NewShipper(fleet.ShipOptions{
		Origin: p.log.Origin, Log: p.log, Store: p.store,
		Load: func() ([]byte, error) { return p.kept, nil },
		Save: func(data []byte) error {
			if p.fail == nil {
				p.kept = data
			}
			return p.fail
		},
		RetainUntil: func(now time.Time) time.Time { return now.AddDate(5, 0, 0) },
	})
}

// Whatever the network does and whenever the process dies: in the end each entry lies in
// the store once, and at each moment what is said to be shipped does.
func TestShippingProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
		p := &process{log: fleettest.NewLog("gw-br-1", "1", now), store: &fleettest.Store{Unconditional: rapid.Bool().Draw(rt, "unconditional")}}
		faults := rapid.SliceOfN(rapid.SampledFrom([]fleettest.Fault{fleettest.None, fleettest.Lost, fleettest.NoAck}), 1, 9).Draw(rt, "faults")
		p.store.Fault = func(name string, n int) fleettest.Fault { return faults[(len(name)+n)%len(faults)] }
		p.start()
		for range rapid.IntRange(1, 20).Draw(rt, "steps") {
			switch rapid.IntRange(0, 5).Draw(rt, "step") {
			case 0:
				p.log.Add(now, rapid.IntRange(1, 20).Draw(rt, "entries"))
			case 1:
				p.log.NextEpoch(now)
			case 2:
				p.start() // the process died
			case 3:
				p.fail = errors.New("no room")
				p.Turn(context.Background())
				p.fail = nil
			default:
				p.Turn(context.Background())
			}
			there, shipped := stored(t, p.store), p.Status().Shipped
			for id, data := range p.log.All() {
				if id.Compare(shipped) < 0 && there[id.String()] != data {
					rt.Fatalf("%s is said to be shipped, and is not there", id)
				}
			}
		}
		p.store.Fault = nil
		for p.Status().Shipped != p.log.End() {
			if _, err := p.Turn(context.Background()); err != nil {
				rt.Fatal(err)
			}
		}
		there := stored(t, p.store)
		for id, data := range p.log.All() {
			if there[id.String()] != data {
				rt.Fatalf("%s is not there in the end", id)
			}
		}
		if n := len(p.log.All()); n != len(there) || p.Status().Forks != 0 {
			rt.Fatalf("%d entries, %d in the store, %d forks of itself", n, len(there), p.Status().Forks)
		}
	})
}
