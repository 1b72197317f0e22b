package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// transfersPage is rows of a query, with what they have in common.
type transfersPage struct {
	asked
	Chips   []chip
	Problem *problem

	// Total is how many rows there are, Whole whether all were counted.
	Total     uint64
	Whole     bool
	Uncounted uint64
	Damaged   []string
	First     time.Time
	Last      time.Time
	Histogram *histogram
	Facets    []facet

	Columns []string
	Listed  string // columns as they were asked for
	Rows    []line
	Offset  bool   // it is not the first page
	Next    string // address
	Top     string
	Freeze  string
	Live    string
	Export  string
}

// problem is what is wrong with a query, with the query cut where it is.
type problem struct{ Before, At, After, What, Fix string }

func problemOf(e *query.Error) *problem {
	return &problem{
		query.Visible(e.Query[:e.Begin]), query.Visible(e.Query[e.Begin:e.End]), query.Visible(e.Query[e.End:]), e.What, e.Fix,
	}
}

// line is a row of the table.
type line struct {
	Number, Link string
	Damage       string
	Cells        []cell
}

// cell is a value of it.
type cell struct {
	Name, Text, Class string
	Beside            string // what belongs to it, less important
	Time              time.Time
}

// screenful is how many rows a page has.
const screenful = 50

// countLimit is how long rows are counted.
const countLimit = 8 * time.Second

// facetKeys are what rows are counted by beside the table, as far as there are several
// values.
var facetKeys = []string{"outcome", "country", "controller", "recipient", "activity", "region", "reason", "requester"}

// transfers serves the page.
func (v *visit) transfers() error {
	p := new(transfersPage)
	var err error
	p.asked, err = v.ask()
	var wrong *query.Error
	if errors.As(err, &wrong) {
		p.Problem = problemOf(wrong)
		return v.render(http.StatusBadRequest, "transfers", p)
	}
	if err != nil {
		return err
	}
	p.Chips = p.chips()
	if err := v.rows(p); err != nil {
		return err
	}
	if len(p.Rows) == 0 && !p.Offset {
		err := query.CheckWords(v.ctx, v.Source, p.Query, p.Text)
		if errors.As(err, &wrong) {
			p.Problem = problemOf(wrong)
			return v.render(http.StatusBadRequest, "transfers", p)
		}
		if err != nil {
			return err
		}
	}
	if err := v.count(p); err != nil {
		return err
	}
	pinned := p.From.String()
	p.Freeze = to("transfers", "q", p.Text, "columns", p.Listed, "frozen", pinned)
	p.Live = to("transfers", "q", p.Text, "columns", p.Listed)
	p.Top = to("transfers", "q", p.Text, "columns", p.Listed, "frozen", pinned)
	if v.who.Role >= Reviewer {
		p.Export = to("export", "q", p.Text, "columns", p.Listed, "frozen", pinned)
	}
	return v.render(http.StatusOK, "transfers", p)
}

// columns are the keys that the table shows, the record's number first. Of transfers and
// denials the reason stands beside the outcome.
func (v *visit) columns(p *transfersPage) ([]*query.Key, error) {
	if p.Listed = strings.TrimSpace(v.form.Get("columns")); p.Listed == "" {
		return slices.DeleteFunc(p.Query.Columns(query.Screen), func(k *query.Key) bool { return k.Name == "region" }), nil
	}
	keys, err := query.ParseColumns("record," + p.Listed)
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "There is no such column", query.Visible(err.Error()) + "."}
	}
	return keys, nil
}

// rows reads those of the page.
func (v *visit) rows(p *transfersPage) error {
	keys, err := v.columns(p)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if p.Listed != "" || k.Name != "reason" {
			p.Columns = append(p.Columns, k.Name)
		}
	}
	after := p.From
	if text := v.form.Get("after"); text != "" {
		if after, err = query.ParseCursor(text); err != nil {
			return errBadPlace
		}
		p.Offset = true
	}
	values := query.NewValues(keys)
	_, next, err := query.EachRow(v.ctx, v.Source, p.Query, after, screenful, func(row *query.Row) error {
		p.Rows = append(p.Rows, v.line(values, keys, row, p.Listed == ""))
		return nil
	})
	if next != nil {
		p.Next = to("transfers", "q", p.Text, "columns", p.Listed, "frozen", p.From.String(), "after", next.String())
	}
	return err
}

