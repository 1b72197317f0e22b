package policydiff_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/decision/decisiontest"
	"github.com/sparkoo/transfergate/internal/policydiff"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

var now, later, chile = decisiontest.Now, decisiontest.Later, decisiontest.Chile

func controller(p *decision.Policy, id string) *decision.Controller {
	i := slices.IndexFunc(p.Controllers, func(c decision.Controller) bool { return c.ID == id })
	return &p.Controllers[i]
}

func shipped(t testing.TB) *decision.Policy {
	t.Helper()
	p, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sentences are the changes' texts.
func sentences(c *policydiff.Comparison) []string {
	var list []string
	for _, x := range c.Changes {
		list = append(list, x.Text)
	}
	return list
}

// TestForecastOfChile: what December changes for people of Chile, in sentences.
func TestForecastOfChile(t *testing.T) {
	c := policydiff.Forecast(decisiontest.Policy(), now, later, policydiff.Scope{Usual: true})
	want := []string{
		"People registered in CL: public, serving to af-south-1 (ZA), ap-southeast-1 (HK), ap-southeast-2 (TH), ap-southeast-3 (SG), " +
			"la-south-2 (CL), me-east-1 (SA), sa-brazil-1 (BR) rest on cl-scc-operators instead of cl-none.",
		"People registered in CL: security, support-once, support-training to cn-north-4 (CN) stay denied, no_safeguard under law cl instead of no_safeguard under law sg.",
	}
	got := sentences(c)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("lacks %s\nhas\n%s", w, strings.Join(got, "\n"))
		}
	}
	for _, x := range c.Changes {
		if !slices.Equal(x.Countries, []string{"CL"}) {
			t.Errorf("it touches others: %s", x.Text)
		}
	}
	if c.LosesSafeguard() {
		t.Error("it loses a safeguard")
	}
	rows := fmt.Sprint(c.Rows)
	for _, w := range []string{
		"law cl (Law 19.628) ends at 2026-12-01 03:00 UTC", "law cl (Law 19.628 as replaced by Law 21.719) begins at 2026-12-01 03:00 UTC",
		"safeguard cl-none ends at 2026-12-01 03:00 UTC", "safeguard cl-scc-cn begins at 2026-12-01 03:00 UTC",
	} {
		if !strings.Contains(rows, w) {
			t.Errorf("rows %s\nlack %s", rows, w)
		}
	}
}

// TestDiff holds a sentence of each kind, with dates.
func TestDiff(t *testing.T) {
	far := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change func(*decision.Policy)
		want   []string
		loses  bool
	}{
		"controller": {func(p *decision.Policy) {
			controller(p, "sparkoo-cl").Serves = []string{"CL", "AR"}
		}, []string{
			"People registered in AR: the controller becomes sparkoo-cl, instead of sparkoo-sg (§11).",
			"+controller sparkoo-cl is changed: serves: AR besides",
		}, false},
		"more may leave, later": {func(p *decision.Policy) {
			for _, law := range []string{"br", "sg"} {
				row := decisiontest.AffiliateRow(law)
				row.ID, row.Categories, row.Validity.From = law+"-more", decisiontest.Of("1a", "1g", "1h", "1l"), far
				p.Safeguards = append(p.Safeguards, row)
			}
		}, []string{
			"People registered in BR: support-training may newly go to cn-north-4 (CN) from 2027-03-01 on, under br-more, br-scc-operators, sg-more; by the first policy denied, no_safeguard under law br.",
			"+safeguard br-more is added, in force from 2027-03-01",
		}, false},
		"less may leave": {func(p *decision.Policy) {
			p.Safeguards = slices.DeleteFunc(p.Safeguards, func(s decision.Safeguard) bool { return s.ID == "br-scc-cn" })
		}, []string{
			"People registered in BR: support no longer goes to cn-north-4 (CN): no_safeguard under law br; it rested on br-scc-cn.",
			"+safeguard br-scc-cn is removed",
		}, true},
		"no longer an affiliate": {func(p *decision.Policy) {
			p.Recipients[0].Supports = []string{"security-support"}
		}, []string{
			"People registered in RE, YT, ZA in Africa; BR, CL, GF, GP, MF, MQ, PE in Americas; CN, CY, HK, SA, SG, TH in Asia; Northern Europe but FO, GG, IM, JE, SJ; " +
				"Western Europe but CH, MC; Eastern Europe but BY, MD, RU, UA; ES, GR, HR, IT, MT, PT, SI in Southern Europe: support no longer goes to cn-north-4 (CN): support_not_allowed.",
		}, false},
		"order": {func(p *decision.Policy) {
			for i := range p.Activities {
				if p.Activities[i].ID == "serving" {
					p.Activities[i].Order = decision.OrderDeclared
				}
			}
		}, []string{
			"People registered in ZA: serving goes to the regions in the order ap-southeast-3, ap-southeast-1, ap-southeast-2, af-south-1, sa-brazil-1, la-south-2, me-east-1, " +
				"instead of af-south-1, ap-southeast-3, ap-southeast-1, ap-southeast-2, sa-brazil-1, la-south-2, me-east-1.",
		}, false},
		"statement": {func(p *decision.Policy) {
			p.Statements[0].Validity.Until = far
			p.Statements = append(p.Statements, decision.Statement{ID: "2027-03-01", Name: p.Statements[0].Name, Validity: decision.Validity{From: far}})
		}, []string{
			"Every activity: the statement in force is 2027-03-01, instead of 2023-11-21 from 2027-03-01 on (§10).",
		}, false},
	} {
		p := decisiontest.Policy()
		c.change(p)
		d := policydiff.Diff(decisiontest.Policy(), p, now, policydiff.Scope{Usual: true, Regions: decisiontest.AllRegions})
		got := sentences(d)
		for _, row := range d.Rows {
			got = append(got, "+"+row.String())
		}
		for _, want := range c.want {
			if !slices.Contains(got, want) {
				t.Errorf("%s: lacks\n%s\nhas\n%s", name, want, strings.Join(got, "\n"))
			}
		}
		if d.LosesSafeguard() != c.loses {
			t.Errorf("%s: loses a safeguard: %t", name, d.LosesSafeguard())
		}
	}
}

