package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// sealer turns full segments into archives behind everything else: once a
// subtree's hashes are stored, its entries are compressed into one file, which is
// compared with the hashes before the segments are removed. A crash leaves
// either or both.
type sealer struct {
	o        Options
	dir      string // of the ledger
	counters *counters

	busy  sync.Mutex    // held while an epoch's files are changed
	wake  chan struct{} // one token: the hashes of a subtree were stored
	quit  chan struct{}
	ended chan struct{}
	done  map[uint32]bool // epochs in which nothing is left to do

	synced uint64 // how many syncs there were when it rested last
}

// sealRetry is how long sealing waits after it failed.
const sealRetry = time.Minute

func (s *sealer) start() {
	s.quit, s.ended, s.done = make(chan struct{}), make(chan struct{}), make(map[uint32]bool)
	token(s.wake)
	go s.run()
}

// stop ends the sealer. What it was at is done again later.
func (s *sealer) stop() {
	close(s.quit)
	<-s.ended
}

func (s *sealer) run() {
	defer close(s.ended)
	for {
		retry := time.NewTimer(sealRetry)
		select {
		case <-s.wake:
		case <-retry.C:
		case <-s.quit:
			return
		}
		retry.Stop()
		if err := s.sealAll(); err != nil && !errors.Is(err, errStopped) {
			s.counters.fail(opSeal)
			s.o.trouble.Error("a full segment stays as it is; sealing it is tried again", "error", err)
		}
	}
}

// errStopped says that the sealer was told to stop.
var errStopped = errors.New("the ledger closes")

// sealAll seals whatever may be sealed, in all epochs.
func (s *sealer) sealAll() error {
	numbers, _, err := format.ListEpochs(s.o.FS, s.dir)
	if err != nil {
		return err
	}
	for i, number := range numbers {
		if s.done[number] {
			continue
		}
		if err := s.sealEpoch(number); err != nil {
			return err
		}
		s.done[number] = i+1 < len(numbers) // the newest goes on
	}
	return nil
}

// sealEpoch seals whatever may be sealed in an epoch, unless it was deleted
// meanwhile.
func (s *sealer) sealEpoch(number uint32) error {
	s.busy.Lock()
	defer s.busy.Unlock()
	e, err := format.ReadEpoch(s.o.FS, s.dir, number)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return (&sealing{s, e, format.EpochDir(s.dir, number)}).all()
}

// sealing is the work on one epoch.
type sealing struct {
	*sealer
	epoch format.Epoch
	dir   string
}

func (s *sealing) all() error {
	t := format.NewTree(s.o.FS, s.dir, s.epoch)
	if err := t.Load(); err != nil {
		return err
	}
	w, err := format.NewWalker(s.o.FS, s.dir, s.epoch)
	if err != nil {
		return err
	}
	if err := removeLeftovers(w); err != nil {
		return err
	}
	if int64(w.Archived)>>t.SubtreeHeight() == t.Stored() {
		return nil
	}
	for _, dir := range []string{s.dir, filepath.Join(s.dir, "hash")} { // storing the hashes may have failed at the end
		if err := s.o.FS.SyncDir(dir); err != nil {
			return err
		}
	}
	for subtree := int64(w.Archived) >> t.SubtreeHeight(); subtree < t.Stored(); subtree++ {
		if err := s.seal(subtree); err != nil {
			return fmt.Errorf("sealing %s: %w", format.ArchivePath(s.dir, subtree), err)
		}
		if s.o.OnSealed != nil {
			s.o.OnSealed(sealed(s.dir, s.epoch, subtree, t.StoredRoot(subtree)))
		}
	}
	return nil
}

