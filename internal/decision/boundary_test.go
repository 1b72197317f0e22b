package decision_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// TestChile: at midnight in Santiago the safeguards asked for change, with
// neither a moment's delay nor a moment too early.
func TestChile(t *testing.T) {
	santiago, err := time.LoadLocation("America/Santiago")
	if err != nil {
		t.Fatal(err)
	}
	midnight := time.Date(2026, 12, 1, 0, 0, 0, 0, santiago)
	if !midnight.Equal(chile) {
		t.Fatalf("the policy's boundary %s is not midnight in Santiago, %s", chile, midnight)
	}
	p, s := policy(), siteSG()
	tests := []struct {
		at   time.Time
		want string
	}{
		{now, "cl-none"},
		{midnight.Add(-time.Nanosecond), "cl-none"},
		{midnight, "cl-scc-operators"},
		{midnight.Add(time.Nanosecond), "cl-scc-operators"},
		{later, "cl-scc-operators"},
	}
	for _, test := range tests {
		table := compile(t, p, s, test.at)
		d := table.Decide(person(p, "storage", "CL"))
		if got := candidate(t, d, "ap-southeast-3").Safeguards[0].ID; got != test.want {
			t.Errorf("at %s: %s, want %s", test.at, got, test.want)
		}
		// Partners need no row for Chile while its law is open.
		d = table.Decide(person(p, "security", "CL"))
		if wantLaw := "sg"; d.Law != wantLaw && test.at.Before(midnight) {
			t.Errorf("at %s: law %q, want %q", test.at, d.Law, wantLaw)
		}
		if wantLaw := "cl"; d.Law != wantLaw && !test.at.Before(midnight) {
			t.Errorf("at %s: law %q, want %q", test.at, d.Law, wantLaw)
		}
	}
}

func TestFromUntil(t *testing.T) {
	p, s := policy(), siteSG()
	p.Safeguards[0].Review = decision.Review{EveryMonths: 1, Owner: "counsel", Last: now.AddDate(0, -1, 0).Add(time.Hour)} // no boundary
	if got, want := decision.Boundaries(p), []time.Time{posted, chile}; !slices.EqualFunc(got, want, time.Time.Equal) {
		t.Errorf("boundaries %v, want %v", got, want)
	}
	if got := decision.Boundaries(nil); len(got) != 0 {
		t.Errorf("boundaries of no policy: %v", got)
	}
	onlyLaw := &decision.Policy{Laws: []decision.Law{{ID: "cl", Validity: decision.Validity{From: chile}}}}
	if got := decision.Boundaries(onlyLaw); !slices.Equal(got, []time.Time{chile}) {
		t.Errorf("boundaries of a law %v, want %v", got, chile)
	}
	var never time.Time
	for _, test := range []struct{ at, from, until time.Time }{
		{posted.Add(-1), never, posted},
		{posted, posted, chile},
		{now, posted, chile},
		{chile.Add(-1), posted, chile},
		{chile, chile, never},
		{later, chile, never},
	} {
		table := compile(t, p, s, test.at)
		if !table.From().Equal(test.from) || !table.Until().Equal(test.until) {
			t.Errorf("at %s: [%s, %s), want [%s, %s)", test.at, table.From(), table.Until(), test.from, test.until)
		}
	}
}

// TestValidity holds the half-open span, zero ends included.
func TestValidity(t *testing.T) {
	open := decision.Validity{}
	span := decision.Validity{From: posted, Until: chile}
	for _, test := range []struct {
		v    decision.Validity
		at   time.Time
		want bool
	}{
		{open, posted, true}, {open, time.Time{}, true},
		{span, posted.Add(-1), false}, {span, posted, true}, {span, chile.Add(-1), true}, {span, chile, false},
	} {
		if got := test.v.Contains(test.at); got != test.want {
			t.Errorf("%v at %s: %t, want %t", test.v, test.at, got, test.want)
		}
	}
}
