package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// recovery changes what a walker has found: the writer's part of opening a log.
type recovery struct{ *format.Walker }

// recovered is where a log goes on after it was read back.
type recovered struct {
	next    uint64
	segment *segment // the one to append to; nil if a new one is due
	number  int      // of the next segment to be created
	cut     []cut
}

// cut says what was cut off the end of a segment.
type cut struct {
	file       string // within the epoch's folder, as is quarantine
	quarantine string
	offset     int64
	bytes      int64
	what       string
}

// recoverEpoch reads back an epoch whose lock is held. What a crash left behind
// is moved to the quarantine; damage is a *CorruptError and changes nothing.
// Of segments that were closed properly only the two ends are looked at: Verify
// reads them whole.
//
// Frames of segments that are not passed over are handed to visit; passed tells
// up to which entry none is needed. check is called with everything visited and
// nothing changed.
func recoverEpoch(fsys format.FS, dir string, e format.Epoch, logger *slog.Logger, passed uint64, visit func(*format.Frame) error, check func() error) (*recovered, error) {
	found, err := format.NewWalker(fsys, dir, e)
	if err != nil {
		return nil, err
	}
	w := recovery{found}
	for _, name := range w.Foreign {
		logger.Warn("a foreign file among the ledger's segments is left alone", "file", filepath.Join(dir, "seg", name))
	}
	skip := func(s *format.Segment, limit uint64) (bool, error) {
		if limit > passed {
			return false, nil
		}
		return format.SealedAt(fsys, s, e, limit)
	}
	r := new(recovered)
	if r.next, err = w.Run(skip, visit); err != nil {
		return nil, err
	}
	if err := check(); err != nil {
		return nil, err
	}
	if err := removeLeftovers(w.Walker); err != nil {
		return nil, err
	}
	if err := w.unfinished(); err != nil {
		return nil, err
	}
	for _, t := range w.Tails {
		c, err := w.quarantine(t)
		if err != nil {
			return nil, fmt.Errorf("moving a torn tail to the quarantine: %w", err)
		}
		r.cut = append(r.cut, c)
	}
	return r, w.resume(r)
}

// removeLeftovers removes segments whose entries are in archives. Whatever a
// crash leaves of them has no gap in its numbers.
func removeLeftovers(w *format.Walker) error {
	if len(w.Leftovers) > 0 { // the archives may have been renamed when syncing failed
		if err := w.FS.SyncDir(filepath.Join(w.Dir, "sealed")); err != nil {
			return fmt.Errorf("syncing the folder of sealed segments: %w", err)
		}
	}
	for _, s := range w.Leftovers {
		if err := w.FS.Remove(s.Path); err != nil {
			return fmt.Errorf("removing a segment that was sealed: %w", err)
		}
		if err := w.FS.SyncDir(filepath.Dir(s.Path)); err != nil {
			return fmt.Errorf("syncing the folder of segments: %w", err)
		}
	}
	return nil
}

// quarantine copies a torn tail to a file of its own, and then cuts it off.
func (w recovery) quarantine(t format.Tail) (c cut, err error) {
	s := &w.Segments[t.Segment]
	f, err := w.FS.Open(s.Path, true)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return c, err
	}
	data := make([]byte, size-t.Offset)
	if _, err := f.ReadAt(data, t.Offset); err != nil && !errors.Is(err, io.EOF) {
		return c, err
	}
	for len(data) > 0 && data[len(data)-1] == 0 {
		data = data[:len(data)-1] // reserved space
	}
	c = cut{file: filepath.ToSlash(filepath.Join("seg", filepath.Base(s.Path))), offset: t.Offset, bytes: int64(len(data)), what: t.What}
	c.quarantine, err = w.keep(fmt.Sprintf("seg-%06d-offset-%d", s.Number, t.Offset), data)
	if err != nil {
		return c, err
	}
	if err := f.Truncate(t.Offset); err != nil {
		return c, err
	}
	return c, f.Sync()
}

// keep writes a file into the quarantine under a name not used yet.
func (w recovery) keep(name string, data []byte) (string, error) {
	dir := filepath.Join(w.Dir, "quarantine")
	if err := format.MkdirDurable(w.FS, dir); err != nil {
		return "", err
	}
	names, err := w.FS.Names(dir)
	if err != nil {
		return "", err
	}
	taken := make(map[string]bool, len(names))
	for _, n := range names {
		taken[n] = true
	}
	file := name + ".bin"
	for n := 2; taken[file]; n++ {
		file = fmt.Sprintf("%s-%d.bin", name, n)
	}
	return "quarantine/" + file, format.WriteDurable(w.FS, filepath.Join(dir, file), data)
}

