package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// walker goes through an epoch's segments in order. It is the one place that
// tells the trace of a crash from damage, for opening, reading and verifying.
type walker struct {
	fsys     FS
	dir      string // the epoch's folder
	epoch    epoch
	segments []walked
	foreign  []string // names in the segments' folder that are none of ours
	tails    []tail

	// leftover are segments whose entries are in archives, in the order in
	// which they may be removed, and archived is how many entries these have.
	leftover []walked
	archived uint64
	// start is the first entry that is wanted: bundles of archives before it
	// are passed over.
	start uint64

	// from, if it has a path, is a frame known to follow everything that is
	// passed over: its segment is read from there on.
	from place
}

// walked is one segment's file, or the archive that has taken its place.
type walked struct {
	path    string
	archive bool // its number is that of its span; it was begun, and is sealed
	number  int
	begun   bool   // its first frame has a sound header
	first   uint64 // index in that header
	passed  bool   // taken to be whole, not read
	end     int64  // after its last good frame that counts; 0 if there is none
	synced  int64  // what its last good frame promises
	sealed  bool
}

// tail is what a crash left behind: bytes after the last good frame which no
// later frame vouches for.
type tail struct {
	segment int
	offset  int64
	what    string
}

// newWalker lists the segments and reads the first header of each.
func newWalker(fsys FS, dir string, e epoch) (*walker, error) {
	w := &walker{fsys: fsys, dir: dir, epoch: e}
	names, err := fsys.Names(filepath.Join(dir, "seg"))
	if err != nil {
		return nil, fmt.Errorf("listing the ledger's segments: %w", err)
	}
	for _, name := range names {
		if number, ok := segmentNumber(name); ok {
			w.segments = append(w.segments, walked{path: segmentPath(dir, number), number: number})
		} else {
			w.foreign = append(w.foreign, name)
		}
	}
	slices.SortFunc(w.segments, func(a, b walked) int { return a.number - b.number })
	archives, err := w.archives() // after the segments, which a sealer removes when there is an archive
	if err != nil {
		return nil, err
	}
	gone := false
	for i := range w.segments {
		s := &w.segments[i]
		want := i
		if len(archives) > 0 {
			want += w.segments[0].number
		}
		if s.number != want {
			path := segmentPath(dir, want)
			return nil, &CorruptError{File: path, What: fmt.Sprintf("the segment is missing, but %s is there", filepath.Base(s.path))}
		}
		there, err := w.begin(s)
		if err != nil {
			return nil, err
		}
		gone = gone || !there
	}
	if gone { // a writer that closed took back its empty segment, or a sealer has sealed it meanwhile
		now, err := (&walker{fsys: fsys, dir: dir, epoch: e}).archives()
		if err != nil {
			return nil, err
		}
		if len(now) > len(archives) {
			return newWalker(fsys, dir, e)
		}
	}
	w.setAside()
	w.segments = append(archives, w.segments...)
	return w, nil
}

