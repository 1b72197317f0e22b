package decision_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// TestUnlock holds every sentence a missing law or safeguard is answered with.
func TestUnlock(t *testing.T) {
	editRow := func(id string, f func(*decision.Safeguard)) *decision.Policy {
		p := policy()
		for i := range p.Safeguards {
			if p.Safeguards[i].ID == id {
				f(&p.Safeguards[i])
			}
		}
		return p
	}
	edit := func(f func(*decision.Policy)) *decision.Policy {
		p := policy()
		f(p)
		return p
	}
	unlisted := func(p *decision.Policy, activity string) decision.Facts {
		f := person(p, activity, "BR")
		f.Controller = &decision.Controller{ID: "unlisted", Unlisted: true}
		return f
	}
	const toChina = "under br (LGPD Arts 33-36) for sparkoo-sg in SG -> huawei-cloud-cn in CN"
	const covers = "a safeguard " + toChina + " that covers categories 1a, 1h, 1l and purpose 2c; the nearest row br-scc-cn "
	consentIs := "br-consent-cn"
	alone := func(p *decision.Policy) *decision.Policy {
		p.Safeguards = slices.DeleteFunc(p.Safeguards, func(r decision.Safeguard) bool { return r.ID == consentIs })
		return p
	}
	tests := []struct {
		name   string
		policy *decision.Policy
		facts  func(*decision.Policy) decision.Facts
		node   decision.Place
		reason decision.Reason
		law    string
		unlock string
	}{
		{"a category under two laws", policy(), nil, nodeSG, decision.NoSafeguard, "br",
			"a safeguard " + toChina + " that covers categories 1a, 1g, 1h, 1l and purpose 2c; the nearest row br-scc-cn lacks category 1g; and " +
				"a safeguard under sg (PDPA s.26) for sparkoo-sg in SG -> huawei-cloud-cn in CN that covers categories 1a, 1g, 1h, 1l and purpose 2c; the nearest row sg-scc-cn lacks category 1g"},
		{"no row for the flow", edit(func(p *decision.Policy) {
			p.Safeguards = slices.DeleteFunc(p.Safeguards, func(r decision.Safeguard) bool { return r.Law == "br" && r.Kinds.Of[0] == "4c" })
		}), support1, nodeSG, decision.NoSafeguard, "br", "a safeguard " + toChina + " that covers categories 1a, 1h, 1l and purpose 2c"},
		{"several categories and purposes", alone(editRow("br-scc-cn", func(r *decision.Safeguard) { r.Categories, r.Purposes = of("1h"), of("2a", "2b") })),
			support1, nodeSG, decision.NoSafeguard, "br", covers + "lacks categories 1a, 1l and lacks purpose 2c"},
		{"not yet", alone(editRow("br-scc-cn", func(r *decision.Safeguard) { r.Validity.From = chile })),
			support1, nodeSG, decision.NoSafeguard, "br", covers + "starts at 2026-12-01T03:00:00Z"},
		{"no more", alone(editRow("br-scc-cn", func(r *decision.Safeguard) { r.Validity.Until = posted })),
			support1, nodeSG, decision.NoSafeguard, "br", covers + "ended at 2023-11-21T00:00:00Z"},
		{"occasional", alone(editRow("br-scc-cn", func(r *decision.Safeguard) { r.Occasional = true })),
			support1, nodeSG, decision.NoSafeguard, "br", covers + "is for occasional transfers only"},
		{"nearest is unproven", alone(editRow("br-scc-cn", func(r *decision.Safeguard) { r.Occasional, r.Confirm = true, true })),
			support1, nodeSG, decision.NoSafeguard, "br", covers + "is for occasional transfers only and has yet to be confirmed by counsel"},
		{"example", editRow("br-scc-cn", func(r *decision.Safeguard) { r.Example = true }),
			support1, nodeSG, decision.SafeguardUnproven, "br", "a proven safeguard " + toChina + "; the row br-scc-cn is an example whose instrument does not exist yet"},
		{"confirm", editRow("br-scc-cn", func(r *decision.Safeguard) { r.Confirm = true }),
			support1, nodeSG, decision.SafeguardUnproven, "br", "a proven safeguard " + toChina + "; the row br-scc-cn has yet to be confirmed by counsel"},
		{"both", editRow("br-scc-cn", func(r *decision.Safeguard) { r.Example, r.Confirm = true, true }),
			support1, nodeSG, decision.SafeguardUnproven, "br", "a proven safeguard " + toChina + "; the row br-scc-cn is an example whose instrument does not exist yet, and counsel has yet to confirm it"},
		{"no law", policy(), func(p *decision.Policy) decision.Facts { return person(p, "support", "AR") }, nodeSG, decision.LawUnknown, "none:AR",
			"a law for AR in the register of laws: without one data goes to SG only, not sparkoo-sg in SG -> huawei-cloud-cn in CN"},
		{"no law and no safeguard", policy(), func(p *decision.Policy) decision.Facts { return person(p, "security", "AR") }, nodeSG, decision.LawUnknown, "none:AR",
			"a law for AR in the register of laws: without one data goes to SG only, not sparkoo-sg in SG -> huawei-cloud-cn in CN; and " +
				"a safeguard under sg (PDPA s.26) for sparkoo-sg in SG -> huawei-cloud-cn in CN that covers categories 1a, 1h, 1l and purpose 2e; the nearest row sg-scc-cn lacks purpose 2e"},
		{"no region of the kind", edit(func(p *decision.Policy) { p.Recipients[0].Kinds = nil }), support1, nodeSG, decision.NoRegion, "",
			"a declared region whose operator may receive under 4c; the register of regions has none"},
		{"controller without a country", edit(func(p *decision.Policy) {
			r := operatorRow("br")
			r.Exporters = of("unlisted")
			p.Safeguards = append(p.Safeguards, r)
		}), func(p *decision.Policy) decision.Facts { return unlisted(p, "support") }, nodeSG, decision.LawUnknown, "",
			"the country of the controller unlisted in the account record: without one data goes to ap-southeast-3 only"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			facts := person(test.policy, "support-training", "BR")
			if test.facts != nil {
				facts = test.facts(test.policy)
			}
			s := siteAt(test.node)
			d := decision.Decide(test.policy, &s, now, facts)
			if d.Reason != test.reason || d.Law != test.law || d.Unlock != test.unlock {
				t.Errorf("%s (law %q): %s\nwant %s (law %q): %s", d.Reason, d.Law, d.Unlock, test.reason, test.law, test.unlock)
			}
		})
	}
}