// TestForecastOfWhatMayLeave: of two moments the sentence says what held before.
func TestForecastOfWhatMayLeave(t *testing.T) {
	p := decisiontest.Policy()
	for _, law := range []string{"br", "sg"} {
		row := decisiontest.AffiliateRow(law)
		row.ID, row.Categories, row.Validity.From = law+"-more", decisiontest.Of("1a", "1g", "1h", "1l"), later
		p.Safeguards = append(p.Safeguards, row)
	}
	got := sentences(policydiff.Forecast(p, now, later, policydiff.Scope{Usual: true}))
	want := "People registered in BR: support-training may newly go to cn-north-4 (CN), under br-more, br-scc-operators, sg-more; before that denied, no_safeguard under law br."
	if !slices.Contains(got, want) {
		t.Errorf("lacks %s\nhas\n%s", want, strings.Join(got, "\n"))
	}
}

// TestDiffOfTheSame: a policy does not differ from itself, whatever it says and
// in whatever order.
func TestDiffOfTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, site, at := decisiontest.DrawWorld(t)
		b := *p
		b.Safeguards = rapid.Permutation(b.Safeguards).Draw(t, "safeguards")
		b.Recipients = rapid.Permutation(b.Recipients).Draw(t, "recipients")
		scope := policydiff.Scope{Demo: site.Demo, Nodes: []decision.Place{site.Node}, Regions: site.Regions, Usual: true}
		c := policydiff.Diff(p, &b, at, policydiff.Everything(scope))
		if len(c.Changes) > 0 || len(c.Rows) > 0 {
			t.Fatalf("changes %v, rows %v", sentences(c), c.Rows)
		}
	})
	p := shipped(t)
	if c := policydiff.Diff(p, p, now, policydiff.Scope{Demo: true}); len(c.Changes) > 0 || len(c.Rows) > 0 || c.Flows < 100000 {
		t.Errorf("%d flows, changes %v, rows %v", c.Flows, sentences(c), c.Rows)
	}
}

