package directory

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/regular"
)

// A state file keeps account records over a restart. It is a row of sections, each
// a head of fixed length that tells how many bytes follow, a checksum of what stands
// before it (CRC-32), and the SHA-256 of the bytes that follow:
//
//	transfergate-accounts/1 00000000000000000093 1a2b3c4d 9f86d0...\n
//
// The first section is written with the file, which replaces the old one by
// rename. Further ones are added at its end. A last section that is shorter than
// its head says, or whose head was not written, was being added when the machine
// stopped: it is as if it never was. Anything else that is not as it was written is
// damage, and nothing of the file is used.
const (
	stateMark = "transfergate-accounts/1"
	stateHead = len(stateMark) + 1 + 20 + 1 + 8 + 1 + sha256.Size*2 + 1
)

// stateFile is one state file. Its owner is whoever holds its turn.
type stateFile struct {
	path string
	end  int64       // of the last whole section; 0 when nothing can be added
	seen fs.FileInfo // the file with that section, as it was last read or written
}

// turns let one writer after the other use a path, over reloads and whatever else
// the writers differ in.
var turns sync.Map // path -> chan struct{} with room for one

// turn waits until nobody else writes to the path, and returns what ends the turn.
func turn(ctx context.Context, path string) (end func(), err error) {
	held, _ := turns.LoadOrStore(path, make(chan struct{}, 1))
	turn := held.(chan struct{})
	select { // a turn that is free is taken even by who is told to end: it has a last save to do
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	default:
	}
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// write replaces the file by one of a single section, with what fill writes.
func (f *stateFile) write(fill func(*bufio.Writer) error) (err error) {
	defer func() {
		if err != nil {
			f.end = 0
			err = fmt.Errorf("keeping account records: %w", err)
		}
	}()
	if err := f.checkOurs(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	var end int64
	err = durable.Write(f.path, 0o600, func(file *os.File) (err error) {
		end, err = f.writeSection(file, 0, fill)
		return err
	})
	if err == nil {
		f.end = end
	}
	return err
}

// checkOurs refuses to replace what is no state file: its path was named by mistake.
func (f *stateFile) checkOurs() error {
	file, err := regular.Open(f.path, regular.TableLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close() // opened for reading: nothing can be lost
	mark := make([]byte, len(stateMark))
	n, err := io.ReadFull(file, mark)
	if errors.Is(err, io.EOF) || n == len(mark) && string(mark) == stateMark {
		return nil // empty, or ours
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return fmt.Errorf("%s holds something else than account records kept by the gateway: name another file, or delete it", f.path)
}

// add adds a section at the end of the file, if it is still as write, read or add
// has left it: one that somebody else wrote holds something else than what the
// section follows.
func (f *stateFile) add(fill func(*bufio.Writer) error) (err error) {
	defer func() {
		if err != nil {
			f.end = 0 // a batch is missing: the next one must not follow
			err = fmt.Errorf("keeping account records: %w", err)
		}
	}()
	file, err := regular.Update(f.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, f.seen) || info.Size() != f.seen.Size() {
		return fmt.Errorf("%s was written by somebody else: each gateway needs a file of its own", f.path)
	}
	if err := file.Truncate(f.end); err != nil { // what a crash left
		return err
	}
	end, err := f.writeSection(file, f.end, fill)
	if err == nil {
		f.end = end
	}
	return err
}

// writeSection writes a section at an offset and returns where it ends, when it is
// safely on the disk.
func (f *stateFile) writeSection(file *os.File, at int64, fill func(*bufio.Writer) error) (end int64, err error) {
	body := io.NewOffsetWriter(file, at+int64(stateHead))
	sum := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(body, sum), 64<<10)
	if err := fill(w); err != nil {
		return 0, err
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	size, err := body.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if _, err := file.WriteAt(sectionHead(size, sum.Sum(nil)), at); err != nil {
		return 0, err
	}
	if err := file.Sync(); err != nil {
		return 0, err
	}
	f.seen, err = file.Stat()
	return at + int64(stateHead) + size, err
}

func sectionHead(size int64, sum []byte) []byte {
	head := fmt.Appendf(nil, "%s %020d ", stateMark, size)
	return fmt.Appendf(head, "%08x %x\n", crc32.ChecksumIEEE(head), sum)
}

// errDamaged tells that a state file is not as it was written.
var errDamaged = errors.New("it is not as it was written")

// read hands each section to take, after all of them were found whole. It changes
// nothing.
func (f *stateFile) read(take func(io.Reader) error) error {
	f.end = 0
	file, err := regular.Open(f.path, regular.TableLimit)
	if err != nil {
		return err
	}
	defer file.Close()
	if f.seen, err = file.Stat(); err != nil {
		return err
	}
	var sections []*io.SectionReader
	end := int64(0)
	for {
		section, err := checkSection(file, end)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && len(sections) > 0 {
			break
		}
		if err != nil {
			return err
		}
		sections = append(sections, section)
		end += int64(stateHead) + section.Size()
	}
	if len(sections) == 0 {
		return fmt.Errorf("%w: it is empty", errDamaged)
	}
	for _, section := range sections {
		if err := take(section); err != nil {
			return err
		}
	}
	f.end = end
	return nil
}

// checkSection returns the section at an offset, if it is whole. The error is
// io.EOF at the file's end and io.ErrUnexpectedEOF for one that is cut off.
func checkSection(file *os.File, at int64) (*io.SectionReader, error) {
	head := make([]byte, stateHead)
	if _, err := file.ReadAt(head, at); errors.Is(err, io.EOF) {
		info, err := file.Stat()
		if err == nil && info.Size() > at {
			err = io.ErrUnexpectedEOF
		} else if err == nil {
			err = io.EOF
		}
		return nil, err
	} else if err != nil {
		return nil, err
	}
	if bytes.Count(head, []byte{0}) == len(head) {
		return nil, io.ErrUnexpectedEOF
	}
	size, err := strconv.ParseInt(string(head[len(stateMark)+1:][:20]), 10, 64)
	begin := sectionHead(size, nil)
	if err != nil || !bytes.HasPrefix(head, begin[:len(begin)-1]) {
		return nil, errDamaged
	}
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(file, at+int64(stateHead), size))
	switch {
	case err != nil:
		return nil, err
	case n < size:
		return nil, io.ErrUnexpectedEOF
	case !bytes.Equal(head, sectionHead(size, sum.Sum(nil))):
		return nil, errDamaged
	}
	return io.NewSectionReader(file, at+int64(stateHead), size), nil
}