// line lays out a row, with the reason beside the outcome if they are to be one.
func (v *visit) line(values *query.Values, keys []*query.Key, row *query.Row, joined bool) line {
	l := line{Number: row.Name.String()}
	l.Link = to("record", "n", l.Number)
	all := values.Of(row)
	if row.Damage != nil {
		l.Damage = query.Visible(row.Damage.Error())
		return l
	}
	outcome := -1
	for i, k := range keys {
		c := cell{Name: k.Name, Text: short(strings.Join(all[i], ", "))}
		switch {
		case k.Name == "record":
			continue
		case k.Name == "reason" && joined:
			if outcome >= 0 {
				l.Cells[outcome].Beside = c.Text
			}
			continue
		case k.Name == "time":
			c.Time, c.Class = time.UnixMicro(row.Time), "time"
		case k.Name == "outcome":
			outcome, c.Class = len(l.Cells), "outcome "+c.Text
		case k.Kind == query.Number:
			c.Class = "n"
		case personal(k) && v.who.Role < Reviewer:
			c.Text, c.Class = "for reviewers", "quiet"
		}
		l.Cells = append(l.Cells, c)
	}
	return l
}

// personal are the keys by whose values records of one person are found.
func personal(k *query.Key) bool { return k.Name == "subject" || k.Name == "staff" }

// count counts the rows.
func (v *visit) count(p *transfersPage) error {
	ctx, cancel := context.WithTimeout(v.ctx, countLimit)
	defer cancel()
	hours := query.NewCounter(query.Grouping{By: []*query.Key{query.KeyNamed("outcome")}, Bucket: query.Hour})
	common := newTally(facetKeys)
	var err error
	p.Whole, err = v.pass(ctx, &p.asked, func(row *query.Row) error {
		common.add(row)
		return hours.Add(row)
	})
	if err != nil {
		return err
	}
	counts := hours.Counts()
	p.Total, p.First, p.Last = counts.Total.Rows, counts.Total.First, counts.Total.Last
	for _, row := range counts.Damaged {
		p.Damaged = append(p.Damaged, row.Name.String())
	}
	p.Histogram = histogramOf(&p.asked, counts)
	for i, name := range facetKeys {
		if f := facetOf(&p.asked, name, common.of(i)); f != nil {
			p.Facets = append(p.Facets, *f)
		}
	}
	if p.Whole {
		p.Uncounted, err = v.uncounted(ctx, p)
	}
	return err
}

// uncounted is how many denials stand in no record of their own.
func (v *visit) uncounted(ctx context.Context, p *transfersPage) (uint64, error) {
	if !p.Query.Matcher().Wants(record.TypeRefused) {
		return 0, nil
	}
	counts, err := v.Source.Counts(ctx, p.Query, p.From, query.Grouping{})
	if errors.Is(err, context.DeadlineExceeded) && v.ctx.Err() == nil {
		p.Whole = false
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return counts.Uncounted, nil
}

// Said says how many rows there are.
func (p *transfersPage) Said() string {
	text := counted(p.Total, "record", "records")
	if !p.Whole {
		text = "At least " + text
	}
	return text
}

// Stretch is the time from the oldest to the newest row.
func (p *transfersPage) Stretch() string {
	if p.Total == 0 {
		return ""
	}
	return fmt.Sprintf("%s to %s", moment(p.First), moment(p.Last))
}

// tally counts the values of several keys in one reading of each row.
type tally struct {
	values *query.Values
	counts []map[string]uint64 // by key, then by value; an empty one for none
}

func newTally(names []string) *tally {
	t := new(tally)
	var keys []*query.Key
	for _, name := range names {
		keys = append(keys, query.KeyNamed(name))
		t.counts = append(t.counts, make(map[string]uint64))
	}
	t.values = query.NewValues(keys)
	return t
}

// mostValues is how many values of a key are counted: a key may have one for each row.
const mostValues = 10_000

func (t *tally) add(row *query.Row) {
	for i, all := range t.values.Of(row) {
		if len(all) == 0 {
			t.counts[i][""]++
		}
		for _, value := range all {
			if n, known := t.counts[i][value]; known || len(t.counts[i]) < mostValues {
				t.counts[i][strings.Clone(value)] = n + 1
			}
		}
	}
}

// share is a value with how many rows have it.
type share struct {
	Value string
	Rows  uint64
}

// of are the values of a key, those of most rows first.
func (t *tally) of(key int) (all []share) {
	for value, n := range t.counts[key] {
		all = append(all, share{value, n})
	}
	slices.SortFunc(all, func(a, b share) int { return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Value, b.Value)) })
	return all
}

// facet is the values of a key with how many rows have them.
type facet struct {
	Name   string
	Values []facetValue
	More   int
}

type facetValue struct {
	Text, Link string
	Rows       uint64
	Share      int // of the largest, in percent
}

// facetSize is how many values are shown of a key.
const facetSize = 6

func facetOf(a *asked, name string, all []share) *facet {
	if len(all) == 0 || len(all) == 1 && all[0].Value == "" {
		return nil
	}
	f := &facet{Name: name}
	for i, s := range all {
		if i == facetSize {
			f.More = len(all) - facetSize
			break
		}
		f.Values = append(f.Values, facetValue{
			Text: cmp.Or(short(s.Value), "none"), Rows: s.Rows, Share: int(s.Rows * 100 / all[0].Rows),
			Link: to("transfers", "q", a.and(term(name, s.Value)), "frozen", a.Frozen),
		})
	}
	return f
}