func support1(p *decision.Policy) decision.Facts { return person(p, "support", "BR") }

// TestNoStore: without a storage region nothing is stored, and nothing sets out
// from a store.
func TestNoStore(t *testing.T) {
	p := policy()
	p.Regions[0].Storage = false
	tests := []struct {
		activity, country string
		reason            decision.Reason
		region, unlock    string
	}{
		{"storage", "BR", decision.StorageInSingapore, "ap-southeast-3", "a storage region: activity storage is answered nowhere else"},
		{"support", "BR", decision.NoRegion, "cn-north-4", "a storage region in the register of regions: activity support sets out from the store"},
		{"serving", "", decision.AnonymousSingapore, "ap-southeast-3", "a person with a registered country; for anybody else activity serving is answered by nobody"},
	}
	for _, test := range tests {
		d := decide(p, person(p, test.activity, test.country))
		if r := refusal(t, &d, test.region); d.Reason != test.reason || r.Unlock != test.unlock {
			t.Errorf("%s: %s; %s\nwant %s; %s", test.activity, d.Reason, r.Unlock, test.reason, test.unlock)
		}
	}
	f := person(p, "serving", "FR")
	f.Controller = &decision.Controller{ID: "unlisted"}
	d := decide(p, f)
	if r := refusal(t, &d, "ap-southeast-3"); r.Reason != decision.LawUnknown {
		t.Errorf("a controller from nowhere: %s, want law_unknown", r.Reason)
	}
}

// TestPrecedence holds which of several reasons a denial gets.
func TestPrecedence(t *testing.T) {
	p := policy()
	site := func(regions ...string) *decision.Site { return &decision.Site{Node: nodeSG, Regions: regions} }
	bare := policy()
	bare.Safeguards = nil
	tests := []struct {
		name   string
		policy *decision.Policy
		site   *decision.Site
		facts  decision.Facts
		want   decision.Reason
		unlock string // checked when not empty
	}{
		{"all agree", p, site("sa-brazil-1", "af-south-1"), person(p, "storage", "BR"), decision.StorageInSingapore, ""},
		{"one of the right kind", p, site("sa-brazil-1", "cn-north-4"), person(p, "support-identity", "BR"), decision.IdentityDocuments, ""},
		{"the only one wins against precedence", p, site("sa-brazil-1", "cn-north-4"), person(p, "storage", "BR"), decision.StorageInSingapore, ""},
		{"safeguard before storage", bare, site("sa-brazil-1", "ap-southeast-3"), person(p, "storage", "BR"), decision.NoSafeguard, ""},
		{"none of the right kind", p, site("sa-brazil-1", "ap-southeast-3"), person(p, "support", "BR"), decision.NoRegion,
			"a declared region whose operator may receive under 4c, such as cn-north-4"},
		{"no region at all", p, site(), person(p, "storage", "BR"), decision.NoRegion,
			"a declared region whose operator may receive under 9-operator, such as ap-southeast-3"},
		{"an unknown region", p, site("xx-1"), person(p, "storage", "BR"), decision.NoRegion, ""},
	}
	for _, test := range tests {
		d := decision.Decide(test.policy, test.site, now, test.facts)
		if d.Reason != test.want || test.unlock != "" && d.Unlock != test.unlock {
			t.Errorf("%s: %s: %s\nwant %s: %s", test.name, d.Reason, d.Unlock, test.want, test.unlock)
		}
	}
}

// TestStatement: the latest version in force counts from its moment on (§10).
func TestStatement(t *testing.T) {
	p := policy()
	p.Statements = append(p.Statements, decision.Statement{ID: "2026-12-24", Validity: decision.Validity{From: time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)}})
	s := siteSG()
	for _, test := range []struct {
		at   time.Time
		want string
	}{{posted, "2023-11-21"}, {now, "2023-11-21"}, {later, "2026-12-24"}} {
		d := decision.Decide(p, &s, test.at, person(p, "serving", "FR"))
		if d.Statement == nil || d.Statement.ID != test.want {
			t.Errorf("at %s: %+v, want %s", test.at, d.Statement, test.want)
		}
	}
}
