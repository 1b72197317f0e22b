package controllers

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/lastgood"
	"github.com/sparkoo/transfergate/internal/regular"
)

// File keeps the accounts of a table equal to a file of account records (see
// [ReadAccounts] for its form). Any number of goroutines may use it.
//
// A changed file is read when two checks in a row have found it the same, so
// that it is not read half-written: a record that is missing for a moment would
// put its account under another controller. Replacing the file by rename is
// safer still.
type File struct {
	config FileConfig
	table  *Table

	mu       sync.Mutex  // guards what follows
	read     fs.FileInfo // of the content last read, be it good or bad; nil if that content must be read again
	good     bool        // the table holds that content
	pending  fs.FileInfo // of a change that the next check may find settled
	reported string      // the failure last reported; empty after a success
	synced   time.Time
	taken    time.Time         // when the records in the table were
	sum      [sha256.Size]byte // of the content they were taken from
	failures uint64
}

// FileConfig says which file a table is to follow.
type FileConfig struct {
	// Path of the file. Required.
	Path string

	// Strict refuses the file for a line with an invalid country. Otherwise such a line
	// is refused alone, see [Account.Invalid], and named to the logger.
	Strict bool

	// LastGood keeps the bytes of the file as they were good last, for a start at which
	// the file cannot be read. They are what the file is: about people. Default: nowhere
	LastGood *lastgood.Slot

	// Logger is told of failures. Required.
	Logger *slog.Logger
}

// LoadFile reads the file into the table, or else what was good last of it, if that was
// kept, and returns what keeps the table up to date once [File.Watch] is called. Later
// failures go to the logger. The error begins with path:line when a line is at fault.
func LoadFile(config FileConfig, table *Table) (*File, error) {
	f := &File{config: config, table: table}
	f.mu.Lock() // nobody else has f yet; load asks for it
	defer f.mu.Unlock()
	if _, err := f.load(); err != nil {
		if err := f.loadLast(err); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// loadLast takes what was good last where the file cannot be, which is cause. The caller
// holds mu.
func (f *File) loadLast(cause error) error {
	err := f.config.LastGood.Instead(cause, regular.TableLimit, func(body io.Reader, since time.Time) error {
		accounts, odd, err := f.parse(body, f.config.Path+", as it was good last")
		if err == nil {
			err = f.table.ReplaceAccounts(accounts)
		}
		if err == nil {
			odd.Report(f.config.Logger)
			f.synced, f.taken = since, since
		}
		return err
	})
	if err != nil {
		return err
	}
	f.reported = cause.Error()
	f.failures++
	f.config.Logger.Error("account records not taken; those that were good last go on", "since", f.taken, "error", cause)
	return nil
}

// keep keeps the file for a restart, if it is the one that was taken.
func (f *File) keep() {
	f.mu.Lock()
	good, sum := f.good, f.sum
	f.mu.Unlock()
	if !good || f.config.LastGood == nil {
		return
	}
	file, err := regular.Open(f.config.Path, regular.TableLimit)
	if err == nil {
		err = errors.Join(f.config.LastGood.Save(sum, file), file.Close())
	}
	if err != nil {
		f.config.Logger.Error("account records could not be kept on disk; a restart will need the file", "error", err)
	}
}

// LastGood is since when the records in the table are there, while the file's cannot be
// taken; zero if they are the file's.
func (f *File) LastGood() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reported == "" {
		return time.Time{}
	}
	return f.taken
}

// Watch calls [File.Check] at each interval until ctx is done, and keeps what is good for
// a restart.
func (f *File) Watch(ctx context.Context, interval time.Duration) {
	f.keep()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if f.check() {
				f.keep()
			}
		}
	}
}

// Check looks at the file once. If it has been changed or replaced since it was
// last read, and not since the check before, it is read and the table's accounts
// are replaced. A file that is missing or bad leaves them as they are, is
// counted, and is reported once per change: to the logger, because nobody waits
// for the answer.
func (f *File) Check() { f.check() }

