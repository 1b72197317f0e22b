package config_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
)

// shipped is the default policy.
func shipped(t testing.TB) *decision.Policy {
	t.Helper()
	p, err := config.Default()
	if err != nil {
		t.Fatalf("the default registers:\n%v", err)
	}
	return p
}

// The table of §11, typed from the statement.
func TestDefaultControllers(t *testing.T) {
	want := []struct{ id, serves, country, name, address string }{
		{"sparkoo-za", "ZA", "ZA", "Sparkoo Technologies South Africa (Pty) LTD.", "Building 17 - Huawei Office Park, 124 Western Service Road, Woodmead - Johannesburg, Gauteng, 2191"},
		{"sparkoo-cl", "CL", "CL", "Sparkoo Technologies Chile SpA", "ROSARIO NORTE 530 OF 1101 LAS CONDES"},
		{"sparkoo-pe", "PE", "PE", "Sparkoo Technologies PERU S.A.C.", "Calle Las Begonias 415, Int. 2301, San Isidro, Lima 27, Perú"},
		{"sparkoo-br", "BR", "BR", "Sparkoo Technologies Do Brasil Ltda.", "Avenida Doutor Chucri Zaidan, S/N, conjunto 252, Edifício EZ Towers, Vila São Francisco, São Paulo/SP, CEP 04711-130"},
		{"sparkoo-th", "TH", "TH", "Sparkoo Technologies (Thailand) Co., Ltd.", "No. 9, G Tower Grand Rama 9, Room No. GN01-04, 35th Floor, Rama 9 Road, Huaykwang Sub-district, Huaykwang District, Bangkok Metropolis"},
		{"sparkoo-hk", "HK", "HK", "Sparkoo Technologies Hong Kong Co., Limited", "7/F., Tower 6, The Gateway, No. 9 Canton Road, Tsimshatsui,Kowloon"},
		{"sparkoo-sa", "SA", "SA", "Sparkoo Technologies Arabia Co., Ltd.", "C-Center, Prince Mohammed Road, PO Box 295320, Riyadh, the Kingdom of Saudi Arabia"},
		{"sparkoo-sg", "", "SG", "Sparkoo Technologies Singapore Pte. Ltd.", "1 Changi Business Park Ave 1 #05-01/06 Singapore 486058"},
	}
	got := shipped(t).Controllers
	if len(got) != len(want) {
		t.Fatalf("%d controllers, want %d", len(got), len(want))
	}
	for i, w := range want {
		g := got[i]
		if g.ID != w.id || g.Name != w.name || g.Address != w.address || g.Country != w.country ||
			strings.Join(g.Serves, " ") != w.serves || g.Default != (w.serves == "") || g.Unlisted {
			t.Errorf("got  %+v\nwant %+v", g, w)
		}
	}
}

// The lists of §1, §2 and §11. The titles are those of the project's reading of the statement.
func TestDefaultTerms(t *testing.T) {
	r, err := config.DefaultRegisters()
	if err != nil {
		t.Fatal(err)
	}
	lines := func(terms []config.Term) string {
		var s []string
		for _, term := range terms {
			s = append(s, term.Tag+" "+term.Title)
		}
		return strings.Join(s, "\n")
	}
	for _, test := range []struct{ name, got, want string }{
		{"categories", lines(r.Terms.Categories), `1a Account name
1b Real-name authentication
1c Application building and authentication
1d Developer program
1e Experts, groups and student developers
1f Activities and competitions
1g Exams, courses and exercises
1h Service tickets
1i Community
1j Benefits
1k Surveys
1l Collected automatically`},
		{"purposes", lines(r.Terms.Purposes), `2a Identifying the user as a developer and providing developer services
2b Notifications and marketing
2c Answering requests
2d Evaluating and improving
2e Security, loss prevention and anti-fraud
2f Legal and regulatory requirements and industry standards
2g Other purposes, separately notified and consented to`},
		{"legal bases", lines(r.Terms.LegalBases), `2-basis(a) Contract
2-basis(b) Legitimate interests of the company and of third parties
2-basis(c) Law and legal obligation
2-basis(d) Consent`},
	} {
		if test.got != test.want {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, test.got, test.want)
		}
	}
	// The Account Center prevails (§11).
	if got, want := r.Terms.Precedence, []decision.Basis{"account-center", "token-claim", "registered-country", "not-registered"}; !slices.Equal(got, want) {
		t.Errorf("precedence %q, want %q", got, want)
	}
	s := r.Policy.Statements
	if len(s) != 1 || s[0].ID != "2023-11-21" || !s[0].Validity.From.Equal(time.Date(2023, 11, 21, 0, 0, 0, 0, time.UTC)) || !s[0].Validity.Until.IsZero() {
		t.Errorf("statements %+v", s)
	}
	if s[0].SHA256 != "" {
		t.Error("the default statement names a hash, but its text is not ours to ship")
	}
}

