package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
)

// What is written of times is what reports get, and from when to when.
func TestClocks(t *testing.T) {
	fsys := small(t)
	edit(t, fsys, "activities.yaml", "storage_only: true", `storage_only: true
    data_subjects: [customers, their staff]
    erasure: [{within: 30 days, from: account-closed, source: "§6", confirm: true}]
    measures: [encryption]`)
	edit(t, fsys, "laws.yaml", "when: a relevant risk, source: a book", "when: a relevant risk, source: a book, confirm: true")
	edit(t, fsys, "controllers.yaml", "default: true", `default: true
    representatives: [{law: br, name: Somebody, address: Rua 2, email: rep@example.com}]
    authority: PDPC`)
	p, err := config.LoadFS(fsys, "p")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2024, 4, 26, 3, 0, 0, 0, time.UTC) // midnight in Sao Paulo
	if c := p.ClocksAt("br", begin.Add(-time.Second)); c != nil {
		t.Errorf("before its first moment: %+v", c)
	}
	br := p.ClocksAt("br", begin)
	if br == nil || br.Position != "p/laws.yaml:45" {
		t.Fatalf("at its first moment: %+v", br)
	}
	if a := br.Breach.Authority; a.To != "ANPD" || a.Within != (decision.Term{N: 3, Unit: decision.BusinessDays}) ||
		a.From != decision.FromAwareness || a.When != "a relevant risk" || a.Source != "a book" || !a.Confirm {
		t.Errorf("authority: %+v", a)
	}
	if p := br.Breach.Persons; p.To != "" || p.Within != (decision.Term{}) || p.From != decision.FromAuthority || p.When != "" || p.Confirm {
		t.Errorf("persons: %+v", p)
	}
	if r := br.Rights; r.Answer != (decision.Term{N: 15, Unit: decision.Days}) || r.Extension.N != 0 || r.Notice.N != 0 {
		t.Errorf("rights: %+v", r)
	}
	if k := br.Records; k.What != "operations" || k.Keep.N != 0 {
		t.Errorf("records: %+v", k)
	}
	sg := p.ClocksAt("sg", begin)
	if sg == nil || sg.Breach.None != "nobody, a book" || sg.Rights.Extension != (decision.Term{N: 2, Unit: decision.Months}) ||
		sg.Rights.Notice != (decision.Term{N: 1, Unit: decision.Months}) || sg.Records.Keep != (decision.Term{N: 5, Unit: decision.Years}) {
		t.Errorf("sg: %+v", sg)
	}
	if off := sg.Rights.Off; len(off) != 2 || off[0] != time.Friday || off[1] != time.Saturday {
		t.Errorf("weekend: %v", off)
	}
	if a := p.Activities[0]; strings.Join(a.DataSubjects, "|") != "customers|their staff" || strings.Join(a.Measures, "|") != "encryption" ||
		len(a.Erasure) != 1 || a.Erasure[0] != (decision.Erasure{Within: decision.Term{N: 30, Unit: decision.Days}, From: decision.FromClosed, Source: "§6", Confirm: true}) {
		t.Errorf("activity: %+v", a)
	}
	if c := p.Controllers[1]; c.Authority != "PDPC" || len(c.Representatives) != 1 ||
		c.Representatives[0] != (decision.Representative{Law: "br", Name: "Somebody", Address: "Rua 2", Email: "rep@example.com"}) {
		t.Errorf("controller: %+v", c)
	}
}

// Who compiles a policy hears, once for a register, what reports would lack, by row.
func TestWhatReportsWouldLack(t *testing.T) {
	fsys := small(t)
	edit(t, fsys, "laws.yaml", "    rights: {answer: 15 days, source: a book}\n", "")
	edit(t, fsys, "laws.yaml", "      persons: {within: without delay, from: authority-told, source: a book}\n", "")
	edit(t, fsys, "activities.yaml", "storage_only: true", "storage_only: true\n    measures: [encryption]")
	_, problems, err := config.Check(fsys, "p", config.CheckOptions{At: checked})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"clocks-missing": "p/laws.yaml:45:5: no clocks say what laws in force want of telling of a breach (br), answering a person (br): " +
			"reports name no day there; find the source, and add it under clocks, or none with the reason",
		"p/activities.yaml": "p/activities.yaml:2:5: activities do not say what a register of processing has (GDPR Art 30): " +
			"data_subjects (storage, support), erasure (storage, support), measures (support); add it to their rows",
		"p/controllers.yaml": "p/controllers.yaml:2:5: controllers do not say what a register of processing has (GDPR Art 30): " +
			"dpo (one-br, one-sg), email (one-sg), authority (one-br, one-sg); add it to their rows",
	}
	for _, p := range problems {
		key := p.Code
		if key == "register-incomplete" {
			key = p.File
		}
		if text, ok := want[key]; ok {
			if p.String() != text {
				t.Errorf("got  %s\nwant %s", p, text)
			}
			delete(want, key)
		}
	}
	for key := range want {
		t.Errorf("nothing is said of %s", key)
	}
	before := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) // no clocks of Brazil yet
	_, problems, err = config.Check(small(t), "p", config.CheckOptions{At: before})
	if err != nil {
		t.Fatal(err)
	}
	if text := problems.Error(); !strings.Contains(text, "want of telling of a breach (br), answering a person (br), keeping records (br):") {
		t.Errorf("before the clocks begin: %s", text)
	}
}

