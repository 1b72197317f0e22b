// Package coverage tells for every clause of the privacy statement what enforces
// it, where that shows, and which test holds it, or why it is no task of a gateway.
//
// Nothing of that is written in one table. It is gathered from what enforces the
// statement: the reasons of denials, the rows of the registers, the policy's tests,
// and marks beside functions and tests in the sources:
//
//	//clause:enforces §4(c) §5(d); record withheld
//	//clause:tests §5(d)
//
// After "record" come fields of the ledger's records, after "header" header fields,
// after "elsewhere" other places where it shows, after "off" the statements with which the function enforces nothing, if returning
// nothing is not that: a test of the marks runs them, and a named test must fail.
// The marks of the sources are kept in marks.json, because a program does not have
// its sources; a test finds it out of date.
//
// A clause with several sentences that bind is answered by each of them and by nothing
// else: what cites the clause as a whole is shown, and answers none.
//
//clause:not §5(a); because how a company organises protection is its own matter
//clause:not §5(c); because nobody is trained by a gateway
//clause:not §5(e); because it guards no building
//clause:not §5(i); because the platform keeps and destroys media
//clause:not §5(k).1; because attacks that flood the network are met before it
//clause:not §5(k).2; because the company manages vulnerabilities; the gateway's own dependencies are checked when it is built
//clause:not §5(b).1; because the company grades its data and protection; of the gateway's activities identity documents alone are treated apart
//clause:not §3; because cookies are set by the site's pages and explained in the cookie policy; the gateway sets none and withholds them from the affiliate
//clause:not 7-control(a); because account information is changed in the Developer Center; the gateway lets such requests pass
//clause:not 7-control(b); because people control cookies in their browsers and on the site's pages; the gateway sets none
//clause:not 7-right(b); because the platform corrects data; the gateway lets the request pass and records nothing that would need correction
//clause:not 7-right(f); because the platform hands out a person's data; the gateway lets the request pass to where it is stored
//clause:not 7-right(g); because complaints go to the data-protection department and to authorities; the gateway lets the request pass
package coverage

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
)

// Mark is a clause mark in the sources.
type Mark struct {
	Kind    string   `json:"kind"` // enforces, tests or not
	Clauses []string `json:"clauses"`
	// Name is the function the mark stands beside, with its package.
	Name   string   `json:"name"`
	Record []string `json:"record,omitempty"`
	Header []string `json:"header,omitempty"`
	// Elsewhere are places beside records and header fields where it shows: entries of
	// the ledger by their type, report:NAME, or check:CODE for what no configuration has.
	Elsewhere []string `json:"elsewhere,omitempty"`
	Because   string   `json:"because,omitempty"`
	// Off are the statements with which the function enforces nothing.
	Off string `json:"off,omitempty"`
}

//go:embed marks.json
var embedded []byte

// Marks are those of the sources this program was built from.
func Marks() ([]Mark, error) {
	var marks []Mark
	if err := json.Unmarshal(embedded, &marks); err != nil {
		return nil, fmt.Errorf("reading the embedded marks: %w", err)
	}
	return marks, nil
}

// Row is what is known about one clause.
type Row struct {
	Clause string `json:"clause"`
	Title  string `json:"title"`
	// Enforced are reason codes, rows of registers and functions; Record fields of
	// the ledger's records; Header header fields; Tested tests.
	Enforced []string `json:"enforced,omitempty"`
	Record   []string `json:"record,omitempty"`
	Header   []string `json:"header,omitempty"`
	Tested   []string `json:"tested,omitempty"`
	// Elsewhere are other places where it shows, as of [Mark].
	Elsewhere []string `json:"elsewhere,omitempty"`
	// Not is why the clause, or what is left of it, is no task of a gateway.
	Not string `json:"not,omitempty"`
	// Parts are the sentences, or the paragraphs and list items, that answer for a clause.
	Parts []string `json:"parts,omitempty"`
	// Open are those of its sentences that nothing answers.
	Open []string `json:"open,omitempty"`
}

// Answered reports whether the row says enough: what enforces the clause, where that
// shows and what holds it, or why it is no task of a gateway.
func (r *Row) Answered() bool {
	if len(r.Open) > 0 {
		return false
	}
	return r.Not != "" || len(r.Parts) > 0 || len(r.Enforced) > 0 && len(r.Record)+len(r.Header)+len(r.Elsewhere) > 0 && len(r.Tested) > 0
}

