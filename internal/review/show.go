package review

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/query/scan"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/tiles"
	"github.com/sparkoo/transfergate/internal/whatif"
)

// Shown is one entry of a ledger with what belongs to it.
type Shown struct {
	Number  string    `json:"number"`
	Type    string    `json:"type,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	Outcome string    `json:"outcome,omitempty"` // as the query language has it
	Status  string    `json:"status,omitempty"`  // of the answer's HTTP; empty if nothing tells
	// Explanation says why it was decided so; nil for what is no transfer or denial, or
	// where NotExplained says why there is none.
	Explanation  *decision.Explanation `json:"explanation,omitempty"`
	NotExplained string                `json:"not_explained,omitempty"`
	// Rows are those of the policy that decided.
	Rows   []PolicyRow `json:"rows,omitempty"`
	Proof  Proof       `json:"proof"`
	Person *Person     `json:"person,omitempty"` // absent where nobody was identified
	// Damage is what is wrong with an entry that cannot be read.
	Damage string `json:"damage,omitempty"`
	// Record is the entry as it stands.
	Record json.RawMessage `json:"record,omitempty"`
}

// PolicyRow is a row of the registers.
type PolicyRow struct {
	At   string `json:"at"` // file and line
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// Proof is what vouches for an entry.
type Proof struct {
	Log   string `json:"log"`
	Index uint64 `json:"index"`
	// Size is how many entries the log's latest checkpoint covers; 0 without any.
	Size int64 `json:"size"`
	// Proven tells that the entry leads to the root that the checkpoint signs.
	Proven bool `json:"proven"`
	// Sealed tells that its segment is finished and never changes again.
	Sealed bool `json:"sealed"`
	// Problem is what is wrong where an entry that the checkpoint covers is not proven.
	Problem string `json:"problem,omitempty"`
}

// Person is other records of the same person, by the pseudonym of their period.
type Person struct {
	Subject string `json:"subject"`
	// Before and After are the nearest, in the order in which they were written.
	Before []Neighbour `json:"before,omitempty"`
	After  []Neighbour `json:"after,omitempty"`
}

// Neighbour is such a record.
type Neighbour struct {
	Number    string    `json:"number"`
	Time      time.Time `json:"time"`
	Role      string    `json:"role"` // who asked
	Activity  string    `json:"activity,omitempty"`
	Recipient string    `json:"recipient,omitempty"`
	Outcome   string    `json:"outcome"`
}

// neighbours is how many are shown on each side.
const neighbours = 3

// atMost is how many entries are shown at once: a trace may have many.
const atMost = 20

var (
	// ErrNone: no entry has that number, id or trace.
	ErrNone = errors.New("the ledger has no such record")
	// ErrNoName: the text is none of them. It is not repeated: it may be anything.
	ErrNoName = errors.New("this names no record: give its number, as in gw-sg-1#1.42, its id, or the id of its trace")
)

// Named reads the number, id or trace of a record. The error is ErrNoName.
func Named(which string) (*query.Query, error) {
	q, err := query.Parse(which, time.Time{})
	if err != nil || len(q.Terms) != 1 || q.Terms[0].Not || !slices.Contains([]string{"record", "id", "trace"}, q.Terms[0].Key.Name) {
		return nil, ErrNoName
	}
	return q, nil
}

// Show shows the entries that have a number, an id or a trace, the newest first and at
// most 20. The error is ErrNone if there are none.
func Show(ctx context.Context, dir ledger.Dir, which string) ([]*Shown, error) {
	q, err := Named(which)
	if err != nil {
		return nil, err
	}
	rows, err := find(ctx, dir, q)
	if err != nil {
		return nil, err
	}
	var all []*Shown
	for i := range rows {
		s, err := show(ctx, dir, &rows[i])
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", rows[i].Name, err)
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, ErrNone
	}
	return all, nil
}

// find reads the rows, of any type. An entry that cannot be read is one of them only
// where its number is asked for.
func find(ctx context.Context, dir ledger.Dir, q *query.Query) (rows []query.Row, err error) {
	source := scan.Of(dir)
	if name, err := record.ParseName(q.Terms[0].Value.Text); err == nil && q.Terms[0].Key.Name == "record" {
		row, err := source.Entry(ctx, name)
		if err != nil || !q.Terms[0].Names(row.Name) {
			return nil, err
		}
		return []query.Row{row}, nil
	}
	anyType, err := query.Parse("type:* "+q.String(), time.Time{})
	if err != nil {
		return nil, err
	}
	newest, err := source.Newest(ctx)
	if err != nil {
		return nil, err
	}
	for row, err := range source.Rows(ctx, anyType, newest) {
		if err != nil {
			return nil, err
		}
		if row.Damage != nil && !q.Terms[0].Names(row.Name) {
			continue
		}
		if rows = append(rows, row); len(rows) == atMost || q.Terms[0].Names(row.Name) {
			break
		}
	}
	return rows, nil
}

// show shows a row.
func show(ctx context.Context, dir ledger.Dir, row *query.Row) (*Shown, error) {
	own := dir.Of(cmp.Or(row.Name.Class, record.DefaultClass))
	s := &Shown{Number: row.Name.String(), Type: row.Type, Outcome: row.Outcome(), Status: row.Ended.Get("status"), Record: row.Data}
	var err error
	if s.Proof, err = prove(own, row); err != nil {
		return nil, err
	}
	if row.Damage != nil {
		s.Record, s.Damage = nil, row.Damage.Error()
		return s, nil
	}
	s.Time = time.UnixMicro(row.Time).UTC()
	var t record.Transfer
	if t.Parse(row.Data) != nil {
		return s, nil // no transfer or denial
	}
	if err := s.explain(own, &t); err != nil {
		s.NotExplained = err.Error()
	}
	if t.Subject != "" {
		s.Person, err = personOf(ctx, own, row, t.Subject)
	}
	return s, err
}

// Offline shows why an entry was decided as it was, to who has the entry and the
// registers that decided it, such as a bundle of evidence, and no ledger. What vouches
// for it the caller knows.
func Offline(entry, registers []byte) *Shown {
	s := &Shown{Record: entry}
	var t record.Transfer
	if t.Parse(entry) != nil {
		return s // no transfer or denial
	}
	s.Type, s.Time = t.Type, t.Time
	err := errors.New("it names no policy")
	if t.Policy != "" {
		err = s.explainBy(registers, &t)
	}
	if err != nil {
		s.NotExplained = err.Error()
	}
	return s
}

// explain explains the record with the policy that decided it.
func (s *Shown) explain(dir ledger.Dir, t *record.Transfer) error {
	if t.Policy == "" {
		return errors.New("it names no policy")
	}
	blob, err := dir.Policy(t.Policy)
	if err != nil {
		return fmt.Errorf("reading its policy: %w", err)
	}
	return s.explainBy(blob, t)
}

// explainBy explains the record with the archive of its policy.
func (s *Shown) explainBy(blob []byte, t *record.Transfer) error {
	registers, err := config.LoadArchive(blob, "policy "+t.Policy[:min(12, len(t.Policy))], t.Policy)
	if err != nil {
		return fmt.Errorf("reading its policy: %w", err)
	}
	e, err := whatif.ExplainRecord(registers.Policy, t)
	if err != nil {
		return err
	}
	s.Explanation = &e
	s.Rows, err = rowsOf(registers.Policy, t)
	return err
}

// prove finds what vouches for an entry.
func prove(dir ledger.Dir, row *query.Row) (p Proof, err error) {
	view, err := dir.View(row.Name.Epoch)
	if err != nil {
		return p, err
	}
	p = Proof{Log: view.Origin(), Index: row.Name.Index}
	sealed, err := dir.Sealed(row.Name.Epoch)
	if err != nil {
		p.Problem = err.Error()
	}
	for _, s := range sealed {
		p.Sealed = p.Sealed || s.First.Index <= p.Index && p.Index < s.First.Index+s.Entries
	}
	key, err := note.NewVerifier(view.VerifierKey())
	if err != nil {
		return p, err
	}
	tree, err := tiles.OpenTree(view, key)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		p.Problem = err.Error()
		return p, nil
	}
	if p.Size = tree.N; p.Index >= uint64(p.Size) {
		return p, nil
	}
	entry, _, err := tree.Entry(int64(p.Index))
	switch {
	case err != nil:
		p.Problem = err.Error()
	case row.Damage == nil && string(entry) != string(row.Data):
		p.Problem = "the log has another entry in its place"
	default:
		p.Proven = true
	}
	return p, nil
}

// personOf finds other records of the same person, in the ledger of the same class.
func personOf(ctx context.Context, dir ledger.Dir, of *query.Row, subject string) (*Person, error) {
	q := &query.Query{Terms: []query.Term{query.Equal("subject", subject)}}
	source := scan.Of(dir)
	newest, err := source.Newest(ctx)
	if err != nil {
		return nil, err
	}
	p, passed := &Person{Subject: subject}, false
	for row, err := range source.Rows(ctx, q, newest) {
		if err != nil {
			return nil, err
		}
		var t record.Transfer
		switch {
		case row.Name.ID == of.Name.ID:
			passed = true
			continue
		case row.Damage != nil || t.Parse(row.Data) != nil:
			continue
		}
		n := Neighbour{
			Number: row.Name.String(), Time: t.Time, Role: role(t.Requester),
			Activity: t.Activity, Recipient: t.Recipient, Outcome: row.Outcome(),
		}
		if !passed {
			if p.After = append(p.After, n); len(p.After) > neighbours {
				p.After = p.After[1:]
			}
			continue
		}
		if p.Before = append(p.Before, n); len(p.Before) == neighbours {
			break
		}
	}
	slices.Reverse(p.Before)
	slices.Reverse(p.After)
	return p, nil
}

// role says who asked.
func role(requester string) string {
	switch requester {
	case record.Self:
		return "the person"
	case "":
		return "nobody identified"
	}
	return "staff of " + requester
}