// drawOther changes a policy here and there.
func drawOther(t *rapid.T, p *decision.Policy) *decision.Policy {
	b := *p
	b.Safeguards = slices.DeleteFunc(slices.Clone(b.Safeguards), func(decision.Safeguard) bool { return rapid.IntRange(0, 9).Draw(t, "gone") == 0 })
	for range rapid.IntRange(0, 3).Draw(t, "more rows") {
		row := decisiontest.DrawRow(t, p)
		if rapid.Bool().Draw(t, "dated") {
			row.Validity.From = later
		}
		b.Safeguards = append(b.Safeguards, row)
	}
	b.Controllers = slices.Clone(b.Controllers)
	if c := &b.Controllers[rapid.IntRange(0, len(b.Controllers)-1).Draw(t, "controller")]; rapid.Bool().Draw(t, "serves") {
		c.Serves = append(slices.Clone(c.Serves), rapid.SampledFrom([]string{"AR", "US", "PY"}).Draw(t, "more served"))
	}
	b.Activities = slices.Clone(b.Activities)
	switch a := &b.Activities[rapid.IntRange(0, len(b.Activities)-1).Draw(t, "which activity")]; rapid.IntRange(0, 4).Draw(t, "activity change") {
	case 0:
		a.Categories = append(slices.Clone(a.Categories), rapid.SampledFrom(decisiontest.AllCategories).Draw(t, "category"))
	case 1:
		a.Order = decision.OrderHome
	case 2:
		a.ID = "other"
	}
	b.Laws = slices.Clone(b.Laws)
	if i := rapid.IntRange(0, 2*len(b.Laws)).Draw(t, "law"); i < len(b.Laws) {
		b.Laws = slices.Delete(b.Laws, i, i+1)
	}
	return &b
}

// question is one random point of the domain.
type question struct {
	facts [2]decision.Facts
	site  decision.Site
	at    time.Time
	who   string
}

func drawQuestion(t *rapid.T, a, b *decision.Policy, s decision.Site) question {
	q := question{site: s, at: rapid.SampledFrom([]time.Time{now, chile.Add(-1), chile, later, later.AddDate(1, 0, 0)}).Draw(t, "at"), who: "self"}
	code := rapid.SampledFrom(append(country.All(), "", "CL", "BR", "FR", "AR", "ZA")).Draw(t, "country")
	activities := []string{"other"}
	for i := range a.Activities {
		activities = append(activities, a.Activities[i].ID)
	}
	activity := rapid.SampledFrom(activities).Draw(t, "activity")
	party, staff := "", (*decision.Place)(nil)
	switch rapid.IntRange(0, 3).Draw(t, "who") {
	case 0:
		party = rapid.SampledFrom(a.Controllers).Draw(t, "party").ID
		q.who = "self:" + party
	case 1:
		r := rapid.SampledFrom(a.Recipients).Draw(t, "staff")
		staff = &decision.Place{Entity: r.ID, Country: r.Country}
		q.who = r.ID + "@" + r.Country
	}
	for i, p := range []*decision.Policy{a, b} {
		f := decision.Facts{
			Activity: activity, Country: code, Staff: staff, Subject: code != "", Controller: tableOf(p, code),
			Identified: code != "" || party != "" || staff != nil, Basis: decision.BasisRegisteredCountry,
			Access: decision.StaffAccess{Named: true, Ticket: "T-1"},
		}
		if code == "" {
			f.Basis = decision.BasisNotRegistered
		}
		if party != "" {
			f.Controller, f.Basis = controller(p, party), decision.BasisAccountCenter
		}
		q.facts[i] = f
	}
	return q
}

// tableOf is §11 as the registers have it: the last row that serves the country,
// else the default.
func tableOf(p *decision.Policy, code string) *decision.Controller {
	var found *decision.Controller
	for i := range p.Controllers {
		if c := &p.Controllers[i]; slices.Contains(c.Serves, code) || c.Default && found == nil {
			if found == nil || !c.Default {
				found = c
			}
		}
	}
	return found
}

// touches reports whether a change is about the question, at one region.
func (q *question) touches(c *policydiff.Change, region string) bool {
	in := func(list []string, x string) bool { return len(list) == 0 || slices.Contains(list, x) }
	held := len(c.When) == 0
	for _, s := range c.When {
		held = held || decision.Validity(s).Contains(q.at)
	}
	node := q.site.Node.Entity + "@" + q.site.Node.Country
	return held && in(c.Countries, q.facts[0].Country) && in(c.Activities, q.facts[0].Activity) &&
		in(c.Who, q.who) && in(c.Nodes, node) && in(c.Regions, region)
}

// answerAt reads a region's answer out of an explanation.
func answerAt(e *decision.Explanation, region string) decision.RegionAnswer {
	for _, r := range e.Regions {
		if r.Region == region {
			slices.Sort(r.Safeguards)
			if r.Law == "none:"+e.Country {
				r.Law = "none"
			}
			return r
		}
	}
	return decision.RegionAnswer{Region: region, Reason: e.Reason, Law: e.Law}
}

