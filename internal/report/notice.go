package report

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// Notice holds what people are told about recipients, countries and safeguards against
// what the ledger shows (GDPR Art 13(1)(f), LGPD and Res. CD/ANPD 19/2024 Art 17). What
// they are told is the statement with the registers of the newest policy: data is stored
// in Singapore, and goes to the recipients and regions listed there, under safeguards (§9).
type Notice struct {
	Head
	// Differences come first: an empty list is what one wants.
	Differences []*Difference   `json:"differences"`
	Statements  []*StatementUse `json:"statements"`
	Countries   []*NoticeRow    `json:"countries"`
	// Unused are recipients and countries that people are told of and nothing went to.
	Unused []string `json:"told_of_but_unused,omitempty"`
}

// Difference is something that people are not told, or told otherwise.
type Difference struct {
	What string `json:"what"`
	Count
}

// StatementUse is a version of the statement, under which there were records.
type StatementUse struct {
	Version string `json:"version"`
	Title   string `json:"title,omitempty"`
	URL     string `json:"url,omitempty"`
	SHA256  string `json:"sha256,omitempty"` // of the published text; empty if nobody filled it in
	Count
}

// NoticeRow is who received data in a country, and under which safeguards.
type NoticeRow struct {
	Country    Named    `json:"country"`
	Recipient  Named    `json:"recipient"`
	Safeguards []string `json:"safeguards,omitempty"`
	Count
}

// NoticeOf compares a period.
func NoticeOf(ctx context.Context, l Ledger, p Period, now time.Time) (*Notice, error) {
	r := &Notice{Head: p.head(now), Differences: []*Difference{}, Statements: []*StatementUse{}, Countries: []*NoticeRow{}}
	g := &notice{Notice: r, registers: l.registers(), differences: make(map[string]*Difference)}
	if err := l.read(ctx, &r.Head, "type:"+record.TypeAccepted+" "+p.terms(), g.row); err != nil {
		return nil, err
	}
	g.finish()
	return r, nil
}

// notice gathers it.
type notice struct {
	*Notice
	registers   *registers
	newest      names
	differences map[string]*Difference
}

func (g *notice) row(row *query.Row) error {
	var t record.Transfer
	if err := t.Parse(row.Data); err != nil {
		return err
	}
	legs, err := record.ParseLegs(t.Legs)
	if err != nil {
		return err
	}
	at := names{registers: g.registers.of(classOfRow(row), t.Policy, &g.Head), t: &t}
	if g.newest.t == nil {
		g.newest = at
	}
	g.statement(at)
	if row.Outcome() == record.NotSent {
		return nil
	}
	differs, places := make(map[string]bool), make(map[*NoticeRow]bool) // once for each record
	for i := range legs {
		if place := g.leg(at, &legs[i], differs); place != nil {
			places[place] = true
		}
	}
	for place := range places {
		place.add(t.Time)
	}
	for what := range differs {
		one(g.differences, what, &Difference{What: what}, &g.Differences).add(t.Time)
	}
	return nil
}

func (g *notice) statement(at names) {
	i := slices.IndexFunc(g.Statements, func(s *StatementUse) bool { return s.Version == at.t.Statement })
	if i < 0 {
		use := &StatementUse{Version: at.t.Statement}
		if s := find(at.policy().Statements, func(s *decision.Statement) bool { return s.ID == at.t.Statement }); s != nil {
			use.Title, use.URL, use.SHA256 = s.Title, s.URL, s.SHA256
		}
		i, g.Statements = len(g.Statements), append(g.Statements, use)
	}
	g.Statements[i].add(at.t.Time)
}

// leg notes who got data where, and what of it people are not told.
func (g *notice) leg(at names, l *record.Leg, differs map[string]bool) *NoticeRow {
	if l.Kind == string(decision.Collection) {
		return nil // the person gives it to the controller, whom §11 names
	}
	told := g.newest
	i := slices.IndexFunc(g.Countries, func(n *NoticeRow) bool { return n.Country.ID == l.To && n.Recipient.ID == l.Recipient })
	if i < 0 {
		i, g.Countries = len(g.Countries), append(g.Countries, &NoticeRow{Country: country(l.To), Recipient: at.entity(l.Recipient)})
	}
	if !told.stated(l.Recipient, l.To) {
		differs[fmt.Sprintf("%s received data in %s, which the registers do not list", at.entity(l.Recipient), cmp.Or(country(l.To).String(), "a country that is not known"))] = true
	}
	if l.Kind == string(decision.Storage) && !told.stores(l.To) {
		differs[fmt.Sprintf("Data was stored in %s, and people are told that it is stored in Singapore (§9)", country(l.To))] = true
	}
	for j := range l.Laws {
		v := at.verdict(&l.Laws[j])
		switch s := v.Safeguard; {
		case v.Missing:
			differs[fmt.Sprintf("Data went to %s in %s without a safeguard that law %s asks for", at.entity(l.Recipient), country(l.To), v.Law.ID)] = true
		case s == nil:
		case s.Example || s.Confirm:
			differs[fmt.Sprintf("Data went to %s in %s under %s, whose instrument is an example or not confirmed by counsel", at.entity(l.Recipient), country(l.To), s.Tag.ID)] = true
			g.Countries[i].Safeguards = with(g.Countries[i].Safeguards, s.Tag.ID)
		default:
			g.Countries[i].Safeguards = with(g.Countries[i].Safeguards, s.Tag.ID)
		}
	}
	return g.Countries[i]
}

