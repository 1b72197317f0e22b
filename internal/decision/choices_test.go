package decision_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
)

// everyKind adds to the policy what §4 and §9 know besides operators and
// affiliates, each with a region of its own, and activities that rest on consent.
func everyKind() (*decision.Policy, decision.Site) {
	p, s := policy(), siteSG()
	kind := func(kind decision.RecipientKind, id, country, basis string, purposes ...string) {
		p.Recipients = append(p.Recipients, decision.Recipient{ID: id, Country: country, Kinds: []decision.RecipientKind{kind}})
		p.Regions = append(p.Regions, decision.Region{Code: id + "-1", Country: country, Operator: id})
		s.Regions = append(s.Regions, id+"-1")
		p.Activities = append(p.Activities, decision.Activity{
			ID: id, Kind: kind, Purposes: purposes, Categories: []string{"1a"}, LegalBasis: basis, Exporter: decision.FromStore,
		})
		for _, law := range []string{"br", "sg"} {
			row := operatorRow(law)
			row.ID, row.Recipients, row.Countries, row.Kinds = law+"-"+id, of(id), of(country), of(string(kind))
			p.Safeguards = append(p.Safeguards, row)
		}
	}
	kind(decision.Partner, "partner", "HK", "2-basis(a)", "2a")
	kind(decision.Instructed, "instructed", "TH", "2-basis(a)", "2b")
	kind(decision.Authority, "authority", "ZA", "2-basis(c)", "2e", "2f")
	for _, a := range []struct{ id, purpose string }{{"marketing", "2b"}, {"surveys", "2d"}} {
		p.Activities = append(p.Activities, decision.Activity{
			ID: a.id, Kind: decision.Operator, Purposes: []string{a.purpose}, Categories: []string{"1a", "1k"},
			LegalBasis: "2-basis(d)", Exporter: decision.FromNode,
		})
	}
	return p, s
}

// TestChoices holds what each choice of a Brazilian stops, and that it stops
// nothing else (§7, §8).
//
//clause:tests 7-deletion.1 7-deletion.2 7-withdrawal.1 7-right(d) 7-right(e) §8.2
func TestChoices(t *testing.T) {
	p, s := everyKind()
	all := []string{"storage", "rights", "serving", "support", "public", "partner", "instructed", "authority", "marketing", "surveys"}
	but := func(kept ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(id string) bool { return slices.Contains(kept, id) })
	}
	for _, test := range []struct {
		name    string
		choices decision.Choices
		reason  decision.Reason
		stops   []string
	}{
		{"nothing", decision.Choices{}, "", nil},
		{"closed", decision.Choices{Closed: true}, "account_closed", but("rights")},
		{"minor", decision.Choices{Minor: true}, "minor_without_guardian", but("rights")},
		{"minor with a guardian", decision.Choices{Minor: true, Guardian: true}, "", nil},
		{"a guardian alone", decision.Choices{Guardian: true}, "", nil},
		{"restricted", decision.Choices{Restricted: true}, "processing_restricted", but("storage", "rights", "authority")},
		{"withdrawn", decision.Choices{Withdrawn: true}, "consent_withdrawn", []string{"marketing", "surveys"}},
		{"disabled", decision.Choices{Disabled: []string{"surveys", "serving"}}, "consent_withdrawn", []string{"surveys"}},
		{"objects to 2a", decision.Choices{Purposes: []string{"2a"}}, "purpose_objected", []string{"storage", "serving", "public", "partner"}},
		{"objects to 2b", decision.Choices{Purposes: []string{"2g", "2b"}}, "purpose_objected", []string{"instructed", "marketing"}},
		{"objects to 2e", decision.Choices{Purposes: []string{"2e"}}, "purpose_objected", []string{"authority"}},
		{"objects to 2f", decision.Choices{Purposes: []string{"2f"}}, "", nil},
		{"objects to an affiliate", decision.Choices{Recipients: []string{"huawei-cloud-cn"}}, "recipient_objected", []string{"support"}},
		{"objects to a partner", decision.Choices{Recipients: []string{"partner"}}, "recipient_objected", []string{"partner"}},
		{"Sec-GPC", decision.Choices{OptOut: true}, "opt_out_signal", []string{"partner", "marketing"}},
	} {
		for _, id := range all {
			f := person(p, id, "BR")
			f.Choices = test.choices
			d := decision.Decide(p, &s, now, f)
			want := test.reason
			if !slices.Contains(test.stops, id) {
				want = ""
			}
			if d.Reason != want || (want == "") != (d.Outcome == decision.Allowed) || d.Waived != nil {
				t.Errorf("%s: %s: outcome %d, reason %q, want %q; waived %v", test.name, id, d.Outcome, d.Reason, want, d.Waived)
			}
		}
	}
}

