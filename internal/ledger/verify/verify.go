// Package verify proves a ledger's folder right, or names the first place where it
// is not. It knows the format and nothing of the writer: it imports
// [github.com/sparkoo/transfergate/internal/ledger/format] and never the package
// that writes, which a test holds, so that a mistake of the writer's is not one of
// the verifier's too.
//
// verify.go is long because a quarter of it is what the options and the report mean. The
// methods of verification stand in one file for each thing that is proved: keys, known
// checkpoints, what was deleted, lost or noted, and each subtree.
package verify

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// Options are the settings of Ledger. The zero value is ready for use.
type Options struct {
	// From is the first epoch that is read. Default: the oldest
	From uint32

	// Keys are verifier keys that vouch for the ledger, of the node or of an epoch. An
	// epoch that is signed with another key, for which no epoch that these vouch for
	// vouches, is damage. Default: none, so that the keys the ledger names are believed
	Keys []string

	// Known are signed checkpoints of the ledger's epochs that were kept elsewhere, as
	// notes. What they cover and the ledger has not, or has otherwise, is damage.
	// Default: none, so that an older copy of the ledger is not told from a newer one
	Known [][]byte

	// Workers is how many full segments are read at the same time.
	// Default: as many as there are processors
	Workers int

	// Progress is called about ten times a second, and at the end, with how
	// many bytes of files have been read, of how many. Default: none
	Progress func(done, total int64)

	// State is a file in which Ledger notes the full segments it has found
	// right, so that a later call with the same file does not read them again.
	// It is for going on after an interruption: whoever can write it can hide
	// damage. Default: none
	State string

	// FS is the file system. Default: the operating system's
	FS format.FS
}

// Report is what Ledger found.
type Report struct {
	// First and Epoch are the first and the last epoch that were read. Epochs
	// before the first were deleted, or were not asked for.
	First, Epoch uint32
	// Deleted is how many epochs are not there because their time ran out, as
	// entries say that the ledger's key signed. Any other epoch that is not there
	// is damage.
	Deleted int
	// Segments is how many files hold the entries.
	Segments int
	// Entries is how many there are in these epochs.
	Entries uint64
	// Bytes are the entries' own bytes.
	Bytes uint64
	// Signed is how many of the entries the checkpoints cover.
	Signed uint64
	// Policies is how many entries name a policy that is kept beside them.
	Policies int
	// Resumed is how many entries an earlier call had read.
	Resumed uint64
	// Torn tells that the log ends in bytes of a crash, or of a writer at work,
	// which nothing vouches for; Tail says where and what.
	Torn bool
	Tail string
	// Losses are what is damaged or missing, and was given up for lost when a later epoch
	// was begun, as that epoch says. One for each such epoch.
	Losses []Loss
	// Differences are files beside the entries that say something else than these do: the
	// note beside the folder, holds, keys. The ledger is sound all the same.
	Differences []Difference
	// NotRuledOut says in a sentence what nobody can know who has the folder alone;
	// empty if Options.Known were given.
	NotRuledOut string
}

// Loss is what is damaged or missing and acknowledged.
type Loss struct {
	// From is the first entry that was given up, up to the epoch Until.
	From  record.ID
	Until uint32
	// Because is the reason that the epoch Until gives.
	Because string
	// Found is the first damage that was found of it.
	Found *format.CorruptError
}

