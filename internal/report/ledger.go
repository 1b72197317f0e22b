package report

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/query/scan"
	"github.com/sparkoo/transfergate/internal/tiles"
	"github.com/sparkoo/transfergate/internal/world"
)

// Ledger is what a report is made from: the rows, and what is kept beside them. Its
// functions may be called by any number of goroutines.
type Ledger struct {
	query.Source
	// Policy returns the archive of the policy that records of a class name by its digest.
	Policy func(class, digest string) ([]byte, error)
	// Checkpoints are the latest signed ones, each of the newest epoch of a class.
	Checkpoints func() ([]Checkpoint, error)
}

// Checkpoint is a signed checkpoint of the newest epoch of a class.
type Checkpoint struct {
	Class string `json:"class"`
	Anchor
}

// Of is the ledger in a folder, with those of the classes in it.
func Of(dir ledger.Dir) Ledger {
	return Ledger{
		Source:      scan.Of(dir),
		Policy:      func(class, digest string) ([]byte, error) { return dir.Of(class).Policy(digest) },
		Checkpoints: func() ([]Checkpoint, error) { return checkpoints(dir) },
	}
}

// checkpoints are those of the newest epochs; a class that has none yet has no row.
func checkpoints(dir ledger.Dir) (all []Checkpoint, err error) {
	dirs, err := dir.Classes()
	if err != nil {
		return nil, err
	}
	for _, d := range dirs {
		view, err := d.View(0)
		if err != nil {
			return nil, err
		}
		signed, err := view.Checkpoint()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		at, err := tiles.ReadCheckpoint(signed)
		if err != nil {
			return nil, err
		}
		all = append(all, Checkpoint{d.Class, Anchor{view.Origin(), at.N, at.Hash.String()}})
	}
	return all, nil
}

// Head is what every report says of itself: about what it is, and of which state of the
// ledger and by which policies.
type Head struct {
	Period string `json:"period,omitempty"`
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"` // the last day
	Made   string `json:"made"`
	// Query is what was asked of the ledger.
	Query string `json:"query"`
	// Records is how many entries it is made of.
	Records uint64 `json:"records"`
	// Policies are the digests of those that decided the records.
	Policies []string `json:"policies,omitempty"`
	// Checkpoints are those of the ledger when it was made: who has them can tell
	// whether it was changed since.
	Checkpoints []Checkpoint `json:"checkpoints,omitempty"`
	// NotRuledOut are sentences about what the report does not know.
	NotRuledOut []string `json:"not_ruled_out,omitempty"`
	// Unreadable are entries that may be such as were asked for.
	Unreadable []string `json:"unreadable,omitempty"`
}

// head begins a report.
func (p Period) head(now time.Time) Head {
	h := Head{
		Period: p.String(), From: p.From.Format(time.DateOnly), To: p.To.Format(time.DateOnly),
		Made: now.UTC().Format(time.RFC3339),
	}
	if !now.After(p.end()) {
		h.NotRuledOut = append(h.NotRuledOut, "The period is not over: more entries may follow.")
	}
	return h
}

// terms are those of a query about the period.
func (p Period) terms() string {
	return "at:" + p.From.Format(time.DateOnly) + ".." + p.To.Format(time.DateOnly)
}

// read hands on the rows that a query asks for, the newest first, and notes in the head
// of which state of the ledger they are. What cannot be read it names there.
func (l Ledger) read(ctx context.Context, h *Head, text string, visit func(*query.Row) error) error {
	q, err := query.Parse(text, time.Time{})
	if err != nil {
		return err
	}
	h.Query = q.String()
	return l.readQuery(ctx, h, q, visit)
}

func (l Ledger) readQuery(ctx context.Context, h *Head, q *query.Query, visit func(*query.Row) error) error {
	newest, err := l.Newest(ctx)
	if err != nil {
		return err
	}
	if h.Checkpoints, err = l.Checkpoints(); err != nil {
		return err
	}
	for _, class := range slices.Sorted(maps.Keys(newest)) {
		covered := slices.ContainsFunc(h.Checkpoints, func(a Checkpoint) bool {
			return a.Class == class && ledger.EpochOf(a.Log) == newest[class].Epoch && uint64(a.Size) >= newest[class].Index
		})
		if !covered {
			h.NotRuledOut = append(h.NotRuledOut, fmt.Sprintf("No checkpoint covers the newest entries of class %s yet: nothing proves that these are unchanged.", class))
		}
	}
	for row, err := range l.Rows(ctx, q, newest) {
		if err != nil {
			return err
		}
		if row.Damage == nil {
			h.Records++
			err = visit(&row)
		}
		if row.Damage != nil {
			h.Unreadable = append(h.Unreadable, fmt.Sprintf("%s: %v", row.Name, row.Damage))
		}
		if err != nil {
			return fmt.Errorf("record %s: %w", row.Name, err)
		}
	}
	return nil
}

// registers are the policies that records name. It is for one report.
type registers struct {
	ledger Ledger
	read   map[string]*config.Registers // nil for one that cannot be read
}

func (l Ledger) registers() *registers {
	return &registers{ledger: l, read: make(map[string]*config.Registers)}
}

// of is the policy that a record of a class names; nil where it is not kept, which the
// head says.
func (r *registers) of(class, digest string, h *Head) *config.Registers {
	found, read := r.read[digest]
	if read {
		return found
	}
	blob, err := r.ledger.Policy(class, digest)
	if err == nil {
		found, err = config.LoadArchive(blob, "policy "+short(digest), digest)
	}
	if err != nil {
		found = nil
		h.NotRuledOut = append(h.NotRuledOut, fmt.Sprintf("The policy %s cannot be read, so that names and instruments of its records are missing: %v", short(digest), err))
	}
	r.read[digest] = found
	if digest != "" {
		h.Policies = append(h.Policies, digest)
		slices.Sort(h.Policies)
	}
	return found
}

// short are the first digits of a digest.
func short(digest string) string {
	if digest == "" {
		return "of no name"
	}
	return digest[:min(12, len(digest))]
}

// Named is something that records call by an id, and people by a name.
type Named struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// String is the name, with the id where there is no name.
func (n Named) String() string {
	if n.Name == "" {
		return n.ID
	}
	return n.Name
}

// country names one.
func country(code string) Named {
	if code == "" {
		return Named{}
	}
	return Named{code, world.Name(code)}
}

// Count is how many records there are, and when the first and the last was written.
type Count struct {
	Records uint64    `json:"records"`
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
}

func (c *Count) add(at time.Time) {
	if c.Records == 0 || at.Before(c.First) {
		c.First = at
	}
	if c.Records == 0 || at.After(c.Last) {
		c.Last = at
	}
	c.Records++
}
