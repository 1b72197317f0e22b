package policytest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/policytest"
)

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func shipped(t *testing.T) *config.Registers {
	t.Helper()
	r, err := config.DefaultRegisters()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The shipped policy does what its tests say, today and in years, because each
// names its moment; and they ask for every activity, controller, region and for
// every reason that a sound policy can have.
func TestShippedPolicy(t *testing.T) {
	tests, err := config.DefaultTests()
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{now, now.AddDate(3, 0, 0)} {
		report := policytest.Run(shipped(t).Policy, tests, at)
		for _, f := range report.Failures {
			t.Error(f.String())
		}
		c := report.Coverage
		for name, part := range map[string]policytest.Part{"activities": c.Activities, "controllers": c.Controllers, "regions": c.Regions} {
			if len(part.Missing) > 0 {
				t.Errorf("%s never asked for: %v", name, part.Missing)
			}
		}
		// No question reaches these: registers are read whole, what is no country or
		// activity is refused before anybody decides.
		unreachable := []string{"no_activity", "no_controller", "country_invalid"}
		if !slices.Equal(c.Reasons.Missing, unreachable) {
			t.Errorf("reasons never given: %v, want %v", c.Reasons.Missing, unreachable)
		}
		if c.Flows.Tested == 0 || c.Flows.Tested > c.Flows.All {
			t.Errorf("flows %+v", c.Flows)
		}
	}
}

// The tests that ship say of every country and activity what stays allowed where
// nothing is signed, each once.
func TestShippedSaysWhatStaysAllowed(t *testing.T) {
	tests, err := config.DefaultTests()
	if err != nil {
		t.Fatal(err)
	}
	said := map[[2]string]int{}
	for _, test := range tests {
		if test.Given.Demo {
			continue
		}
		for _, a := range test.Activities {
			for _, code := range test.Countries {
				said[[2]string{a, code}]++
			}
		}
	}
	for f := range shipped(t).Policy.Domain(now) {
		if n := said[[2]string{f.Activity, f.Country}]; n != 1 {
			t.Errorf("%s of %q: said %d times", f.Activity, f.Country, n)
		}
	}
}

// What is said of each of several flows fails with the flows that it does not hold for.
func TestEach(t *testing.T) {
	const text = `
groups: {islands: [FJ, NR]}
tests:
  - name: All
    clauses: [§9]
    given: {demo: false, at: 2026-11-25}
    each: {activities: [storage, support], countries: [islands, nobody], but: [NR]}
    expect: {%s}
`
	for expect, want := range map[string]string{
		"outcome: allowed":          "expected outcome allowed, found denied, for support of nobody registered, support of FJ",
		"outcome: denied":           "expected outcome denied, found allowed, for storage of nobody registered, storage of FJ",
		"denied: law_unknown":       "expected denied law_unknown, found nothing, for storage of nobody registered, storage of FJ, support of nobody registered",
		"regions: [ap-southeast-3]": "expected regions ap-southeast-3, found nothing, for support of nobody registered, support of FJ",
		"region: ap-southeast-3":    `"region" is expected of each of several flows; write regions, outcome, denied`,
	} {
		tests, err := load(t, fmt.Sprintf(text, expect))
		got := fmt.Sprint(err)
		if err == nil {
			report := policytest.Run(shipped(t).Policy, tests, now)
			if len(report.Failures) != 1 {
				t.Errorf("%s: failures %v", expect, report.Failures)
				continue
			}
			got = report.Failures[0].String()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s\nwant %s", expect, got, want)
		}
	}
	for wrong, want := range map[string]string{
		"activities: [stroage], countries: any": `unknown activity "stroage"`,
		"activities: any, countries: [islnads]": `no country and no group`,
	} {
		_, err := load(t, "tests: [{name: X, clauses: [§9], given: {demo: false}, each: {"+wrong+"}, expect: {outcome: denied}}]")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", wrong, err, want)
		}
	}
}

// load reads tests written in the test.
func load(t *testing.T, text string) ([]config.Test, error) {
	t.Helper()
	return config.LoadTests(fstest.MapFS{"tests.yaml": {Data: []byte(text)}}, "policy", shipped(t))
}