// Ledger reads the ledger in a folder whole, every epoch from its genesis: checksums,
// indices, promises, seals, the Merkle tree with its files and signed
// checkpoints, the kept policies, how the epochs follow each other, and that
// those which are not there were deleted because their time ran out. What an epoch that
// an operator began says is lost is no damage, from the place on that it names. It
// takes no lock and may run beside the writer. The first bad place is returned
// as a *CorruptError, with the report of what was found. Entries that were cut
// off together with every trace of them are not seen: that takes a checkpoint
// kept elsewhere, see Options.Known.
func Ledger(dir string, o Options) (r Report, err error) {
	if o.FS == nil {
		o.FS = format.OS{}
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	for again := range format.Rereads {
		v := &verification{fsys: o.FS, dir: dir, o: o, deleted: make(map[uint32][]record.DeletedEpoch),
			stands: stands{holds: make(map[string]heldBy), destroyed: make(map[string]record.ID)}}
		err = v.run()
		r = v.report
		r.Resumed = v.resumed.Load()
		if !format.Transient(err) {
			return r, err
		}
		if v.beginning && again+1 < format.Rereads {
			time.Sleep(settles)
		}
	}
	return r, err
}

// settles is how long Ledger waits for a writer that may be beginning an epoch.
const settles = 300 * time.Millisecond

// verification is one call of Ledger.
type verification struct {
	fsys   format.FS
	dir    string
	o      Options
	report Report
	state  *verifyState

	deleted map[uint32][]record.DeletedEpoch // what entries say of epochs, by number
	done    atomic.Int64                     // bytes read, of total
	total   atomic.Int64

	resumed atomic.Uint64 // entries

	losses []format.Epoch         // those that say that entries before them are lost
	found  []*format.CorruptError // what was found of each; nil for nothing yet

	beginning bool // what is missing a writer may be about to write

	begun  format.Begun // what the note beside the folder said when it began
	stands stands       // what the entries say that were read so far
}

func (v *verification) run() (err error) {
	if v.begun, err = format.ReadBegun(v.fsys, v.dir); err != nil { // before the epochs, because a writer goes on
		return err
	}
	numbers, _, err := format.ListEpochs(v.fsys, v.dir)
	if err != nil {
		return err
	}
	if len(numbers) == 0 {
		return fmt.Errorf("%s holds no ledger: %w", v.dir, format.ErrNoLedger)
	}
	numbers = slices.DeleteFunc(numbers, func(n uint32) bool { return n < v.o.From })
	if len(numbers) == 0 {
		return fmt.Errorf("%s has no epoch %d", v.dir, v.o.From)
	}
	if v.state, err = readState(v.fsys, v.o.State); err != nil {
		return err
	}
	v.report.First = numbers[0]
	v.readLosses(numbers)
	epochs := make([]*verifiedEpoch, 0, len(numbers))
	for _, number := range numbers {
		e, err := v.open(number)
		if err != nil {
			if v.lost(number, err) {
				continue
			}
			return err
		}
		epochs = append(epochs, e)
		v.total.Add(e.size)
	}
	defer v.watch()()
	var before *verifiedEpoch
	for _, e := range epochs {
		if before != nil && before.epoch.Number+1 != e.epoch.Number {
			before = nil
		}
		if err := v.epoch(e, before); err != nil {
			if !v.lost(e.epoch.Number, err) {
				return err
			}
			e.lost = true
		}
		before = e
	}
	if err := v.missing(epochs); err != nil {
		return err
	}
	if err := v.vouched(epochs); err != nil {
		return err
	}
	if err := v.known(epochs); err != nil {
		return err
	}
	if err := v.newest(before); err != nil {
		return err
	}
	if err := v.checkBegun(epochs); err != nil {
		return err
	}
	v.tellLosses()
	if len(v.o.Known) == 0 {
		v.report.NotRuledOut = notRuledOut
	}
	return v.caches(before)
}

// notRuledOut is what nobody can tell who has the folder alone.
const notRuledOut = "without --known it is not ruled out that this is an older state of the whole folder, from which the latest entries are missing with every trace of them"

// newest makes sure that the newest epoch is there: the last entry of the one before
// names it.
func (v *verification) newest(last *verifiedEpoch) error {
	if next := last.next; next != nil {
		v.beginning = true
		return &format.CorruptError{File: format.EpochDir(v.dir, next.Number), What: fmt.Sprintf("the newest epoch is missing: the last entry of %s names %s as the next. "+
			"If the gateway ended in the moment between the two, it begins the epoch when it is started", last.epoch.Origin, next.Origin)}
	}
	return nil
}

// watch reports progress until the function it returns is called.
func (v *verification) watch() (stop func()) {
	if v.o.Progress == nil {
		return func() {}
	}
	quit := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				v.o.Progress(v.done.Load(), v.total.Load())
			case <-quit:
				return
			}
		}
	})
	return func() {
		close(quit)
		watching.Wait()
		v.o.Progress(v.done.Load(), v.total.Load())
	}
}

// open lists an epoch's files.
func (v *verification) open(number uint32) (*verifiedEpoch, error) {
	w, err := format.WalkEpoch(v.fsys, v.dir, number)
	if errors.Is(err, fs.ErrNotExist) {
		if dir := format.EpochDir(v.dir, number); isThere(v.fsys, dir) {
			err = &format.CorruptError{File: filepath.Join(dir, format.EpochFile), What: "the file is missing"}
		}
	}
	if err != nil {
		return nil, err
	}
	e := &verifiedEpoch{walker: w, epoch: w.Epoch}
	for _, s := range w.Segments {
		f, err := v.fsys.Open(s.Path, false)
		if err != nil {
			continue // says so when it is read
		}
		size, err := f.Size()
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("asking for the size of %s: %w", s.Path, err)
		}
		e.size += size
	}
	return e, nil
}

// isThere reports whether there is a folder.
func isThere(fsys format.FS, dir string) bool {
	_, err := fsys.Names(dir)
	return err == nil
}

