package decision_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/decision"
)

// explain answers at the moment now, for a node in Singapore.
func explain(p *decision.Policy, f decision.Facts) decision.Explanation {
	s := siteSG()
	return decision.Explain(p, &s, now, f, nil)
}

// texts are all sentences, those of inner steps too, with clause and source.
func texts(steps []decision.Step) []string {
	var all []string
	for _, s := range steps {
		all = append(all, s.Topic+"|"+s.Text+"|"+s.Clause+"|"+s.Source)
		all = append(all, texts(s.Steps)...)
	}
	return all
}

// TestExplain holds the sentences of an explanation, one for each topic.
func TestExplain(t *testing.T) {
	p := policy()
	for i := range p.Laws {
		if p.Laws[i].ID == "br" {
			p.Laws[i].Position = "laws.yaml:1"
		}
	}
	for i := range p.Safeguards {
		if p.Safeguards[i].ID == "br-scc-operators" {
			p.Safeguards[i].Position = "safeguards.yaml:2"
		}
	}
	bound := person(p, "support", "BR")
	bound.Choices = decision.Choices{Restricted: true, Purposes: []string{"2b"}, Disabled: []string{"surveys"}}
	nobody := person(p, "public", "")
	for name, c := range map[string]struct {
		facts decision.Facts
		want  []string
	}{
		"a Brazilian's ticket": {person(p, "support", "BR"), []string{
			"who|The request is by a person who registered in BR, for their own data.|§11|",
			"controller|The controller is sparkoo-br (Sparkoo Technologies Do Brasil Ltda.) in BR: the country table.|§11|",
			"statement|The statement in force is the version of 2023-11-21.|§10|",
			"region|Region cn-north-4 (CN, run by huawei-cloud-cn) is lawful; data leaves the country or the controller, which is recorded.|§9|",
			"leg|storage: sparkoo-br in BR -> sparkoo-sg in SG.||",
			"law|br (LGPD Arts 33-36): no transfer under it, because the person gives the data to the controller themselves.||laws.yaml:1",
			"law|br (LGPD Arts 33-36): satisfied by br-scc-operators (br-law-scc), IGA-1.|§9|safeguards.yaml:2",
			"outcome|Allowed: huawei-cloud-cn in CN answers from region cn-north-4, because the laws br, sg are satisfied (br-law-scc, sg-law-scc).||",
		}},
		"data that comes back from China": {person(p, "support", "FR"), []string{
			"leg|return: huawei-cloud-cn in CN -> sparkoo-sg in SG.||",
		}},
		"what no safeguard covers": {person(p, "support-training", "FR"), []string{
			"law|eu (GDPR Arts 44-49): not satisfied; missing: a row that covers category 1g; the nearest row is eu-scc-cn.||",
			"region|Regions ap-southeast-3 (SG, run by sparkoo-sg), ap-southeast-1 (HK, run by sparkoo-hk), ap-southeast-2 (TH, run by sparkoo-th), af-south-1 (ZA, run by sparkoo-za), " +
				"sa-brazil-1 (BR, run by sparkoo-br), la-south-2 (CL, run by sparkoo-cl), me-east-1 (SA, run by sparkoo-sa) are not lawful: recipient_not_allowed. " +
				"The recipient fits no row of §4 or §9 for this activity. They need a recipient of kind 4c.|§4|",
			"outcome|Denied in all 8 regions of the site: no_safeguard, because law eu (GDPR Arts 44-49) is not satisfied by any safeguard. To pass, the request needs " +
				"a safeguard under eu (GDPR Arts 44-49) for sparkoo-sg in SG -> huawei-cloud-cn in CN that covers categories 1a, 1g, 1h, 1l and purpose 2c; the nearest row eu-scc-cn lacks category 1g; and " +
				"a safeguard under sg (PDPA s.26) for sparkoo-sg in SG -> huawei-cloud-cn in CN that covers categories 1a, 1g, 1h, 1l and purpose 2c; the nearest row sg-scc-cn lacks category 1g.|§9|",
			"controller|The controller is sparkoo-sg (Sparkoo Technologies Singapore Pte. Ltd.) in SG: the country table. It answers for every country no other controller serves.|§11|",
		}},
		"a country without a law": {person(p, "support", "AR"), []string{
			"law|No law is registered for AR, which is no permission: data may not go there.||",
			"law|No law is registered for AR, which is no permission: the person gives the data to the controller themselves, who serves such people in Singapore alone (unknown_law).||",
		}},
		"choices": {bound, []string{
			"choices|The person chose: processing is restricted; activity surveys switched off; objections to 2b. That stops the activity: processing_restricted.|§7|",
		}},
		"nobody": {nobody, []string{
			"who|The request is by nobody who is identified.|§11|",
			"outcome|Allowed: the region nearest to the visitor answers, of the 7 that are lawful.||",
		}},
		"staff": {staffOf(person(p, "support", "BR"), "huawei-cloud-cn", "CN"), []string{
			"who|The request is by staff of huawei-cloud-cn in CN, about a person who registered in BR.|§11|",
		}},
		"an unknown activity": {person(p, "nothing", "BR"), []string{
			"activity|No activity of the policy takes the request.|§2|",
		}},
	} {
		e := explain(p, c.facts)
		for _, want := range c.want {
			if !slices.Contains(texts(e.Steps), want) {
				t.Errorf("%s: lacks\n  %s\nhas\n  %s", name, want, strings.Join(texts(e.Steps), "\n  "))
			}
		}
	}
}