// Every expectation that is not met says where it stands, what was expected and
// what was found, and comes with the explanation.
func TestFailures(t *testing.T) {
	const text = `always: {demo: true, at: 2026-11-25}
tests:
  - name: Everything is wrong
    clauses: [§9]
    given: {country: BR, activity: support}
    expect:
      region: ap-southeast-3
      regions: [ap-southeast-3]
      not: [cn-north-4]
      recipient: sparkoo-sg
      transfer: "no"
      controller: sparkoo-sg
      basis: token-claim
      statement: 2020-01-01
      safeguards: [br-lgpd-art33-iib-scc]
      fields: ["Data-Controller: sparkoo-sg"]
      says: [the moon]
      denied: no_safeguard
      law: br
      clause: §9
      unlock: money
  - name: Denied
    clauses: [§9]
    given: {country: BR, activity: support, demo: false}
    expect: {region: cn-north-4}
  - name: Asks for what is not
    clauses: [§9]
    given: {country: BR, activity: suport}
    expect: {region: cn-north-4}
`
	tests, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	report := policytest.Run(shipped(t).Policy, tests, now)
	want := []string{
		"policy/tests.yaml:7:15: Everything is wrong: expected region ap-southeast-3, found cn-north-4",
		"policy/tests.yaml:8:16: Everything is wrong: expected regions ap-southeast-3, found cn-north-4",
		"policy/tests.yaml:9:12: Everything is wrong: expected not cn-north-4, found cn-north-4",
		"policy/tests.yaml:10:18: Everything is wrong: expected recipient sparkoo-sg, found huawei-cloud-cn",
		"policy/tests.yaml:11:17: Everything is wrong: expected transfer no, found yes",
		"policy/tests.yaml:12:19: Everything is wrong: expected controller sparkoo-sg, found sparkoo-br",
		"policy/tests.yaml:13:14: Everything is wrong: expected basis token-claim, found registered-country",
		"policy/tests.yaml:14:18: Everything is wrong: expected statement 2020-01-01, found 2023-11-21",
		"policy/tests.yaml:15:19: Everything is wrong: expected safeguards br-lgpd-art33-iib-scc, found br-lgpd-art33-iib-scc, cn-cac2024-exempt, sg-pdpa-s26-contract",
		"policy/tests.yaml:16:15: Everything is wrong: expected fields Data-Controller: sparkoo-sg, found Data-Controller: sparkoo-br, ",
		"policy/tests.yaml:17:13: Everything is wrong: expected says the moon, found no sentence with the moon",
		"policy/tests.yaml:18:15: Everything is wrong: expected denied no_safeguard, found allowed: cn-north-4",
		"policy/tests.yaml:19:12: Everything is wrong: expected law br, found nothing",
		"policy/tests.yaml:20:15: Everything is wrong: expected clause §9, found nothing",
		"policy/tests.yaml:21:15: Everything is wrong: expected unlock money, found nothing",
		"policy/tests.yaml:25:22: Denied: expected region cn-north-4, found denied: safeguard_unproven",
		"policy/tests.yaml:26:1: Asks for what is not: activity 'suport' is not in the policy; did you mean 'support'?",
	}
	if len(report.Failures) != len(want) {
		t.Errorf("%d failures, want %d", len(report.Failures), len(want))
	}
	for i, f := range report.Failures {
		if i >= len(want) || !strings.HasPrefix(f.String(), want[i]) {
			t.Errorf("failure %d: %s", i, f.String())
		}
		if (f.Problem == "") != (f.Why != nil && len(f.Why.Steps) > 4) {
			t.Errorf("%s: explained by %+v", f.String(), f.Why)
		}
	}
}

// What is wrong with the file itself is told as for a register.
func TestBrokenTests(t *testing.T) {
	for text, want := range map[string]string{
		"tests: []": "policy/tests.yaml:1:8: ",
		"tests:\n  - {name: a, clauses: [§9], given: {activity: support}, expect: {}}":                           `2:66: "expect" of a test is empty; say what is expected`,
		"tests:\n  - {name: a, clauses: [§99], given: {activity: support}, expect: {region: x}}":                 `2:25: unknown clause "§99"`,
		"tests:\n  - {name: a, clauses: [§9], given: {activity: support, staff: me}, expect: {region: x}}":       `is "me", not an entity and a country; write it as sparkoo-sg@SG`,
		"tests:\n  - {name: a, clauses: [§9], given: {activity: support, contry: BR}, expect: {region: x}}":      `unknown key "contry" in given; did you mean 'country'?`,
		"tests:\n  - {name: a, clauses: [§9], given: {country: UK, activity: x}, expect: {region: x}}":           `"UK" is not an ISO 3166-1 alpha-2 code; write GB`,
		"tests:\n  - {name: a, clauses: [§9], given: {country: BR}, expect: {region: x}}":                        `given without "activity"; add it`,
		"tests:\n  - {name: a, clauses: [§9], given: {activity: x, country: BR}, expect: {transfer: \"maybe\"}}": `unknown value "maybe"`,
		"tests:\n  - {clauses: [§9], given: {activity: x}, expect: {region: x}}":                                 `test without "name"; add it`,
	} {
		if _, err := load(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
	if tests, err := config.LoadTests(fstest.MapFS{}, "policy", shipped(t)); tests != nil || err != nil {
		t.Errorf("without the file: %v, %v", tests, err)
	}
}

// The tests are no part of the policy: without them its digest is the same.
func TestDigestWithoutTests(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "policy")
	if err := config.Export(dir); err != nil {
		t.Fatal(err)
	}
	with, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, config.TestsFile)); err != nil {
		t.Fatal(err)
	}
	without, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if with.Digest != without.Digest {
		t.Errorf("digest %s with tests, %s without", with.Digest, without.Digest)
	}
}

// What is separately consented to (2g) needs an instrument of its own: the shipped
// ones do not cover it.
//
//clause:tests 2g
func TestSeparatePurposes(t *testing.T) {
	tests, err := load(t, `tests:
  - name: Another purpose is no part of the group's agreement
    clauses: [2g]
    given: {country: BR, activity: storage, demo: true, at: 2026-11-25}
    expect: {denied: no_safeguard, law: br, unlock: "lacks purpose 2g"}
`)
	if err != nil {
		t.Fatal(err)
	}
	p := shipped(t).Policy
	if report := policytest.Run(p, tests, now); len(report.Failures) != 3 {
		t.Errorf("without the purpose: %v", report.Failures)
	}
	for i := range p.Activities {
		if p.Activities[i].ID == "storage" {
			p.Activities[i].Purposes = []string{"2a", "2g"}
		}
	}
	for _, f := range policytest.Run(p, tests, now).Failures {
		t.Error(f.String())
	}
}