// epoch verifies an epoch that follows another, if that is there.
func (v *verification) epoch(e, before *verifiedEpoch) error {
	r := &v.report
	// Before the entries, because a writer goes on; and it has gone on while other
	// epochs were read.
	signed, c, err := format.ReadCheckpoint(v.fsys, e.walker.Dir, e.epoch)
	if err == nil {
		e.walker, err = format.NewWalker(v.fsys, e.walker.Dir, e.epoch)
	}
	if err != nil {
		return err
	}
	r.Epoch = e.epoch.Number
	err = v.entries(e)
	r.Segments += len(e.walker.Segments)
	r.Entries, r.Bytes = r.Entries+e.entries, r.Bytes+e.bytes
	if err != nil {
		return err
	}
	for _, t := range e.walker.Tails[:min(1, len(e.walker.Tails))] {
		r.Torn, r.Tail = true, e.walker.Segments[t.Segment].Path+": "+t.String()
	}
	if signed != nil {
		if err := e.tree.Covers(c, format.CheckpointPath(e.walker.Dir)); err != nil {
			return err
		}
		e.signed = uint64(c.N)
		r.Signed += e.signed
	} else if e.entries > 0 {
		v.beginning = e.tree.Stored() == 0 && !e.more
		proof := "If the gateway ended in the moment between the two, it signs when it is started"
		if !v.beginning {
			proof = "Other entries are there"
		}
		return format.MissingCheckpoint(e.walker.Dir, proof)
	}
	if err := v.witnessed(e); err != nil {
		return err
	}
	return v.notes(e, before)
}

// witnessed holds the epoch against the checkpoint beside it that witnesses signed:
// whoever cuts off entries and puts back an older checkpoint may have forgotten it.
func (v *verification) witnessed(e *verifiedEpoch) error {
	path := filepath.Join(e.walker.Dir, format.WitnessedName)
	signed, err := format.ReadFile(v.fsys, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the witnessed checkpoint: %w", err)
	}
	key, err := e.epoch.Verifier()
	if err != nil {
		return err
	}
	c, err := tiles.OpenCheckpoint(signed, key)
	if err != nil {
		return &format.CorruptError{File: path, What: err.Error()}
	}
	return e.tree.Covers(c, path)
}

// entries reads an epoch's entries: archives, and then the segments. If a writer has
// turned segments into archives meanwhile, these are read, and the segments again.
func (v *verification) entries(e *verifiedEpoch) error {
	var subtrees []verifiedSubtree
	for {
		if err := e.load(v.fsys); err != nil {
			return err
		}
		more, err := v.archives(e, len(subtrees))
		if err != nil {
			return err
		}
		subtrees = append(subtrees, more...)
		e.entries, e.bytes, e.found, e.more = 0, 0, nil, false
		for _, s := range subtrees {
			e.tree.Push(s.Root)
			e.entries, e.bytes, e.found = e.entries+e.epoch.SegmentEntries, e.bytes+s.Bytes, append(e.found, s.Notes...)
		}
		if err = v.segments(e); !format.Transient(err) {
			return err
		}
		again, failed := format.NewWalker(v.fsys, e.walker.Dir, e.epoch)
		if failed != nil || again.Archived <= e.walker.Archived {
			return err
		}
		e.walker = again
	}
}

// archives reads an epoch's archives from a subtree on, side by side.
func (v *verification) archives(e *verifiedEpoch, from int) ([]verifiedSubtree, error) {
	n := int(e.walker.Archived/e.epoch.SegmentEntries) - from
	subtrees := make([]verifiedSubtree, n)
	failures := make([]error, n)
	var taken atomic.Int64
	var failed atomic.Bool
	var workers sync.WaitGroup
	for range min(v.o.Workers, n) {
		workers.Go(func() {
			for i := taken.Add(1) - 1; i < int64(n) && !failed.Load(); i = taken.Add(1) - 1 {
				if subtrees[i], failures[i] = v.archive(e, from+int(i)); failures[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	workers.Wait()
	return subtrees, cmp.Or(failures...) // of those before it none failed
}

// segments reads what is not in archives.
func (v *verification) segments(e *verifiedEpoch) error {
	skip := func(s *format.Segment, _ uint64) (bool, error) { return s.Archive, nil }
	_, err := e.walker.Run(skip, func(fr *format.Frame) error {
		e.entries += uint64(fr.Count)
		e.bytes += uint64(fr.Length) - 2*uint64(fr.Count)
		v.done.Add(format.HeaderSize + int64(fr.Length))
		for entry, leaf := range fr.Leaves() {
			e.tree.Add(leaf)
			e.found = keepNoted(e.found, entry)
			e.more = e.more || !format.Begins(entry)
		}
		if !e.tree.Complete() || e.tree.Stored() >= int64(len(e.roots)) {
			return nil
		}
		place := func(uint64) (string, int64) { return fr.Path, fr.Offset } // where the subtree ends
		if err := e.checkSubtree(v.fsys, e.tree, place); err != nil {
			return err
		}
		e.tree.Forget()
		return nil
	})
	if err == nil && e.tree.Stored() < int64(len(e.roots)) {
		err = &format.CorruptError{File: format.UpperPath(e.walker.Dir), Offset: e.tree.Stored() << 5, Index: uint64(e.tree.Size()),
			What: fmt.Sprintf("the file knows of %d full segments; %d entries are there", len(e.roots), e.tree.Size())}
	}
	return err
}
