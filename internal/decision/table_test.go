package decision_test

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
)

func compile(t testing.TB, p *decision.Policy, s decision.Site, at time.Time) *decision.Table {
	t.Helper()
	table, err := decision.Compile(p, s, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// domain calls f with every set of facts that a table tells apart, and with
// some it does not.
func domain(p *decision.Policy, f func(decision.Facts)) {
	who := []*decision.Controller{nil}
	for i := range p.Controllers {
		who = append(who, &p.Controllers[i])
	}
	grounds := []decision.Basis{"", decision.BasisAccountCenter, decision.BasisTokenClaim, decision.BasisRegisteredCountry, decision.BasisNotRegistered}
	countries := append(country.All(), "", "UK", "br")
	for _, activity := range activityIDs(p) {
		for i, code := range countries {
			for j, c := range who {
				facts := decision.Facts{Activity: activity, Country: code, Identified: code != "", Controller: c, Basis: grounds[(i+j)%len(grounds)]}
				f(facts)
				if code == "" {
					facts.Identified = true
					f(facts)
				}
			}
		}
	}
}

func activityIDs(p *decision.Policy) []string {
	ids := []string{"", "unheard-of"}
	for _, a := range p.Activities {
		ids = append(ids, a.ID)
	}
	return ids
}

func equal(t *testing.T, table *decision.Table, p *decision.Policy, s *decision.Site, f decision.Facts) {
	t.Helper()
	want := decision.Decide(p, s, now, f)
	for range 2 { // the first call computes, the second looks up
		if got := table.Decide(f); !reflect.DeepEqual(*got, want) {
			t.Fatalf("%+v\n table %+v\ndecide %+v", f, *got, want)
		}
	}
}

// TestTableIsDecide: the table gives the same answers as Decide, for all of the
// domain.
func TestTableIsDecide(t *testing.T) {
	p := policy()
	for _, node := range []decision.Place{nodeSG, nodeZA} {
		s := siteAt(node)
		table := compile(t, p, s, now)
		step := 0
		domain(p, func(f decision.Facts) {
			// A node in another country changes the laws, not the look-up: there
			// a sample is enough.
			if step++; node == nodeSG || step%7 == 0 {
				equal(t, table, p, &s, f)
			}
		})
	}
}

// TestTableStaff: so it is for staff, and for controllers it does not know.
func TestTableStaff(t *testing.T) {
	p, s := policy(), siteSG()
	table := compile(t, p, s, now)
	staff := []*decision.Place{
		{}, {Entity: "huawei-cloud-cn", Country: "CN"}, {Entity: "huawei-cloud-cn", Country: "SG"},
		{Entity: "sparkoo-sg", Country: "SG"}, {Entity: "sparkoo-hk", Country: "HK"},
	}
	unlisted := []*decision.Controller{
		{ID: "unlisted", Name: "Somebody", Unlisted: true},
		{ID: "unlisted", Name: "Somebody", Country: "US", Unlisted: true},
		{ID: "sparkoo-br", Name: "Sparkoo Technologies Do Brasil Ltda.", Country: "PT"},
	}
	for _, activity := range activityIDs(p) {
		for _, code := range []string{"", "BR", "FR", "AR", "SG", "CN", "UK"} {
			f := person(p, activity, code)
			for _, place := range staff {
				f.Staff, f.Access = place, decision.StaffAccess{Named: true, Ticket: "T-1"}
				for _, f.Subject = range []bool{true, false} {
					equal(t, table, p, &s, f)
				}
				f.Subject, f.Access.Ticket = true, ""
				equal(t, table, p, &s, f)
			}
			f.Staff = nil
			for _, c := range unlisted {
				f.Controller = c
				equal(t, table, p, &s, f)
			}
			f.Controller, f.Basis = controller(p, "sparkoo-sg"), "hearsay"
			equal(t, table, p, &s, f)
		}
	}
}

// TestTableCopies: a controller from another copy of the registers has the same
// cell; one that differs in anything a header could show has none.
func TestTableCopies(t *testing.T) {
	p, s := policy(), siteSG()
	table := compile(t, p, s, now)
	f := person(policy(), "serving", "BR")
	f.Controller.Serves = nil
	if table.Decide(f) != table.Decide(person(p, "serving", "BR")) {
		t.Error("a copy of the controller is not recognised")
	}
	f.Controller.Email = "privacy@example.com"
	if got := table.Decide(f); got.Controller.Email != "privacy@example.com" {
		t.Error("the decision shows another controller than the facts")
	}
	f = person(policy(), "serving", "BR")
	f.Controller.Unlisted = true
	if got := table.Decide(f); !got.Controller.Unlisted {
		t.Error("the decision takes an unlisted controller for a listed one")
	}
}

// TestFinish: every decision is finished once, before anybody sees it.
func TestFinish(t *testing.T) {
	p, s := policy(), siteSG()
	var mu sync.Mutex
	calls := map[*decision.Decision]int{}
	table, err := decision.Compile(p, s, now, func(d *decision.Decision) {
		mu.Lock()
		defer mu.Unlock()
		calls[d]++
		for i := range d.Candidates {
			d.Candidates[i].Fields = []decision.Field{{Name: "Data-Region", Value: d.Candidates[i].Region.Code}}
		}
		if d.Waived != nil {
			d.Waived.Fields = []decision.Field{{Name: "Data-Region", Value: d.Waived.Region.Code}}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(f decision.Facts) {
		d := table.Decide(f)
		mu.Lock()
		defer mu.Unlock()
		if calls[d] != 1 {
			t.Fatalf("%+v: finished %d times", f, calls[d])
		}
		for _, c := range d.Candidates {
			if len(c.Fields) != 1 {
				t.Fatalf("%+v: candidate %s has no fields", f, c.Region.Code)
			}
		}
		if d.Waived != nil && len(d.Waived.Fields) != 1 {
			t.Fatalf("%+v: the waived candidate has no fields", f)
		}
	}
	for range 2 {
		check(person(p, "serving", "BR"))
		check(person(p, "support-training", "BR"))
		check(staffOf(person(p, "support", "BR"), "huawei-cloud-cn", "CN"))
		f := person(p, "serving", "BR")
		f.Basis = decision.BasisAccountCenter
		check(f)
		check(decision.Facts{})
	}
}

// TestTableRace: many goroutines that ask for the same new cells get one answer.
func TestTableRace(t *testing.T) {
	p, s := policy(), siteSG()
	var finished atomic.Int64
	table, err := decision.Compile(p, s, now, func(*decision.Decision) { finished.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	codes := country.All()
	answers := make([][]*decision.Decision, 4)
	var wg sync.WaitGroup
	for g := range answers {
		wg.Go(func() {
			for _, code := range codes {
				f := person(p, "serving", code)
				f.Basis = decision.BasisAccountCenter
				answers[g] = append(answers[g], table.Decide(f))
			}
		})
	}
	wg.Wait()
	for _, a := range answers[1:] {
		if !slices.Equal(a, answers[0]) {
			t.Fatal("two goroutines hold different decisions for one cell")
		}
	}
}

func TestNoAllocations(t *testing.T) {
	p := policy()
	table := compile(t, p, siteSG(), now)
	account := person(p, "serving", "FR")
	account.Controller, account.Basis = controller(policy(), "sparkoo-br"), decision.BasisAccountCenter
	chosen := person(p, "serving", "BR")
	chosen.Choices = decision.Choices{Withdrawn: true, OptOut: true, Purposes: []string{"2b", "2d"}}
	for name, f := range map[string]decision.Facts{
		"row":     person(policy(), "support", "BR"),
		"chosen":  chosen,
		"nobody":  person(p, "public", ""),
		"account": account,
		"denied":  person(p, "support", "US"),
		"nothing": {},
	} {
		if n := testing.AllocsPerRun(100, func() { table.Decide(f) }); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	p := policy()
	const known = "ap-southeast-3, ap-southeast-1, ap-southeast-2, af-south-1, sa-brazil-1, la-south-2, me-east-1, cn-north-4"
	entity := func(id string) string {
		return `node entity "` + id + `" is neither a controller nor a recipient: name one from the registers`
	}
	place := func(c, advice string) string {
		return `node country "` + c + `" is not an ISO 3166-1 alpha-2 code; ` + advice
	}
	tests := []struct {
		name   string
		policy *decision.Policy
		site   decision.Site
		want   string
	}{
		{"no policy", nil, siteSG(), "compiling a policy: there is none"},
		{"region", p, decision.Site{Node: nodeSG, Regions: []string{"ap-southeast-3", "xx-1"}},
			`region "xx-1" is not in the register of regions; use one of ` + known},
		{"entity", p, siteAt(decision.Place{Entity: "sparkoo", Country: "SG"}), entity("sparkoo")},
		{"country", p, siteAt(decision.Place{Entity: "sparkoo-sg", Country: "UK"}), place("UK", "write GB")},
		{"all at once", &decision.Policy{}, decision.Site{Regions: []string{"xx-1"}},
			entity("") + "\n" + place("", "use the two capital letters of that standard") + "\n" + `region "xx-1" is not in the register of regions; there is none`},
		{"a controller that is no recipient", p, siteAt(decision.Place{Entity: "sparkoo-pe", Country: "PE"}), ""},
		{"a recipient that is no controller", p, siteAt(decision.Place{Entity: "huawei-cloud-cn", Country: "CN"}), ""},
	}
	for _, test := range tests {
		table, err := decision.Compile(test.policy, test.site, now, nil)
		if got := message(err); got != test.want || (err == nil) != (table != nil) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestSiteIsCopied: what the caller does with its slice later does not reach the table.
func TestSiteIsCopied(t *testing.T) {
	p, s := policy(), siteSG()
	table := compile(t, p, s, now)
	s.Regions[0] = "xx-1"
	if got := table.Site().Regions[0]; got != "ap-southeast-3" {
		t.Errorf("the table's first region became %q", got)
	}
	if table.Policy() != p {
		t.Error("the table names another policy")
	}
}

// TestUnlockSaysSomething: every denial of the domain says what would unlock it,
// and no sentence carries what is not a country.
func TestUnlockSaysSomething(t *testing.T) {
	p, s := policy(), siteSG()
	table := compile(t, p, s, now)
	domain(p, func(f decision.Facts) {
		d := table.Decide(f)
		if (d.Outcome == decision.Denied) != (d.Unlock != "" && d.Reason != "") || strings.Contains(d.Unlock, " UK ->") || d.Country == "UK" {
			t.Fatalf("%+v: outcome %d, reason %q, unlock %q", f, d.Outcome, d.Reason, d.Unlock)
		}
	})
}
