package geo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/lastgood"
)

// Source answers from the newest good file at a path. Replace the file by
// rename (write the new one beside it, then mv): readers then see the old file
// or the new one and nothing between. A nil or zero Source knows nothing.
//
// All methods may be called at once from many goroutines.
type Source struct {
	// path is empty for the embedded database, which never changes.
	path string
	kept *lastgood.Slot
	log  *slog.Logger

	// db is replaced, never closed: a request may be using it, and when none
	// is, the garbage collector takes it.
	db atomic.Pointer[DB]

	replaced   atomic.Uint64
	refused    atomic.Uint64
	unreadable atomic.Uint64

	mu sync.Mutex // guards what follows, and makes Checks take turns
	// seen is the file last read, good or bad; nil if it could not be read.
	seen os.FileInfo
	// err is why the file at path is not the one in use; nil if it is.
	err error
	// since is when the file in use was taken; before the process began if it is what
	// was kept.
	since time.Time
}

// Status is what is to be known about a Source, for metrics and pages.
type Status struct {
	Type      string    // database type of the file in use
	BuildTime time.Time // when the file in use was made, as it states itself
	// Replaced counts the files taken over since the first one.
	Replaced uint64
	// Refused counts the changes that were not taken over, each once.
	Refused uint64
	// Unreadable counts look-ups that met a record that cannot be read.
	Unreadable uint64
	// LastError is why the file now at the path is not the one in use; nil if
	// it is.
	LastError error
	// LastGood is since when the file in use is, while the one now at the path cannot
	// be; zero otherwise.
	LastGood time.Time
}

// NewSource opens the file at path as Open does, or else what was good last there, if that
// was kept; an error is Open's. It and Watch write to log, where nil discards.
func NewSource(path string, kept *lastgood.Slot, log *slog.Logger) (*Source, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Source{path: path, kept: kept, log: log, since: time.Now()}
	data, info, err := read(path)
	s.seen = info
	var db *DB
	if err == nil {
		db, err = parse(path, data)
	}
	if err != nil {
		if db, err = s.last(err); err != nil {
			return nil, err
		}
	}
	s.db.Store(db)
	return s, nil
}

// last opens what was good last where the file at the path cannot be used, which is cause.
func (s *Source) last(cause error) (db *DB, err error) {
	err = s.kept.Instead(cause, maxSize, func(body io.Reader, since time.Time) error {
		data, err := io.ReadAll(body)
		if err == nil {
			db, err = parse(s.path+", as it was good last", data)
		}
		s.since = since
		return err
	})
	if err != nil {
		return nil, err
	}
	s.err = cause
	s.refused.Add(1)
	s.log.Error("geoip database not taken over; the one that was good last goes on", "since", s.since, "built", db.BuildTime(), "error", cause)
	return db, nil
}

// keep keeps the file in use for a restart, if it is the one at the path.
func (s *Source) keep() {
	s.mu.Lock()
	good := s.err == nil
	s.mu.Unlock()
	if data := s.DB().data; good {
		if err := s.kept.Save(sha256.Sum256(data), bytes.NewReader(data)); err != nil {
			s.log.Error("the geoip database could not be kept on disk; a restart will need the file", "error", err)
		}
	}
}

// NewEmbeddedSource answers from the embedded database. It never changes, so
// Check and Watch do nothing.
func NewEmbeddedSource() (*Source, error) {
	db, err := Embedded()
	if err != nil {
		return nil, err
	}
	s := &Source{}
	s.db.Store(db)
	return s, nil
}

// DB returns the database in use; nil for a nil or zero Source. It stays
// usable however often the file is replaced.
func (s *Source) DB() *DB {
	if s == nil {
		return nil
	}
	return s.db.Load()
}

// Country asks the database in use; see [DB.Country].
func (s *Source) Country(addr netip.Addr) (code string, ok bool) {
	code, err := s.DB().lookup(addr)
	if err != nil {
		s.unreadable.Add(1)
		return "", false
	}
	return code, code != ""
}

// Check looks whether there is another file at the path than last time, by
// identity, size and time of change. If so it opens and probes it and lets it
// take over; then replaced is true. A file that is not fit, or none at all,
// leaves the old one in use; the error says why, once for each change.
func (s *Source) Check() (replaced bool, err error) {
	if s == nil || s.path == "" {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()

	if info, err := os.Stat(s.path); err == nil && s.seen != nil && same(info, s.seen) {
		return false, nil
	}
	db, info, err := s.load()
	// What could not be read at all is tried again each time: a change of
	// permissions leaves no trace in size or time.
	told := err != nil && info == nil && s.err != nil && s.err.Error() == err.Error()
	s.seen, s.err = info, err
	switch {
	case told:
		return false, nil
	case err != nil:
		s.refused.Add(1)
		return false, err
	}
	s.db.Store(db)
	s.since = time.Now()
	s.replaced.Add(1)
	return true, nil
}

// load opens the file at the path and probes it against the one in use. The
// FileInfo is that of the file it read, nil if it could not be read.
func (s *Source) load() (*DB, os.FileInfo, error) {
	data, info, err := read(s.path)
	if err != nil {
		return nil, info, err
	}
	db, err := parse(s.path, data)
	if err != nil {
		return nil, info, err
	}
	if err := db.replaces(s.DB()); err != nil {
		return nil, info, fmt.Errorf("geoip database %s: %w", s.path, err)
	}
	return db, info, nil
}

// Watch calls Check every interval and logs what it found, until ctx is done; what is good
// it keeps for a restart.
// Run it in a goroutine. The interval must be positive.
func (s *Source) Watch(ctx context.Context, interval time.Duration) {
	if s == nil || s.path == "" {
		return
	}
	s.keep()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		replaced, err := s.Check()
		switch {
		case err != nil:
			s.log.Error("geoip database not taken over, the old one stays in use", "error", err)
		case replaced:
			s.log.Info("geoip database replaced", "type", s.DB().Type(), "built", s.DB().BuildTime())
			s.keep()
		}
	}
}

// Status returns a snapshot; the zero Status for a nil or zero Source.
func (s *Source) Status() Status {
	if s == nil {
		return Status{}
	}
	db := s.DB()
	s.mu.Lock()
	defer s.mu.Unlock()
	var lastGood time.Time
	if s.err != nil {
		lastGood = s.since
	}
	return Status{
		Type:       db.Type(),
		BuildTime:  db.BuildTime(),
		Replaced:   s.replaced.Load(),
		Refused:    s.refused.Load(),
		Unreadable: s.unreadable.Load(),
		LastError:  s.err,
		LastGood:   lastGood,
	}
}