// resume removes segments nothing was written to, the last one first, and opens
// the last one that has frames.
func (w recovery) resume(r *recovered) error {
	last := len(w.Segments) - 1
	for ; last >= 0 && !w.Segments[last].Archive && !w.Segments[last].Passed && w.Segments[last].End == 0; last-- {
		r.number = w.Segments[last].Number
		if err := removeEmpty(w.FS, w.Segments[last].Path); err != nil {
			return fmt.Errorf("removing an empty segment: %w", err)
		}
		// A crash must not bring it back without the one before it.
		if err := w.FS.SyncDir(filepath.Join(w.Dir, "seg")); err != nil {
			return fmt.Errorf("syncing the folder of segments: %w", err)
		}
	}
	if err := w.FS.SyncDir(filepath.Join(w.Dir, "seg")); err != nil {
		return fmt.Errorf("syncing the folder of segments: %w", err)
	}
	if last >= 0 && !w.Segments[last].Archive {
		r.number = w.Segments[last].Number + 1
	}
	for i := range last + 1 {
		s, err := w.reopen(i, i == last)
		if err != nil {
			return fmt.Errorf("reopening %s: %w", w.Segments[i].Path, err)
		}
		r.segment = s
	}
	return nil
}

// unfinished adds to the tails the last segments of which no frame counts, and
// that nevertheless hold something: they were given up after an error.
func (w recovery) unfinished() error {
	for i := len(w.Segments) - 1; i >= 0; i-- {
		s := &w.Segments[i]
		if s.Archive || s.Passed || s.End > 0 {
			return nil
		}
		if slices.ContainsFunc(w.Tails, func(t format.Tail) bool { return t.Segment == i }) {
			continue
		}
		at, err := dataAt(w.FS, s.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading a segment that was given up: %w", err)
		}
		if err == nil && at >= 0 {
			w.Tails = append(w.Tails, format.Tail{Segment: i, Offset: 0, What: "the segment was given up before anything in it was durable"})
		}
	}
	return nil
}

// dataAt returns the first offset in a file that is not zero, or -1.
func dataAt(fsys format.FS, path string) (int64, error) {
	f, err := fsys.Open(path, false)
	if err != nil {
		return -1, err
	}
	at, err := format.NonZero(f, 0)
	return at, errors.Join(err, f.Close())
}

// removeEmpty removes a file that holds nothing but zeros.
func removeEmpty(fsys format.FS, path string) error {
	at, err := dataAt(fsys, path)
	if err != nil {
		return err
	}
	if at >= 0 {
		return fmt.Errorf("%s has data at offset %d", path, at)
	}
	return fsys.Remove(path)
}

// reopen makes what was read durable. It returns the segment if it is the last
// one and has room.
func (w recovery) reopen(i int, last bool) (_ *segment, err error) {
	s := &w.Segments[i]
	if s.Archive || s.End == 0 || !last && !s.Sealed {
		return nil, nil // was skipped, or given up after an error
	}
	f, err := w.FS.Open(s.Path, true)
	if err != nil {
		return nil, err
	}
	seg := &segment{file: f, path: s.Path, number: s.Number, first: s.First, size: s.End}
	if last {
		err = rewrite(f, s.Synced, s.End)
	}
	if err == nil && s.Sealed {
		err = seg.trim() // the process ended before it could
	}
	if err != nil || s.Sealed {
		return nil, errors.Join(err, f.Close())
	}
	return seg, nil
}

// rewrite writes the bytes nobody vouches for once more and syncs them. They
// were read from the page cache: if an earlier sync failed, the cache holds
// what the disk does not, and would not be written again. What follows them is
// the rest of a write that was given up.
func rewrite(f format.File, from, to int64) error {
	if at, err := format.NonZero(f, to); err != nil {
		return err
	} else if at >= 0 {
		if err := f.Truncate(to); err != nil {
			return err
		}
	}
	b := make([]byte, to-from)
	if _, err := f.ReadAt(b, from); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if _, err := f.WriteAt(b, from); err != nil {
		return err
	}
	return f.Sync()
}
