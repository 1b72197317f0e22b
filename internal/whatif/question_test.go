package whatif_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/whatif"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func shipped(t testing.TB) *decision.Policy {
	t.Helper()
	p, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What the question leaves open is filled in as the gateway would find it (§11).
func TestExplain(t *testing.T) {
	p := shipped(t)
	table, err := controllers.ForPolicy(p)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	if err := table.ReplaceAccounts([]controllers.Account{
		{ID: "bruno", Country: "BR", Controller: "sparkoo-sg"},
		{ID: "secret-account", Country: "FR", Choices: &controllers.Choices{ConsentUntil: until}},
	}); err != nil {
		t.Fatal(err)
	}
	nineteen, err := decision.ParseBirth("2007-01-01")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		q    question.Question
		want string // outcome reason controller basis country region
	}{
		"country table":          {question.Question{Country: "BR", Activity: "storage", Demo: true}, "allowed  sparkoo-br registered-country BR ap-southeast-3"},
		"without demo":           {question.Question{Country: "BR", Activity: "storage"}, "denied safeguard_unproven sparkoo-br registered-country BR ap-southeast-3"},
		"contracting party":      {question.Question{Country: "BR", Party: "sparkoo-cl", Activity: "storage", Demo: true}, "allowed  sparkoo-cl account-center BR ap-southeast-3"},
		"claimed party":          {question.Question{Country: "BR", Claim: "sparkoo-cl", Activity: "storage", Demo: true}, "allowed  sparkoo-cl token-claim BR ap-southeast-3"},
		"account":                {question.Question{Account: "bruno", Activity: "storage", Demo: true}, "allowed  sparkoo-sg account-center BR ap-southeast-3"},
		"account's choices":      {question.Question{Account: "secret-account", Activity: "marketing", Demo: true}, "denied consent_withdrawn sparkoo-sg registered-country FR "},
		"before they hold":       {question.Question{Account: "secret-account", Activity: "marketing", Demo: true, At: until.Add(-1)}, "allowed  sparkoo-sg registered-country FR ap-southeast-3"},
		"nobody":                 {question.Question{Activity: "storage"}, "allowed  sparkoo-sg not-registered  ap-southeast-3"},
		"without country":        {question.Question{Identified: true, Activity: "storage"}, "denied country_unknown sparkoo-sg not-registered  "},
		"regions of the site":    {question.Question{Country: "BR", Activity: "support", Demo: true, Regions: []string{"ap-southeast-3"}}, "denied no_region sparkoo-br registered-country BR ap-southeast-3"},
		"staff":                  {question.Question{Country: "BR", Activity: "support", Demo: true, Ticket: "T-1", Staff: &decision.Place{Entity: "huawei-cloud-cn", Country: "CN"}}, "allowed  sparkoo-br registered-country BR cn-north-4"},
		"staff without a ticket": {question.Question{Country: "BR", Activity: "support", Demo: true, Staff: &decision.Place{Entity: "huawei-cloud-cn", Country: "CN"}}, "denied ticket_missing sparkoo-br registered-country BR "},
		"staff nobody names":     {question.Question{Country: "BR", Activity: "support", Demo: true, Ticket: "T-1", Unnamed: true, Staff: &decision.Place{Entity: "huawei-cloud-cn", Country: "CN"}}, "denied staff_unnamed sparkoo-br registered-country BR "},
		"staff about nobody":     {question.Question{Country: "BR", Activity: "support", NoSubject: true, Staff: &decision.Place{Entity: "huawei-cloud-cn", Country: "CN"}}, "denied staff_without_subject sparkoo-br registered-country BR "},
		"birth":                  {question.Question{Country: "TH", Activity: "serving", Born: nineteen}, "denied minor_without_guardian sparkoo-th registered-country TH "},
		"birth with a guardian":  {question.Question{Country: "TH", Activity: "storage", Demo: true, Born: nineteen, Choices: decision.Choices{Guardian: true}}, "allowed  sparkoo-th registered-country TH ap-southeast-3"},
		"choices":                {question.Question{Country: "BR", Activity: "serving", Choices: decision.Choices{Closed: true}}, "denied account_closed sparkoo-br registered-country BR "},
		"deleting what is kept":  {question.Question{Country: "BR", Activity: "storage", Demo: true, Deletes: true, Choices: decision.Choices{Closed: true}}, "allowed  sparkoo-br registered-country BR ap-southeast-3"},
	} {
		e, err := whatif.Explain(p, table.Snapshot(), c.q, noon)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		region := ""
		if len(e.Regions) > 0 {
			region = e.Regions[0].Region
		}
		got := strings.Join([]string{e.Outcome, string(e.Reason), e.Controller, string(e.Basis), e.Country, region}, " ")
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		var text bytes.Buffer
		if err := whatif.Print(&text, &e); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "secret") || strings.Contains(text.String(), "bruno") {
			t.Errorf("%s: the explanation names the account: %s", name, text.String())
		}
	}
}

// A question about what the policy does not have is no question. The answer shows
// no account id.
func TestExplainRefuses(t *testing.T) {
	p := shipped(t)
	table, err := controllers.ForPolicy(p)
	if err != nil {
		t.Fatal(err)
	}
	for want, q := range map[string]question.Question{
		"no activity; use one of storage, ":                                            {},
		"activity 'suport' is not in the policy; did you mean 'support'?":              {Activity: "suport"},
		"region 'sa-brasil-1' is not in the policy; did you mean 'sa-brazil-1'?":       {Activity: "support", Regions: []string{"sa-brasil-1"}},
		"controller 'sparkoo-us' is not in the policy":                                 {Activity: "support", Party: "sparkoo-us"},
		"'UK' is not an ISO 3166-1 alpha-2 code; write GB":                             {Activity: "support", Country: "UK"},
		"node entity 'me' is not in the policy":                                        {Activity: "support", Node: decision.Place{Entity: "me", Country: "SG"}},
		"the account records have no such account":                                     {Activity: "support", Account: "secret"},
		"an account and a contracting party: the account's record names the party, so": {Activity: "support", Account: "secret", Party: "sparkoo-br"},
	} {
		_, err := whatif.Explain(p, table.Snapshot(), q, noon)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := whatif.Explain(p, nil, question.Question{Activity: "support", Account: "secret"}, noon); err == nil || strings.Contains(err.Error(), "'secret'") {
		t.Errorf("without account records: %v", err)
	}
}

// Lines are broken at blanks and numbered; what a step says is all there.
func TestPrint(t *testing.T) {
	e := decision.Explanation{At: noon, Policy: "0123456789abcdef", Steps: []decision.Step{
		{Topic: "outcome", Text: "Denied: so it is.", Clause: "§9"},
		{Topic: "who", Text: "First.", Clause: "§11", Source: "controllers.yaml:3"},
		{Text: strings.Repeat("twelve words ", 11) + "end.", Steps: []decision.Step{{Text: "Inner."}}},
	}, Regions: []decision.RegionAnswer{{Region: "r-1", Fields: []decision.Field{{Name: "Data-Region", Value: "r-1"}}}}}
	var got bytes.Buffer
	if err := whatif.Print(&got, &e); err != nil {
		t.Fatal(err)
	}
	want := `At 2026-11-23T12:00:00Z, policy 0123456789ab:
Denied: so it is. [§9]
1. First. [§11, controllers.yaml:3]
2. twelve words twelve words twelve words twelve words twelve words twelve words twelve words twelve
   words twelve words twelve words twelve words end.
   2.1. Inner.

The upstream in r-1 gets:
   Data-Region: r-1
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}
