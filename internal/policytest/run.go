// Package policytest runs the tests of a policy: sentences of facts, and of what
// is meant to come of them (config.Test).
package policytest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
	"github.com/sparkoo/transfergate/internal/whatif"
)

// Report is what became of the tests.
type Report struct {
	Tests    int       `json:"tests"`
	Failures []Failure `json:"failures"`
	Coverage Coverage  `json:"coverage"`
}

// Failure is an expectation that was not met, or a test that could not be asked.
type Failure struct {
	Test     string `json:"test"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
	// Problem is why the test could not be asked.
	Problem string `json:"problem,omitempty"`
	// Why explains the answer; nil if there is none.
	Why *decision.Explanation `json:"why,omitempty"`
}

// String is the failure as one line, without the explanation.
func (f *Failure) String() string {
	at := fmt.Sprintf("%s:%d:%d: %s: ", f.File, f.Line, f.Column, f.Test)
	if f.Problem != "" {
		return at + f.Problem
	}
	return fmt.Sprintf("%sexpected %s, found %s", at, f.Expected, f.Found)
}

// Run runs the tests against a policy. now is the moment of tests that name none.
func Run(p *decision.Policy, tests []config.Test, now time.Time) *Report {
	report := &Report{Tests: len(tests), Failures: []Failure{}}
	seen := newSeen(p)
	for i := range tests {
		t := &tests[i]
		if len(t.Countries) > 0 {
			report.Failures = append(report.Failures, sweep(p, t, now, seen)...)
			continue
		}
		a, err := ask(p, t, now)
		if err != nil {
			report.Failures = append(report.Failures, Failure{Test: t.Name, File: t.File, Line: t.Line, Column: 1, Problem: err.Error()})
			continue
		}
		seen.note(t, a)
		for _, e := range t.Expect {
			found, ok := a.meets(&e)
			if ok {
				continue
			}
			report.Failures = append(report.Failures, Failure{
				Test: t.Name, File: t.File, Line: e.Line, Column: e.Column,
				Expected: e.Key + " " + list(e.Values), Found: found, Why: &a.why,
			})
		}
	}
	report.Coverage = seen.coverage()
	return report
}

// answer is what the policy says to a test's facts.
type answer struct {
	facts    decision.Facts
	decision decision.Decision
	why      decision.Explanation
}

func ask(p *decision.Policy, t *config.Test, now time.Time) (*answer, error) {
	at := t.Given.At
	if at.IsZero() {
		at = now
	}
	f, err := whatif.Facts(p, nil, &t.Given, at)
	if err != nil {
		return nil, err
	}
	site := whatif.Site(p, &t.Given)
	a := &answer{facts: f, decision: decision.Decide(p, &site, at, f)}
	a.why = decision.Explain(p, &site, at, f, fields.Finish)
	return a, nil
}

// meets reports whether an expectation is met, and what was found.
func (a *answer) meets(e *config.Expectation) (found string, ok bool) {
	var first decision.RegionAnswer
	var lawful []string
	for _, r := range a.why.Regions {
		if !r.Allowed {
			continue
		}
		if len(lawful) == 0 {
			first = r
		}
		lawful = append(lawful, r.Region)
	}
	one := func(value string) (string, bool) { return orNothing(value), value == e.Values[0] }
	switch e.Key {
	case "region":
		if a.why.Outcome == "denied" {
			return "denied: " + string(a.why.Reason), false
		}
		return one(first.Region)
	case "regions":
		return list(lawful), slices.Equal(lawful, e.Values)
	case "not":
		return list(lawful), !slices.ContainsFunc(e.Values, func(code string) bool { return slices.Contains(lawful, code) })
	case "recipient":
		return one(first.Recipient)
	case "transfer":
		found = "no"
		if first.Transfer {
			found = "yes"
		}
		return found, found == e.Values[0]
	case "controller":
		return one(a.why.Controller)
	case "basis":
		return one(string(a.why.Basis))
	case "statement":
		return one(a.why.Statement)
	case "safeguards":
		want, got := slices.Sorted(slices.Values(e.Values)), slices.Sorted(slices.Values(first.Tags))
		return list(got), slices.Equal(want, got)
	case "fields":
		return hasFields(first.Fields, e.Values)
	case "says":
		return a.says(e.Values)
	case "outcome":
		return one(a.why.Outcome)
	case "denied":
		if a.why.Outcome != "denied" {
			return "allowed: " + list(lawful), false
		}
		return one(string(a.why.Reason))
	case "law":
		return one(a.why.Law)
	case "clause":
		return one(a.why.Clause)
	case "unlock":
		return orNothing(a.why.Unlock), strings.Contains(a.why.Unlock, e.Values[0])
	}
	return "no such expectation", false
}

func hasFields(got []decision.Field, want []string) (string, bool) {
	var lines []string
	for _, f := range got {
		lines = append(lines, f.Name+": "+f.Value)
	}
	return list(lines), !slices.ContainsFunc(want, func(line string) bool { return !slices.Contains(lines, line) })
}

// says reports whether each of the parts stands in some sentence.
func (a *answer) says(parts []string) (found string, ok bool) {
	texts := sentences(a.why.Steps)
	for _, part := range parts {
		if !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, part) }) {
			return "no sentence with " + part, false
		}
	}
	return "", true
}

func sentences(steps []decision.Step) (all []string) {
	for _, s := range steps {
		all = append(append(all, s.Text), sentences(s.Steps)...)
	}
	return all
}

func list(items []string) string { return orNothing(strings.Join(items, ", ")) }

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