// seal writes the archive of a subtree, and returns when it is durable and known
// to hold what the tree says.
func (s *sealing) seal(subtree int64) error {
	path := format.ArchivePath(s.dir, subtree)
	if err := format.MkdirDurable(s.o.FS, filepath.Dir(path)); err != nil {
		return err
	}
	err := durable.Replace(s.o.FS, path, func(f format.File) error {
		if err := s.write(f, subtree); err != nil {
			return err
		}
		return s.compare(path+".tmp", subtree)
	})
	if err != nil {
		return err
	}
	w, err := format.NewWalker(s.o.FS, s.dir, s.epoch)
	if err != nil {
		return err
	}
	return removeLeftovers(w)
}

// write writes the subtree's entries in bundles, and then the index before them.
func (s *sealing) write(f format.File, subtree int64) error {
	first := uint64(subtree) * s.epoch.SegmentEntries
	count := s.epoch.BundleEntries()
	w := format.NewArchiveWriter(f, s.epoch, subtree)
	var bundle []byte
	unsynced := 0
	next, began := first, time.Now()
	for e, err := range s.entries(first) {
		if err != nil {
			return err
		}
		bundle = format.AppendEntry(bundle, e.Data)
		if next++; next%count != 0 {
			continue
		}
		n, err := w.Add(bundle)
		if err != nil {
			return err
		}
		if unsynced += n; unsynced >= format.SyncStep {
			runtime.Gosched() // whoever waits for a record comes first
			if err := f.Sync(); err != nil {
				return err
			}
			unsynced = 0
		}
		bundle = bundle[:0]
		if err := s.rest(time.Since(began)); err != nil {
			return err
		}
		began = time.Now()
	}
	return w.Finish()
}

// restWhileBusy is how many times as long as it worked sealing rests while entries
// are committed. An eighth of a processor seals some 20,000 records a second.
const restWhileBusy = 7

// rest waits as long as a piece of work took, or longer if somebody waited for a
// sync meanwhile: sealing has time.
func (s *sealer) rest(took time.Duration) error {
	if syncs := s.counters.syncs.Load(); syncs != s.synced {
		s.synced = syncs
		took *= restWhileBusy
	}
	timer := time.NewTimer(took)
	defer timer.Stop()
	select {
	case <-s.quit:
		return errStopped
	case <-timer.C:
		return nil
	}
}

// entries yields the entries of a subtree that begins with first. An error, also that
// some are missing, is yielded last.
func (s *sealing) entries(first uint64) iter.Seq2[format.Entry, error] {
	return func(yield func(format.Entry, error) bool) {
		w, err := format.NewWalker(s.o.FS, s.dir, s.epoch)
		if err != nil {
			yield(format.Entry{}, err)
			return
		}
		end := first + s.epoch.SegmentEntries
		last := first
		for fr, err := range w.Frames(first) {
			if err != nil {
				yield(format.Entry{}, err)
				return
			}
			if fr.First >= end {
				break
			}
			last = fr.First + uint64(fr.Count)
			for e := range fr.Entries(first) {
				if !yield(e, nil) {
					return
				}
			}
		}
		if last != end {
			yield(format.Entry{}, fmt.Errorf("the segments end with entry %d, not %d", last, end))
		}
	}
}

// compare makes sure that an archive holds what the stored hashes say.
func (s *sealing) compare(path string, subtree int64) error {
	a, err := format.OpenArchive(s.o.FS, path, s.epoch, subtree)
	if err != nil {
		return err
	}
	t := format.NewTree(s.o.FS, s.dir, s.epoch)
	row, err := t.Row(0, int64(a.First), int(s.epoch.SegmentEntries))
	if err == nil {
		began := time.Now()
		err = a.Frames(s.epoch, 0, func(fr *format.Frame) error {
			for e, got := range fr.Leaves() {
				if want := tlog.Hash(row[(e.Index-a.First)*tlog.HashSize:]); got != want {
					return &format.CorruptError{File: path, Offset: fr.Offset, Index: e.Index, What: "the entry is not the one the tree has",
						Expected: want.String(), Found: got.String()}
				}
			}
			err := s.rest(time.Since(began))
			began = time.Now()
			return err
		})
	}
	return format.Joined(err, a.Close())
}