// further are regions that exist and whose operators the statement does not name.
var further = map[string]string{
	"tr-west-1": "TR", "la-north-2": "MX", "af-north-1": "EG", "ap-southeast-4": "ID", "ap-southeast-5": "PH",
	"my-kualalumpur-1": "MY", "ae-ad-1": "AE", "eu-west-101": "IE",
}

// TestDefaultSendsNothingFurther: nothing goes to who is not named, demo or not.
func TestDefaultSendsNothingFurther(t *testing.T) {
	p := shipped(t)
	site := demo(nodes[0], p)
	site.Regions = slices.Sorted(maps.Keys(further))
	for f := range p.Domain(november) {
		if d := decision.Decide(p, site, november, f); d.Outcome == decision.Allowed {
			t.Fatalf("%s of somebody of %q goes to %s", f.Activity, f.Country, d.Candidates[0].Region.Code)
		}
	}
}

// Huawei Cloud Computing Technologies Co., Ltd. receives under §4(c) alone, for three kinds of support.
func TestDefaultRecipients(t *testing.T) {
	operators := map[string]bool{}
	for _, r := range shipped(t).Recipients {
		if code, found := strings.CutPrefix(r.ID, "operator-"); found {
			if r.Name != "To be named: who runs "+code || r.Country != further[code] || !slices.Equal(r.Kinds, []decision.RecipientKind{"9-operator"}) {
				t.Errorf("operator %+v", r)
			}
			continue
		}
		if r.ID != "huawei-cloud-cn" {
			if !slices.Equal(r.Kinds, []decision.RecipientKind{"9-operator"}) || r.Supports != nil || r.Name == "" || r.Address == "" {
				t.Errorf("operator %+v", r)
			}
			operators[r.ID] = true
			continue
		}
		if r.Name != "Huawei Cloud Computing Technologies Co., Ltd." || r.Country != "CN" ||
			!slices.Equal(r.Kinds, []decision.RecipientKind{"4c"}) ||
			!slices.Equal(r.Supports, []string{"services-support", "technical-support", "security-support"}) {
			t.Errorf("affiliate %+v", r)
		}
		// §3 and §4(c): only to the extent required.
		if want := []string{"cookies", "authorization", "client-address", "referer", "user-agent", "identity-fields"}; !slices.Equal(r.Withhold, want) {
			t.Errorf("withheld from the affiliate: %q, want %q", r.Withhold, want)
		}
	}
	want := []string{"sparkoo-br", "sparkoo-cl", "sparkoo-hk", "sparkoo-sa", "sparkoo-sg", "sparkoo-th", "sparkoo-za"}
	if got := slices.Sorted(maps.Keys(operators)); !slices.Equal(got, want) {
		t.Errorf("operators %q, want %q", got, want)
	}
}

