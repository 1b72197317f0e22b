package decision_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/record"
)

// law returns a policy's law for a change.
func law(p *decision.Policy, id string) *decision.Law {
	i := slices.IndexFunc(p.Laws, func(l decision.Law) bool { return l.ID == id })
	return &p.Laws[i]
}

// missing lists what a barred region lacks: law, words, and the nearest row.
func missing(c *decision.Candidate) (list []string) {
	legs := slices.Clone(c.Legs)
	if c.Return != nil {
		legs = append(legs, *c.Return)
	}
	for _, leg := range legs {
		for _, v := range leg.Laws {
			if v.Outcome != decision.Missing {
				continue
			}
			words := make([]string, len(v.Lacks))
			for i, l := range v.Lacks {
				words[i] = string(l)
			}
			text := string(leg.Kind) + " " + v.Law + " " + strings.Join(words, ",")
			if v.Nearest != nil {
				text += " " + v.Nearest.ID
			}
			list = append(list, text)
		}
	}
	return list
}

// A denial says what was denied: region, recipient, the way of the data, and every law
// that was not satisfied with what it lacked.
//
//clause:tests introduction.1 §9.3
func TestBarred(t *testing.T) {
	without := func(law string) func(*decision.Policy) {
		return func(p *decision.Policy) {
			p.Safeguards = slices.DeleteFunc(p.Safeguards, func(row decision.Safeguard) bool { return row.Law == law })
		}
	}
	restricted := person(policy(), "support", "BR")
	restricted.Choices.Restricted = true
	for name, test := range map[string]struct {
		change  func(*decision.Policy)
		facts   decision.Facts
		reason  decision.Reason
		region  string
		missing []string
	}{
		"two laws, of which rows cover less": {nil, person(policy(), "support-training", "FR"), decision.NoSafeguard, "cn-north-4",
			[]string{"onward eu category:1g eu-scc-cn", "onward sg category:1g sg-scc-cn"}},
		"a mechanism": {without("br"), person(policy(), "storage", "BR"), decision.NoSafeguard, "ap-southeast-3",
			[]string{"storage br mechanism"}},
		"two duties": {func(p *decision.Policy) {
			law(p, "br").Duties = []decision.Duty{
				{Evidence: "notification", Title: "a notification", Categories: anything}, {Evidence: "consent", Title: "consent", Categories: anything},
			}
		}, person(policy(), "storage", "BR"), decision.NoSafeguard, "ap-southeast-3",
			[]string{"storage br duty:notification,duty:consent br-scc-operators"}},
		"localisation": {func(p *decision.Policy) {
			law(p, "br").Localisation = &decision.Localisation{Categories: anything, Form: decision.OnlyHere, Persons: decision.Citizens}
		}, person(policy(), "storage", "BR"), decision.Localised, "ap-southeast-3",
			[]string{"storage br localisation:only-here"}},
		"a proven row": {func(p *decision.Policy) {
			for i := range p.Safeguards {
				p.Safeguards[i].Example = p.Safeguards[i].Law == "br"
			}
		}, person(policy(), "storage", "BR"), decision.SafeguardUnproven, "ap-southeast-3",
			[]string{"storage br proof br-scc-operators"}},
		"a law": {nil, person(policy(), "support", "AR"), decision.LawUnknown, "cn-north-4",
			[]string{"onward none:AR law"}},
		"a choice, before any law is asked": {nil, restricted, decision.ProcessingRestricted, "cn-north-4", nil},
		"staff whom no register knows":      {nil, staffOf(person(policy(), "support", "BR"), "ana@example.com", "CN"), decision.StaffUnknownRecipient, "cn-north-4", nil},
	} {
		p := policy()
		if test.change != nil {
			test.change(p)
		}
		d := decide(p, test.facts)
		if d.Outcome != decision.Denied || d.Reason != test.reason || d.Barred == nil {
			t.Errorf("%s: %s, barred %v", name, d.Reason, d.Barred)
			continue
		}
		c := d.Barred
		if c.Region.Code != test.region || c.Recipient.ID != c.Region.Operator || !slices.Equal(missing(c), test.missing) {
			t.Errorf("%s: region %s, recipient %s, missing %q\nwant %s, %q", name, c.Region.Code, c.Recipient.ID, missing(c), test.region, test.missing)
		}
		if last := c.Legs[len(c.Legs)-1]; last.To != c.Region.Country || last.Recipient != c.Recipient.ID {
			t.Errorf("%s: the way ends with %+v", name, last)
		}
		if strings.Contains(string(c.LegsJSON), "ana@") {
			t.Errorf("%s: %s", name, c.LegsJSON)
		}
	}
}

// TestEveryDenialSaysWhatWasDenied: for whatever is asked of whatever policy, a law that
// denies stands among the legs of what was denied, and each verdict that is missing says
// what.
func TestEveryDenialSaysWhatWasDenied(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		d := w.decide()
		if (d.Outcome == decision.Allowed || d.Reason == decision.NoRegion && len(d.Refused) == 0) && d.Barred != nil {
			t.Fatalf("%s bars %+v", d.Reason, d.Barred)
		}
		if d.Barred == nil {
			if d.Law != "" {
				t.Fatalf("%s by %s bars nothing", d.Reason, d.Law)
			}
			return
		}
		legs, err := record.ParseLegs(d.Barred.LegsJSON)
		if err != nil || len(legs) < len(d.Barred.Legs) {
			t.Fatalf("%v: %s", err, d.Barred.LegsJSON)
		}
		laws := missing(d.Barred)
		for _, m := range laws {
			if len(strings.Fields(m)) < 3 {
				t.Fatalf("%q says nothing", m)
			}
		}
		if d.Law != "" && !slices.ContainsFunc(laws, func(m string) bool { return strings.Fields(m)[1] == d.Law }) {
			t.Fatalf("%s by %s, and missing is %q", d.Reason, d.Law, laws)
		}
	})
}
