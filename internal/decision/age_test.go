package decision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

func TestParseBirth(t *testing.T) {
	for _, text := range []string{"1900", "2010", "2010-05-17", "2008-02-29", "9999-12-31"} {
		born, err := decision.ParseBirth(text)
		if err != nil || born.String() != text {
			t.Errorf("%s: got %s, %v", text, born, err)
		}
		var again decision.Birth
		if written, err := born.MarshalText(); err != nil || again.UnmarshalText(written) != nil || again != born {
			t.Errorf("%s: written and read it is %s, %v", text, again, err)
		}
	}
	for _, text := range []string{
		"", "10", "1899", "0000-05-17", "2010-13-01", "2009-02-29", "2010-5-17", "17.05.2010", "2010-05", "2010-05-17T00:00:00Z", "jane", "20100", "-201", "２０１０",
	} {
		if born, err := decision.ParseBirth(text); err == nil || born != (decision.Birth{}) || text == "jane" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: got %s, %v", text, born, err)
		}
	}
	if text := (decision.Birth{}).String(); text != "" {
		t.Errorf("nothing is written as %q", text)
	}
}

// Dates and ages are counted by hand.
func TestMinor(t *testing.T) {
	p := &decision.Policy{Ages: []decision.Age{{Countries: []string{"TH", "NZ"}, Years: 20}, {Countries: []string{"KR"}, Years: 19}}}
	for _, tt := range []struct {
		born, at, countries string
		want                bool
	}{
		{"", "2026-11-25T00:00:00Z", "TH BR", false}, // nobody knows
		{"2008-11-25", "2026-11-24T23:59:59Z", "BR", true},
		{"2008-11-25", "2026-11-25T11:59:59Z", "BR", true}, // it is the 24th still in the last place on earth
		{"2008-11-25", "2026-11-25T12:00:00Z", "BR", false},
		{"2008", "2026-12-31T12:00:00Z", "BR", false},
		{"2008", "2026-12-31T11:59:59Z", "BR", true},
		{"2007", "2026-01-01T00:00:00Z", "BR", false},
		{"2008-02-29", "2026-02-28T23:00:00Z", "BR", true},
		{"2008-02-29", "2026-03-01T12:00:00Z", "BR", false},
		{"2007-11-24", "2026-11-25T12:00:00Z", "", false},   // no country: 18
		{"2008-11-26", "2026-11-25T12:00:00Z", "", true},    //
		{"2007-01-01", "2026-11-25T12:00:00Z", "TH", true},  // 19
		{"2006-11-25", "2026-11-25T12:00:00Z", "TH", false}, // 20
		{"2007-01-01", "2026-11-25T12:00:00Z", "NZ", true},
		{"2007-01-01", "2026-11-25T12:00:00Z", "KR", false},
		{"2007-01-01", "2026-11-25T12:00:00Z", "KR TH", true}, // the later of two counts
		{"2007-01-01", "2026-11-25T12:00:00Z", "TH KR", true},
		{"2007-01-01", "2026-11-25T12:00:00Z", "BR TH", true},
		{"2030-01-01", "2026-11-25T12:00:00Z", "BR", true}, // not born yet
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		var born decision.Birth
		if tt.born != "" {
			if born, err = decision.ParseBirth(tt.born); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.Minor(born, at, strings.Fields(tt.countries)...); got != tt.want {
			t.Errorf("born %s, at %s in %s: a minor: %v", tt.born, tt.at, tt.countries, got)
		}
	}
	if born, _ := decision.ParseBirth("2008-11-26"); !new(decision.Policy).Minor(born, time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), "TH") {
		t.Error("without a register nobody is a minor")
	}
}