// TestChoicesScope holds what a choice does not reach, or reaches besides.
func TestChoicesScope(t *testing.T) {
	p, s := everyKind()
	china := []string{"huawei-cloud-cn", "CN"}
	singapore := []string{"sparkoo-sg", "SG"}
	for _, test := range []struct {
		name, activity string
		staff          []string
		deletes        bool
		choices        decision.Choices
		reason         decision.Reason
	}{
		{"a closed account is deleted", "storage", nil, true, decision.Choices{Closed: true}, ""},
		{"by staff too", "storage", singapore, true, decision.Choices{Closed: true}, ""},
		{"but nothing is deleted elsewhere", "serving", nil, true, decision.Choices{Closed: true}, "account_closed"},
		{"a minor's account is no deletion", "storage", nil, true, decision.Choices{Minor: true}, "minor_without_guardian"},
		{"staff read what is stored", "storage", singapore, false, decision.Choices{}, ""},
		{"not of a restricted person", "storage", singapore, false, decision.Choices{Restricted: true}, "processing_restricted"},
		{"nor delete it", "storage", singapore, true, decision.Choices{Restricted: true}, "processing_restricted"},
		{"staff answer a rights request", "rights", singapore, false, decision.Choices{Restricted: true, Closed: true, Minor: true}, ""},
		{"staff of an entity objected to do not", "rights", singapore, false, decision.Choices{Recipients: singapore}, "recipient_objected"},
		{"the person's own request goes to the store all the same", "rights", nil, false, decision.Choices{Recipients: singapore}, ""},
		{"staff in China help", "support", china, false, decision.Choices{OptOut: true, Minor: true, Guardian: true}, ""},
		{"not whom the person objects to", "support", china, false, decision.Choices{Recipients: china}, "recipient_objected"},
		{"nor may they read in a region that somebody else runs", "storage", []string{"sparkoo-hk", "HK"}, false, decision.Choices{Recipients: []string{"sparkoo-hk"}}, "recipient_objected"},
		{"Sec-GPC is the sender's", "marketing", nil, false, decision.Choices{OptOut: true}, "opt_out_signal"},
	} {
		f := person(p, test.activity, "BR")
		f.Choices, f.Deletes = test.choices, test.deletes
		if test.staff != nil {
			f = staffOf(f, test.staff[0], test.staff[1])
		}
		if d := decision.Decide(p, &s, now, f); d.Reason != test.reason {
			t.Errorf("%s: reason %q, want %q: %s", test.name, d.Reason, test.reason, d.Unlock)
		}
	}
	f := staffOf(person(p, "marketing", "BR"), "sparkoo-sg", "SG")
	f.Choices.OptOut = true
	if d := decision.Decide(p, &s, now, f); d.Reason == decision.OptOutSignal {
		t.Error("the opt-out of a member of staff is taken for the person's")
	}
	f = person(p, "surveys", "BR")
	f.Choices.Withdrawn = true
	for i := range p.Activities {
		p.Activities[i].LegalBasis = ""
	}
	if d := decision.Decide(p, &s, now, f); d.Reason != decision.ConsentWithdrawn {
		t.Errorf("an activity without a legal basis, consent withdrawn: reason %q", d.Reason)
	}
}

// TestObjectionLeavesOtherRegions: an objection closes a region, not the activity.
func TestObjectionLeavesOtherRegions(t *testing.T) {
	p := policy()
	f := person(p, "serving", "BR")
	f.Choices.Recipients = []string{"sparkoo-br", "sparkoo-th"}
	d := decide(p, f)
	want := []string{"ap-southeast-3", "ap-southeast-1", "af-south-1", "la-south-2", "me-east-1"}
	if got := codes(&d); !slices.Equal(got, want) {
		t.Errorf("candidates %v, want %v", got, want)
	}
	r := refusal(t, &d, "sa-brazil-1")
	if r.Reason != decision.RecipientObjected || r.Unlock != "another recipient than sparkoo-br, or the person's objection to it taken back" {
		t.Errorf("sa-brazil-1 refused for %s: %s", r.Reason, r.Unlock)
	}
}

