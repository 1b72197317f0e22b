package decision_test

import (
	"slices"
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
)

// leansOn returns the row that satisfies Brazilian law when a Brazilian person's
// data goes to the store, with only the rows given for that law.
func leansOn(t *testing.T, demo bool, rows ...decision.Safeguard) string {
	t.Helper()
	p := policy()
	p.Safeguards = slices.DeleteFunc(p.Safeguards, func(r decision.Safeguard) bool { return r.Law == "br" })
	p.Safeguards = append(p.Safeguards, rows...)
	s := siteSG()
	s.Demo = demo
	d := decision.Decide(p, &s, now, person(p, "storage", "BR"))
	for _, c := range d.Candidates {
		for _, v := range c.Legs[1].Laws {
			if v.Law == "br" {
				return v.Safeguard.ID
			}
		}
	}
	return string(d.Reason)
}

func TestMostSpecificRow(t *testing.T) {
	row := func(id string, change func(*decision.Safeguard)) decision.Safeguard {
		r := operatorRow("br")
		r.ID = id
		change(&r)
		return r
	}
	same := func(*decision.Safeguard) {}
	wide := func(r *decision.Safeguard) { r.Kinds = anything }
	sg := func(r *decision.Safeguard) { r.Countries = of("SG") }
	tests := []struct {
		name string
		demo bool
		rows []decision.Safeguard
		want string
	}{
		{"fewest any", false, []decision.Safeguard{row("a", func(r *decision.Safeguard) { wide(r); sg(r) }), row("b", same)}, "b"},
		{"fewest countries", false, []decision.Safeguard{row("a", same), row("b", sg)}, "b"},
		{"countries before recipients", false, []decision.Safeguard{
			row("a", func(r *decision.Safeguard) { r.Recipients = of("sparkoo-sg") }), row("b", sg)}, "b"},
		{"recipients before exporters", false, []decision.Safeguard{
			row("a", func(r *decision.Safeguard) { r.Exporters = of("sparkoo-br") }),
			row("b", func(r *decision.Safeguard) { r.Recipients = of("sparkoo-sg") })}, "b"},
		{"exporters before categories", false, []decision.Safeguard{
			row("a", func(r *decision.Safeguard) { r.Categories = of("1a", "1l") }),
			row("b", func(r *decision.Safeguard) { r.Exporters = of("sparkoo-br") })}, "b"},
		{"categories before purposes", false, []decision.Safeguard{
			row("a", func(r *decision.Safeguard) { r.Purposes = of("2a") }),
			row("b", func(r *decision.Safeguard) { r.Categories = of("1a", "1l") })}, "b"},
		{"any is wider than a list", false, []decision.Safeguard{
			row("a", func(r *decision.Safeguard) { r.Countries = anything }),
			row("b", func(r *decision.Safeguard) { r.Recipients = anything })}, "b"},
		{"ties by id", false, []decision.Safeguard{row("b", same), row("a", same)}, "a"},
		{"proven first", true, []decision.Safeguard{
			row("a", func(r *decision.Safeguard) { sg(r); r.Example = true }), row("b", wide)}, "b"},
		{"a specific example does not stand in the way", false, []decision.Safeguard{
			row("a", func(r *decision.Safeguard) { sg(r); r.Confirm = true }), row("b", wide)}, "b"},
		{"another exporter", false, []decision.Safeguard{row("a", func(r *decision.Safeguard) { r.Exporters = of("sparkoo-sg") })}, "no_safeguard"},
		{"another recipient", false, []decision.Safeguard{row("a", func(r *decision.Safeguard) { r.Recipients = of("sparkoo-hk") })}, "no_safeguard"},
		{"another country", false, []decision.Safeguard{row("a", func(r *decision.Safeguard) { r.Countries = of("HK") })}, "no_safeguard"},
		{"another kind", false, []decision.Safeguard{row("a", func(r *decision.Safeguard) { r.Kinds = of("4c") })}, "no_safeguard"},
		{"one category short", false, []decision.Safeguard{row("a", func(r *decision.Safeguard) { r.Categories = of("1a") })}, "no_safeguard"},
		{"another purpose", false, []decision.Safeguard{row("a", func(r *decision.Safeguard) { r.Purposes = of("2b") })}, "no_safeguard"},
		{"occasional", true, []decision.Safeguard{row("a", func(r *decision.Safeguard) { r.Occasional = true })}, "no_safeguard"},
		{"not yet", false, []decision.Safeguard{row("a", func(r *decision.Safeguard) { r.Validity.From = later })}, "no_safeguard"},
		{"no more", false, []decision.Safeguard{row("a", func(r *decision.Safeguard) { r.Validity.Until = now })}, "no_safeguard"},
		{"from this moment on", false, []decision.Safeguard{row("a", func(r *decision.Safeguard) { r.Validity.From = now })}, "a"},
		{"overdue for review still counts", false, []decision.Safeguard{row("a", func(r *decision.Safeguard) {
			r.Review = decision.Review{EveryMonths: 12, Owner: "counsel", Last: posted.AddDate(-2, 0, 0)}
		})}, "a"},
		{"two halves are not a whole", false, []decision.Safeguard{
			row("a", func(r *decision.Safeguard) { r.Categories = of("1a") }),
			row("b", func(r *decision.Safeguard) { r.Categories = of("1l") })}, "no_safeguard"},
		{"sets without anything", true, []decision.Safeguard{{ID: "a", Law: "br"}}, "no_safeguard"},
	}
	for _, test := range tests {
		if got := leansOn(t, test.demo, test.rows...); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// TestOccasional: the Brazilian consent row is for occasional transfers only.
func TestOccasional(t *testing.T) {
	p := policy()
	p.Safeguards = slices.DeleteFunc(p.Safeguards, func(r decision.Safeguard) bool { return r.ID == "br-scc-cn" })
	for i := range p.Safeguards {
		if p.Safeguards[i].ID == "sg-scc-cn" {
			p.Safeguards[i].Categories = of("1a", "1k")
		}
	}
	d := decide(p, person(p, "support-once", "BR"))
	if got := candidate(t, &d, "cn-north-4").Safeguards; len(got) != 3 || got[1].ID != "br-consent-cn" {
		t.Errorf("safeguards %v, want the consent for Brazil's second leg", got)
	}
	for i := range p.Activities {
		p.Activities[i].Occasional = false
	}
	if d := decide(p, person(p, "support-once", "BR")); d.Reason != decision.NoSafeguard || d.Law != "br" {
		t.Errorf("routine: reason %q, law %q, want no_safeguard, br", d.Reason, d.Law)
	}
}

// TestRecipientRules holds §4 against regions and staff.
//
//clause:tests §4 §5(l).1 9-operator
func TestRecipientRules(t *testing.T) {
	edit := func(id string, f func(*decision.Recipient)) *decision.Policy {
		p := policy()
		for i := range p.Recipients {
			if p.Recipients[i].ID == id {
				f(&p.Recipients[i])
			}
		}
		return p
	}
	none := func(*decision.Recipient) {}
	staff := func(activity, entity, country string) func(*decision.Policy) decision.Facts {
		return func(p *decision.Policy) decision.Facts { return staffOf(person(p, activity, "BR"), entity, country) }
	}
	own := func(activity string) func(*decision.Policy) decision.Facts {
		return func(p *decision.Policy) decision.Facts { return person(p, activity, "BR") }
	}
	tests := []struct {
		name   string
		policy *decision.Policy
		facts  func(*decision.Policy) decision.Facts
		region string
		reason decision.Reason
		unlock string
	}{
		{"storage elsewhere", policy(), own("storage"), "sa-brazil-1", decision.StorageInSingapore,
			"region ap-southeast-3: activity storage is answered where data is stored, and nowhere else"},
		{"serving by an affiliate", policy(), own("serving"), "cn-north-4", decision.RecipientNotAllowed,
			"a recipient of kind 9-operator; huawei-cloud-cn has 4c"},
		{"a recipient without kinds", edit("sparkoo-hk", func(r *decision.Recipient) { r.Kinds = nil }), own("serving"), "ap-southeast-1",
			decision.RecipientNotAllowed, "a recipient of kind 9-operator; sparkoo-hk has none"},
		{"an unknown operator", edit("sparkoo-hk", func(r *decision.Recipient) { r.ID = "other" }), own("serving"), "ap-southeast-1",
			decision.RecipientNotAllowed, "the recipient sparkoo-hk in the register of recipients, with kind 9-operator"},
		{"another support", edit("huawei-cloud-cn", func(r *decision.Recipient) { r.Supports = support[:1] }), own("support"), "cn-north-4",
			decision.SupportNotAllowed, "an affiliate that gives technical-support; huawei-cloud-cn gives services-support"},
		{"identity documents", policy(), own("support-identity"), "cn-north-4", decision.IdentityDocuments,
			"an activity without category 1b; support-identity carries it, and huawei-cloud-cn may not receive it"},
		{"staff of no kind", edit("sparkoo-hk", func(r *decision.Recipient) { r.Kinds = []decision.RecipientKind{decision.Partner} }),
			staff("storage", "sparkoo-hk", "HK"), "ap-southeast-3", decision.RecipientNotAllowed,
			"a recipient of kind 4c or 9-operator; sparkoo-hk has 9-partner"},
		{"staff and an activity that is no support", policy(), staff("storage", "huawei-cloud-cn", "CN"), "ap-southeast-3",
			decision.SupportNotAllowed, "a kind of support: activity storage names none, and huawei-cloud-cn gives services-support, technical-support, security-support"},
		{"staff who give no support", edit("sparkoo-hk", func(r *decision.Recipient) { r.Kinds = []decision.RecipientKind{decision.Affiliate} }),
			staff("support", "sparkoo-hk", "HK"), "cn-north-4", decision.SupportNotAllowed,
			"an affiliate that gives technical-support; sparkoo-hk gives none"},
		{"staff and identity documents", withDocuments(), staff("storage", "sparkoo-hk", "HK"), "ap-southeast-3",
			decision.IdentityDocuments, "an activity without category 1b; storage carries it, and sparkoo-hk may not receive it"},
		{"the store's own staff and identity documents", withDocuments(), staff("storage", "sparkoo-sg", "SG"), "ap-southeast-3", "", ""},
		{"storage by the store's recipient", edit("", none), own("storage"), "ap-southeast-3", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := decide(test.policy, test.facts(test.policy))
			if test.reason == "" {
				candidate(t, &d, test.region)
				return
			}
			if r := refusal(t, &d, test.region); r.Reason != test.reason || r.Unlock != test.unlock {
				t.Errorf("%s: %s\nwant %s: %s", r.Reason, r.Unlock, test.reason, test.unlock)
			}
		})
	}
}

// withDocuments is a policy whose storage activity carries identity documents.
func withDocuments() *decision.Policy {
	p := policy()
	p.Activities[0].Categories = []string{"1a", "1b"}
	return p
}

// TestStaffForNobody: without a registered person, staff elsewhere read nothing.
func TestStaffForNobody(t *testing.T) {
	p := policy()
	f := person(p, "storage", "")
	f.Subject = true
	d := decide(p, staffOf(f, "sparkoo-hk", "HK"))
	const want = "a person with a registered country; for anybody else activity storage is answered by sparkoo-sg in SG only"
	if r := refusal(t, &d, "ap-southeast-3"); r.Reason != decision.AnonymousSingapore || r.Unlock != want {
		t.Errorf("%s: %s", r.Reason, r.Unlock)
	}
	d = decide(p, staffOf(f, "sparkoo-sg", "SG"))
	candidate(t, &d, "ap-southeast-3")
}
