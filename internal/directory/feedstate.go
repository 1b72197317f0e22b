package directory

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/controllers"
)

// position is how far a feed was read.
type position struct {
	snapshot *controllers.Snapshot // of a table with the accounts; nil for nothing yet
	end      controllers.End
	etag     string    // of the snapshot, while nothing else was applied
	same     time.Time // when the snapshot was last said to be unchanged
}

// asOf is the moment up to which the accounts are complete.
func (p position) asOf() time.Time {
	if p.same.After(p.end.AsOf) {
		return p.same
	}
	return p.end.AsOf
}

// FeedMemory is what is known of a directory's feed. It outlives reloads: those who
// read on bring their own settings and tables.
type FeedMemory struct {
	source string
	turn   chan struct{} // held by who reads on

	mu      sync.Mutex
	current position // guarded by mu
	loaded  bool     // guarded by mu: the state file was read

	// The state file; path empty for none. It is read before anybody begins, and then
	// belongs to who holds the turn.
	state  stateFile
	base   int64     // how much of it is the snapshot
	kept   time.Time // the as_of that stands in it
	since  time.Time // of the first change behind the snapshot; zero for none
	failed time.Time // when it was last tried in vain to write all of it
}

// NewFeedMemory returns what is to be known of the feed at a URL, with a state file
// at a path; no path for none.
func NewFeedMemory(url, path string) *FeedMemory {
	return &FeedMemory{source: sourceOf(url), turn: make(chan struct{}, 1), state: stateFile{path: path}}
}

// begin waits for one's turn to read on, and returns what ends it.
func (m *FeedMemory) begin(ctx context.Context) (end func(), err error) {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if m.state.path == "" {
		return func() { <-m.turn }, nil
	}
	endFile, err := turn(ctx, m.state.path)
	if err != nil {
		<-m.turn
		return nil, err
	}
	return func() { endFile(); <-m.turn }, nil
}

func (m *FeedMemory) last() position {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

func (m *FeedMemory) set(p position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.current = p
}

// position fills a table with what is known, and returns how far that goes.
func (m *FeedMemory) position(table *controllers.Table, logger *slog.Logger) (position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.current.snapshot != nil {
		return m.current, table.ShareAccounts(m.current.snapshot)
	}
	if m.state.path == "" || m.loaded {
		return position{}, nil
	}
	m.loaded = true
	p, err := m.read(table)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return position{}, nil
	case err != nil:
		logger.Error("the account records kept on disk are not used; nobody identified is served until the directory has answered",
			"file", m.state.path, "error", err)
		return position{}, nil
	}
	m.current = p
	return p, nil
}

// feedHead is the first line of a section in the state file.
type feedHead struct {
	Kind   string `json:"kind"` // snapshot or changes
	Source string `json:"source,omitempty"`
	ETag   string `json:"etag,omitempty"`
}

const (
	kindSnapshot = "feed-snapshot"
	kindChanges  = "feed-changes"
)

// read reads the state file. Nothing of it comes into the table unless all does.
func (m *FeedMemory) read(table *controllers.Table) (position, error) {
	scratch := table.Empty()
	var p position
	m.state.end, m.base = 0, 0
	err := m.state.read(func(r io.Reader) error {
		lines := bufio.NewReaderSize(r, 64<<10)
		first, err := lines.ReadBytes('\n')
		var head feedHead
		if err != nil || json.Unmarshal(first, &head) != nil {
			return errDamaged
		}
		c, err := controllers.ReadChanges(lines, "line", table.Known(), said)
		switch begins := p.end.AsOf.IsZero(); {
		case err != nil:
			return err
		case begins && (head.Kind != kindSnapshot || head.Source != m.source):
			return errors.New("it is of another directory, or something else than a feed")
		case !begins && head.Kind != kindChanges:
			return errDamaged
		case begins:
			p.etag = head.ETag
			err = scratch.ReplaceAccounts(c.Put)
		default:
			m.noteChange()
			err = scratch.ChangeAccounts(c.Put, c.Removed)
		}
		p.end = c.End
		return err
	})
	if err == nil && p.end.AsOf.After(time.Now().Add(clockSkew)) {
		err = errors.New("it holds records of the future")
	}
	if err != nil {
		m.state.end = 0
		return position{}, err
	}
	p.snapshot, m.kept = scratch.Snapshot(), p.end.AsOf
	return p, table.ShareAccounts(p.snapshot)
}

// replace writes a file of all records.
func (m *FeedMemory) replace(p position) error {
	if m.state.path == "" {
		return nil
	}
	err := m.state.write(func(w *bufio.Writer) error {
		if err := writeHead(w, feedHead{kindSnapshot, m.source, p.etag}); err != nil {
			return err
		}
		end := controllers.End{AsOf: p.end.AsOf, Cursor: p.end.Cursor}
		var line []byte
		for a := range p.snapshot.Accounts() {
			end.Lines++
			line = append(controllers.AppendAccount(line[:0], a), '\n')
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		_, err := w.Write(controllers.AppendEnd(nil, end))
		return err
	})
	m.base, m.kept, m.since = m.state.end, p.end.AsOf, time.Time{}
	if err != nil {
		m.failed = time.Now()
	}
	return err
}

// add adds changes to the file, if they can follow what stands there.
func (m *FeedMemory) add(c *controllers.Changes) error {
	if m.state.path == "" || m.state.end == 0 {
		return nil // keep will write all of it
	}
	err := m.state.add(func(w *bufio.Writer) error {
		if err := writeHead(w, feedHead{Kind: kindChanges}); err != nil {
			return err
		}
		_, err := w.Write(controllers.AppendChanges(nil, c))
		return err
	})
	if err == nil {
		m.kept = c.End.AsOf
	}
	if len(c.Put)+len(c.Removed) > 0 {
		m.noteChange()
	}
	return err
}

func (m *FeedMemory) noteChange() {
	if m.since.IsZero() {
		m.since = time.Now()
	}
}

// mergeAfter is how long the file may hold what a change has replaced or deleted,
// such as a person's salt.
const mergeAfter = 10 * time.Minute

// keepEvery is how old the moment on disk may be when nothing changes, and the pause
// after all could not be written: it may be much, on a full disk.
const keepEvery = time.Minute

// keep writes the file anew when there is none to add to, and when changes have
// become more than the snapshot or have stood there for a while. If nothing has changed for a while, or now, it notes
// the moment.
func (m *FeedMemory) keep(p position, now bool) error {
	switch {
	case m.state.path == "" || p.snapshot == nil:
		return nil
	case m.state.end == 0 || m.state.end > 2*m.base+(1<<20) || !m.since.IsZero() && time.Since(m.since) > mergeAfter:
		if time.Since(m.failed) < keepEvery {
			return nil
		}
		return m.replace(p)
	case p.end.AsOf.Sub(m.kept) >= keepEvery || now && p.end.AsOf.After(m.kept):
		return m.add(&controllers.Changes{End: p.end})
	}
	return nil
}

func writeHead(w io.Writer, head feedHead) error {
	line, err := json.Marshal(head)
	if err != nil {
		return fmt.Errorf("writing the head: %w", err)
	}
	_, err = io.Copy(w, bytes.NewReader(append(line, '\n')))
	return err
}