// stated reports whether the registers list an entity, and that it is in the country or
// runs a region there.
func (n names) stated(entity, where string) bool {
	p := n.policy()
	if find(p.Controllers, func(c *decision.Controller) bool { return c.ID == entity && c.Country == where }) != nil {
		return true
	}
	if find(p.Recipients, func(r *decision.Recipient) bool { return r.ID == entity && r.Country == where }) != nil {
		return true
	}
	return find(p.Regions, func(r *decision.Region) bool { return r.Operator == entity && r.Country == where }) != nil
}

// stores reports whether people are told that data is stored in a country.
func (n names) stores(where string) bool {
	return find(n.policy().Regions, func(r *decision.Region) bool { return r.Storage && r.Country == where }) != nil
}

func (g *notice) finish() {
	slices.SortFunc(g.Differences, func(a, b *Difference) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), cmp.Compare(a.What, b.What))
	})
	slices.SortFunc(g.Countries, func(a, b *NoticeRow) int {
		return cmp.Or(cmp.Compare(a.Country.String(), b.Country.String()), cmp.Compare(a.Recipient.ID, b.Recipient.ID))
	})
	slices.SortFunc(g.Statements, func(a, b *StatementUse) int { return cmp.Compare(a.Version, b.Version) })
	for _, c := range g.Countries {
		slices.Sort(c.Safeguards)
	}
	for _, s := range g.Statements {
		if s.SHA256 == "" {
			g.NotRuledOut = append(g.NotRuledOut, fmt.Sprintf("statement.yaml has no SHA-256 of version %s: whether people read that text, nothing shows.", cmp.Or(s.Version, "of no name")))
		}
	}
	if g.newest.t == nil {
		return
	}
	for _, r := range g.newest.policy().Recipients {
		if !slices.ContainsFunc(g.Countries, func(n *NoticeRow) bool { return n.Recipient.ID == r.ID }) {
			g.Unused = append(g.Unused, place(g.newest.entity(r.ID).String(), country(r.Country)))
		}
	}
	slices.Sort(g.Unused)
}

// HTML writes the report as a page of its own, which asks for nothing from elsewhere and
// prints well.
func (r *Notice) HTML(w io.Writer) error { return page(w, "notice.html", r) }

// Text writes the report for a screen: the differences first.
func (r *Notice) Text(w io.Writer) error {
	b := new(strings.Builder)
	fmt.Fprintf(b, "What people are told, against what happened in %s: %s\n", r.Period, times(uint64(len(r.Differences)), "difference"))
	for _, d := range r.Differences {
		fmt.Fprintf(b, "   %s (%s, %s to %s)\n", shown(d.What), times(d.Records, "record"), day(d.First), day(d.Last))
	}
	b.WriteString("\n")
	for _, s := range r.Statements {
		fmt.Fprintf(b, "Statement %s: %s\n", shown(s.Version), times(s.Records, "record"))
	}
	for _, c := range r.Countries {
		fmt.Fprintf(b, "%s: %s under %s\n", shown(place(c.Recipient.String(), c.Country)), times(c.Records, "record"), cmp.Or(strings.Join(c.Safeguards, ", "), "no safeguard, as none was asked for"))
	}
	for _, u := range r.Unused {
		fmt.Fprintf(b, "Nothing went to %s\n", shown(u))
	}
	r.Head.text(b)
	_, err := io.WriteString(w, b.String())
	return err
}

// CSV writes the report as a table: differences, then who received data where.
func (r *Notice) CSV(w io.Writer) error {
	rows := [][]string{{"period", "row", "difference", "country", "recipient", "recipient_name", "safeguards", "records", "first", "last"}}
	line := func(c Count, cells ...string) {
		rows = append(rows, append(append([]string{r.Period}, cells...), number(c.Records), c.First.UTC().Format(time.RFC3339), c.Last.UTC().Format(time.RFC3339)))
	}
	for _, d := range r.Differences {
		line(d.Count, "difference", d.What, "", "", "", "")
	}
	for _, c := range r.Countries {
		line(c.Count, "recipient", "", c.Country.String(), c.Recipient.ID, c.Recipient.Name, strings.Join(c.Safeguards, "; "))
	}
	return table(w, rows)
}
