package format

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
)

// Walker goes through an epoch's segments in order. It is the one place that
// tells the trace of a crash from damage, for opening, reading and verifying.
type Walker struct {
	FS       FS
	Dir      string // the epoch's folder
	Epoch    Epoch
	Segments []Segment
	Foreign  []string // names in the segments' folder that are none of ours
	Tails    []Tail

	// Leftovers are segments whose entries are in archives, in the order in
	// which they may be removed, and archived is how many entries these have.
	Leftovers []Segment
	Archived  uint64
	// start is the first entry that is wanted: bundles of archives before it
	// are passed over.
	start uint64

	// From, if it has a path, is a frame known to follow everything that is
	// passed over: its segment is read from there on.
	From Place
}

// Place is where a frame lies.
type Place struct {
	Path   string
	Offset int64
	First  uint64
}

// Segment is one segment's file, or the archive that has taken its place.
type Segment struct {
	Path    string
	Archive bool // its number is that of its subtree; it was begun, and is sealed
	Number  int
	begun   bool   // its first frame has a sound header
	First   uint64 // index in that header
	Passed  bool   // taken to be whole, not read
	End     int64  // after its last good frame that counts; 0 if there is none
	Synced  int64  // what its last good frame promises
	Sealed  bool
}

// Tail is what a crash left behind: bytes after the last good frame which no
// later frame vouches for.
type Tail struct {
	Segment int
	Offset  int64
	What    string
}

// String says where the tail is and what was found there.
func (t Tail) String() string { return (&frameError{t.Offset, t.What}).Error() }

// NewWalker lists the segments and reads the first header of each.
func NewWalker(fsys FS, dir string, e Epoch) (*Walker, error) {
	w := &Walker{FS: fsys, Dir: dir, Epoch: e}
	names, err := fsys.Names(filepath.Join(dir, "seg"))
	if err != nil {
		return nil, fmt.Errorf("listing the ledger's segments: %w", err)
	}
	for _, name := range names {
		if number, ok := segmentNumber(name); ok {
			w.Segments = append(w.Segments, Segment{Path: SegmentPath(dir, number), Number: number})
		} else {
			w.Foreign = append(w.Foreign, name)
		}
	}
	slices.SortFunc(w.Segments, func(a, b Segment) int { return a.Number - b.Number })
	archives, err := w.archives() // after the segments, which a sealer removes when there is an archive
	if err != nil {
		return nil, err
	}
	gone := false
	for i := range w.Segments {
		s := &w.Segments[i]
		want := i
		if len(archives) > 0 {
			want += w.Segments[0].Number
		}
		if s.Number != want {
			path := SegmentPath(dir, want)
			return nil, &CorruptError{File: path, What: fmt.Sprintf("the segment is missing, but %s is there", filepath.Base(s.Path))}
		}
		there, err := w.begin(s)
		if err != nil {
			return nil, err
		}
		gone = gone || !there
	}
	if gone { // a writer that closed took back its empty segment, or a sealer has sealed it meanwhile
		now, err := (&Walker{FS: fsys, Dir: dir, Epoch: e}).archives()
		if err != nil {
			return nil, err
		}
		if len(now) > len(archives) {
			return NewWalker(fsys, dir, e)
		}
	}
	w.setAside()
	w.Segments = append(archives, w.Segments...)
	return w, nil
}

