package report

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// Period is a stretch of whole days in UTC, both included.
type Period struct{ From, To time.Time }

// ParsePeriod reads two days, as 2026-10-01.
func ParsePeriod(from, to string) (p Period, err error) {
	if p.From, err = time.Parse(time.DateOnly, from); err == nil {
		p.To, err = time.Parse(time.DateOnly, to)
	}
	if err != nil {
		return p, errors.New("a report is about whole days: name the first and the last, as in --from 2026-10-01 --to 2026-10-31")
	}
	if p.To.Before(p.From) {
		return p, fmt.Errorf("the period ends on %s, before it begins on %s", to, from)
	}
	return p, nil
}

// end is the first moment after it.
func (p Period) end() time.Time { return p.To.AddDate(0, 0, 1) }

func (p Period) has(t time.Time) bool { return !t.Before(p.From) && t.Before(p.end()) }

// String names the period: a whole month by its name.
func (p Period) String() string {
	switch {
	case p.From.Day() == 1 && p.end().Equal(p.From.AddDate(0, 1, 0)):
		return p.From.Format("January 2006")
	case p.From.Equal(p.To):
		return p.From.Format(time.DateOnly)
	}
	return p.From.Format(time.DateOnly) + " to " + p.To.Format(time.DateOnly)
}

// Completeness says whether all entries of a period are there and unchanged.
type Completeness struct {
	Period string `json:"period"`
	From   string `json:"from"`
	To     string `json:"to"` // the last day
	Made   string `json:"made"`
	// Complete tells that nothing is missing or changed, of what can be known.
	Complete bool `json:"complete"`
	// Classes are the ledgers of all classes of records, the default one first.
	Classes []ClassCompleteness `json:"classes"`
}

// ClassCompleteness is the same of the ledger of one class.
type ClassCompleteness struct {
	Class    string `json:"class"`
	Complete bool   `json:"complete"`
	// Sentence says it for somebody who signs it.
	Sentence string `json:"sentence"`
	// First and Last are the numbers of the first and the last entry of the period,
	// empty if it has none, and Entries how many there are between them, both included.
	First   string `json:"first,omitempty"`
	Last    string `json:"last,omitempty"`
	Entries uint64 `json:"entries"`
	// Transfers and Denials are how many of the period's entries are records of them,
	// and Counted how many denials have none of their own.
	Transfers uint64 `json:"transfers"`
	Denials   uint64 `json:"denials"`
	Counted   uint64 `json:"counted_denials"`
	// Checkpoints are those that anchor the entries.
	Checkpoints []Anchor `json:"checkpoints,omitempty"`
	// Deleted are epochs with entries of the period whose time ran out.
	Deleted []string `json:"deleted,omitempty"`
	// Gaps are when nobody recorded in the period, as far as the gateway's own entries
	// show: starts, heartbeats and stops.
	Gaps []Gap `json:"gaps,omitempty"`
	// NotRuledOut are sentences about what nobody can know who has the folder alone.
	NotRuledOut []string `json:"not_ruled_out,omitempty"`
	// Damage is what is missing or changed.
	Damage string `json:"damage,omitempty"`
}

// Anchor is a signed checkpoint of an epoch.
type Anchor struct {
	Log  string `json:"log"`
	Size int64  `json:"size"`
	Root string `json:"root"`
}

// Options are what is known of the ledger beside its folder.
type Options struct {
	// Keys and Known are those of [verify.Options]; Known by class.
	Keys  []string
	Known map[string][][]byte
	// Now is when the report is made. Default: the zero time, when no period is over
	Now time.Time
}

// CompletenessOf verifies the ledgers of all classes in a folder and says what they
// hold of a period. What is damaged is no error.
func CompletenessOf(ctx context.Context, dir ledger.Dir, p Period, o Options) (*Completeness, error) {
	dirs, err := dir.Classes()
	if err != nil {
		return nil, err
	}
	c := &Completeness{
		Period: p.String(), From: p.From.Format(time.DateOnly), To: p.To.Format(time.DateOnly),
		Made: o.Now.UTC().Format(time.RFC3339), Complete: true,
	}
	for _, d := range dirs {
		class, err := classOf(ctx, d, p, o)
		if err != nil {
			return nil, fmt.Errorf("class %s: %w", d.Class, err)
		}
		c.Classes = append(c.Classes, *class)
		c.Complete = c.Complete && class.Complete
	}
	return c, nil
}