// checkPoint holds a comparison against what explain says of both policies: every
// difference is told by exactly one change, and what is told is so.
func checkPoint(t *rapid.T, c *policydiff.Comparison, q *question, a, b *decision.Policy) {
	t.Helper()
	from, to := decision.Explain(a, &q.site, q.at, q.facts[0], nil), decision.Explain(b, &q.site, q.at, q.facts[1], nil)
	for _, region := range q.site.Regions {
		before, after := answerAt(&from, region), answerAt(&to, region)
		var told []policydiff.Change
		for i := range c.Changes {
			switch x := &c.Changes[i]; x.Kind {
			case policydiff.Leaves, policydiff.Stops, policydiff.Rests, policydiff.Reasoned:
				if q.touches(x, region) {
					told = append(told, *x)
				}
			default: // not about a region
			}
		}
		same := before.Allowed == after.Allowed && before.Reason == after.Reason && before.Law == after.Law &&
			before.Transfer == after.Transfer && slices.Equal(before.Safeguards, after.Safeguards)
		if same != (len(told) == 0) || len(told) > 1 {
			t.Fatalf("%s for %+v at %s: %+v, then %+v; told %+v", region, q.facts[0], q.at, before, after, told)
		}
		if len(told) == 1 {
			checkTold(t, &told[0], &before, &after)
		}
	}
	for _, x := range c.Changes {
		if x.Kind == policydiff.Responsible && q.who == "self" && q.touches(&x, "") && (x.From.Controller != from.Controller || x.To.Controller != to.Controller) {
			t.Fatalf("%+v: controllers %s and %s, told %s", q.facts[0], from.Controller, to.Controller, x.Text)
		}
	}
}

func checkTold(t *rapid.T, x *policydiff.Change, before, after *decision.RegionAnswer) {
	t.Helper()
	ok := x.From.Reason == before.Reason && x.From.Law == before.Law && x.To.Reason == after.Reason && x.To.Law == after.Law &&
		x.From.Allowed == before.Allowed && x.To.Allowed == after.Allowed
	switch x.Kind {
	case policydiff.Leaves:
		ok = ok && slices.Equal(x.To.Safeguards, after.Safeguards)
	case policydiff.Rests:
		left := slices.DeleteFunc(slices.Clone(before.Safeguards), func(id string) bool { return slices.Contains(x.From.Safeguards, id) })
		left = append(left, x.To.Safeguards...)
		slices.Sort(left)
		ok = ok && slices.Equal(left, after.Safeguards)
	default: // the reasons are all there is
	}
	if !ok {
		t.Fatalf("told %+v\nbefore %+v\nafter %+v", x, before, after)
	}
}

// diffRound compares two random policies and holds points of the domain against it.
func diffRound(t *rapid.T, points int) {
	p, site, _ := decisiontest.DrawWorld(t)
	b := drawOther(t, p)
	node := rapid.SampledFrom([]decision.Place{decisiontest.NodeSG, decisiontest.NodeZA, decisiontest.NodeBR}).Draw(t, "node")
	site.Node = node
	nodes := []decision.Place{node}
	if rapid.IntRange(0, 3).Draw(t, "two nodes") == 0 {
		nodes = slices.Compact([]decision.Place{node, decisiontest.NodeSG})
	}
	c := policydiff.Diff(p, b, now, policydiff.Scope{Nodes: nodes, Regions: site.Regions, Demo: site.Demo})
	for range points {
		q := drawQuestion(t, p, b, site)
		checkPoint(t, c, &q, p, b)
	}
}

// TestDiffIsExplain: 2,500 random points of the domain, under 25 pairs of random
// policies, and four times as many in CI.
func TestDiffIsExplain(t *testing.T) {
	rounds, most := 0, 25
	switch {
	case testsupport.Race || testing.Short():
		most = 5
	case testsupport.Full():
		most = 100
	}
	rapid.Check(t, func(t *rapid.T) {
		if rounds++; rounds > most {
			return
		}
		diffRound(t, 100)
	})
}

// FuzzDiff goes on from there.
func FuzzDiff(f *testing.F) {
	// What is drawn needs many bytes; with fewer there is nothing to compare.
	random := rand.NewChaCha8([32]byte{1})
	for range 3 {
		seed := make([]byte, 64<<10)
		_, _ = random.Read(seed) // it never fails
		f.Add(seed)
	}
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { diffRound(t, 20) }))
}

// BenchmarkDiff goes through the whole domain of the shipped policy.
func BenchmarkDiff(b *testing.B) {
	p := shipped(b)
	for b.Loop() {
		policydiff.Diff(p, p, now, policydiff.Scope{Demo: true})
	}
}
