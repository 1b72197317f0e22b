package ledger

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// View is one epoch as tlog-tiles shows it: the checkpoint, hash tiles and
// entry bundles, made from the ledger's own files when they are asked for. It
// takes no lock and works beside a running writer. Its methods may be called by
// any number of goroutines.
type View struct {
	fsys  format.FS
	dir   string
	epoch format.Epoch

	mu     sync.Mutex     // guards what follows
	size   int64          // of the latest checkpoint
	tree   *format.Tree   // has at least so many leaves once it was read up to them
	places []format.Place // of the frames after tree.start()
}

var _ tiles.Source = (*View)(nil)

// openView returns a view of an epoch; 0 is the newest.
func openView(fsys format.FS, dir string, number uint32) (*View, error) {
	if number == 0 {
		e, _, ok, err := format.NewestEpoch(fsys, dir)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fmt.Errorf("%s holds no ledger: %w", dir, format.ErrNoLedger)
		}
		number = e.Number
	}
	e, err := format.ReadEpoch(fsys, dir, number)
	if err != nil {
		return nil, err
	}
	v := &View{fsys: fsys, dir: format.EpochDir(dir, number), epoch: e}
	v.reset()
	return v, nil
}

// Epoch is the epoch's number.
func (v *View) Epoch() uint32 { return v.epoch.Number }

// Origin names the epoch's log in its checkpoints.
func (v *View) Origin() string { return v.epoch.Origin }

// Previous is the origin of the epoch before and its last signed checkpoint, as the
// first entry names them. The origin is empty in a ledger's first epoch, and where it
// could not be known; the checkpoint is nil if there was none.
func (v *View) Previous() (origin string, signed []byte) {
	p := v.epoch.Previous
	if p == nil {
		return "", nil
	}
	if p.Checkpoint != "" {
		signed = []byte(p.Checkpoint)
	}
	return p.Origin, signed
}

// VerifierKey is the key that verifies the epoch's checkpoints, as in C2SP
// signed-note. It is what the ledger itself says: compare it with a copy.
func (v *View) VerifierKey() string { return v.epoch.Key }

// Checkpoint returns the latest signed checkpoint, whose signature it verifies.
// The error satisfies errors.Is(err, fs.ErrNotExist) before there is one.
func (v *View) Checkpoint() ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.checkpoint()
}

func (v *View) checkpoint() ([]byte, error) {
	signed, c, err := format.ReadCheckpoint(v.fsys, v.dir, v.epoch)
	if err != nil {
		return nil, err
	}
	if signed == nil {
		return nil, fmt.Errorf("%s has no checkpoint yet: %w", v.epoch.Origin, fs.ErrNotExist)
	}
	v.size = max(v.size, c.N)
	return signed, nil
}

// Tile returns the first t.W hashes of a tile of height 8. What the latest
// checkpoint does not cover is fs.ErrNotExist.
func (v *View) Tile(t tlog.Tile) ([]byte, error) {
	if t.H != tiles.Height || t.L < 0 || t.L > 7 || t.N < 0 || t.W < 1 || t.W > tiles.Width ||
		t.N >= 1<<(62-tiles.Height)>>(tiles.Height*t.L) { // the last leaf below it has an index
		return nil, fmt.Errorf("no tile %+v: %w", t, fs.ErrNotExist)
	}
	level, first := tiles.Height*t.L, t.N<<tiles.Height
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.reach((first + int64(t.W)) << level); err != nil {
		return nil, err
	}
	subtree := func(n int64) int64 { return n << level >> v.tree.SubtreeHeight() }
	if last := first + int64(t.W) - 1; subtree(first) == subtree(last) && subtree(last) < v.tree.Stored() && level < v.tree.SubtreeHeight() {
		return v.tree.Row(level, first, t.W)
	}
	return tlog.ReadTileData(t, v.tree)
}