func classOf(ctx context.Context, dir ledger.Dir, p Period, o Options) (*ClassCompleteness, error) {
	c := &ClassCompleteness{Class: dir.Class}
	found, err := verify.Ledger(dir.Path, verify.Options{Keys: o.Keys, Known: o.Known[dir.Class]})
	if corrupt := new(ledger.CorruptError); errors.As(err, &corrupt) {
		c.Damage = corrupt.Error()
		c.Sentence = fmt.Sprintf("Nothing can be signed about %s: the ledger is damaged.", p)
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	s := &span{period: p, dir: dir, class: c, presence: presence{period: p}}
	for e, err := range dir.Entries(record.ID{}) {
		if err == nil && e.Index%1024 == 0 {
			err = ctx.Err()
		}
		if err == nil {
			err = s.add(e)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := s.anchor(); err != nil {
		return nil, err
	}
	s.presence.end(o.Now)
	c.Gaps = s.presence.gaps
	if text := s.presence.unknown(); text != "" {
		c.NotRuledOut = append(c.NotRuledOut, text)
	}
	if found.NotRuledOut != "" {
		c.NotRuledOut = append(c.NotRuledOut, found.NotRuledOut)
	}
	if !o.Now.After(p.end()) {
		c.NotRuledOut = append(c.NotRuledOut, "The period is not over: more entries may follow.")
	}
	if len(o.Keys) == 0 {
		c.NotRuledOut = append(c.NotRuledOut, "No key was given: the keys that the folder itself names are believed.")
	}
	c.Complete = true
	c.Sentence = s.sentence()
	return c, nil
}

// span gathers the entries of a period.
type span struct {
	period      Period
	dir         ledger.Dir
	class       *ClassCompleteness
	first, last record.ID
	at          map[uint32]uint64 // entries of the ledger, by epoch, as far as they were read
	node        string
	begun       time.Time // of the oldest entry
	presence    presence
}

func (s *span) add(e ledger.Entry) error {
	entry, err := record.Parse(e.Data)
	if err != nil {
		return fmt.Errorf("record %s: %w", e.ID, err)
	}
	if s.at == nil {
		s.at = make(map[uint32]uint64)
		s.begun = entry.Head().Time
	}
	s.at[e.Epoch] = e.Index + 1
	if entry.Head().Time.Before(s.period.end()) {
		s.presence.add(entry)
	}
	if gone, ok := entry.(*record.Deleted); ok {
		d := &gone.Deleted
		if d.Created.Before(s.period.end()) && !d.Last.Before(s.period.From) {
			s.class.Deleted = append(s.class.Deleted, fmt.Sprintf("epoch %d, %d entries from %s to %s, deleted on %s because its time had run out",
				d.Number, d.Entries, d.Created.Format(time.DateOnly), d.Last.Format(time.DateOnly), d.At.Format(time.DateOnly)))
		}
	}
	if !s.period.has(entry.Head().Time) {
		return nil
	}
	if s.last == (record.ID{}) {
		s.first, s.node = e.ID, entry.Head().Node
	}
	s.last = e.ID
	switch entry := entry.(type) {
	case *record.Transfer:
		if entry.Type == record.TypeRefused {
			s.class.Denials++
		} else {
			s.class.Transfers++
		}
	case *record.Counted:
		s.class.Counted += entry.Counted
	}
	return nil
}

// name is the number of an entry as people are shown it.
func (s *span) name(id record.ID) string {
	n := record.Name{Node: s.node, ID: id}
	if s.dir.Class != record.DefaultClass {
		n.Class = s.dir.Class
	}
	return n.String()
}

// anchor finds the checkpoints of the epochs of the period, and what they do not cover.
func (s *span) anchor() error {
	c := s.class
	if s.last == (record.ID{}) {
		return nil
	}
	c.First, c.Last = s.name(s.first), s.name(s.last)
	for epoch := s.first.Epoch; epoch <= s.last.Epoch; epoch++ {
		size := s.at[epoch]
		if size == 0 {
			continue // its time has run out
		}
		from, to := uint64(0), size
		if epoch == s.first.Epoch {
			from = s.first.Index
		}
		if epoch == s.last.Epoch {
			to = s.last.Index + 1
		}
		c.Entries += to - from
		view, err := s.dir.View(epoch)
		if err != nil {
			return err
		}
		signed, err := view.Checkpoint()
		var at tiles.Checkpoint
		if err == nil {
			at, err = tiles.ReadCheckpoint(signed)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			c.Checkpoints = append(c.Checkpoints, Anchor{view.Origin(), at.N, at.Hash.String()})
		}
		if loose := int64(to) - max(at.N, int64(from)); loose > 0 {
			c.NotRuledOut = append(c.NotRuledOut, fmt.Sprintf("No checkpoint covers the last %d entries of epoch %d: nothing proves that these are unchanged.", loose, epoch))
		}
	}
	return nil
}

// sentence is what can be signed.
func (s *span) sentence() string {
	c := s.class
	var b strings.Builder
	if c.First == "" {
		fmt.Fprintf(&b, "The ledger has no entry of %s", s.period)
		if s.begun.After(s.period.end()) {
			fmt.Fprintf(&b, "; it begins on %s", s.begun.Format(time.DateOnly))
		}
		b.WriteString(".")
	} else {
		epochs := fmt.Sprintf("epoch %d", s.first.Epoch)
		if s.last.Epoch > s.first.Epoch {
			epochs = fmt.Sprintf("epochs %d to %d", s.first.Epoch, s.last.Epoch)
		}
		fmt.Fprintf(&b, "%s is entries %s to %s of %s: %d entries, none missing", s.period, c.First, c.Last, epochs, c.Entries)
		if len(c.Checkpoints) > 0 {
			b.WriteString(", anchored by the checkpoint")
			if len(c.Checkpoints) > 1 {
				b.WriteString("s")
			}
			for i, a := range c.Checkpoints {
				if i > 0 {
					b.WriteString(" and")
				}
				fmt.Fprintf(&b, " of %s over %d entries", a.Log, a.Size)
			}
		}
		b.WriteString(".")
	}
	b.WriteString(s.presence.sentence())
	if len(c.Deleted) > 0 {
		fmt.Fprintf(&b, " Deleted as their time had run out, by signed entries: %s.", strings.Join(c.Deleted, "; "))
	}
	return b.String()
}