func TestDefaultRegions(t *testing.T) {
	want := map[string][2]string{
		"ap-southeast-3": {"SG", "sparkoo-sg"},
		"ap-southeast-1": {"HK", "sparkoo-hk"},
		"ap-southeast-2": {"TH", "sparkoo-th"},
		"af-south-1":     {"ZA", "sparkoo-za"},
		"sa-brazil-1":    {"BR", "sparkoo-br"},
		"la-south-2":     {"CL", "sparkoo-cl"},
		"me-east-1":      {"SA", "sparkoo-sa"},
		"cn-north-4":     {"CN", "huawei-cloud-cn"},
	}
	for code, country := range further {
		want[code] = [2]string{country, "operator-" + code}
	}
	got := shipped(t).Regions
	if len(got) != len(want) {
		t.Errorf("%d regions, want %d", len(got), len(want))
	}
	for _, g := range got {
		if w := want[g.Code]; g.Country != w[0] || g.Operator != w[1] {
			t.Errorf("region %s is in %s by %s, want %s by %s", g.Code, g.Country, g.Operator, w[0], w[1])
		}
		if g.Storage != (g.Code == "ap-southeast-3") {
			t.Errorf("region %s: storage is %v", g.Code, g.Storage)
		}
		if !slices.Contains(g.Near, g.Country) {
			t.Errorf("region %s is not near its own country", g.Code)
		}
		domain := ".myhuaweicloud.com"
		if g.Code == "eu-west-101" {
			domain = ".myhuaweicloud.eu"
		}
		if !slices.Equal(g.Hosts, []string{"." + g.Code + domain}) || g.Networks != nil {
			t.Errorf("region %s: hosts %q, networks %q", g.Code, g.Hosts, g.Networks)
		}
	}
}

// What the activities are for, and on what they rest (§2): marketing and surveys
// on consent, rights requests on the law.
func TestDefaultActivities(t *testing.T) {
	want := []string{
		"storage 9-operator 2a 2-basis(a)",
		"serving 9-operator 2a 2-basis(a)",
		"support 4c 2c 2-basis(a)",
		"support-training 4c 2c 2-basis(a)",
		"support-identity 4c 2c 2-basis(a)",
		"security 4c 2e 2-basis(b)",
		"public 9-operator 2a 2-basis(a)",
		"marketing 9-operator 2b 2-basis(d)",
		"surveys 9-operator 2d 2-basis(d)",
		"rights 9-operator 2c,2f 2-basis(c)",
		"instructed 4a 2a 2-basis(a)",
		"compliance 4b 2e,2f 2-basis(c)",
	}
	var got []string
	for _, a := range shipped(t).Activities {
		got = append(got, strings.Join([]string{a.ID, string(a.Kind), strings.Join(a.Purposes, ","), a.LegalBasis}, " "))
		if a.Rights != (a.ID == "rights") || a.StorageOnly != (a.ID == "rights" || a.ID == "storage") || a.Public != (a.ID == "public") {
			t.Errorf("activity %+v", a)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("activities\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Chile's law changes at one moment, 2026-12-01T00:00 in Santiago (UTC-3), and
// the open rule ends where the clauses begin.
func TestDefaultChile(t *testing.T) {
	p := shipped(t)
	change := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	for _, l := range p.Laws {
		switch {
		case l.ID == "cl" && l.Default == "open" && !l.Validity.Until.Equal(change):
			t.Errorf("the open law ends at %s", l.Validity.Until)
		case l.ID == "cl" && l.Default == "prohibited" && !l.Validity.From.Equal(change):
			t.Errorf("the new law begins at %s", l.Validity.From)
		}
	}
	found := map[string]bool{}
	for _, s := range p.Safeguards {
		if s.Law != "cl" {
			continue
		}
		found[s.Tag] = true
		switch s.Tag {
		case "cl-ley19628-pre2026-none", "cl-ley19628-pre2026-contract":
			if !s.Validity.Until.Equal(change) {
				t.Errorf("%s ends at %s", s.ID, s.Validity.Until)
			}
		case "cl-ley21719-art27-clauses":
			if !s.Validity.From.Equal(change) {
				t.Errorf("%s begins at %s", s.ID, s.Validity.From)
			}
		}
	}
	if len(found) != 3 {
		t.Errorf("Chile has the tags %q", slices.Sorted(maps.Keys(found)))
	}
}

// What counts without demo are the rules of law alone: no contract is shipped as if it existed.
func TestDefaultSafeguardsUnproven(t *testing.T) {
	var proven []string
	for _, s := range shipped(t).Safeguards {
		if !s.Example && !s.Confirm {
			proven = append(proven, s.Tag)
		}
		if !strings.HasPrefix(s.Position, "config/policy/safeguards.yaml:") {
			t.Errorf("%s stands at %s", s.ID, s.Position)
		}
	}
	if want := []string{"cl-ley19628-pre2026-none", "sg-pdpa-s26-public"}; !slices.Equal(proven, want) {
		t.Errorf("proven safeguards %q, want %q", proven, want)
	}
}
