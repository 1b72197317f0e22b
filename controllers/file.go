package controllers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

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
	path   string
	table  *Table
	strict bool // an invalid country refuses the file
	logger *slog.Logger

	mu       sync.Mutex  // guards what follows
	read     fs.FileInfo // of the content last read, be it good or bad; nil if that content must be read again
	good     bool        // the table holds that content
	pending  fs.FileInfo // of a change that the next check may find settled
	reported string      // the failure last reported; empty after a success
	synced   time.Time
	failures uint64
}

// LoadFile reads the file at path into the table, which it must be able to,
// and returns what keeps it up to date once [File.Watch] is called. Later
// failures go to the logger. The error begins with path:line when a line is at
// fault. A line with an invalid country is refused alone, see [Account.Invalid], and
// named to the logger; if strict it refuses the file.
func LoadFile(path string, table *Table, strict bool, logger *slog.Logger) (*File, error) {
	f := &File{path: path, table: table, strict: strict, logger: logger}
	f.mu.Lock() // nobody else has f yet; load asks for it
	defer f.mu.Unlock()
	if _, err := f.load(); err != nil {
		return nil, err
	}
	return f, nil
}

// Watch calls [File.Check] at each interval until ctx is done.
func (f *File) Watch(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.Check()
		}
	}
}

// Check looks at the file once. If it has been changed or replaced since it was
// last read, and not since the check before, it is read and the table's accounts
// are replaced. A file that is missing or bad leaves them as they are, is
// counted, and is reported once per change: to the logger, because nobody waits
// for the answer.
func (f *File) Check() {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		f.read, f.pending = nil, nil // whatever comes back is read
		f.fail(fmt.Errorf("reading accounts: %w", err))
		return
	}
	if f.read != nil && same(info, f.read) {
		if f.good {
			f.synced = time.Now()
		}
		return
	}
	if f.pending == nil || !same(info, f.pending) {
		f.pending = info
		return
	}
	count, err := f.load()
	if err != nil {
		f.fail(err)
		return
	}
	f.logger.Info("account records replaced", "file", f.path, "accounts", count)
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
	var odd OddRecords
	listener := odd.Add
	if f.strict {
		listener = nil
	}
	info, accounts, err := readFile(f.path, f.table.Known(), listener)
	f.read = info
	if err != nil {
		return 0, err
	}
	if err := f.table.ReplaceAccounts(accounts); err != nil {
		return 0, fmt.Errorf("%s: %w", f.path, err)
	}
	odd.Report(f.logger)
	f.good, f.reported, f.synced = true, "", time.Now()
	return len(accounts), nil
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
	f.logger.Error("account records not replaced, the old ones stay in force", "error", err)
}

// readFile reads account records from the file at path. The info is that of the
// content read, good or bad, and nil if it could not be read to its end. For odd see
// readAccounts.
func readFile(path string, known Known, odd func(error)) (fs.FileInfo, []Account, error) {
	file, err := regular.Open(path, regular.TableLimit)
	if err != nil {
		return nil, nil, fmt.Errorf("reading accounts: %w", err)
	}
	defer file.Close() // opened for reading: nothing can be lost
	before, err := file.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("reading accounts: %w", err)
	}
	accounts, err := readAccounts(file, path, known, odd)
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return nil, nil, err // the disk's fault, not the content's: worth another try
	}
	after, statErr := file.Stat()
	if statErr != nil {
		return nil, nil, fmt.Errorf("reading accounts: %w", statErr)
	}
	if !same(before, after) {
		return nil, nil, fmt.Errorf("reading accounts: %s was changed while being read; replace it by rename", path)
	}
	return before, accounts, err
}

// same reports whether a and b are the same file with the same content, as far
// as can be told without reading it.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