// What counsel has not read is said once for all laws; what somebody doubts, of that law.
func TestClocksUnconfirmed(t *testing.T) {
	fsys := small(t)
	edit(t, fsys, "laws.yaml", "rights: {answer: 15 days, source: a book}", "rights: {answer: 15 days, source: a book, confirm: true}")
	_, problems, err := config.Check(fsys, "p", config.CheckOptions{At: checked})
	if err != nil {
		t.Fatal(err)
	}
	want := `p/laws.yaml:45:5: nobody's counsel has looked at the times of br: reports say so beside each day; have them read, and take confirm away`
	var got []string
	for _, p := range problems {
		switch p.Code {
		case "clocks-unconfirmed":
			got = append(got, p.String())
		case "clock-doubtful":
			t.Errorf("nobody doubts: %s", p)
		}
	}
	if !slices.Equal(got, []string{want}) {
		t.Errorf("%q", got)
	}
}

// A law may ask to tell one of them alone, and what is not certain is said with it.
func TestClocksOfNobodyAndInDoubt(t *testing.T) {
	fsys := small(t)
	edit(t, fsys, "laws.yaml", "      persons: {within: without delay, from: authority-told, source: a book}\n", "      persons: {none: \"the law names the authority alone, a book\", doubt: whether}\n")
	edit(t, fsys, "laws.yaml", "rights: {answer: 15 days, source: a book}", "rights: {answer: 15 days, source: a book, doubt: in which days}")
	edit(t, fsys, "laws.yaml", "{what: operations, source: a book}", "{none: nothing, doubt: since when}")
	p, problems, err := config.Check(fsys, "p", config.CheckOptions{At: checked})
	if err != nil || p == nil {
		t.Fatal(err, problems)
	}
	br := p.Policy.ClocksAt("br", checked)
	if n := br.Breach.Persons; n.None != "the law names the authority alone, a book" || n.Doubt != "whether" || !n.Confirm {
		t.Errorf("persons: %+v", n)
	}
	if r := br.Rights; r.Doubt != "in which days" || !r.Confirm || r.Answer.N != 15 {
		t.Errorf("rights: %+v", r)
	}
	if k := br.Records; k.None != "nothing" || k.Doubt != "since when" || !k.Confirm {
		t.Errorf("records: %+v", k)
	}
	want := `p/laws.yaml:45:5: of the times of law "br" it is not certain: answering a person: in which days; keeping records: since when; ` +
		`telling persons: whether; have counsel answer it, and take doubt and confirm away`
	var got []string
	for _, p := range problems {
		switch p.Code {
		case "clock-doubtful":
			got = append(got, p.String())
		case "clocks-missing":
			t.Errorf("none is an answer: %s", p)
		}
	}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The registers say of every law, at any time, whom it wants told, by when a person is
// answered and what is kept, or that it asks for nothing; each with its source.
func TestShippedClocksAreWhole(t *testing.T) {
	p, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	moments := append(decision.Boundaries(p), checked)
	for _, at := range moments {
		for _, l := range p.Laws {
			if !l.Validity.Contains(at) {
				continue
			}
			c := p.ClocksAt(l.ID, at)
			if c == nil || c.Breach == nil || c.Rights == nil || c.Records == nil {
				t.Errorf("%s at %s: %+v", l.ID, at, c)
				continue
			}
			if b := c.Breach; b.None == "" && (b.Authority == nil || b.Persons == nil) {
				t.Errorf("%s: one of those to be told is left out", l.ID)
			}
			for what, source := range map[string]string{"rights": c.Rights.None + c.Rights.Source, "records": c.Records.None + c.Records.Source} {
				if source == "" {
					t.Errorf("%s: %s without a source", l.ID, what)
				}
			}
		}
	}
}