// archives lists the archives, of subtrees from the first on.
func (w *Walker) archives() (all []Segment, err error) {
	names, err := w.FS.Names(filepath.Join(w.Dir, "sealed"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the ledger's sealed segments: %w", err)
	}
	for _, name := range names {
		number, ok := numbered(name, ".zst")
		if !ok {
			if !isSide(name) {
				w.Foreign = append(w.Foreign, filepath.Join("..", "sealed", name))
			}
			continue
		}
		all = append(all, Segment{
			Path: ArchivePath(w.Dir, int64(number)), Archive: true, Number: number,
			begun: true, First: uint64(number) * w.Epoch.SegmentEntries, Sealed: true,
		})
	}
	slices.SortFunc(all, func(a, b Segment) int { return a.Number - b.Number })
	for i, s := range all {
		if s.Number != i {
			return nil, &CorruptError{File: ArchivePath(w.Dir, int64(i)), Index: uint64(i) * w.Epoch.SegmentEntries,
				What: fmt.Sprintf("the sealed segment is missing, but %s is there", filepath.Base(s.Path))}
		}
	}
	w.Archived = uint64(len(all)) * w.Epoch.SegmentEntries
	return all, nil
}

// setAside takes out the segments whose entries are in archives. No segment
// holds entries of two subtrees.
func (w *Walker) setAside() {
	old := 0
	for i, s := range w.Segments {
		if s.begun && s.First >= w.Archived {
			break
		}
		if s.begun {
			old = i + 1
		}
	}
	w.Leftovers, w.Segments = w.Segments[:old:old], w.Segments[old:]
}

// begin reads a segment's first header, if the segment is still there.
func (w *Walker) begin(s *Segment) (there bool, err error) {
	f, err := w.FS.Open(s.Path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening a segment: %w", err)
	}
	var b [HeaderSize]byte
	n, err := f.ReadAt(b[:], 0)
	if err == io.EOF {
		err = nil
	}
	if n == HeaderSize {
		h, wrong := parseHeader(b[:])
		s.begun, s.First = wrong == "" && h.Epoch == w.Epoch.Number, h.First
	}
	return true, errors.Join(err, f.Close())
}

// limit is the index with which the next segment that was begun begins. Frames
// from there on are leftovers of a write whose sync failed.
func (w *Walker) limit(i int) (limit uint64, limited bool) {
	if s := w.Segments[i]; s.Archive {
		return s.First + w.Epoch.SegmentEntries, true
	}
	for _, s := range w.Segments[i+1:] {
		if s.begun {
			return s.First, true
		}
	}
	return 0, false
}

// Run hands every good frame to visit, in order, and returns the index after
// the last entry. Segments that skip wants to pass over are taken to be whole.
// Damage is a *CorruptError; what a crash left is noted in w.tails.
func (w *Walker) Run(skip func(s *Segment, limit uint64) (bool, error), visit func(*Frame) error) (next uint64, err error) {
	for i := range w.Segments {
		s := &w.Segments[i]
		limit, limited := w.limit(i)
		if limited && skip != nil {
			pass, err := skip(s, limit)
			if err != nil {
				return next, err
			}
			if pass {
				s.Passed, next = true, limit
				continue
			}
		}
		if s.Archive {
			if err := w.unpack(s, visit); err != nil {
				return next, err
			}
			next = limit
			continue
		}
		f, err := w.FS.Open(s.Path, false)
		if errors.Is(err, fs.ErrNotExist) && !s.begun {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) { // unless it was sealed meanwhile
			err = &CorruptError{File: s.Path, Index: s.First, What: "the segment is missing"}
		}
		if err != nil {
			return next, fmt.Errorf("opening a segment: %w", err)
		}
		sc := &scanner{file: f, path: s.Path, epoch: w.Epoch.Number, next: next}
		if s.Path == w.From.Path {
			sc.offset, sc.next = w.From.Offset, w.From.First
		}
		err = w.scan(i, sc, visit)
		sc.release()
		next = sc.next
		if err = Joined(err, f.Close()); err != nil {
			return next, err
		}
		if len(w.Tails) > 0 {
			return next, w.laterTails(i, next)
		}
		if limited && next != limit {
			return next, &CorruptError{File: s.Path, Offset: s.End, Index: next, What: fmt.Sprintf(
				"the next segment begins with entry %d, but entry %d should follow here", limit, next)}
		}
	}
	return next, nil
}

// unpack reads an archive.
func (w *Walker) unpack(s *Segment, visit func(*Frame) error) error {
	a, err := OpenArchive(w.FS, s.Path, w.Epoch, int64(s.Number))
	if err != nil {
		return err
	}
	err = a.Frames(w.Epoch, w.start, visit)
	return Joined(err, a.Close())
}

// scan reads one segment up to its limit.
func (w *Walker) scan(i int, sc *scanner, visit func(*Frame) error) error {
	s := &w.Segments[i]
	limit, limited := w.limit(i)
	for {
		if limited && sc.next >= limit && (sc.sealed || sc.offset == 0 || !w.Epoch.Full(sc.next)) {
			return nil // only a segment that was filled has a seal
		}
		f, err := sc.frame()
		if err == io.EOF {
			if limited && sc.next == limit && !sc.sealed {
				return &CorruptError{File: s.Path, Offset: s.End, Index: sc.next, What: "the segment's seal is missing"}
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
			return fmt.Errorf("%s: %w", s.Path, err)
		}
		if err := visit(f); err != nil {
			return err
		}
		s.End, s.Synced, s.Sealed = f.end(), f.Synced, f.Kind == KindSeal
	}
}

// judge decides what a bad frame is: damage if anything written later shows
// that it was durable once, else the torn end of a crash. It may have been a
// writer's frame in the making: then it is to be read again.
func (w *Walker) judge(i int, sc *scanner, bad *frameError) (again bool, err error) {
	s := &w.Segments[i]
	damage := &CorruptError{File: s.Path, Offset: bad.offset, Index: sc.next, What: bad.what}
	if _, limited := w.limit(i); limited {
		damage.What += "; a later segment was begun, so this was on the disk"
		return false, damage
	}
	later, err := sc.promise(bad.offset)
	if err != nil {
		return false, fmt.Errorf("%s: %w", s.Path, err)
	}
	if later < 0 {
		w.Tails = append(w.Tails, Tail{i, bad.offset, bad.what})
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
func (w *Walker) laterTails(i int, next uint64) error {
	torn := w.Tails[0]
	for j := i + 1; j < len(w.Segments); j++ {
		s := &w.Segments[j]
		f, err := w.FS.Open(s.Path, false)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("opening a segment: %w", err)
		}
		sc := &scanner{file: f, epoch: w.Epoch.Number}
		found, err := sc.find(0, func(int64, Header) bool { return true })
		data := int64(-1)
		if err == nil {
			data, err = sc.nonZero(0)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("%s: %w", s.Path, err)
		}
		if found >= 0 {
			return &CorruptError{File: w.Segments[i].Path, Offset: torn.Offset, Index: next, What: fmt.Sprintf(
				"%s; %s has a frame at offset %d, so this was on the disk", torn.What, filepath.Base(s.Path), found)}
		}
		if data >= 0 {
			w.Tails = append(w.Tails, Tail{j, 0, "no frame in the segment"})
		}
	}
	return nil
}

// SealedAt reports whether the file ends with the seal before the entry limit. An
// archive is sealed by being there.
func SealedAt(fsys FS, s *Segment, e Epoch, limit uint64) (bool, error) {
	if s.Archive {
		return true, nil
	}
	f, err := fsys.Open(s.Path, false)
	if err != nil {
		return false, fmt.Errorf("opening a segment: %w", err)
	}
	var b [HeaderSize]byte
	size, err := f.Size()
	if err == nil && size > HeaderSize {
		_, err = f.ReadAt(b[:], size-HeaderSize)
	}
	if err = errors.Join(err, f.Close()); err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("reading the seal of %s: %w", s.Path, err)
	}
	h, wrong := parseHeader(b[:])
	return wrong == "" && h.Kind == KindSeal && h.Epoch == e.Number && h.First == limit, nil
}

// Joined is errors.Join of what reading a file and closing it gave, and the one as it
// is if the other is nil.
func Joined(read, closed error) error {
	if read == nil || closed == nil {
		return cmp.Or(read, closed)
	}
	return errors.Join(read, closed)
}
