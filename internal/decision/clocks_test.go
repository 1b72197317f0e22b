package decision_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/decision"
)

var weekend = []time.Weekday{time.Saturday, time.Sunday}

// The days are those of a calendar, counted by hand.
func TestTermAfter(t *testing.T) {
	for _, test := range []struct {
		term, start, want string
		off               []time.Weekday
	}{
		{"without delay", "2026-11-30 09:30", "2026-11-30 09:30", weekend},
		{"72 hours", "2026-11-28 09:30", "2026-12-01 09:30", weekend},
		{"30 days", "2026-11-30 09:30", "2026-12-30 09:30", weekend},
		{"1 month", "2026-01-31 09:30", "2026-02-28 09:30", weekend}, // Regulation 1182/71: the last day of a month that has no such day
		{"1 month", "2028-01-31 09:30", "2028-02-29 09:30", weekend},
		{"1 month", "2026-11-30 09:30", "2026-12-30 09:30", weekend},
		{"3 months", "2026-11-30 09:30", "2027-02-28 09:30", weekend},
		{"1 year", "2028-02-29 09:30", "2029-02-28 09:30", weekend},
		{"3 business days", "2026-11-27 09:30", "2026-12-02 09:30", weekend},                                    // a Friday: Monday, Tuesday, Wednesday
		{"1 business day", "2026-11-28 09:30", "2026-11-30 09:30", weekend},                                     // a Saturday: Monday
		{"3 business days", "2026-11-26 09:30", "2026-12-01 09:30", []time.Weekday{time.Friday, time.Saturday}}, // a Thursday: Sunday, Monday, Tuesday
		{"1 business day", "2026-11-27 09:30", "2026-11-28 09:30", nil},                                         // no weekend
		{"1 business day", "2026-11-27 09:30", "2026-11-27 09:30", []time.Weekday{0, 1, 2, 3, 4, 5, 6}},         // no business
	} {
		term, ok := decision.ParseTerm(test.term)
		if !ok {
			t.Errorf("%q is not read", test.term)
			continue
		}
		const layout = "2006-01-02 15:04"
		start, err := time.Parse(layout, test.start)
		if err != nil {
			t.Fatal(err)
		}
		if got := term.After(start, test.off).Format(layout); got != test.want {
			t.Errorf("%s after %s: %s, want %s", test.term, test.start, got, test.want)
		}
	}
}

func TestParseTermRefuses(t *testing.T) {
	for _, text := range []string{"", "72", "72 Hours", "72  hours", "1 days", "2 day", "0 days", "-1 days", "+1 day", "01 day", "10000 days", "3 weeks", "without", "soon", "1 month "} {
		if term, ok := decision.ParseTerm(text); ok {
			t.Errorf("%q is read as %s", text, term)
		}
	}
}

// What is written is what is read, and more of a time never ends sooner.
func TestTermProperties(t *testing.T) {
	units := []decision.Unit{decision.Hours, decision.Days, decision.BusinessDays, decision.Months, decision.Years}
	rapid.Check(t, func(t *rapid.T) {
		term := decision.Term{N: rapid.IntRange(1, 400).Draw(t, "n"), Unit: rapid.SampledFrom(units).Draw(t, "unit")}
		if again, ok := decision.ParseTerm(term.String()); !ok || again != term {
			t.Fatalf("%q is read as %+v, %t", term, again, ok)
		}
		start := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "start"), 0).UTC()
		due, longer := term.After(start, weekend), decision.Term{N: term.N + 1, Unit: term.Unit}.After(start, weekend)
		if !start.Before(due) || !due.Before(longer) {
			t.Fatalf("%s after %s is %s, one more is %s", term, start, due, longer)
		}
	})
}