// archives lists the archives, of spans from the first on.
func (w *walker) archives() (all []walked, err error) {
	names, err := w.fsys.Names(filepath.Join(w.dir, "sealed"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the ledger's sealed segments: %w", err)
	}
	for _, name := range names {
		number, ok := numbered(name, ".zst")
		if !ok {
			if !strings.HasSuffix(name, ".zst.tmp") {
				w.foreign = append(w.foreign, filepath.Join("..", "sealed", name))
			}
			continue
		}
		all = append(all, walked{
			path: archivePath(w.dir, int64(number)), archive: true, number: number,
			begun: true, first: uint64(number) * w.epoch.SegmentEntries, sealed: true,
		})
	}
	slices.SortFunc(all, func(a, b walked) int { return a.number - b.number })
	for i, s := range all {
		if s.number != i {
			return nil, &CorruptError{File: archivePath(w.dir, int64(i)), Index: uint64(i) * w.epoch.SegmentEntries,
				What: fmt.Sprintf("the sealed segment is missing, but %s is there", filepath.Base(s.path))}
		}
	}
	w.archived = uint64(len(all)) * w.epoch.SegmentEntries
	return all, nil
}

// setAside takes out the segments whose entries are in archives. No segment
// holds entries of two spans.
func (w *walker) setAside() {
	old := 0
	for i, s := range w.segments {
		if s.begun && s.first >= w.archived {
			break
		}
		if s.begun {
			old = i + 1
		}
	}
	w.leftover, w.segments = w.segments[:old:old], w.segments[old:]
}

// removeLeftovers removes segments whose entries are in archives. Whatever a
// crash leaves of them has no gap in its numbers.
func (w *walker) removeLeftovers() error {
	if len(w.leftover) > 0 { // the archives may have been renamed when syncing failed
		if err := w.fsys.SyncDir(filepath.Join(w.dir, "sealed")); err != nil {
			return fmt.Errorf("syncing the folder of sealed segments: %w", err)
		}
	}
	for _, s := range w.leftover {
		if err := w.fsys.Remove(s.path); err != nil {
			return fmt.Errorf("removing a segment that was sealed: %w", err)
		}
		if err := w.fsys.SyncDir(filepath.Dir(s.path)); err != nil {
			return fmt.Errorf("syncing the folder of segments: %w", err)
		}
	}
	return nil
}

// begin reads a segment's first header, if the segment is still there.
func (w *walker) begin(s *walked) (there bool, err error) {
	f, err := w.fsys.Open(s.path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening a segment: %w", err)
	}
	var b [headerSize]byte
	n, err := f.ReadAt(b[:], 0)
	if err == io.EOF {
		err = nil
	}
	if n == headerSize {
		h, wrong := parseHeader(b[:])
		s.begun, s.first = wrong == "" && h.epoch == w.epoch.Number, h.first
	}
	return true, errors.Join(err, f.Close())
}

// limit is the index with which the next segment that was begun begins. Frames
// from there on are leftovers of a write whose sync failed.
func (w *walker) limit(i int) (limit uint64, limited bool) {
	if s := w.segments[i]; s.archive {
		return s.first + w.epoch.SegmentEntries, true
	}
	for _, s := range w.segments[i+1:] {
		if s.begun {
			return s.first, true
		}
	}
	return 0, false
}

// run hands every good frame to visit, in order, and returns the index after
// the last entry. Segments that skip wants to pass over are taken to be whole.
// Damage is a *CorruptError; what a crash left is noted in w.tails.
func (w *walker) run(skip func(s *walked, limit uint64) (bool, error), visit func(*frame) error) (next uint64, err error) {
	for i := range w.segments {
		s := &w.segments[i]
		limit, limited := w.limit(i)
		if limited && skip != nil {
			pass, err := skip(s, limit)
			if err != nil {
				return next, err
			}
			if pass {
				s.passed, next = true, limit
				continue
			}
		}
		if s.archive {
			if err := w.unpack(s, visit); err != nil {
				return next, err
			}
			next = limit
			continue
		}
		f, err := w.fsys.Open(s.path, false)
		if errors.Is(err, fs.ErrNotExist) && !s.begun {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) { // unless it was sealed meanwhile
			err = &CorruptError{File: s.path, Index: s.first, What: "the segment is missing"}
		}
		if err != nil {
			return next, fmt.Errorf("opening a segment: %w", err)
		}
		sc := &scanner{file: f, path: s.path, epoch: w.epoch.Number, next: next}
		if s.path == w.from.path {
			sc.offset, sc.next = w.from.offset, w.from.first
		}
		err = w.scan(i, sc, visit)
		sc.release()
		next = sc.next
		if err = errors.Join(err, f.Close()); err != nil {
			return next, unjoin(err)
		}
		if len(w.tails) > 0 {
			return next, w.laterTails(i, next)
		}
		if limited && next != limit {
			return next, &CorruptError{File: s.path, Offset: s.end, Index: next, What: fmt.Sprintf(
				"the next segment begins with entry %d, but entry %d should follow here", limit, next)}
		}
	}
	return next, nil
}

// unpack reads an archive.
func (w *walker) unpack(s *walked, visit func(*frame) error) error {
	a, err := openArchive(w.fsys, s.path, w.epoch, int64(s.number))
	if err != nil {
		return err
	}
	err = a.frames(w.epoch, w.start, visit)
	return unjoin(errors.Join(err, a.file.Close()))
}

// scan reads one segment up to its limit.
func (w *walker) scan(i int, sc *scanner, visit func(*frame) error) error {
	s := &w.segments[i]
	limit, limited := w.limit(i)
	for {
		if limited && sc.next >= limit && (sc.sealed || sc.offset == 0 || !w.epoch.full(sc.next)) {
			return nil // only a segment that was filled has a seal
		}
		f, err := sc.frame()
		if err == io.EOF {
			if limited && sc.next == limit && !sc.sealed {
				return &CorruptError{File: s.path, Offset: s.end, Index: sc.next, What: "the segment's seal is missing"}
			}
			return nil
		}
		if bad := new(frameError); errors.As(err, &bad) {
			again, err := w.judge(i, sc, bad)
			if again {
				continue
			}
			return err
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		if err := visit(f); err != nil {
			return err
		}
		s.end, s.synced, s.sealed = f.end(), f.synced, f.kind == kindSeal
	}
}

// judge decides what a bad frame is: damage if anything written later shows
// that it was durable once, else the torn end of a crash. It may have been a
// writer's frame in the making: then it is to be read again.
func (w *walker) judge(i int, sc *scanner, bad *frameError) (again bool, err error) {
	s := &w.segments[i]
	damage := &CorruptError{File: s.path, Offset: bad.offset, Index: sc.next, What: bad.what}
	if _, limited := w.limit(i); limited {
		damage.What += "; a later segment was begun, so this was on the disk"
		return false, damage
	}
	later, err := sc.promise(bad.offset)
	if err != nil {
		return false, fmt.Errorf("%s: %w", s.path, err)
	}
	if later < 0 {
		w.tails = append(w.tails, tail{i, bad.offset, bad.what})
		return false, nil
	}
	sc.forget()
	trial := *sc
	trial.window = nil
	if _, err := trial.frame(); err == nil {
		return true, nil
	}
	damage.What += fmt.Sprintf("; the frame at offset %d promises that this was on the disk", later)
	return false, damage
}

// laterTails looks at the segments after a torn one. Frames there would show
// that it was not torn by a crash; anything else is torn as well.
func (w *walker) laterTails(i int, next uint64) error {
	torn := w.tails[0]
	for j := i + 1; j < len(w.segments); j++ {
		s := &w.segments[j]
		f, err := w.fsys.Open(s.path, false)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("opening a segment: %w", err)
		}
		sc := &scanner{file: f, epoch: w.epoch.Number}
		found, err := sc.find(0, func(int64, header) bool { return true })
		data := int64(-1)
		if err == nil {
			data, err = sc.nonZero(0)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		if found >= 0 {
			return &CorruptError{File: w.segments[i].path, Offset: torn.offset, Index: next, What: fmt.Sprintf(
				"%s; %s has a frame at offset %d, so this was on the disk", torn.what, filepath.Base(s.path), found)}
		}
		if data >= 0 {
			w.tails = append(w.tails, tail{j, 0, "no frame in the segment"})
		}
	}
	return nil
}

// unjoin gives a single error back as it was.
func unjoin(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok && len(many.Unwrap()) == 1 {
		return many.Unwrap()[0]
	}
	return err
}