// Bundle returns the first width entries of the entry bundle n, each after its
// length in two bytes. What the latest checkpoint does not cover is fs.ErrNotExist.
func (v *View) Bundle(n int64, width int) ([]byte, error) {
	if n < 0 || n > 1<<47 || width < 1 || width > tiles.Width {
		return nil, fmt.Errorf("no bundle %d of width %d: %w", n, width, fs.ErrNotExist)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	from := uint64(n) << tiles.Height
	if err := v.reach(int64(from) + int64(width)); err != nil {
		return nil, err
	}
	var b []byte
	var err error
	for again := range format.Rereads {
		if b, err = v.entries(from, from+uint64(width)); err == nil || again+1 == format.Rereads {
			return b, err
		}
		v.reset() // perhaps the segment was sealed meanwhile
		if err := v.reach(int64(from) + int64(width)); err != nil {
			return nil, err
		}
	}
	return nil, err
}

// reset forgets everything but the checkpoint.
func (v *View) reset() { v.tree, v.places = format.NewTree(v.fsys, v.dir, v.epoch), nil }

// reach sees to it that the tree has so many leaves, if the checkpoint does.
func (v *View) reach(size int64) error {
	if size > v.size {
		if _, err := v.checkpoint(); err != nil {
			return err
		}
	}
	if size > v.size {
		return fmt.Errorf("the checkpoint of %s covers %d entries, not %d: %w", v.epoch.Origin, v.size, size, fs.ErrNotExist)
	}
	var err error
	for range format.Rereads {
		if v.tree.Size() >= size {
			return nil
		}
		if err = v.read(); err == nil && v.tree.Size() < size {
			err = &format.CorruptError{File: v.dir, Index: uint64(v.tree.Size()), What: fmt.Sprintf("the ledger has %d entries, its checkpoint %d", v.tree.Size(), v.size)}
		}
		if err != nil {
			v.reset()
		}
	}
	return err
}

// read reads on up to the checkpoint.
func (v *View) read() error {
	if err := v.takeStored(); err != nil {
		return err
	}
	w, err := format.NewWalker(v.fsys, v.dir, v.epoch)
	if err != nil {
		return err
	}
	if n := len(v.places); n > 0 {
		w.From = v.places[n-1]
	}
	for fr, err := range w.Frames(uint64(v.tree.Size())) {
		if err != nil {
			return err
		}
		if fr.First >= uint64(v.size) {
			break
		}
		v.places = append(v.places, format.Place{Path: fr.Path, Offset: fr.Offset, First: fr.First})
		for e, leaf := range fr.Leaves() {
			if e.Index == uint64(v.tree.Size()) && e.Index < uint64(v.size) {
				v.tree.Add(leaf)
			}
		}
	}
	return nil
}

// takeStored takes subtrees whose hashes were written to files meanwhile.
func (v *View) takeStored() error {
	fresh := format.NewTree(v.fsys, v.dir, v.epoch)
	if err := fresh.Load(); err != nil {
		return err
	}
	if fresh.Stored() > v.tree.Stored() {
		for v.tree.Stored() < fresh.Stored() && v.tree.Complete() {
			v.tree.Forget()
		}
		if v.tree.Stored() < fresh.Stored() {
			v.tree = fresh
		}
		old := sort.Search(len(v.places), func(i int) bool { return v.places[i].First >= uint64(v.tree.Start()) })
		v.places = v.places[old:]
	}
	return nil
}

// entries returns the entries from one index up to another, as a payload.
func (v *View) entries(from, to uint64) (b []byte, err error) {
	i := sort.Search(len(v.places), func(i int) bool { return v.places[i].First > from })
	w, err := format.NewWalker(v.fsys, v.dir, v.epoch)
	if err != nil {
		return nil, err
	}
	if i > 0 {
		w.From = v.places[i-1]
	}
	for fr, err := range w.Frames(from) {
		if err != nil {
			return nil, err
		}
		for e := range fr.Entries(from) {
			if e.Index >= to {
				return b, nil
			}
			b = format.AppendEntry(b, e.Data)
		}
		if fr.First+uint64(fr.Count) >= to {
			return b, nil
		}
	}
	return nil, &format.CorruptError{File: v.dir, Index: to, What: "the entry is missing"}
}

// Dir is the epoch's folder.
func (v *View) Dir() string { return v.dir }

// CheckpointFile is the file of the latest checkpoint, which need not be there.
func (v *View) CheckpointFile() string { return format.CheckpointPath(v.dir) }

// WitnessedFile is where the latest checkpoint that witnesses signed is kept by
// whoever asks them. The ledger itself never writes or reads it.
func (v *View) WitnessedFile() string { return filepath.Join(v.dir, format.WitnessedName) }

// Created is when the epoch was begun.
func (v *View) Created() time.Time { return v.epoch.Created }

// Because says why an operator began the epoch, empty if nobody did.
func (v *View) Because() string { return v.epoch.Because }
