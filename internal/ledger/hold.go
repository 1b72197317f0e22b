package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// Hold keeps epochs from being deleted, for a court or an authority, beyond the
// time they are retained. It lasts until it is lifted.
type Hold struct {
	// Ref is the case it is for: a token of at most 64 letters, digits, dots,
	// hyphens and underscores. It names no person.
	Ref string `json:"ref"`
	// Because says why, in 1 to 256 bytes that name no person.
	Because string `json:"because"`
	// By is the office that asked for it, a token like Ref and no person's name.
	By string `json:"by"`
	// From and To limit it to epochs with entries of that time, both included;
	// zero for no limit.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Set is when it was set. SetHold fills it in.
	Set time.Time `json:"set"`
}

// ErrNoHold: there is no hold of that reference.
var ErrNoHold = errors.New("no hold of that reference")

var holdToken = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Check tells what is wrong with a hold that is to be set.
func (h Hold) Check() error {
	for what, token := range map[string]string{"reference": h.Ref, "office": h.By} {
		if !holdToken.MatchString(token) {
			return fmt.Errorf("the %s of a hold is not a token of at most 64 letters, digits, dots, hyphens and underscores, which names no person", what)
		}
	}
	switch {
	case strings.TrimSpace(h.Because) == "" || len(h.Because) > 256:
		return errors.New("a hold says why, in 1 to 256 bytes that name no person")
	case !h.To.IsZero() && h.To.Before(h.From):
		return fmt.Errorf("the hold %s ends on %s, before it begins", h.Ref, h.To.Format(time.RFC3339))
	}
	return nil
}

// covers reports whether the hold keeps entries of that time.
func (h Hold) covers(s stretch) bool {
	return (h.To.IsZero() || !s.from.After(h.To)) && (h.From.IsZero() || !s.to.Before(h.From))
}

// SetHold sets a hold, or changes the one of its reference. It holds from before
// the entry about it is written, so after an error it may hold: set it again.
func (l *Log) SetHold(h Hold) (err error) {
	h.Set = l.o.Now().UTC()
	if err := h.Check(); err != nil {
		return err
	}
	l.retaining.Lock()
	defer l.retaining.Unlock()
	if err := l.refused(); err != nil {
		return err // the folder is not ours to write in
	}
	defer l.counters.failed(opHold, &err)
	if err := l.writeHold(h); err != nil {
		return err
	}
	l.standing.mu.Lock()
	l.standing.holds[h.Ref] = h // before the entry: a new epoch may begin with it
	l.standing.mu.Unlock()
	if _, err := l.Append(l.holdEntry(record.TypeHoldSet, h)); err != nil {
		return fmt.Errorf("recording the hold %s, which holds all the same: %w", h.Ref, err)
	}
	return nil
}

// LiftHold ends a hold; by and because say who wants it and why. The entry of it
// is durable first: after an error the hold may still hold. ErrNoHold if there is
// none.
func (l *Log) LiftHold(ref, by, because string) (err error) {
	l.retaining.Lock()
	defer l.retaining.Unlock()
	if err := l.refused(); err != nil {
		return err // the folder is not ours to write in
	}
	holds, err := l.inForce()
	if err != nil {
		l.counters.fail(opHold)
		return err
	}
	at := slices.IndexFunc(holds, func(h Hold) bool { return h.Ref == ref })
	if at < 0 {
		return fmt.Errorf("%w: '%s'", ErrNoHold, ref)
	}
	h := holds[at]
	h.By, h.Because = by, because
	if err := h.Check(); err != nil {
		return err
	}
	defer l.counters.failed(opHold, &err)
	for lifted := false; !lifted; {
		id, err := l.Append(l.holdEntry(record.TypeHoldLifted, h))
		if err != nil {
			return fmt.Errorf("recording that the hold %s is lifted: %w", ref, err)
		}
		lifted = l.standing.lift(ref, id.Epoch)
	}
	err = l.o.FS.Remove(holdPath(l.dir, ref))
	if err == nil {
		err = l.o.FS.SyncDir(filepath.Join(l.dir, format.HoldsName))
	}
	if err != nil {
		return fmt.Errorf("lifting the hold %s: %w", ref, err)
	}
	return nil
}

// lift takes a hold away that an entry of an epoch lifts. It reports false if the next
// epoch has begun meanwhile and sets it again.
func (s *standing) lift(ref string, epoch uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if epoch < s.epoch {
		return false
	}
	delete(s.holds, ref)
	return true
}

func holdPath(dir, ref string) string { return filepath.Join(dir, format.HoldsName, ref+".json") }

// readHolds are the holds on a ledger, by reference.
func readHolds(fsys format.FS, dir string) (holds []Hold, err error) {
	names, err := fsys.Names(filepath.Join(dir, format.HoldsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the holds: %w", err)
	}
	slices.Sort(names)
	for _, name := range names {
		if strings.HasSuffix(name, ".tmp") {
			continue // the rest of a write
		}
		path := filepath.Join(dir, format.HoldsName, name)
		data, err := format.ReadFile(fsys, path)
		if err != nil {
			return nil, fmt.Errorf("reading a hold: %w", err)
		}
		var h Hold
		err = json.Unmarshal(data, &h)
		if err == nil {
			err = h.Check()
		}
		if err == nil && h.Ref+".json" != name {
			err = fmt.Errorf("it is the hold %s", h.Ref)
		}
		if err != nil {
			return nil, fmt.Errorf("%s is no hold: %w; while it stands there nothing is deleted: put it right", path, err)
		}
		holds = append(holds, h)
	}
	return holds, nil
}

// holdEntry says that a hold was set or lifted.
func (l *Log) holdEntry(kind string, h Hold) []byte {
	c := record.HoldChange{Header: l.header(kind), Hold: record.HoldCase{Ref: h.Ref, Because: h.Because, By: h.By, From: h.From, To: h.To}}
	return c.Append(nil)
}

// writeHold writes a hold's file.
func (l *Log) writeHold(h Hold) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := format.MkdirDurable(l.o.FS, filepath.Join(l.dir, format.HoldsName)); err != nil {
		return fmt.Errorf("making the folder of holds: %w", err)
	}
	if err := format.WriteDurable(l.o.FS, holdPath(l.dir, h.Ref), append(data, '\n')); err != nil {
		return fmt.Errorf("writing the hold %s: %w", h.Ref, err)
	}
	return nil
}
