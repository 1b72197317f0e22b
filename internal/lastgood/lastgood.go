// Package lastgood keeps on disk what was good last of what a gateway takes from elsewhere:
// policies, account records, a country database, key sets. A process that is started anew
// goes on with it where the original cannot be read or is broken, as one that runs on does
// with what it has in memory: a restart is never less available.
//
// What is kept is worth no more than the original. It is readable by its owner alone, and
// not used if others may write to it; it is bound to its source, and whole or not used; and
// whoever takes it holds it to all that is asked of the original. What is about people is
// sealed. What could not be kept is removed, since it is not what was good last.
package lastgood

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/regular"
)

// folder is where it lies in a ledger's folder.
const folder = "last-good"

// Room is the folder of a gateway's last good things. A nil Room keeps nothing. Any number
// of goroutines may use it.
type Room struct {
	dir    string
	make   func(string, fs.FileMode) error
	secret func() ([]byte, error) // nil: nothing can be sealed

	mu    sync.Mutex
	inUse map[string]bool // names of files; guarded by mu
}

// In is the room in a folder, which is made when there is something to keep. No folder: no
// room.
func In(dir string) *Room {
	if dir == "" {
		return nil
	}
	return &Room{dir: dir, make: os.MkdirAll, inUse: map[string]bool{}}
}

// Within is the room in a ledger's folder. That folder is never made: one that is missing
// has to be found missing.
func Within(ledger string) *Room {
	if ledger == "" {
		return nil
	}
	r := In(filepath.Join(ledger, folder))
	r.make = os.Mkdir
	return r
}

// Slot is where one thing is kept. A nil Slot keeps nothing.
type Slot struct {
	room   *Room
	path   string
	sealed bool
}

// Slot is the place of what comes from a source: a path, a URL. The kind is a short word,
// which begins the file's name.
func (r *Room) Slot(kind, source string) *Slot {
	if r == nil {
		return nil
	}
	sum := sha256.Sum256([]byte(source))
	name := kind + "-" + hex.EncodeToString(sum[:8])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inUse[name] = true
	return &Slot{room: r, path: filepath.Join(r.dir, name)}
}

// writing is held by who writes or removes: there are few, and what a crash left may then be
// told from what is being written.
var writing sync.Mutex

