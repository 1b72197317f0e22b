package decision_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/decision"
)

// flow is one row of testdata/law/flows.yaml: what the statement and the law ask of
// one request, written from the sources it names.
type flow struct {
	ID    string
	Given struct {
		Country, Activity string
		At                string
		Rows              yaml.Node
		Staff, Ticket     string
		Minor, Deletes    bool
		Regions           []string
		UnknownLaw        string `yaml:"unknown_law"`
		Owner             string `yaml:"owner_of_recipient"`
	}
	Expect struct {
		Outcome, Reason, Law string
		Laws                 []string
		Transfer             *bool
		NoTransferUnder      map[string]string `yaml:"no_transfer_under"`
		RecordHas            []string          `yaml:"record_has"`
		ToldToStaff          []string          `yaml:"told_to_staff"`
		NotTold              []string          `yaml:"not_told"`
		Leg                  *struct {
			From, To string
			Laws     []string
		}
	}
	Source, Certainty string
}

func TestFlows(t *testing.T) {
	data, err := os.ReadFile("testdata/law/flows.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Flows []flow }
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Flows) < 71 {
		t.Fatalf("%d flows, want at least 71", len(file.Flows))
	}
	registers := shipped(t)
	for _, f := range file.Flows {
		t.Run(f.ID, func(t *testing.T) { f.hold(t, registers) })
	}
}

// hold asks the shipped policy, with the rows the flow names and no others.
func (f *flow) hold(t *testing.T, registers *decision.Policy) {
	if f.Source == "" || f.Certainty == "" {
		t.Error("a flow without its source")
	}
	p := clone(registers)
	s := decision.Site{Node: nodeSG, Regions: f.Given.Regions}
	if s.Regions == nil {
		s.Regions = allRegions
	}
	at := now
	if f.Given.At != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, f.Given.At); err != nil {
			if at, err = time.Parse(time.DateOnly, f.Given.At); err != nil {
				t.Fatal(err)
			}
		}
	}
	if f.Given.Rows.Value == "shipped" {
		s.Demo = true
	} else {
		var words []string
		if err := f.Given.Rows.Decode(&words); err != nil {
			t.Fatal(err)
		}
		p.Safeguards = rowsOf(t, p, words)
	}
	if f.Given.UnknownLaw != "" {
		p.UnknownLaw = decision.UnknownLaw(f.Given.UnknownLaw)
	}
	if f.Given.Owner != "" {
		own(t, p, f.Given.Owner)
	}
	facts := person(p, f.Given.Activity, f.Given.Country)
	facts.At, facts.Deletes, facts.Choices.Minor = at, f.Given.Deletes, f.Given.Minor
	if entity, code, staff := strings.Cut(f.Given.Staff, "@"); staff {
		facts.Staff = &decision.Place{Entity: entity, Country: code}
		facts.Access = decision.StaffAccess{Named: true, Ticket: f.Given.Ticket}
	}
	table, err := decision.CompileLazily(p, s, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := table.Decide(facts)
	if again := decision.Decide(p, &s, at, facts); again.Outcome != d.Outcome || again.Reason != d.Reason || again.Law != d.Law {
		t.Errorf("compiled %s %s, decided %s %s", d.Reason, d.Law, again.Reason, again.Law)
	}
	f.compare(t, d)
}

func (f *flow) compare(t *testing.T, d *decision.Decision) {
	want := f.Expect
	if got := map[decision.Outcome]string{decision.Allowed: "allowed", decision.Denied: "denied"}[d.Outcome]; got != want.Outcome {
		t.Fatalf("%s: %s (law %s): %s", got, d.Reason, d.Law, d.Unlock)
	}
	if want.Reason != "" && string(d.Reason) != want.Reason {
		t.Errorf("reason %s, want %s: %s", d.Reason, want.Reason, d.Unlock)
	}
	if want.Law != "" && d.Law != want.Law {
		t.Errorf("law %s, want %s: %s", d.Law, want.Law, d.Unlock)
	}
	if d.Outcome == decision.Denied {
		return
	}
	c := &d.Candidates[0]
	if want.Transfer != nil && c.Transfer != *want.Transfer {
		t.Errorf("transfer %t, want %t", c.Transfer, *want.Transfer)
	}
	var satisfied []string
	for _, leg := range c.Legs {
		for _, v := range leg.Laws {
			if v.Outcome == decision.Satisfied && !slices.Contains(satisfied, v.Law) {
				satisfied = append(satisfied, v.Law)
			}
			if because, said := want.NoTransferUnder[v.Law]; said && (v.Outcome != decision.NotATransfer || string(v.Because) != because) {
				t.Errorf("law %s: %d because %q, want no transfer because %s", v.Law, v.Outcome, v.Because, because)
			}
		}
	}
	slices.Sort(satisfied)
	if want.Laws != nil && !slices.Equal(satisfied, want.Laws) {
		t.Errorf("laws satisfied %q, want %q", satisfied, want.Laws)
	}
	if leg := want.Leg; leg != nil {
		if c.Return == nil || c.Return.From != leg.From || c.Return.To != leg.To {
			t.Fatalf("return %+v, want %+v", c.Return, *leg)
		}
		var laws []string
		for _, v := range c.Return.Laws {
			laws = append(laws, v.Law)
			if v.Outcome != decision.Satisfied {
				t.Errorf("the return is not lawful under %s", v.Law)
			}
		}
		if !slices.Equal(laws, leg.Laws) {
			t.Errorf("the return is judged by %q, want %q", laws, leg.Laws)
		}
	}
}