// TestObjectionIsNotWaived: where the other regions lack a safeguard, report mode
// gets one of those, never the one the person objects to.
func TestObjectionIsNotWaived(t *testing.T) {
	p := policy()
	p.Safeguards = nil
	s := siteSG()
	f := person(p, "serving", "BR")
	f.Choices.Recipients = []string{"sparkoo-br"}
	d := decision.Decide(p, &s, now, f)
	if d.Reason != decision.NoSafeguard || d.Waived == nil || d.Waived.Region.Code != "ap-southeast-3" {
		t.Errorf("reason %q, waived %+v", d.Reason, d.Waived)
	}
	f.Choices.Recipients = operators
	if d := decision.Decide(p, &s, now, f); d.Reason != decision.RecipientObjected || d.Waived != nil {
		t.Errorf("all objected to: reason %q, waived %+v", d.Reason, d.Waived)
	}
}

// TestOrderOfChoices takes one choice back after the other: the broadest comes first.
func TestOrderOfChoices(t *testing.T) {
	p, s := everyKind()
	f := person(p, "marketing", "")
	f.Identified = true
	f.Choices = decision.Choices{
		Closed: true, Minor: true, Restricted: true, Withdrawn: true, Disabled: []string{"marketing"},
		Purposes: []string{"2b"}, Recipients: operators, OptOut: true,
	}
	c := &f.Choices
	const asInfo = ""
	for _, step := range []struct {
		want   decision.Reason
		unlock string
		mend   func()
	}{
		{"country_unknown", asInfo, func() { f.Country = "BR" }},
		{"account_closed", asInfo, func() { c.Closed = false }},
		{"minor_without_guardian", asInfo, func() { c.Guardian = true }},
		{"processing_restricted", asInfo, func() { c.Restricted = false }},
		{"consent_withdrawn", "the person's consent, on which activity marketing rests and which was withdrawn", func() { c.Withdrawn = false }},
		{"consent_withdrawn", "the person's consent, on which activity marketing rests and which was withdrawn", func() { c.Disabled = nil }},
		{"purpose_objected", "the person's objection to purpose 2b taken back, or an activity without it; marketing has it", func() { c.Purposes = nil }},
		{"opt_out_signal", asInfo, func() { c.OptOut = false }},
		{"recipient_objected", "another recipient than sparkoo-sg, or the person's objection to it taken back", func() { c.Recipients = nil }},
		{"", "", func() {}},
	} {
		d := decision.Decide(p, &s, now, f)
		want := step.unlock
		if want == asInfo && step.want != "" {
			want = step.want.Info().Unlock
		}
		if d.Reason != step.want || d.Unlock != want {
			t.Fatalf("reason %q: %s\nwant %q: %s", d.Reason, d.Unlock, step.want, want)
		}
		step.mend()
	}
}