// Tidy removes what lies in the folder and belongs to no slot of this room: what came from a
// source that is no longer configured, and what a crash left.
func (r *Room) Tidy() error {
	if r == nil {
		return nil
	}
	writing.Lock()
	defer writing.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	found, err := os.ReadDir(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, f := range found {
		if !f.IsDir() && !r.inUse[f.Name()] {
			err = errors.Join(err, os.Remove(filepath.Join(r.dir, f.Name())))
		}
	}
	return err
}

// head is the first line of a file, of fixed length: whether it is sealed, since when the
// bytes that follow are kept, how many they are, and their SHA-256, or the seal's tag.
const (
	headForm = "transfergate-last-good/%d %s %020d %x\n"
	headSize = 24 + 1 + len(sinceForm) + 1 + 20 + 1 + sha256.Size*2 + 1

	sinceForm = "2006-01-02T15:04:05Z"
)

type head struct {
	form  int // 1: plain, 2: sealed
	since time.Time
	size  int64
	sum   [sha256.Size]byte
}

func (h head) String() string {
	return fmt.Sprintf(headForm, h.form, h.since.UTC().Format(sinceForm), h.size, h.sum)
}

func readHead(r io.Reader) (h head, err error) {
	line := make([]byte, headSize)
	if _, err := io.ReadFull(r, line); err != nil {
		return h, errDamaged
	}
	var since string
	var sum []byte
	if _, err := fmt.Sscanf(string(line), headForm, &h.form, &since, &h.size, &sum); err != nil || copy(h.sum[:], sum) != sha256.Size {
		return h, errDamaged
	}
	if h.since, err = time.Parse(sinceForm, since); err != nil || h.String() != string(line) {
		return h, errDamaged
	}
	return h, nil
}

var errDamaged = errors.New("it is not as it was written")

// Save keeps the bytes of body, whose SHA-256 is sum, in place of what was kept; nothing is
// written if they are kept already. The error is for a log: the gateway goes on, and a
// restart will need the original.
func (s *Slot) Save(sum [sha256.Size]byte, body io.Reader) error {
	if s == nil {
		return nil
	}
	writing.Lock()
	defer writing.Unlock()
	if s.has(sum) {
		return nil
	}
	err := s.room.make(s.room.dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err == nil {
		err = durable.Write(s.path, 0o600, func(f *os.File) error { return s.write(f, sum, body) })
	}
	if err != nil {
		if gone := os.Remove(s.path); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return fmt.Errorf("keeping what is good: %w", err)
	}
	return nil
}

// form is the head's.
func (s *Slot) form() int {
	if s.sealed {
		return 2
	}
	return 1
}

func (s *Slot) write(f *os.File, sum [sha256.Size]byte, body io.Reader) error {
	seal, err := s.newSeal()
	if err != nil {
		return err
	}
	h := head{form: s.form(), since: time.Now()}
	if _, err := f.Write(append([]byte(h.String()), seal.begin()...)); err != nil {
		return err
	}
	hash := sha256.New()
	if h.size, err = io.Copy(io.MultiWriter(seal.writer(f), hash), body); err != nil {
		return err
	}
	if [sha256.Size]byte(hash.Sum(nil)) != sum {
		return errors.New("it was changed meanwhile")
	}
	h.sum = seal.sum(h, sum)
	_, err = f.WriteAt([]byte(h.String()), 0)
	return err
}

// has reports whether the bytes of that sum are kept.
func (s *Slot) has(sum [sha256.Size]byte) bool {
	k, err := s.open()
	if err != nil {
		return false
	}
	defer k.Close() //nolint:errcheck // only read from
	return k.isWhole() && k.seal.sum(k.head, sum) == k.head.sum
}

// kept is a file that is read.
type kept struct {
	*os.File
	head head
	seal *seal
}

// offset is where what is kept begins.
func (k *kept) offset() int64 { return int64(headSize + len(k.seal.begin())) }

// isWhole reports whether the file is as long as its head says.
func (k *kept) isWhole() bool {
	info, err := k.Stat()
	return err == nil && info.Size() == k.offset()+k.head.size
}

// body is what is kept.
func (k *kept) body() io.Reader {
	return k.seal.reader(io.NewSectionReader(k, k.offset(), k.head.size))
}

func (s *Slot) open() (*kept, error) {
	f, err := regular.Open(s.path, regular.TableLimit+int64(headSize+saltSize))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	k := &kept{File: f}
	info, err := f.Stat()
	if err == nil {
		err = othersWrite(info)
	}
	if err == nil {
		k.head, err = readHead(f)
	}
	if err == nil && k.head.form != s.form() {
		err = errDamaged
	}
	if err == nil {
		k.seal, err = s.readSeal(f)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return k, nil
}

// ErrNone says that nothing is kept.
var ErrNone = errors.New("nothing is kept")

// Load hands what is kept, of at most limit bytes, to take, after it was found whole, with
// the time since when it is kept. take holds it to what it holds the original to. The error
// is [ErrNone] if nothing is kept.
func (s *Slot) Load(limit int64, take func(body io.Reader, since time.Time) error) error {
	if s == nil {
		return ErrNone
	}
	k, err := s.open()
	if err != nil {
		return err
	}
	defer k.Close() //nolint:errcheck // only read from
	if k.head.size < 0 || k.head.size > limit || !k.isWhole() {
		return errDamaged
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, k.body()); err != nil {
		return err
	}
	if k.seal.sum(k.head, [sha256.Size]byte(hash.Sum(nil))) != k.head.sum {
		return errDamaged
	}
	return take(k.body(), k.head.since)
}

// Instead is Load where the original cannot be taken, which is cause. The error is cause if
// nothing is kept, and says both if what is kept cannot be taken either.
func (s *Slot) Instead(cause error, limit int64, take func(body io.Reader, since time.Time) error) error {
	err := s.Load(limit, take)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNone):
		return cause
	}
	return fmt.Errorf("%w; nor can what was good last be used, %s: %w", cause, s.path, err)
}