// Table gathers the rows of all clauses of the statement, in its order.
func Table(r *config.Registers, tests []config.Test, marks []Mark) []Row {
	var rows []Row
	sentences := map[string][]string{}
	for _, term := range r.Terms.Clauses {
		rows = append(rows, Row{Clause: term.Tag, Title: term.Title})
		for _, s := range r.Terms.Sentences {
			if s.Clause == term.Tag {
				rows = append(rows, Row{Clause: s.Tag, Title: s.Text})
				sentences[term.Tag] = append(sentences[term.Tag], s.Tag)
			}
		}
	}
	index := map[string]*Row{}
	for i := range rows {
		index[rows[i].Clause] = &rows[i]
	}
	g := gatherer{index}
	g.reasons()
	g.registers(r.Policy)
	g.tests(tests)
	g.marks(marks)
	for i := range rows {
		for _, tag := range sentences[rows[i].Clause] {
			if index[tag].Answered() {
				rows[i].Parts = append(rows[i].Parts, tag)
			} else {
				rows[i].Open = append(rows[i].Open, tag)
			}
		}
	}
	for i := range rows {
		rows[i].answerByParts(rows)
	}
	return rows
}

// answerByParts lets a clause's paragraphs and list items answer for it, if they
// all do and nothing else does.
func (r *Row) answerByParts(rows []Row) {
	if len(r.Open) > 0 || r.Answered() || !strings.HasPrefix(r.Clause, "§") || strings.Contains(r.Clause, "(") {
		return
	}
	var parts []string
	for i := range rows {
		if part := &rows[i]; isPart(part.Clause, r.Clause) {
			if !part.Answered() {
				return
			}
			parts = append(parts, part.Clause)
		}
	}
	r.Parts = parts
}

// isPart reports whether a clause is a paragraph or list item of another: §4(c) of
// §4, 1a of §1, 7-right(a) of §7.
func isPart(part, whole string) bool {
	number := strings.TrimPrefix(whole, "§")
	rest, found := strings.CutPrefix(strings.TrimPrefix(part, "§"), number)
	return found && part != whole && rest != "" && (rest[0] < '0' || rest[0] > '9')
}

// gatherer adds what it finds to the rows of its clauses. Clauses the statement
// does not have are left out; a test finds those of marks.
type gatherer struct{ rows map[string]*Row }

func (g gatherer) enforced(clause, by string, record []string, header ...string) {
	if row := g.rows[clause]; row != nil {
		row.Enforced = addTo(row.Enforced, by)
		row.Record = addTo(row.Record, record...)
		row.Header = addTo(row.Header, header...)
	}
}

func addTo(list []string, items ...string) []string {
	for _, item := range items {
		if !slices.Contains(list, item) {
			list = append(list, item)
		}
	}
	return list
}

// reasons are the codes of denials and failures; each names its clause.
func (g gatherer) reasons() {
	for _, reason := range decision.Reasons() {
		if clause := reason.Info().Clause; clause != "" {
			g.enforced(clause, "reason "+string(reason), []string{"reason", "clause"})
		}
	}
}

// registers are the rows that say which data goes where, what for and on what ground.
func (g gatherer) registers(p *decision.Policy) {
	for i := range p.Activities {
		a := &p.Activities[i]
		by := "activity " + a.ID
		for _, category := range a.Categories {
			g.enforced(category, by, []string{"categories"})
		}
		for _, purpose := range a.Purposes {
			g.enforced(purpose, by, []string{"purposes"})
		}
		g.enforced(a.LegalBasis, by, []string{"legal_basis"})
		g.enforced(kindClause(a.Kind), by, []string{"activity", "legs"}, "Data-Transfer")
	}
	for i := range p.Safeguards {
		g.enforced(p.Safeguards[i].Clause, "safeguard "+p.Safeguards[i].ID, []string{"legs"}, "Data-Transfer")
	}
	for i := range p.Controllers {
		g.enforced("§11", "controller "+p.Controllers[i].ID, []string{"controller", "basis", "country"}, "Data-Controller", "Data-Controller-Basis")
	}
	for i := range p.Statements {
		g.enforced("§10", "statement "+p.Statements[i].ID, []string{"statement"}, "Privacy-Statement")
	}
}

// kindClause is the clause of a row of §4 or §9.
func kindClause(kind decision.RecipientKind) string {
	if len(kind) == 2 {
		return fmt.Sprintf("§%c(%c)", kind[0], kind[1])
	}
	return string(kind)
}

// tests are the policy's own.
func (g gatherer) tests(tests []config.Test) {
	for i := range tests {
		for _, clause := range tests[i].Clauses {
			if row := g.rows[clause]; row != nil {
				row.Tested = addTo(row.Tested, fmt.Sprintf("%s: %s", config.TestsFile, tests[i].Name))
			}
		}
	}
}

// marks are those of the sources.
func (g gatherer) marks(marks []Mark) {
	for _, m := range marks {
		for _, clause := range m.Clauses {
			row := g.rows[clause]
			if row == nil {
				continue
			}
			switch m.Kind {
			case "enforces":
				g.enforced(clause, m.Name, m.Record, m.Header...)
				row.Elsewhere = addTo(row.Elsewhere, m.Elsewhere...)
			case "tests":
				row.Tested = addTo(row.Tested, m.Name)
			case "not":
				row.Not = m.Because
			}
		}
	}
}