// check is Check, and reports whether the accounts were replaced.
func (f *File) check() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.config.Path)
	if err != nil {
		f.read, f.pending = nil, nil // whatever comes back is read
		f.fail(fmt.Errorf("reading accounts: %w", err))
		return false
	}
	if f.read != nil && same(info, f.read) {
		if f.good {
			f.synced = time.Now()
		}
		return false
	}
	if f.pending == nil || !same(info, f.pending) {
		f.pending = info
		return false
	}
	count, err := f.load()
	if err != nil {
		f.fail(err)
		return false
	}
	f.config.Logger.Info("account records replaced", "file", f.config.Path, "accounts", count)
	return true
}

// Status returns when the table was last known to hold what the file says, and
// how many reads of the file have failed since it was loaded. A bad file counts
// once per change, a file that can't be read each time it is tried.
func (f *File) Status() (synced time.Time, failures uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.synced, f.failures
}

// load reads the file into the table and returns how many accounts it holds.
// The caller holds mu.
func (f *File) load() (count int, err error) {
	f.read, f.good, f.pending = nil, false, nil
	var accounts []Account
	var odd *OddRecords
	sum := sha256.New()
	info, err := readFile(f.config.Path, func(r io.Reader) (err error) {
		accounts, odd, err = f.parse(io.TeeReader(r, sum), f.config.Path)
		return err
	})
	f.read = info
	if err != nil {
		return 0, err
	}
	if err := f.table.ReplaceAccounts(accounts); err != nil {
		return 0, fmt.Errorf("%s: %w", f.config.Path, err)
	}
	odd.Report(f.config.Logger)
	f.good, f.reported, f.synced, f.sum = true, "", time.Now(), [sha256.Size]byte(sum.Sum(nil))
	f.taken = f.synced
	return len(accounts), nil
}

// parse reads account records, with those that are odd unless they refuse the whole. Errors
// begin with name.
func (f *File) parse(r io.Reader, name string) ([]Account, *OddRecords, error) {
	odd := new(OddRecords)
	listener := odd.Add
	if f.config.Strict {
		listener = nil
	}
	accounts, err := readAccounts(r, name, f.table.Known(), listener)
	return accounts, odd, err
}

// OddRecords are records with an invalid country, see [Account.Invalid], which were
// taken without it. The zero value is ready for use.
type OddRecords struct {
	first []error // as many as are named
	count int
}

// maxNamed is how many of them are named.
const maxNamed = 20

// Add notes one of them by what is wrong with it.
func (o *OddRecords) Add(err error) {
	if o.count++; o.count <= maxNamed {
		o.first = append(o.first, err)
	}
}

// Report names the first of them in the log, and counts the rest.
func (o *OddRecords) Report(logger *slog.Logger) {
	for _, err := range o.first {
		logger.Error("an account record has an invalid country: its person counts as one whose country is unknown, and only rights requests and public activities pass", "error", err)
	}
	if more := o.count - len(o.first); more > 0 {
		logger.Error("further account records have an invalid country", "records", more)
	}
}

// fail counts a failure, and reports it unless it is an unreadable file's that
// was reported before. The caller holds mu.
func (f *File) fail(err error) {
	f.failures++
	if f.read == nil && err.Error() == f.reported {
		return
	}
	f.reported = err.Error()
	f.config.Logger.Error("account records not replaced, the old ones stay in force", "error", err)
}

// readFile has the file at path parsed. The info is that of the content read, good or bad,
// and nil if it could not be read to its end.
func readFile(path string, parse func(io.Reader) error) (fs.FileInfo, error) {
	file, err := regular.Open(path, regular.TableLimit)
	if err != nil {
		return nil, fmt.Errorf("reading accounts: %w", err)
	}
	defer file.Close() // opened for reading: nothing can be lost
	before, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading accounts: %w", err)
	}
	err = parse(file)
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return nil, err // the disk's fault, not the content's: worth another try
	}
	after, statErr := file.Stat()
	if statErr != nil {
		return nil, fmt.Errorf("reading accounts: %w", statErr)
	}
	if !same(before, after) {
		return nil, fmt.Errorf("reading accounts: %s was changed while being read; replace it by rename", path)
	}
	return before, err
}

// same reports whether a and b are the same file with the same content, as far
// as can be told without reading it.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