// clone is a policy whose rows may be changed.
func clone(p *decision.Policy) *decision.Policy {
	c := *p
	c.Safeguards, c.Assessments = slices.Clone(p.Safeguards), slices.Clone(p.Assessments)
	c.Recipients, c.Controllers = slices.Clone(p.Recipients), slices.Clone(p.Controllers)
	c.Activities = slices.Clone(p.Activities)
	return &c
}

// own makes every recipient and controller owned by "CN 100 %".
func own(t *testing.T, p *decision.Policy, written string) {
	t.Helper()
	code, share, ok := strings.Cut(written, " ")
	if !ok || share != "100 %" {
		t.Fatalf("owner %q", written)
	}
	owner := &decision.Owner{Name: "Parent", Country: code, Share: 100}
	for i := range p.Recipients {
		p.Recipients[i].OwnedBy = owner
	}
	for i := range p.Controllers {
		p.Controllers[i].OwnedBy = owner
	}
}

// words map how flows name a row to what it changes in a row of the register, which
// is then signed and unmarked. Of a name that is a row's id nothing is changed.
var words = map[string]struct {
	like   string // the shipped row it is made like
	change func(*decision.Safeguard)
}{
	"cl group contract of 2026-01-01": {like: "cl-group-2026"},
	"kz copy-here attested": {like: "th-group", change: func(s *decision.Safeguard) {
		s.Law, s.Tag = "kz", "kz-l94v-art12-copy"
		s.Evidence = map[string]decision.Evidence{decision.LocalCopy: {Reference: "Almaty", Date: day(2026, 1, 1)}}
	}},
	"kz mechanism": {like: "th-group", change: func(s *decision.Safeguard) { s.Law, s.Tag = "kz", "kz-l94v-art16-consent" }},
	"cn standard contract without a filing date": {like: "cn-group", change: func(s *decision.Safeguard) {
		s.Evidence = evidenceWithout(s, "filing")
		s.Evidence["filing"] = decision.Evidence{Reference: "filing with the CAC, yet to be made"}
	}},
	"pe notification alone": {like: "pe-group", change: func(s *decision.Safeguard) { s.Tag = "pe-lpdp-notified" }},
	"pe clauses without notification": {like: "pe-group", change: func(s *decision.Safeguard) {
		s.Evidence = evidenceWithout(s, "notification")
	}},
	"za s.57 authorisation alone": {like: "za-group", change: func(s *decision.Safeguard) { s.Tag = "za-popia-s57-auth" }},
	"tr standard contract without notified_on": {like: "th-group", change: func(s *decision.Safeguard) {
		s.Law, s.Tag = "tr", "tr-kvkk-art9-scc"
		everywhere(s)
	}},
	"my equivalent protection with an assessment of 2023-01-01": {like: "th-group", change: func(s *decision.Safeguard) {
		s.Law, s.Tag, s.Assessment = "my", "my-pdpa-s129-2b-equiv", "old"
		everywhere(s)
	}},
	"ae DIFC clauses alone": {like: "th-group", change: func(s *decision.Safeguard) { s.Law, s.Tag = "ae-difc", "ae-difc-art27-scc" }},
	"sg contract that names no country": {like: "sg-support-cn", change: func(s *decision.Safeguard) {
		s.Countries = decision.Set{Any: true}
	}},
	"eu SCC 2021/914 without assessment": {like: "eu-support-cn", change: func(s *decision.Safeguard) { s.Assessment = "" }},
	"eu SCC alone":                       {like: "eu-support-cn"},
	"eu SCC without the Swiss addendum":  {like: "eu-support-cn"},
	"eu Art 49(1)(a) consent": {like: "eu-support-cn", change: func(s *decision.Safeguard) {
		s.Tag, s.Occasional = "eu-gdpr-art49-1a-consent", true
	}},
	"eu adequacy of Brazil": {like: "eu-adequacy-br"},
}

func day(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// everywhere lets a row cover every flow of its law, so that only what the flow is
// about is left to lack.
func everywhere(s *decision.Safeguard) {
	s.Exporters, s.Recipients, s.Countries, s.Kinds = anything, anything, anything, anything
}

func evidenceWithout(s *decision.Safeguard, word string) map[string]decision.Evidence {
	left := map[string]decision.Evidence{}
	for w, e := range s.Evidence {
		if w != word {
			left[w] = e
		}
	}
	return left
}

// rowsOf makes the rows a flow names.
func rowsOf(t *testing.T, p *decision.Policy, names []string) []decision.Safeguard {
	t.Helper()
	old := decision.Assessment{ID: "old", Law: "my", Countries: anything, Acceptable: true, Date: day(2023, 1, 1), Author: "counsel"}
	p.Assessments = append(p.Assessments, old)
	rows := []decision.Safeguard{}
	for _, name := range names {
		w, known := words[name]
		if !known {
			w.like = name
		}
		i := slices.IndexFunc(p.Safeguards, func(s decision.Safeguard) bool { return s.ID == w.like })
		if i < 0 {
			t.Fatalf("no row %q: add it to words", name)
		}
		row := p.Safeguards[i]
		row.ID, row.Example, row.Confirm = name, false, false
		if w.change != nil {
			w.change(&row)
		}
		rows = append(rows, row)
	}
	return rows
}