// TestRightsAlwaysPass: the person's own rights request goes to the store, and
// nowhere else, whatever the laws miss; the legs show it (§7).
//
//clause:tests 7-right(a) 7-right(c)
func TestRightsAlwaysPass(t *testing.T) {
	bare := policy()
	bare.Safeguards = nil
	unlisted := person(bare, "rights", "BR")
	unlisted.Controller = &decision.Controller{ID: "unlisted", Name: "Somebody", Unlisted: true}
	noCountry := person(bare, "rights", "")
	noCountry.Identified = true
	const toStore = "a safeguard under br (LGPD Arts 33-36) for sparkoo-br in BR -> sparkoo-sg in SG that covers categories 1a, 1l and purpose 2a"
	for _, test := range []struct {
		name    string
		facts   decision.Facts
		lacking string
		legs    string
	}{
		{"no safeguard", person(bare, "rights", "BR"), toStore,
			`[{"from":"BR","kind":"collection","laws":[{"because":"direct-collection","law":"br"}],"recipient":"sparkoo-br","to":"BR"},` +
				`{"exporter":"sparkoo-br","from":"BR","kind":"storage","laws":[{"lacks":["mechanism"],"law":"br","missing":true}],"recipient":"sparkoo-sg","recipient_kind":"9-operator","to":"SG"}]`},
		{"no law", person(bare, "rights", "US"), "", ""},
		{"no country", noCountry, "", ""},
		{"a controller whose country nobody knows", unlisted,
			"a safeguard under br (LGPD Arts 33-36) for unlisted in a country that is not known -> sparkoo-sg in SG that covers categories 1a, 1l and purpose 2a", ""},
	} {
		d := decide(bare, test.facts)
		if d.Outcome != decision.Allowed || d.Reason != "" || !slices.Equal(codes(&d), []string{"ap-southeast-3"}) {
			t.Errorf("%s: candidates %v, reason %q: %s", test.name, codes(&d), d.Reason, d.Unlock)
			continue
		}
		c := d.Candidates[0]
		if c.Lacking != test.lacking || test.legs != "" && string(c.LegsJSON) != test.legs {
			t.Errorf("%s: lacking %q, legs %s\nwant %q, %s", test.name, c.Lacking, c.LegsJSON, test.lacking, test.legs)
		}
	}
	for _, f := range []decision.Facts{person(bare, "storage", "BR"), staffOf(person(bare, "rights", "BR"), "sparkoo-sg", "SG")} {
		if d := decide(bare, f); d.Reason != decision.NoSafeguard {
			t.Errorf("%s, staff %v: reason %q, want no_safeguard", f.Activity, f.Staff, d.Reason)
		}
	}
	wide := policy()
	wide.Safeguards = nil
	for i := range wide.Activities {
		wide.Activities[i].StorageOnly = false
	}
	if d := decide(wide, person(wide, "rights", "BR")); !slices.Equal(codes(&d), []string{"ap-southeast-3"}) {
		t.Errorf("a rights request of no storage activity goes to %v", codes(&d))
	}
	full := policy()
	if c := candidate(t, new(decide(full, person(full, "rights", "BR"))), "ap-southeast-3"); c.Lacking != "" {
		t.Errorf("with every safeguard it lacks %q", c.Lacking)
	}
	elsewhere := decision.Site{Node: nodeSG, Regions: []string{"sa-brazil-1"}}
	if d := decision.Decide(bare, &elsewhere, now, person(bare, "rights", "BR")); d.Outcome == decision.Allowed {
		t.Error("a rights request passes to a region that does not store")
	}
}

// TestTableChoices: with choices the table gives the answers of Decide, and a
// cell filled by somebody who chose is everybody's.
func TestTableChoices(t *testing.T) {
	p, s := everyKind()
	table := compile(t, p, s, now)
	chosen := []decision.Choices{
		{Closed: true}, {Minor: true}, {Minor: true, Guardian: true}, {Restricted: true}, {Withdrawn: true}, {OptOut: true},
		{Disabled: []string{"surveys"}}, {Purposes: []string{"2a"}}, {Purposes: []string{"2b", "2f"}},
		{Recipients: []string{"huawei-cloud-cn"}}, {Recipients: []string{"sparkoo-sg", "partner"}},
	}
	for _, activity := range activityIDs(p) {
		for _, code := range []string{"", "BR", "FR", "AR", "SG", "UK"} {
			for _, choices := range chosen {
				for _, deletes := range []bool{false, true} {
					f := person(p, activity, code)
					f.Choices, f.Deletes, f.Basis = choices, deletes, decision.BasisAccountCenter
					equal(t, table, p, &s, f)
					f.Choices, f.Deletes = decision.Choices{}, false
					equal(t, table, p, &s, f)
				}
			}
		}
	}
	f := person(p, "serving", "BR")
	want := table.Decide(f)
	f.Choices = decision.Choices{
		OptOut: true, Withdrawn: true, Purposes: []string{"2b"}, Minor: true, Guardian: true,
		Recipients: []string{"huawei-cloud-cn", "partner"},
	}
	if got := table.Decide(f); got != want || !reflect.DeepEqual(*got, *want) {
		t.Error("choices that do not bear on an activity cost a decision")
	}
}
