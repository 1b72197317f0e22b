package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// standing is what later starts and deletions rely on: the holds that are set, and what
// entries of the type record.TypeStanding say. It is read from the entries when the log
// opens; no file beside them overrules it. Each epoch says it again in its first
// entries, so that the newest one is enough, and an older one may go.
type standing struct {
	changing sync.Mutex // one call of State at a time

	mu    sync.Mutex // guards the rest, which whoever commits reads
	said  record.Standing
	holds map[string]Hold // by reference
	epoch uint32          // the last one whose first entries say it, or will
}

// maxDestroyed is how many periods are remembered as ones whose keys were destroyed, so
// that they fit into an entry. It is more than a century of months.
const maxDestroyed = 2000

// Standing is what stands, as the entries say, besides the holds. What it points to must
// not be changed. It is ErrNotOpen before the log was open.
func (l *Log) Standing() (record.Standing, error) {
	l.standing.mu.Lock()
	defer l.standing.mu.Unlock()
	if l.standing.holds == nil {
		return record.Standing{}, ErrNotOpen
	}
	return l.standing.said, nil
}

// State changes what stands, and returns when an entry that says so is durable. change
// puts new values in the place of those there are. It writes nothing if they are the same.
func (l *Log) State(change func(*record.Standing)) error {
	s := &l.standing
	s.changing.Lock()
	defer s.changing.Unlock()
	before, err := l.Standing()
	if err != nil {
		return err
	}
	next := before
	change(&next)
	if reflect.DeepEqual(next, before) {
		return nil
	}
	s.set(next) // before the entry: a new epoch may begin with it
	entry := next
	entry.Header, entry.Gateway, entry.Destroyed = l.header(record.TypeStanding), nil, nil
	if _, err := l.Append(entry.Append(nil)); err != nil {
		s.set(before)
		return fmt.Errorf("recording what stands: %w", err)
	}
	return nil
}

// Say appends an entry that changes what stands by itself: [*record.Started],
// the last [*record.Beat], [*record.ConfigChanged] or that a key was destroyed. It fails
// as Append does.
func (l *Log) Say(entry record.Entry) error {
	s := &l.standing
	s.changing.Lock()
	defer s.changing.Unlock()
	before, err := l.Standing()
	if err != nil {
		return err
	}
	s.note(entry) // before the entry: a new epoch may begin with it
	if _, err := l.Append(entry.Append(nil)); err != nil {
		s.set(before)
		return err
	}
	return nil
}

func (s *standing) set(said record.Standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = said
}

// load reads what stands, after the epoch with so many entries was read back, and
// returns the entries that the epoch owes of it.
func (s *standing) load(l *Log, next uint64) (own [][]byte, err error) {
	l.o.FS.Remove(filepath.Join(l.dir, format.OverdueName)) //nolint:errcheck // of an earlier version, which nobody reads
	var changes []record.Entry
	complete := true
	if next > 0 || l.epoch.Previous != nil {
		if changes, complete, err = readStanding(l.o, l.dir, l.epoch.Number); err != nil {
			return nil, err
		}
	}
	s.read(changes)
	if next > 0 && !complete { // of an earlier version, or a crash cut it off
		own = s.entries(l)
	}
	return own, nil
}

// entries are those that say all that stands; none if nothing does.
func (s *standing) entries(l *Log) (all [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch = l.epoch.Number
	if len(s.holds) == 0 && reflect.DeepEqual(s.said, record.Standing{}) {
		return nil
	}
	for _, ref := range slices.Sorted(maps.Keys(s.holds)) {
		all = append(all, l.holdEntry(record.TypeHoldSet, s.holds[ref]))
	}
	whole := s.said
	whole.Header, whole.Whole = l.header(record.TypeStanding), true
	return append(all, whole.Append(nil))
}

// read sets what stands to what entries say.
func (s *standing) read(changes []record.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said, s.holds = record.Standing{}, make(map[string]Hold)
	for _, c := range changes {
		s.take(c)
	}
}

// take brings one entry into what stands.
func (s *standing) take(entry record.Entry) {
	switch e := entry.(type) {
	case *record.Standing:
		before := s.said
		s.said = *e
		s.said.Header, s.said.Whole = record.Header{}, false
		if !e.Whole {
			s.said.Gateway, s.said.Destroyed = before.Gateway, before.Destroyed
		}
	case *record.Started:
		s.gateway(func(g *record.Gateway) { g.Running = true })
	case *record.Beat:
		if e.Type == record.TypeStopped {
			s.gateway(func(g *record.Gateway) { g.Running = false })
		}
	case *record.ConfigChanged:
		s.gateway(func(g *record.Gateway) { g.Configuration, g.Settings = e.Configuration, e.Settings })
	case *record.Oversight:
		s.said.Oversight = &record.Overseers{Approvals: e.Approvals, Approvers: e.Approvers, Operators: e.Operators}
	case *record.KeyChange:
		if e.Type == record.TypeKeyDestroyed && !slices.Contains(s.said.Destroyed, e.Period) {
			all := append(slices.Clip(s.said.Destroyed), e.Period)
			s.said.Destroyed = all[max(0, len(all)-maxDestroyed):]
		}
	case *record.HoldChange:
		if delete(s.holds, e.Hold.Ref); e.Type == record.TypeHoldSet {
			s.holds[e.Hold.Ref] = Hold{Ref: e.Hold.Ref, Because: e.Hold.Because, By: e.Hold.By, From: e.Hold.From, To: e.Hold.To, Set: e.Time}
		}
	}
}

// note is take beside who reads.
func (s *standing) note(entry record.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(entry)
}

// destroyed reports whether a period's key was destroyed, as an entry says.
func (s *standing) destroyed(period string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.said.Destroyed, period)
}