// TestNoLawIsNoPermission: whatever is said of a country without a law, it never reads as
// leave to transfer.
func TestNoLawIsNoPermission(t *testing.T) {
	p := clone(policy())
	for _, p.UnknownLaw = range []decision.UnknownLaw{decision.DenyUnknown, decision.SingaporeUnknown} {
		n := 0
		for _, activity := range activityIDs(p) {
			if all := texts(explain(p, person(p, activity, "AR")).Steps); slices.ContainsFunc(all, func(text string) bool {
				return strings.HasPrefix(text, "outcome|Allowed: ") && strings.Contains(text, "no law that applies sees a transfer")
			}) {
				t.Errorf("%s: the answer reads as leave: %s", activity, strings.Join(all, "\n"))
			}
			for _, text := range texts(explain(p, person(p, activity, "AR")).Steps) {
				if low := strings.ToLower(text); strings.Contains(low, "no law is registered") {
					n++
					if !strings.Contains(low, "no law is registered for ar, which is no permission") {
						t.Errorf("%s: %s", activity, text)
					}
				}
			}
		}
		if n == 0 {
			t.Errorf("%s: nothing says that no law is registered", p.UnknownLaw)
		}
	}
}

// TestExplainIsDecide: an explanation says what the decision says, for whatever
// is asked of whatever policy, and each of its steps says something.
func TestExplainIsDecide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		d := w.decide()
		e := decision.Explain(w.policy, &w.site, w.at, w.facts, nil)
		if (e.Outcome == "allowed") != (d.Outcome == decision.Allowed) || e.Reason != d.Reason || e.Law != d.Law || e.Unlock != d.Unlock {
			t.Fatalf("explained as %s %s %s %q, decided as %+v", e.Outcome, e.Reason, e.Law, e.Unlock, d)
		}
		if len(e.Regions) != len(d.Candidates)+len(d.Refused) {
			t.Fatalf("%d regions for %d candidates and %d refused", len(e.Regions), len(d.Candidates), len(d.Refused))
		}
		for i := range d.Candidates {
			c, r := &d.Candidates[i], &e.Regions[i]
			if !r.Allowed || r.Region != c.Region.Code || r.Transfer != c.Transfer || r.Demo != c.Demo ||
				!slices.Equal(r.Tags, c.Tags()) || len(r.Safeguards) != len(c.Safeguards) {
				t.Fatalf("candidate %+v explained as %+v", c, r)
			}
		}
		for i, refused := range d.Refused {
			if r := e.Regions[len(d.Candidates)+i]; r.Allowed || r.Region != refused.Region || r.Reason != refused.Reason || r.Law != refused.Law {
				t.Fatalf("refusal %+v explained as %+v", refused, r)
			}
		}
		for _, text := range texts(e.Steps) {
			if parts := strings.Split(text, "|"); parts[0] == "" || !strings.HasSuffix(parts[1], ".") || strings.Contains(text, "  ") || strings.Contains(text, "%!") {
				t.Fatalf("step %q", text)
			}
		}
	})
}

// TestExplainNamesTheText: a version is a text, and the explanation says which (§10).
func TestExplainNamesTheText(t *testing.T) {
	p := policy()
	const text = "7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069" // what sha256sum prints for "Hello World!"
	p.Statements[0].SHA256 = text
	e := decision.Explain(p, &decision.Site{Node: nodeSG, Regions: []string{"ap-southeast-3"}}, now, person(p, "storage", "SG"), nil)
	if !slices.ContainsFunc(e.Steps, func(s decision.Step) bool {
		return s.Topic == "statement" && s.Text == "The statement in force is the version of 2023-11-21. Its text has the SHA-256 "+text+"."
	}) {
		t.Errorf("%+v", e.Steps)
	}
}
