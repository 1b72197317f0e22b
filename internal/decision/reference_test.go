package decision_test

import (
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// TestReference holds what §4(a) and §4(b) ask for, by the function and by a
// table alike: consent or instruction; a case with who approved it and an end
// that has not come. A reference changes nothing where none is asked for.
func TestReference(t *testing.T) {
	p, s := everyKind()
	table := compile(t, p, s, now)
	open := decision.Reference{Kind: decision.Case, ID: "2026-17", Approver: "legal-ops", Until: now.Add(time.Hour)}
	change := func(f func(*decision.Reference)) decision.Reference {
		r := open
		f(&r)
		return r
	}
	for _, test := range []struct {
		name, activity string
		reference      decision.Reference
		at             time.Time
		want           decision.Reason // empty: allowed
	}{
		{"nothing", "instructed", decision.Reference{}, now, "instruction_missing"},
		{"an instruction", "instructed", decision.Reference{Kind: decision.Instruction, ID: "77"}, now, ""},
		{"a consent", "instructed", decision.Reference{Kind: decision.Consent, ID: "9f2c"}, now, ""},
		{"a consent without an id", "instructed", decision.Reference{Kind: decision.Consent}, now, "instruction_missing"},
		{"a case is no instruction", "instructed", open, now, "instruction_missing"},
		{"of no kind", "instructed", decision.Reference{ID: "77"}, now, "instruction_missing"},

		{"nothing", "authority", decision.Reference{}, now, "case_missing"},
		{"an instruction is no case", "authority", decision.Reference{Kind: decision.Instruction, ID: "77"}, now, "case_missing"},
		{"a case", "authority", open, now, ""},
		{"its last moment", "authority", open, open.Until.Add(-time.Nanosecond), ""},
		{"its end", "authority", open, open.Until, "case_expired"},
		{"at no moment", "authority", open, time.Time{}, "case_expired"},
		{"nobody approved it", "authority", change(func(r *decision.Reference) { r.Approver = "" }), now, "case_missing"},
		{"it has no end", "authority", change(func(r *decision.Reference) { r.Until = time.Time{} }), now, "case_missing"},
		{"it has no id", "authority", change(func(r *decision.Reference) { r.ID = "" }), now, "case_missing"},

		{"not asked for", "serving", decision.Reference{}, now, ""},
		{"not asked for, but there", "serving", open, now, ""},
	} {
		f := person(p, test.activity, "BR")
		f.Reference, f.At = test.reference, test.at
		for range 2 { // a cell that was filled changes nothing
			if d := table.Decide(f); d.Reason != test.want || (d.Outcome == decision.Allowed) != (test.want == "") {
				t.Errorf("%s: %s: table: %q, want %q", test.activity, test.name, d.Reason, test.want)
			}
		}
		if test.at.IsZero() {
			continue // the function takes its own moment then
		}
		if d := decision.Decide(p, &s, test.at, f); d.Reason != test.want {
			t.Errorf("%s: %s: %q, want %q", test.activity, test.name, d.Reason, test.want)
		}
	}
}

// Consent withdrawn takes what was shared on it along, and not what the person
// instructed (§7).
func TestReferenceWithdrawn(t *testing.T) {
	p, s := everyKind()
	table := compile(t, p, s, now)
	for kind, want := range map[decision.ReferenceKind]decision.Reason{
		decision.Consent: decision.ConsentWithdrawn, decision.Instruction: "",
	} {
		f := person(p, "instructed", "BR")
		f.Reference = decision.Reference{Kind: kind, ID: "1"}
		table.Decide(f) // fills the cell
		f.Choices.Withdrawn = true
		if d := table.Decide(f); d.Reason != want {
			t.Errorf("%s: %q, want %q", kind, d.Reason, want)
		}
	}
}

func TestReferenceString(t *testing.T) {
	until := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC) // date -d 2026-12-31T00:00Z +%s: 1798675200
	for want, r := range map[string]decision.Reference{
		"":               {},
		"consent:9f2c":   {Kind: decision.Consent, ID: "9f2c"},
		"instruction:77": {Kind: decision.Instruction, ID: "77"},
		"case:2026-17;approver=legal-ops;until=@1798675200": {Kind: decision.Case, ID: "2026-17", Approver: "legal-ops", Until: until},
	} {
		if got := r.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestStatementChosen holds that an activity's own statement comes before the
// site's, that before the policy's, each in the version in force, and that one
// without a version in force is replaced by no other (§10).
//
//clause:tests introduction.2
func TestStatementChosen(t *testing.T) {
	p := policy()
	p.Statement = "developer"
	p.Statements = []decision.Statement{
		{ID: "2023-11-21", Name: "developer", Validity: decision.Validity{From: posted}},
		{ID: "events-1", Name: "events", Validity: decision.Validity{From: posted, Until: now}},
		{ID: "events-2", Name: "events", Validity: decision.Validity{From: now}},
		{ID: "later-1", Name: "later", Validity: decision.Validity{From: later}},
	}
	for _, test := range []struct {
		site, activity string
		at             time.Time
		want           string // "" for no_statement
	}{
		{"", "", now, "2023-11-21"},
		{"events", "", now.Add(-time.Nanosecond), "events-1"},
		{"events", "", now, "events-2"},
		{"developer", "events", now, "events-2"},
		{"events", "developer", now, "2023-11-21"},
		{"", "later", now, ""},
		{"later", "", later, "later-1"},
	} {
		for i := range p.Activities {
			p.Activities[i].Statement = test.activity
		}
		s := siteSG()
		s.Statement = test.site
		d := decision.Decide(p, &s, test.at, person(p, "storage", "FR"))
		got := ""
		if d.Statement != nil {
			got = d.Statement.ID
		}
		if got != test.want || (d.Reason == decision.NoStatement) != (test.want == "") {
			t.Errorf("site %q, activity %q: statement %q, reason %q, want %q", test.site, test.activity, got, d.Reason, test.want)
		}
	}
	s := siteSG()
	s.Statement = "event"
	if _, err := decision.Compile(p, s, now, nil); err == nil || err.Error() != `statement "event" is not in the register of statements: name one of its statements` {
		t.Errorf("a site with an unknown statement: %v", err)
	}
}

// A review is due some months after the last; until then, or until the end.
func TestExpires(t *testing.T) {
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }
	row := decision.Safeguard{Review: decision.Review{EveryMonths: 12, Owner: "counsel", Last: day(2026, 6, 30)}}
	if got := row.Expires(); !got.Equal(day(2027, 6, 30)) {
		t.Errorf("review due %s", got)
	}
	row.Validity.Until = day(2027, 1, 1)
	if got := row.Expires(); !got.Equal(day(2027, 1, 1)) {
		t.Errorf("ends %s", got)
	}
	row.Validity.Until = day(2028, 1, 1)
	if got := row.Expires(); !got.Equal(day(2027, 6, 30)) {
		t.Errorf("due before its end: %s", got)
	}
	if got := new(decision.Safeguard).Expires(); !got.IsZero() {
		t.Errorf("the zero row expires %s", got)
	}
}
