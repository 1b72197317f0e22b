package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
)

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
func recoverEpoch(fsys FS, dir string, e epoch, logger *slog.Logger, passed uint64, visit func(*frame) error, check func() error) (*recovered, error) {
	w, err := newWalker(fsys, dir, e)
	if err != nil {
		return nil, err
	}
	for _, name := range w.foreign {
		logger.Warn("a foreign file among the ledger's segments is left alone", "file", filepath.Join(dir, "seg", name))
	}
	skip := func(s *walked, limit uint64) (bool, error) {
		if limit > passed {
			return false, nil
		}
		return sealedAt(fsys, s, e, limit)
	}
	r := new(recovered)
	if r.next, err = w.run(skip, visit); err != nil {
		return nil, err
	}
	if err := check(); err != nil {
		return nil, err
	}
	if err := w.removeLeftovers(); err != nil {
		return nil, err
	}
	if err := w.unfinished(); err != nil {
		return nil, err
	}
	for _, t := range w.tails {
		c, err := w.quarantine(t)
		if err != nil {
			return nil, fmt.Errorf("moving a torn tail to the quarantine: %w", err)
		}
		r.cut = append(r.cut, c)
	}
	return r, w.resume(r)
}

// sealedAt tells whether the file ends with the seal before the entry limit. An
// archive is sealed by being there.
func sealedAt(fsys FS, s *walked, e epoch, limit uint64) (bool, error) {
	if s.archive {
		return true, nil
	}
	f, err := fsys.Open(s.path, false)
	if err != nil {
		return false, fmt.Errorf("opening a segment: %w", err)
	}
	var b [headerSize]byte
	size, err := f.Size()
	if err == nil && size > headerSize {
		_, err = f.ReadAt(b[:], size-headerSize)
	}
	if err = errors.Join(err, f.Close()); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("reading the seal of %s: %w", s.path, err)
	}
	h, wrong := parseHeader(b[:])
	return wrong == "" && h.kind == kindSeal && h.epoch == e.Number && h.first == limit, nil
}

// quarantine copies a torn tail to a file of its own, and then cuts it off.
func (w *walker) quarantine(t tail) (c cut, err error) {
	s := &w.segments[t.segment]
	f, err := w.fsys.Open(s.path, true)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return c, err
	}
	data := make([]byte, size-t.offset)
	if _, err := f.ReadAt(data, t.offset); err != nil && !errors.Is(err, io.EOF) {
		return c, err
	}
	for len(data) > 0 && data[len(data)-1] == 0 {
		data = data[:len(data)-1] // reserved space
	}
	c = cut{file: filepath.ToSlash(filepath.Join("seg", filepath.Base(s.path))), offset: t.offset, bytes: int64(len(data)), what: t.what}
	c.quarantine, err = w.keep(fmt.Sprintf("seg-%06d-offset-%d", s.number, t.offset), data)
	if err != nil {
		return c, err
	}
	if err := f.Truncate(t.offset); err != nil {
		return c, err
	}
	return c, f.Sync()
}

// keep writes a file into the quarantine under a name not used yet.
func (w *walker) keep(name string, data []byte) (string, error) {
	dir := filepath.Join(w.dir, "quarantine")
	if err := mkdirDurable(w.fsys, dir); err != nil {
		return "", err
	}
	names, err := w.fsys.Names(dir)
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
	return "quarantine/" + file, writeDurable(w.fsys, filepath.Join(dir, file), data)
}

// resume removes segments nothing was written to, the last one first, and opens
// the last one that has frames.
func (w *walker) resume(r *recovered) error {
	last := len(w.segments) - 1
	for ; last >= 0 && !w.segments[last].archive && !w.segments[last].passed && w.segments[last].end == 0; last-- {
		r.number = w.segments[last].number
		if err := removeEmpty(w.fsys, w.segments[last].path); err != nil {
			return fmt.Errorf("removing an empty segment: %w", err)
		}
		// A crash must not bring it back without the one before it.
		if err := w.fsys.SyncDir(filepath.Join(w.dir, "seg")); err != nil {
			return fmt.Errorf("syncing the folder of segments: %w", err)
		}
	}
	if err := w.fsys.SyncDir(filepath.Join(w.dir, "seg")); err != nil {
		return fmt.Errorf("syncing the folder of segments: %w", err)
	}
	if last >= 0 && !w.segments[last].archive {
		r.number = w.segments[last].number + 1
	}
	for i := range last + 1 {
		s, err := w.reopen(i, i == last)
		if err != nil {
			return fmt.Errorf("reopening %s: %w", w.segments[i].path, err)
		}
		r.segment = s
	}
	return nil
}

// unfinished adds to the tails the last segments of which no frame counts, and
// that nevertheless hold something: they were given up after an error.
func (w *walker) unfinished() error {
	for i := len(w.segments) - 1; i >= 0; i-- {
		s := &w.segments[i]
		if s.archive || s.passed || s.end > 0 {
			return nil
		}
		if slices.ContainsFunc(w.tails, func(t tail) bool { return t.segment == i }) {
			continue
		}
		at, err := dataAt(w.fsys, s.path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading a segment that was given up: %w", err)
		}
		if err == nil && at >= 0 {
			w.tails = append(w.tails, tail{i, 0, "the segment was given up before anything in it was durable"})
		}
	}
	return nil
}

// dataAt returns the first offset in a file that is not zero, or -1.
func dataAt(fsys FS, path string) (int64, error) {
	f, err := fsys.Open(path, false)
	if err != nil {
		return -1, err
	}
	at, err := (&scanner{file: f}).nonZero(0)
	return at, errors.Join(err, f.Close())
}

// removeEmpty removes a file that holds nothing but zeros.
func removeEmpty(fsys FS, path string) error {
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
func (w *walker) reopen(i int, last bool) (_ *segment, err error) {
	s := &w.segments[i]
	if s.archive || s.end == 0 || !last && !s.sealed {
		return nil, nil // was skipped, or given up after an error
	}
	f, err := w.fsys.Open(s.path, true)
	if err != nil {
		return nil, err
	}
	seg := &segment{file: f, path: s.path, number: s.number, first: s.first, size: s.end}
	if last {
		err = rewrite(f, s.synced, s.end)
	}
	if err == nil && s.sealed {
		err = seg.trim() // the process ended before it could
	}
	if err != nil || s.sealed {
		return nil, errors.Join(err, f.Close())
	}
	return seg, nil
}

// rewrite writes the bytes nobody vouches for once more and syncs them. They
// were read from the page cache: if an earlier sync failed, the cache holds
// what the disk does not, and would not be written again. What follows them is
// the rest of a write that was given up.
func rewrite(f File, from, to int64) error {
	if at, err := (&scanner{file: f}).nonZero(to); err != nil {
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
