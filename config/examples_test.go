package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
)

// demo is a site with every region, under demo.
func demo(node decision.Place, p *decision.Policy) *decision.Site {
	s := &decision.Site{Node: node, Demo: true}
	for _, r := range p.Regions {
		s.Regions = append(s.Regions, r.Code)
	}
	return s
}

// facts are an identified person of a country, with the controller §11 gives it.
func facts(p *decision.Policy, activity, code string) decision.Facts {
	f := decision.Facts{Activity: activity, Identified: true, Country: code, Subject: true, Basis: decision.BasisRegisteredCountry}
	for i := range p.Controllers {
		c := &p.Controllers[i]
		if slices.Contains(c.Serves, code) || c.Default && f.Controller == nil {
			f.Controller = c
		}
		if slices.Contains(c.Serves, code) {
			break
		}
	}
	return f
}

// tags are the safeguards a candidate leans on, sorted.
func tags(c decision.Candidate) []string {
	var out []string
	for _, s := range c.Safeguards {
		out = append(out, s.Tag)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var (
	november = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	december = time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	nodes    = []decision.Place{{Entity: "sparkoo-sg", Country: "SG"}, {Entity: "sparkoo-za", Country: "ZA"}, {Entity: "sparkoo-br", Country: "BR"}}
	withLaw  = strings.Fields("ZA CL PE BR TH HK SA SG FR NO RE GB CN")
)

// Under demo every country with a law has storage in Singapore, its rights, and
// support from China, by way of each of three nodes, before and after Chile's law changes.
func TestDefaultDemo(t *testing.T) {
	p := shipped(t)
	for _, node := range nodes {
		for _, at := range []time.Time{november, december} {
			for _, code := range withLaw {
				for activity, region := range map[string]string{
					"storage": "ap-southeast-3", "rights": "ap-southeast-3",
					"support": "cn-north-4", "security": "cn-north-4",
				} {
					d := decision.Decide(p, demo(node, p), at, facts(p, activity, code))
					if d.Outcome != decision.Allowed || len(d.Candidates) != 1 || d.Candidates[0].Region.Code != region {
						t.Errorf("%s from %s by node %s at %s: %s, %s; want %s alone", activity, code, node.Country, at, d.Reason, d.Unlock, region)
					}
				}
				// Exams (1g) are in no safeguard for the affiliate; identity documents never go to one.
				for activity, reason := range map[string]decision.Reason{
					"support-training": decision.NoSafeguard, "support-identity": decision.IdentityDocuments,
				} {
					if d := decision.Decide(p, demo(node, p), at, facts(p, activity, code)); d.Outcome != decision.Denied || d.Reason != reason {
						t.Errorf("%s from %s by node %s: %v %s, want denied by %s", activity, code, node.Country, d.Outcome, d.Reason, reason)
					}
				}
			}
		}
	}
}

// Serving prefers the home region, and works from the seven regions of operators.
func TestDefaultServing(t *testing.T) {
	p := shipped(t)
	home := map[string]string{
		"ZA": "af-south-1", "CL": "la-south-2", "BR": "sa-brazil-1", "TH": "ap-southeast-2", "HK": "ap-southeast-1",
		"SA": "me-east-1", "SG": "ap-southeast-3",
		"PE": "ap-southeast-3", "FR": "ap-southeast-3", "NO": "ap-southeast-3", "RE": "ap-southeast-3", "GB": "ap-southeast-3", "CN": "ap-southeast-3",
	}
	for _, node := range nodes {
		for _, at := range []time.Time{november, december} {
			for _, code := range withLaw {
				d := decision.Decide(p, demo(node, p), at, facts(p, "serving", code))
				if len(d.Candidates) != 7 || d.Candidates[0].Region.Code != home[code] {
					t.Errorf("serving %s by node %s at %s: %d candidates, %s, %s; want 7, %s first", code, node.Country, at, len(d.Candidates), d.Reason, d.Unlock, home[code])
				}
				for _, c := range d.Candidates {
					if c.Region.Country == "CN" {
						t.Errorf("serving %s from China", code)
					}
				}
			}
		}
	}
}

// The examples of design.md.
func TestDefaultExamples(t *testing.T) {
	p := shipped(t)
	for _, test := range []struct {
		name, activity, code string
		node                 decision.Place
		at                   time.Time
		want                 []string
	}{
		{"a person in Brazil, support from China", "support", "BR", nodes[0], november,
			[]string{"br-lgpd-art33-iib-scc", "cn-cac2024-exempt", "sg-pdpa-s26-contract"}},
		{"a person in France, support from China", "support", "FR", nodes[0], november,
			[]string{"cn-cac2024-exempt", "eu-gdpr-art46-2c-scc", "sg-pdpa-s26-contract"}},
		{"a person in France, storage: the controller collects by itself", "storage", "FR", nodes[0], november, nil},
		{"a person in Brazil, storage", "storage", "BR", nodes[0], november,
			[]string{"br-lgpd-art33-iib-scc"}},
		{"the same by a node in South Africa", "storage", "BR", nodes[1], november,
			[]string{"br-lgpd-art33-iib-scc", "za-popia-s72-1a-agreement"}},
		{"Chile in November", "storage", "CL", nodes[0], december.Add(-time.Nanosecond),
			[]string{"cl-ley19628-pre2026-contract", "cl-ley19628-pre2026-none"}},
		{"Chile in December", "storage", "CL", nodes[0], december,
			[]string{"cl-ley21719-art27-clauses"}},
		{"Hong Kong, support from China: its law wants the recipient bound", "support", "HK", nodes[0], november,
			[]string{"cn-cac2024-exempt", "hk-pdpo-rmc", "sg-pdpa-s26-contract"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := decision.Decide(p, demo(test.node, p), test.at, facts(p, test.activity, test.code))
			if len(d.Candidates) != 1 {
				t.Fatalf("denied: %s, %s", d.Reason, d.Unlock)
			}
			if got := tags(d.Candidates[0]); !slices.Equal(got, test.want) {
				t.Errorf("safeguards %q, want %q", got, test.want)
			}
		})
	}
}

// A country without a law is served and stored in Singapore, and nowhere else.
func TestDefaultWithoutLaw(t *testing.T) {
	p := shipped(t)
	known := map[string]bool{}
	for _, l := range p.Laws {
		for _, c := range l.Countries {
			known[c] = true
		}
	}
	for _, code := range country.All() {
		if known[code] {
			continue
		}
		for _, activity := range []string{"storage", "serving", "rights"} {
			d := decision.Decide(p, demo(nodes[0], p), november, facts(p, activity, code))
			if len(d.Candidates) != 1 || d.Candidates[0].Region.Code != "ap-southeast-3" {
				t.Errorf("%s for %s: %d candidates, %s", activity, code, len(d.Candidates), d.Reason)
			}
		}
		if d := decision.Decide(p, demo(nodes[0], p), november, facts(p, "support", code)); d.Reason != decision.LawUnknown {
			t.Errorf("support for %s: %s, want law_unknown", code, d.Reason)
		}
	}
}

// Outside demo an example satisfies nothing.
func TestDefaultEnforced(t *testing.T) {
	p := shipped(t)
	site := demo(nodes[0], p)
	site.Demo = false
	for _, test := range []struct {
		activity, code string
		want           decision.Reason // empty: allowed
	}{
		{"storage", "FR", ""},
		{"storage", "SG", ""},
		{"storage", "HK", decision.SafeguardUnproven},
		{"storage", "CL", decision.SafeguardUnproven},
		{"storage", "BR", decision.SafeguardUnproven},
		{"support", "FR", decision.SafeguardUnproven},
		{"support", "BR", decision.SafeguardUnproven},
		{"support", "HK", decision.SafeguardUnproven},
	} {
		if d := decision.Decide(p, site, november, facts(p, test.activity, test.code)); d.Reason != test.want || (d.Outcome == decision.Allowed) != (test.want == "") {
			t.Errorf("%s for %s: %v %q, want %q", test.activity, test.code, d.Outcome, d.Reason, test.want)
		}
	}
}

// Public pages need no contract: a visitor nobody identified may read them from
// any operator's region.
func TestDefaultPublic(t *testing.T) {
	p := shipped(t)
	site := demo(nodes[0], p)
	site.Demo = false
	f := facts(p, "public", "")
	f.Identified, f.Subject, f.Basis = false, false, decision.BasisNotRegistered
	d := decision.Decide(p, site, november, f)
	if len(d.Candidates) != 7 {
		t.Errorf("%d candidates, %s, %s; want the seven regions of operators", len(d.Candidates), d.Reason, d.Unlock)
	}
	f.Activity = "serving"
	d = decision.Decide(p, site, november, f)
	if len(d.Candidates) != 1 || d.Candidates[0].Region.Code != "ap-southeast-3" {
		t.Errorf("serving somebody unknown: %d candidates, %s; want Singapore alone", len(d.Candidates), d.Reason)
	}
}
