package policystore_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/decision/decisiontest"
	"github.com/sparkoo/transfergate/internal/policystore"
	"github.com/sparkoo/transfergate/internal/record"
)

// A shadow policy never changes what happens to a request: whatever the two policies are
// and whoever asks, the decision is the one made without it, and of the record nothing
// differs but its member shadow, which has a bound.
func TestAShadowNeverChangesADecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, site, at := decisiontest.DrawWorld(t)
		q, _, _ := decisiontest.DrawWorld(t)
		q.Digest = "sha256:other"
		if rapid.Bool().Draw(t, "long words") {
			for i := range q.Safeguards {
				q.Safeguards[i].Tag = strings.Repeat("x", rapid.IntRange(0, 5000).Draw(t, "length"))
			}
		}
		live, err := decision.CompileLazily(p, site, at, nil)
		if err != nil {
			t.Skip("the site does not fit")
		}
		tried, err := decision.CompileLazily(q, site, at, nil)
		if err != nil {
			t.Skip("the shadow does not fit")
		}
		shadow := &policystore.Shadow{Policy: q}
		for range 5 {
			f := drawFacts(t, p)
			f.At = at
			alone := *live.Decide(f)
			would := tried.Decide(f)
			change := policystore.Differs(live.Decide(f), would)
			member := shadow.Member(change, would)
			if beside := *live.Decide(f); !reflect.DeepEqual(alone, beside) {
				t.Fatalf("%+v:\nalone  %+v\nbeside %+v", f, alone, beside)
			}
			if len(member) > policystore.MaxMember {
				t.Fatalf("a member of %d bytes", len(member))
			}
			plain := record.Transfer{Header: record.Header{Time: at, ID: [16]byte{1}, Salt: [16]byte{2}, Type: record.TypeAccepted}, Activity: f.Activity, Decision: record.Allowed}
			with := plain
			with.Shadow = member
			var back record.Transfer
			if err := back.Parse(with.Append(nil)); err != nil {
				t.Fatal(err)
			}
			if back.Shadow = nil; !bytes.Equal(back.Append(nil), plain.Append(nil)) {
				t.Fatalf("the record differs in more than the member:\n%s\n%s", back.Append(nil), plain.Append(nil))
			}
		}
	})
}

// drawFacts draws who asks for what.
func drawFacts(t *rapid.T, p *decision.Policy) decision.Facts {
	table := p.CountryTable()
	f := decision.Facts{
		Activity:   rapid.SampledFrom(p.Activities).Draw(t, "activity").ID,
		Identified: rapid.Bool().Draw(t, "identified"),
		Deletes:    rapid.Bool().Draw(t, "deletes"),
		Basis:      decision.BasisNotRegistered,
	}
	if f.Identified {
		f.Country = rapid.SampledFrom(append(country.All(), "", "invalid")).Draw(t, "country")
		f.Subject, f.Basis = f.Country != "", decision.BasisRegisteredCountry
	}
	f.Controller = table.Controller(f.Country)
	f.Choices.Restricted = rapid.Bool().Draw(t, "restricted")
	f.Choices.Minor = rapid.Bool().Draw(t, "minor")
	f.Choices.OptOut = rapid.Bool().Draw(t, "opts out")
	if r := rapid.SampledFrom(p.Recipients).Draw(t, "staff of"); rapid.IntRange(0, 3).Draw(t, "by staff") == 0 {
		f.Staff = &decision.Place{Entity: r.ID, Country: r.Country}
	}
	return f
}