// gateway puts another one in the place of who records: others may read the one there is.
func (s *standing) gateway(change func(*record.Gateway)) {
	next := new(record.Gateway)
	if s.said.Gateway != nil {
		*next = *s.said.Gateway
	}
	change(next)
	s.said.Gateway = next
}

// readStanding reads the entries that say what stands in the epochs up to one, from
// the last epoch on that says all of it. complete reports whether that is this one.
// What of an epoch is damaged cannot be asked.
func readStanding(o Options, dir string, newest uint32) (changes []record.Entry, complete bool, err error) {
	numbers, _, err := format.ListEpochs(o.FS, dir)
	if err != nil {
		return nil, false, err
	}
	for _, number := range slices.Backward(numbers) {
		if number > newest {
			continue
		}
		found, all, err := standingIn(o.FS, dir, number)
		switch {
		case format.IsDamage(err), errors.Is(err, fs.ErrNotExist):
			o.Logger.Warn("a damaged epoch cannot be asked for what stands, as holds", "epoch", number, "error", err)
		case err != nil:
			return nil, false, fmt.Errorf("reading what stands: %w", err)
		}
		changes = append(found, changes...)
		if all {
			return changes, number == newest, nil
		}
	}
	return changes, false, nil
}

// standingIn reads them in one epoch. all reports whether they say all that stands.
func standingIn(fsys format.FS, dir string, epoch uint32) (found []record.Entry, all bool, err error) {
	w, err := format.WalkEpoch(fsys, dir, epoch)
	if err != nil {
		return nil, false, err
	}
	for fr, err := range w.Frames(0) {
		if err != nil {
			return found, false, err
		}
		for e := range fr.Entries(0) {
			if e.Index > 0 && !record.IsOf(e.Data, record.TypeHoldSet, record.TypeHoldLifted, record.TypeStanding, record.TypeOversight,
				record.TypeStarted, record.TypeStopped, record.TypeConfigChanged, record.TypeKeyDestroyed) {
				continue
			}
			entry, err := record.Parse(bytes.Clone(e.Data))
			if err != nil {
				return found, false, &format.CorruptError{File: w.Dir, Index: e.Index, What: err.Error()}
			}
			switch entry := entry.(type) {
			case *record.Genesis:
				all = entry.Previous == nil || entry.Version != record.Versions()[0] && !entry.Restates
			case *record.Standing:
				all = all || entry.Whole
			}
			if e.Index > 0 {
				found = append(found, entry)
			}
		}
	}
	return found, all, nil
}

// Standing is what stands, as the entries say, besides the holds; zero where there is no
// ledger. Beside a writer it may be of a moment ago.
func (d Dir) Standing() (record.Standing, error) {
	numbers, _, err := format.ListEpochs(d.fsys, d.Path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(numbers) == 0 {
		return record.Standing{}, nil
	}
	if err != nil {
		return record.Standing{}, err
	}
	changes, _, err := readStanding(Options{FS: d.fsys}.withDefaults(), d.Path, numbers[len(numbers)-1])
	s := new(standing)
	s.read(changes)
	return s.said, err
}

// inForce are the holds on the ledger, by reference: what the entries say, and files
// that no entry speaks of. A file is a copy of what an entry says: one that is gone, or
// says something else, is written anew.
//
//clause:enforces §6.3; record retain_until; elsewhere hold.set
func (l *Log) inForce() ([]Hold, error) {
	holds, err := readHolds(l.o.FS, l.dir)
	if err != nil {
		return nil, err
	}
	l.standing.mu.Lock()
	said := slices.Collect(maps.Values(l.standing.holds))
	l.standing.mu.Unlock()
	for _, hold := range said {
		i := slices.IndexFunc(holds, func(other Hold) bool { return other.Ref == hold.Ref })
		if i >= 0 && holds[i].same(hold) {
			continue
		}
		l.o.Logger.Error("the file of a hold is missing or says something else than its entry, which counts; it is written anew", "hold", hold.Ref)
		if err := l.writeHold(hold); err != nil {
			return nil, err
		}
		if holds = append(holds, hold); i >= 0 {
			holds = slices.Delete(holds, i, i+1)
		}
	}
	slices.SortFunc(holds, func(a, b Hold) int { return strings.Compare(a.Ref, b.Ref) })
	return holds, nil
}

// same reports whether two holds of one reference hold the same.
func (h Hold) same(other Hold) bool {
	return h.From.Equal(other.From) && h.To.Equal(other.To) && h.By == other.By && h.Because == other.Because
}
