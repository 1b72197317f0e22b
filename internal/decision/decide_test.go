package decision_test

import (
	"slices"
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
)

// TestLegs holds the legs and verdicts of the examples everybody agreed on,
// typed by hand in the form of a record.
//
//clause:tests §9.2
func TestLegs(t *testing.T) {
	p := policy()
	const (
		hw   = `"instrument":"HWC-7"`
		iga  = `"assessment":"TIA-1","instrument":"IGA-1"`
		brBR = `{"from":"BR","kind":"collection","laws":[{"because":"direct-collection","law":"br"},{"because":"direct-collection","law":"sg"}],"recipient":"sparkoo-br","to":"BR"}`
		brSG = `{"exporter":"sparkoo-br","from":"BR","kind":"storage","laws":[{` + iga + `,"law":"br","row":"br-scc-operators","safeguard":"br-law-scc"},{"because":"inside-territory","law":"sg"}],"recipient":"sparkoo-sg","recipient_kind":"9-operator","to":"SG"}`
	)
	// The data comes back to the store as it went: a law that sees a transfer in that only
	// for its own people's data sees none here.
	back := func(entity, country, law string) string {
		return `{"exporter":"` + entity + `","from":"` + country + `","kind":"return","laws":[{"because":"returned","law":"` + law + `"}],"recipient":"sparkoo-sg","recipient_kind":"9-operator","to":"SG"}`
	}
	tests := []struct {
		name   string
		node   decision.Place
		facts  decision.Facts
		region string
		want   string
	}{
		{"support for Brazil from China", nodeSG, person(p, "support", "BR"), "cn-north-4",
			`[` + brBR + `,` + brSG +
				`,{"exporter":"sparkoo-sg","from":"SG","kind":"onward","laws":[{` + hw + `,"law":"br","row":"br-scc-cn","safeguard":"br-law-scc"},{` + hw + `,"law":"sg","row":"sg-scc-cn","safeguard":"sg-law-scc"}],"recipient":"huawei-cloud-cn","recipient_kind":"4c","to":"CN"},` + back("huawei-cloud-cn", "CN", "cn") + `]`},
		{"staff in China open a Brazilian ticket", nodeSG, staffOf(person(p, "support", "BR"), "huawei-cloud-cn", "CN"), "cn-north-4",
			`[` + brBR + `,` + brSG +
				`,{"exporter":"sparkoo-sg","from":"SG","kind":"access","laws":[{` + hw + `,"law":"br","row":"br-scc-cn","safeguard":"br-law-scc"},{` + hw + `,"law":"sg","row":"sg-scc-cn","safeguard":"sg-law-scc"}],"recipient":"huawei-cloud-cn","recipient_kind":"4c","to":"CN"},` + back("huawei-cloud-cn", "CN", "cn") + `]`},
		{"storage for Brazil", nodeSG, person(p, "storage", "BR"), "ap-southeast-3",
			`[{"from":"BR","kind":"collection","laws":[{"because":"direct-collection","law":"br"}],"recipient":"sparkoo-br","to":"BR"}` +
				`,{"exporter":"sparkoo-br","from":"BR","kind":"storage","laws":[{` + iga + `,"law":"br","row":"br-scc-operators","safeguard":"br-law-scc"}],"recipient":"sparkoo-sg","recipient_kind":"9-operator","to":"SG"}]`},
		{"support for France from China", nodeSG, person(p, "support", "FR"), "cn-north-4",
			`[{"from":"FR","kind":"collection","laws":[{"because":"direct-collection","law":"eu"},{"because":"inside-territory","law":"sg"}],"recipient":"sparkoo-sg","to":"SG"}` +
				`,{"exporter":"sparkoo-sg","from":"SG","kind":"onward","laws":[{` + hw + `,"law":"eu","row":"eu-scc-cn","safeguard":"eu-law-scc"},{` + hw + `,"law":"sg","row":"sg-scc-cn","safeguard":"sg-law-scc"}],"recipient":"huawei-cloud-cn","recipient_kind":"4c","to":"CN"},` + back("huawei-cloud-cn", "CN", "cn") + `]`},
		{"storage for France through Johannesburg", nodeZA, person(p, "storage", "FR"), "ap-southeast-3",
			`[{"from":"FR","kind":"collection","laws":[{"because":"direct-collection","law":"eu"},{"because":"inside-territory","law":"sg"},{"because":"direct-collection","law":"za"}],"recipient":"sparkoo-sg","to":"SG"}` +
				`,{"exporter":"sparkoo-sg","from":"SG","kind":"edge","laws":[{` + iga + `,"law":"eu","row":"eu-scc-operators","safeguard":"eu-law-scc"},{` + iga + `,"law":"sg","row":"sg-scc-operators","safeguard":"sg-law-scc"},{"because":"inside-territory","law":"za"}],"recipient":"sparkoo-za","recipient_kind":"9-operator","to":"ZA"}` +
				`,{"exporter":"sparkoo-za","from":"ZA","kind":"storage","laws":[{"because":"own-controller","law":"eu"},{"because":"inside-territory","law":"sg"},{` + iga + `,"law":"za","row":"za-scc-operators","safeguard":"za-law-scc"}],"recipient":"sparkoo-sg","recipient_kind":"9-operator","to":"SG"}]`},
		{"storage for a country without a law", nodeSG, person(p, "storage", "AR"), "ap-southeast-3",
			`[{"from":"AR","kind":"collection","laws":[{"because":"direct-collection","law":"none:AR"},{"because":"inside-territory","law":"sg"}],"recipient":"sparkoo-sg","to":"SG"}]`},
		{"nobody identified", nodeSG, person(p, "serving", ""), "ap-southeast-3",
			`[{"kind":"collection","laws":[{"because":"inside-territory","law":"sg"}],"recipient":"sparkoo-sg","to":"SG"}]`},
		{"home serving from the same entity and country", nodeBR, person(p, "serving", "BR"), "sa-brazil-1",
			`[{"from":"BR","kind":"collection","laws":[{"because":"direct-collection","law":"br"}],"recipient":"sparkoo-br","to":"BR"}]`},
		{"staff abroad read what China's region was given", nodeSG, staffOf(person(openToHongKong(), "support", "BR"), "sparkoo-hk", "HK"), "cn-north-4",
			`[{"from":"BR","kind":"collection","laws":[{"because":"direct-collection","law":"br"},{"because":"direct-collection","law":"sg"},{"because":"direct-collection","law":"cn"}],"recipient":"sparkoo-br","to":"BR"}` +
				`,{"exporter":"sparkoo-br","from":"BR","kind":"storage","laws":[{` + iga + `,"law":"br","row":"br-scc-operators","safeguard":"br-law-scc"},{"because":"inside-territory","law":"sg"},{"because":"before-reach","law":"cn"}],"recipient":"sparkoo-sg","recipient_kind":"9-operator","to":"SG"}` +
				`,{"exporter":"sparkoo-sg","from":"SG","kind":"onward","laws":[{` + hw + `,"law":"br","row":"br-scc-cn","safeguard":"br-law-scc"},{` + hw + `,"law":"sg","row":"sg-scc-cn","safeguard":"sg-law-scc"},{"because":"inside-territory","law":"cn"}],"recipient":"huawei-cloud-cn","recipient_kind":"4c","to":"CN"}` +
				`,{"exporter":"huawei-cloud-cn","from":"CN","kind":"access","laws":[{"law":"br","row":"br-to-hk","safeguard":"br-to-hk"},{"law":"sg","row":"sg-to-hk","safeguard":"sg-to-hk"},{"law":"cn","row":"cn-to-hk","safeguard":"cn-to-hk"}],"recipient":"sparkoo-hk","recipient_kind":"4c","to":"HK"},` + back("sparkoo-hk", "HK", "hk") + `]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pol := p
			if test.facts.Staff != nil && test.facts.Staff.Country == "HK" {
				pol = openToHongKong()
			}
			s := siteAt(test.node)
			d := decision.Decide(pol, &s, now, test.facts)
			c := candidate(t, &d, test.region)
			if got := string(c.LegsJSON); got != test.want {
				t.Errorf("legs\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

// openToHongKong has rows for staff in Hong Kong who read what China holds.
func openToHongKong() *decision.Policy {
	p := policy()
	for _, law := range []string{"br", "sg", "cn"} {
		p.Safeguards = append(p.Safeguards, decision.Safeguard{
			ID: law + "-to-hk", Tag: law + "-to-hk", Law: law,
			Exporters: of("huawei-cloud-cn"), Recipients: of("sparkoo-hk"), Countries: of("HK"),
			Purposes: of("2c"), Categories: of("1a", "1h", "1l"), Kinds: of("4c"),
		})
	}
	return p
}

func TestCandidates(t *testing.T) {
	p := policy()
	everywhere := []string{"ap-southeast-3", "ap-southeast-1", "ap-southeast-2", "af-south-1", "sa-brazil-1", "la-south-2", "me-east-1"}
	homeFirst := []string{"sa-brazil-1", "ap-southeast-3", "ap-southeast-1", "ap-southeast-2", "af-south-1", "la-south-2", "me-east-1"}
	singapore := []string{"ap-southeast-3"}
	china := []string{"cn-north-4"}
	unlisted := person(p, "serving", "BR")
	unlisted.Controller = &decision.Controller{ID: "unlisted", Name: "Somebody Ltd", Unlisted: true}
	unlisted.Basis = decision.BasisAccountCenter
	unlistedStorage := unlisted
	unlistedStorage.Activity = "storage"
	withRow := policy()
	row := operatorRow("br")
	row.ID, row.Exporters = "br-unlisted", of("unlisted")
	withRow.Safeguards = append(withRow.Safeguards, row)

	tests := []struct {
		name   string
		policy *decision.Policy
		node   decision.Place
		facts  decision.Facts
		want   []string
		reason decision.Reason
	}{
		{"storage is Singapore's", p, nodeSG, person(p, "storage", "BR"), singapore, ""},
		{"storage from another node", p, nodeBR, person(p, "storage", "BR"), singapore, ""},
		{"rights", p, nodeSG, person(p, "rights", "FR"), singapore, ""},
		{"serving at home first", p, nodeSG, person(p, "serving", "BR"), homeFirst, ""},
		{"serving without a home region", p, nodeSG, person(p, "serving", "FR"), everywhere, ""},
		{"serving in a country without a law", p, nodeSG, person(p, "serving", "US"), singapore, ""},
		{"a node outside Singapore and no law", p, nodeZA, person(p, "serving", "US"), nil, decision.LawUnknown},
		{"support", p, nodeSG, person(p, "support", "BR"), china, ""},
		{"support for France", p, nodeSG, person(p, "support", "FR"), china, ""},
		{"support for a country without a law", p, nodeSG, person(p, "support", "US"), nil, decision.LawUnknown},
		{"support with an uncovered category", p, nodeSG, person(p, "support-training", "BR"), nil, decision.NoSafeguard},
		{"support with identity documents", p, nodeSG, person(p, "support-identity", "BR"), nil, decision.IdentityDocuments},
		{"another purpose", p, nodeSG, person(p, "security", "FR"), nil, decision.NoSafeguard},
		{"nobody: serving", p, nodeSG, person(p, "serving", ""), singapore, ""},
		{"nobody: support", p, nodeSG, person(p, "support", ""), nil, decision.AnonymousSingapore},
		{"nobody: public", p, nodeSG, person(p, "public", ""), everywhere, ""},
		{"somebody: public", p, nodeSG, person(p, "public", "BR"), everywhere, ""},
		{"staff of the store's operator, whom no row lets read", p, nodeSG, staffOf(person(p, "serving", "BR"), "sparkoo-sg", "SG"), nil, decision.NoSafeguard},
		{"staff of the store's operator read the store", p, nodeSG, staffOf(person(p, "storage", "BR"), "sparkoo-sg", "SG"), singapore, ""},
		{"staff in China read the store", p, nodeSG, staffOf(person(p, "storage", "BR"), "huawei-cloud-cn", "CN"), nil, decision.SupportNotAllowed},
		{"staff in China, identity documents", p, nodeSG, staffOf(person(p, "support-identity", "BR"), "huawei-cloud-cn", "CN"), nil, decision.IdentityDocuments},
		{"staff without anybody's data", p, nodeSG, staffOf(person(p, "storage", ""), "huawei-cloud-cn", "CN"), nil, decision.StaffWithoutSubject},
		{"unlisted controller without a row", p, nodeSG, unlistedStorage, nil, decision.NoSafeguard},
		{"unlisted controller with a row", withRow, nodeSG, unlistedStorage, singapore, ""},
		{"unlisted controller elsewhere", withRow, nodeSG, unlisted, singapore, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := siteAt(test.node)
			d := decision.Decide(test.policy, &s, now, test.facts)
			if got := codes(&d); !slices.Equal(got, test.want) {
				t.Errorf("candidates %v, want %v; refused %+v", got, test.want, d.Refused)
			}
			if d.Reason != test.reason {
				t.Errorf("reason %q, want %q; refused %+v", d.Reason, test.reason, d.Refused)
			}
			if (d.Outcome == decision.Allowed) != (len(test.want) > 0) {
				t.Errorf("outcome %d with candidates %v", d.Outcome, codes(&d))
			}
		})
	}
}

// TestOrderOfChecks mends one thing after the other: each check must come before
// the ones after it.
func TestOrderOfChecks(t *testing.T) {
	p := policy()
	f := decision.Facts{Staff: &decision.Place{Entity: "nobody", Country: "CN"}, Country: "UK", Identified: true}
	at := posted.AddDate(0, 0, -1)
	steps := []struct {
		want decision.Reason
		mend func()
	}{
		{decision.NoActivity, func() { f.Activity = "serving" }},
		{decision.NoController, func() { f.Controller = controller(p, "sparkoo-sg") }},
		{decision.NoStatement, func() { at = now }},
		{decision.StaffWithoutSubject, func() { f.Subject = true }},
		{decision.StaffUnknownRecipient, func() { f.Staff.Entity = "huawei-cloud-cn" }},
		{decision.CountryInvalid, func() { f.Country = "" }},
		{decision.CountryUnknown, func() { f.Country = "FR"; f.Staff = nil }},
		{"", func() {}},
	}
	s := siteSG()
	for _, step := range steps {
		d := decision.Decide(p, &s, at, f)
		if d.Reason != step.want {
			t.Fatalf("reason %q, want %q", d.Reason, step.want)
		}
		if d.Country != "" && d.Country != "FR" {
			t.Errorf("%s: the decision carries %q, which is no country", step.want, d.Country)
		}
		if (step.want == "") != (d.Outcome == decision.Allowed) || (step.want == "") != (d.Unlock == "") {
			t.Errorf("%s: outcome %d, unlock %q", step.want, d.Outcome, d.Unlock)
		}
		step.mend()
	}
}

// TestStaffInAnotherCountry: an entity is known in the country of its row only.
func TestStaffInAnotherCountry(t *testing.T) {
	p := policy()
	if d := decide(p, staffOf(person(p, "support", "BR"), "huawei-cloud-cn", "SG")); d.Reason != decision.StaffUnknownRecipient {
		t.Errorf("reason %q, want %q", d.Reason, decision.StaffUnknownRecipient)
	}
}

func TestZeroValuesDeny(t *testing.T) {
	p, s := policy(), siteSG()
	full := person(p, "serving", "FR")
	noNode := decision.Site{Regions: allRegions}
	if d := (decision.Decision{}); d.Outcome != decision.Denied {
		t.Error("the zero Decision does not deny")
	}
	if (decision.Verdict{}).Outcome != decision.Missing {
		t.Error("the zero Verdict is not Missing")
	}
	tests := []struct {
		name string
		got  decision.Decision
		want decision.Reason
	}{
		{"facts", decision.Decide(p, &s, now, decision.Facts{}), decision.NoActivity},
		{"policy", decision.Decide(&decision.Policy{}, &s, now, full), decision.NoActivity},
		{"nil policy", decision.Decide(nil, &s, now, full), decision.NoActivity},
		{"site", decision.Decide(p, &decision.Site{}, now, full), decision.NoRegion},
		{"nil site", decision.Decide(p, nil, now, full), decision.NoRegion},
		{"node", decision.Decide(p, &noNode, now, full), decision.NoSafeguard},
		{"table", *(&decision.Table{}).Decide(full), decision.NoActivity},
		{"table and facts", *(&decision.Table{}).Decide(decision.Facts{}), decision.NoActivity},
	}
	for _, test := range tests {
		if test.got.Outcome != decision.Denied || test.got.Reason != test.want || len(test.got.Candidates) > 0 {
			t.Errorf("zero %s: outcome %d, reason %q, want denied, %q", test.name, test.got.Outcome, test.got.Reason, test.want)
		}
	}
}

// TestZeroRows: a row that says nothing permits nothing.
//
//clause:tests §2
func TestZeroRows(t *testing.T) {
	change := func(f func(*decision.Policy)) *decision.Policy {
		p := policy()
		f(p)
		return p
	}
	tests := []struct {
		name   string
		policy *decision.Policy
		want   decision.Reason
	}{
		{"activity", change(func(p *decision.Policy) { p.Activities[2] = decision.Activity{ID: "serving"} }), decision.NoActivity},
		{"activity without categories", change(func(p *decision.Policy) { p.Activities[2].Categories = nil }), decision.NoActivity},
		{"activity without purposes", change(func(p *decision.Policy) { p.Activities[2].Purposes = nil }), decision.NoActivity},
		{"activity without exporter", change(func(p *decision.Policy) { p.Activities[2].Exporter = "" }), decision.NoActivity},
		{"activity without kind", change(func(p *decision.Policy) { p.Activities[2].Kind = "" }), decision.NoRegion},
		{"recipients", change(func(p *decision.Policy) { clear(p.Recipients) }), decision.NoRegion},
		{"regions", change(func(p *decision.Policy) { clear(p.Regions) }), decision.NoRegion},
		{"laws", change(func(p *decision.Policy) { clear(p.Laws) }), decision.LawUnknown},
		{"safeguards", change(func(p *decision.Policy) { clear(p.Safeguards) }), decision.NoSafeguard},
	}
	for _, test := range tests {
		// Johannesburg's node, so that nothing stays with the controller.
		s := siteAt(nodeZA)
		d := decision.Decide(test.policy, &s, now, person(test.policy, "serving", "FR"))
		if d.Outcome != decision.Denied || d.Reason != test.want {
			t.Errorf("zero %s: outcome %d, reason %q, want denied, %q", test.name, d.Outcome, d.Reason, test.want)
		}
	}
}

func TestTransfer(t *testing.T) {
	p := policy()
	tests := []struct {
		name     string
		node     decision.Place
		facts    decision.Facts
		region   string
		transfer bool
	}{
		{"home", nodeBR, person(p, "serving", "BR"), "sa-brazil-1", false},
		{"home through Singapore", nodeSG, person(p, "serving", "BR"), "sa-brazil-1", true},
		{"to Singapore", nodeBR, person(p, "serving", "BR"), "ap-southeast-3", true},
		{"France's controller is in Singapore", nodeSG, person(p, "serving", "FR"), "ap-southeast-3", true},
		{"Singapore at home", nodeSG, person(p, "serving", "SG"), "ap-southeast-3", false},
		{"nobody in Singapore", nodeSG, person(p, "serving", ""), "ap-southeast-3", false},
		{"nobody elsewhere", nodeSG, person(p, "public", ""), "sa-brazil-1", true},
	}
	for _, test := range tests {
		s := siteAt(test.node)
		d := decision.Decide(p, &s, now, test.facts)
		if c := candidate(t, &d, test.region); c.Transfer != test.transfer {
			t.Errorf("%s: transfer %t, want %t", test.name, c.Transfer, test.transfer)
		}
	}
}

// TestFromPerson: a mere conduit is no place data goes through.
func TestFromPerson(t *testing.T) {
	p := policy()
	p.Activities[2].Exporter = decision.FromPerson
	s := siteAt(nodeZA)
	d := decision.Decide(p, &s, now, person(p, "serving", "BR"))
	c := candidate(t, &d, "sa-brazil-1")
	if len(c.Legs) != 1 || c.Transfer {
		t.Errorf("legs %s, transfer %t; want the collection alone", c.LegsJSON, c.Transfer)
	}
}

// TestWaived: report mode may try what only lacks safeguards, and nothing else.
func TestWaived(t *testing.T) {
	p := policy()
	s := siteSG()
	tests := []struct {
		name     string
		activity string
		country  string
		want     string
	}{
		{"no safeguard", "support-training", "BR", "cn-north-4"},
		{"no law", "support", "US", ""},
		{"identity documents", "support-identity", "BR", ""},
		{"allowed", "support", "BR", ""},
		{"nobody", "support", "", ""},
	}
	for _, test := range tests {
		d := decision.Decide(p, &s, now, person(p, test.activity, test.country))
		got := ""
		if d.Waived != nil {
			got = d.Waived.Region.Code
			if len(d.Waived.LegsJSON) == 0 {
				t.Errorf("%s: a waived candidate without its legs", test.name)
			}
		}
		if got != test.want {
			t.Errorf("%s: waived %q, want %q", test.name, got, test.want)
		}
	}
	p.Safeguards = nil
	d := decision.Decide(p, &s, now, person(p, "storage", "BR"))
	if d.Reason != decision.NoSafeguard || d.Waived != nil {
		t.Errorf("storage: reason %q, waived %v; storage is never waived", d.Reason, d.Waived)
	}
	d = decision.Decide(p, &s, now, person(p, "serving", "BR"))
	if d.Waived == nil || d.Waived.Region.Code != "sa-brazil-1" {
		t.Errorf("serving: waived %+v, want the first in order, sa-brazil-1", d.Waived)
	}
}

// TestDemo: what is not proven satisfies a law under demo only, and says so.
func TestDemo(t *testing.T) {
	for _, mark := range []func(*decision.Safeguard){
		func(r *decision.Safeguard) { r.Example = true },
		func(r *decision.Safeguard) { r.Confirm = true },
	} {
		p := policy()
		for i := range p.Safeguards {
			if p.Safeguards[i].Law == "br" {
				mark(&p.Safeguards[i])
			}
		}
		s := siteSG()
		f := person(p, "support", "BR")
		if d := decision.Decide(p, &s, now, f); d.Reason != decision.SafeguardUnproven || d.Law != "br" || d.Waived == nil {
			t.Errorf("enforced: reason %q, law %q, waived %v", d.Reason, d.Law, d.Waived)
		}
		s.Demo = true
		d := decision.Decide(p, &s, now, f)
		if !candidate(t, &d, "cn-north-4").Demo {
			t.Error("a demo candidate does not say so")
		}
		fr := decision.Decide(p, &s, now, person(p, "support", "FR"))
		if candidate(t, &fr, "cn-north-4").Demo {
			t.Error("a candidate that leans on proven rows only says demo")
		}
	}
}

// TestRegionsOnce: a region written twice is tried once, an unknown one never.
func TestRegionsOnce(t *testing.T) {
	p := policy()
	s := decision.Site{Node: nodeSG, Regions: []string{"ap-southeast-3", "xx-1", "ap-southeast-3"}}
	d := decision.Decide(p, &s, now, person(p, "serving", "FR"))
	if got := codes(&d); !slices.Equal(got, []string{"ap-southeast-3"}) {
		t.Errorf("candidates %v, want ap-southeast-3 once", got)
	}
	if r := refusal(t, &d, "xx-1"); r.Reason != decision.NoRegion {
		t.Errorf("unknown region: %q, want %q", r.Reason, decision.NoRegion)
	}
}

// TestOwnController: what comes back to the controller needs no safeguard, what
// goes to a branch of it in another country does.
func TestOwnController(t *testing.T) {
	p := policy()
	p.Regions = append(p.Regions, decision.Region{Code: "ap-branch-1", Country: "MY", Operator: "sparkoo-sg"})
	s := decision.Site{Node: nodeSG, Regions: []string{"ap-branch-1"}}
	d := decision.Decide(p, &s, now, person(p, "serving", "FR"))
	if d.Reason != decision.NoSafeguard || d.Law != "eu" {
		t.Errorf("a branch in another country: reason %q, law %q, want no_safeguard, eu", d.Reason, d.Law)
	}
}

// TestNowhere: a row for everything does not take in what has no name.
func TestNowhere(t *testing.T) {
	p := policy()
	p.Safeguards = append(p.Safeguards, decision.Safeguard{
		ID: "eu-any", Tag: "eu-law-scc", Law: "eu", Exporters: anything, Recipients: anything, Countries: anything,
		Purposes: anything, Categories: anything, Kinds: anything,
	})
	for i := range p.Safeguards {
		if p.Safeguards[i].Law == "sg" {
			p.Safeguards[i].Countries, p.Safeguards[i].Recipients = anything, anything
		}
	}
	s := decision.Site{Regions: allRegions}
	d := decision.Decide(p, &s, now, person(p, "serving", "FR"))
	if d.Outcome != decision.Denied {
		t.Errorf("a node nowhere passes data on to %v", codes(&d))
	}
	if r := refusal(t, &d, "ap-southeast-3"); r.Reason != decision.NoSafeguard || r.Law != "eu" {
		t.Errorf("%+v, want eu's safeguard missing", r)
	}
}

// TestControllerFromNowhere: a contracting party in an unknown country leaves
// only the store, reached without leaving its country.
func TestControllerFromNowhere(t *testing.T) {
	p := policy()
	p.Regions = append(p.Regions, decision.Region{Code: "ap-other-1", Country: "SG", Operator: "sparkoo-hk"})
	for i := range p.Safeguards {
		p.Safeguards[i].Exporters = anything
	}
	f := person(p, "serving", "BR")
	f.Controller, f.Basis = &decision.Controller{ID: "unlisted", Unlisted: true}, decision.BasisAccountCenter
	for _, test := range []struct {
		node decision.Place
		want []string
	}{{nodeSG, []string{"ap-southeast-3"}}, {nodeZA, []string{}}} {
		s := decision.Site{Node: test.node, Regions: []string{"ap-other-1", "ap-southeast-3"}}
		d := decision.Decide(p, &s, now, f)
		if got := codes(&d); !slices.Equal(got, test.want) {
			t.Errorf("node in %s: candidates %v, want %v", test.node.Country, got, test.want)
		}
		if r := refusal(t, &d, "ap-other-1"); r.Reason != decision.LawUnknown {
			t.Errorf("node in %s: another operator is refused for %q", test.node.Country, r.Reason)
		}
	}
}

// TestPartners: who is no declared partner receives nothing as one, who is one receives
// nothing before an instrument binds them, and then what the instrument is about.
//
//clause:tests 9-partner
func TestPartners(t *testing.T) {
	p := policy()
	p.Activities[2].Kind = decision.Partner
	s := decision.Site{Node: nodeSG, Regions: []string{"ap-southeast-2"}}
	ask := func() decision.Reason {
		d := decision.Decide(p, &s, now, person(p, p.Activities[2].ID, "BR"))
		if len(d.Candidates) > 0 {
			return ""
		}
		return refusal(t, &d, "ap-southeast-2").Reason
	}
	if got := ask(); got != decision.RecipientNotAllowed {
		t.Errorf("an operator who is no declared partner: %q", got)
	}
	for i := range p.Recipients {
		p.Recipients[i].Kinds = append(p.Recipients[i].Kinds, decision.Partner)
	}
	for i := range p.Safeguards {
		if row := &p.Safeguards[i]; row.Kinds.Any || len(row.Kinds.Of) == 0 {
			row.Kinds = of("9-operator")
		}
	}
	if got := ask(); got != decision.NoSafeguard {
		t.Errorf("a declared partner whom no instrument binds: %q", got)
	}
	for i := range p.Safeguards {
		p.Safeguards[i].Kinds = decision.Set{Any: true}
	}
	if got := ask(); got != "" {
		t.Errorf("a declared partner whom instruments bind: %q", got)
	}
}

// TestPartnerDocuments: identity documents go to no partner either.
//
//clause:tests 9-partner
func TestPartnerDocuments(t *testing.T) {
	p := policy()
	p.Activities[2].Kind, p.Activities[2].Categories = decision.Partner, []string{"1b"}
	for i := range p.Recipients {
		p.Recipients[i].Kinds = append(p.Recipients[i].Kinds, decision.Partner)
	}
	if d := decide(p, person(p, "serving", "FR")); d.Reason != decision.IdentityDocuments {
		t.Errorf("reason %q, want %q", d.Reason, decision.IdentityDocuments)
	}
}

// TestWaivedSkipsUnknownLaws: report mode passes over what no law is known for.
func TestWaivedSkipsUnknownLaws(t *testing.T) {
	p := policy()
	p.Safeguards = slices.DeleteFunc(p.Safeguards, func(r decision.Safeguard) bool { return r.Law == "br" })
	f := person(p, "serving", "AR")
	f.Controller, f.Basis = controller(p, "sparkoo-br"), decision.BasisAccountCenter
	s := decision.Site{Node: nodeSG, Regions: []string{"ap-southeast-1", "ap-southeast-3"}}
	d := decision.Decide(p, &s, now, f)
	if r := refusal(t, &d, "ap-southeast-1"); r.Reason != decision.LawUnknown {
		t.Errorf("Hong Kong is refused for %q, want law_unknown", r.Reason)
	}
	if d.Reason != decision.NoSafeguard || d.Waived == nil || d.Waived.Region.Code != "ap-southeast-3" {
		t.Errorf("reason %q, waived %+v, want no_safeguard, ap-southeast-3", d.Reason, d.Waived)
	}
}

// TestKindOfTheActivity: what an affiliate gets from the node is no operator's
// business, so the operators' row does not serve it.
func TestKindOfTheActivity(t *testing.T) {
	p := policy()
	for i := range p.Activities {
		p.Activities[i].Exporter = decision.FromNode
	}
	for i := range p.Safeguards {
		if row := &p.Safeguards[i]; row.Kinds.Of != nil && row.Kinds.Of[0] == "4c" {
			row.Kinds = of("9-operator")
		}
	}
	if d := decide(p, person(p, "support", "BR")); d.Reason != decision.NoSafeguard {
		t.Errorf("reason %q, candidates %v, want no_safeguard", d.Reason, codes(&d))
	}
}

// TestPublicWithoutCountry: what is public needs no registered country (§4(d)).
func TestPublicWithoutCountry(t *testing.T) {
	p := policy()
	f := person(p, "public", "")
	f.Identified = true
	if d := decide(p, f); len(d.Candidates) != 7 {
		t.Errorf("candidates %v (%s), want all seven operators' regions", codes(&d), d.Reason)
	}
}
