package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// TestsFile is the file beside the registers that says what they are meant to do.
// It is no part of the policy and does not change its digest.
const TestsFile = "tests.yaml"

// Test is one sentence of what a policy is meant to do.
type Test struct {
	Name    string
	Clauses []string // of the statement it is about
	Given   question.Question
	// Activities and Countries are each asked for, if there are any: every one of the
	// activities for people of every one of the countries, "" for nobody registered.
	Activities, Countries []string
	Expect                []Expectation // in the order written
	File                  string
	Line                  int
}

// Expectation is what one key of a test's expect says.
type Expectation struct {
	Key          string
	Values       []string // one, save for lists
	Line, Column int
}

var placeForm = &form{pattern: "^[^@]+@[A-Z]{2}$", check: func(r record, key string, it item) {
	if _, err := question.ParsePlace(it.value); err != nil {
		r.report(it.node, "unknown-word", "%q is %q, not an entity and a country; write it as sparkoo-sg@SG", key, it.value)
	}
}}

var birthForm = &form{pattern: "^[0-9]{4}(-[0-9]{2}-[0-9]{2})?$", check: func(r record, key string, it item) {
	if _, err := decision.ParseBirth(it.value); err != nil {
		r.report(it.node, "bad-date", "%q is %q, %v", key, it.value, err)
	}
}}

var referenceForm = &form{check: func(r record, key string, it item) {
	if _, err := question.ParseReference(it.value); err != nil {
		r.report(it.node, "unknown-word", "%q: %v", key, err)
	}
}}

var approvalForm = &form{check: func(r record, key string, it item) {
	if _, err := question.ParseApproval(it.value); err != nil {
		r.report(it.node, "unknown-word", "%q: %v", key, err)
	}
}}

var accessReasonForm = oneOf(accessReasonWords())

func accessReasonWords() (words []string) {
	for _, reason := range decision.AccessReasons() {
		words = append(words, string(reason))
	}
	return words
}

var givenFields = []field{
	{key: "activity", doc: "What the request does.", form: idForm},
	{key: "country", doc: "The registered country. Left out: nobody is registered.", form: countryForm},
	{key: "identified", doc: "Somebody is identified, though the country is not known.", is: flagField},
	{key: "at", doc: "The moment. Left out: the tests are asked at the moment they run.", form: momentForm},
	{key: "contracting_party", doc: "The contracting party the Account Center shows.", form: idForm},
	{key: "claimed_party", doc: "The contracting party a verified token names.", form: idForm},
	{key: "staff", doc: "Who asks, if not the person: entity@COUNTRY.", form: placeForm},
	{key: "no_subject", doc: "Staff do not say whose data they ask for.", is: flagField},
	{key: "unnamed", doc: "Nothing says which member of staff asks.", is: flagField},
	{key: "ticket", doc: "The number of the ticket that staff name."},
	{key: "access_reason", doc: "Why staff look.", form: accessReasonForm},
	{key: "approval", doc: "Who approved the access by staff: approval:ID:APPROVER:UNTIL.", form: approvalForm},
	{key: "born", doc: "When the person was born: a year such as 2010, or a day such as 2010-05-17.", form: birthForm},
	{key: "chose", doc: "What the person chose: closed, minor, guardian, restricted, withdrawn, opt-out, purposes or recipients objected to, activities switched off.", is: listField},
	{key: "reference", doc: "What is on file: consent:ID, instruction:ID, or case:ID:APPROVER:UNTIL.", form: referenceForm},
	{key: "deletes", doc: "The request deletes what it names.", is: flagField},
	{key: "node", doc: "Where the gateway stands: entity@COUNTRY. Left out: with the operator of the storage region.", form: placeForm},
	{key: "regions", doc: "The regions the site declares. Left out: all.", is: listField, form: idForm},
	{key: "statement", doc: "The site's privacy statement.", form: idForm},
	{key: "demo", doc: "Examples and unconfirmed rows satisfy laws.", is: flagField},
}

// nobody stands among countries for people who are registered nowhere.
const nobody = "nobody"

var eachFields = []field{
	{key: "activities", doc: "The activities, or any.", is: setField, must: true},
	{key: "countries", doc: "The countries: codes, names of groups, nobody for people who are registered nowhere; or any for all of them.", is: setField, must: true},
	{key: "but", doc: "Those of the countries that are left out.", is: listField},
}

// sweeping are what can be expected of many flows at once.
var sweeping = []string{"regions", "outcome", "denied"}

var expectFields = []field{
	{key: "outcome", doc: "allowed or denied.", form: oneOf([]string{"allowed", "denied"})},
	{key: "region", doc: "The region that answers."},
	{key: "regions", doc: "All lawful regions, in their order.", is: listField},
	{key: "not", doc: "Regions that must not be lawful.", is: listField},
	{key: "recipient", doc: "The entity that answers."},
	{key: "transfer", doc: "Whether a record is owed: yes or no.", form: oneOf([]string{"yes", "no"})},
	{key: "controller", doc: "The controller (§11)."},
	{key: "basis", doc: "The ground on which it is the controller."},
	{key: "statement", doc: "The version of the statement in force (§10)."},
	{key: "safeguards", doc: "The tags of the safeguards the answering region leans on, in any order.", is: listField},
	{key: "fields", doc: "Header fields the region's upstream gets, as Name: value.", is: listField},
	{key: "says", doc: "Parts of sentences of the explanation.", is: listField},
	{key: "denied", doc: "The reason code."},
	{key: "law", doc: "The law without a safeguard."},
	{key: "clause", doc: "The clause the denial names."},
	{key: "unlock", doc: "Part of the sentence that says what would unlock it."},
}

var testsFields = []field{
	{key: "always", doc: "Facts of every test that does not say otherwise.", is: mappingField, what: "given", fields: givenFields},
	{key: "groups", doc: "Groups of countries, by name, for each.", is: dictionaryField, what: "groups", keys: idForm, many: true, form: countryForm},
	{key: "tests", doc: "The tests.", is: tableField, must: true, what: "test", fields: []field{
		{key: "name", doc: "What is meant to be, as a sentence.", must: true},
		{key: "clauses", doc: "The clauses of the statement it is about, or their sentences.", is: listField, must: true},
		{key: "given", doc: "The facts.", is: mappingField, must: true, what: "given", fields: givenFields},
		{key: "each", doc: "Asks for each of several activities and countries instead of one. What can be expected is regions, outcome and denied.", is: mappingField, what: "each", fields: eachFields},
		{key: "expect", doc: "What is meant to come of them.", is: mappingField, must: true, what: "expect", fields: expectFields},
	}},
}

// LoadTests reads the tests beside the registers in the root of fsys, which
// problems call name. It returns none if there is no such file. The error is
// [Problems] when the file is at fault. What the tests name is held against the
// policy when they are run.
func LoadTests(fsys fs.FS, name string, r *Registers) ([]Test, error) {
	data, err := fs.ReadFile(fsys, TestsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the tests %s: %w", path.Join(name, TestsFile), err)
	}
	var problems Problems
	s := source{path: path.Join(name, TestsFile), problems: &problems}
	var tests []Test
	if root := s.parse(data); root != nil {
		tests = s.tests(s.record(root, "file of tests", testsFields), r)
	}
	if len(problems) > 0 {
		problems.Sort()
		return nil, problems
	}
	return tests, nil
}

// DefaultTests are the tests of the embedded registers.
func DefaultTests() ([]Test, error) {
	sub, err := fs.Sub(embedded, "policy")
	if err != nil {
		return nil, fmt.Errorf("opening the embedded registers: %w", err)
	}
	r, err := DefaultRegisters()
	if err != nil {
		return nil, err
	}
	return LoadTests(sub, defaultName, r)
}

func (s source) tests(root record, r *Registers) []Test {
	always, _ := root.mapping("always")
	var clauses []string
	for _, t := range r.Terms.Clauses {
		clauses = append(clauses, t.Tag)
	}
	for _, t := range r.Terms.Sentences {
		clauses = append(clauses, t.Tag)
	}
	groups := map[string][]string{nobody: {""}}
	for _, g := range root.entries("groups") {
		groups[g.key.value] = values(g.items)
	}
	var tests []Test
	for _, row := range root.rows("tests") {
		t := Test{Name: row.text("name"), File: s.path, Line: row.node.Line}
		for _, it := range row.list("clauses") {
			row.refer(it, "clause", clauses)
			t.Clauses = append(t.Clauses, it.value)
		}
		each, sweeps := row.mapping("each")
		if sweeps {
			t.Activities, t.Countries = each.activities(r), each.countries(groups)
		}
		if given, ok := row.mapping("given"); ok {
			t.Given = given.given(always)
			if t.Given.Activity == "" && !sweeps {
				given.report(given.node, "missing-key", "%s without %q; add it", given.what, "activity")
			}
		}
		if expect, ok := row.mapping("expect"); ok {
			t.Expect = expect.expectations()
			for _, e := range t.Expect {
				if sweeps && !slices.Contains(sweeping, e.Key) {
					expect.report(expect.at(e.Key), "unknown-word", "%q is expected of each of several flows; write %s", e.Key, strings.Join(sweeping, ", "))
				}
			}
		}
		tests = append(tests, t)
	}
	return tests
}

// given reads facts, and those that are missing from what always holds.
func (r record) given(always record) (q question.Question) {
	from := func(key string) record {
		if !r.has(key) && always.has(key) {
			return always
		}
		return r
	}
	text := func(key string) string { return from(key).text(key) }
	flag := func(key string) bool { return from(key).flag(key) }
	list := func(key string) []string { return values(from(key).list(key)) }
	q = question.Question{
		Activity: text("activity"), Country: text("country"), Identified: flag("identified"), At: from("at").date("at"),
		Party: text("contracting_party"), Claim: text("claimed_party"), NoSubject: flag("no_subject"), Choices: question.ParseChoices(list("chose")),
		Unnamed: flag("unnamed"), Ticket: text("ticket"), AccessReason: decision.AccessReason(text("access_reason")),
		Deletes: flag("deletes"), Regions: list("regions"), Statement: text("statement"), Demo: flag("demo"),
	}
	// What does not parse was reported by the form of its key.
	q.Born, _ = decision.ParseBirth(text("born"))
	q.Reference, _ = question.ParseReference(text("reference"))
	q.Approval, _ = question.ParseApproval(text("approval"))
	if staff, err := question.ParsePlace(text("staff")); err == nil {
		q.Staff = &staff
	}
	q.Node, _ = question.ParsePlace(text("node"))
	return q
}

// activities reads which activities are asked for.
func (r record) activities(registers *Registers) []string {
	var known []string
	for i := range registers.Policy.Activities {
		known = append(known, registers.Policy.Activities[i].ID)
	}
	set := r.set("activities")
	if set.Any {
		return known
	}
	for _, it := range r.again("activities") {
		r.refer(it, "activity", known)
	}
	return set.Of
}

// countries reads whose people are asked about.
func (r record) countries(groups map[string][]string) (codes []string) {
	set := r.set("countries")
	codes = r.codes("countries", groups)
	if set.Any {
		codes = append(country.All(), "")
	}
	but := r.codes("but", groups)
	return slices.DeleteFunc(codes, func(code string) bool { return slices.Contains(but, code) })
}

// codes reads a list of countries and of groups.
func (r record) codes(key string, groups map[string][]string) (codes []string) {
	for _, it := range r.again(key) {
		group, named := groups[it.value]
		switch {
		case named:
			codes = append(codes, group...)
		case country.Valid(it.value):
			codes = append(codes, it.value)
		default:
			r.report(it.node, "unknown-word", "%q is %q, no country and no group; %s", key, it.value, suggest.For(it.value, slices.Sorted(maps.Keys(groups))))
		}
	}
	return codes
}

// expectations reads what is expected. A test that expects nothing cannot fail.
func (r record) expectations() []Expectation {
	var list []Expectation
	for i := range r.fields {
		f := &r.fields[i]
		n := r.values[f.key]
		if n == nil {
			continue
		}
		e := Expectation{Key: f.key, Line: n.Line, Column: n.Column}
		if f.is == listField {
			e.Values = values(r.list(f.key))
		} else {
			e.Values = []string{r.text(f.key)}
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		r.report(r.node, "empty", "%q of a test is empty; say what is expected", "expect")
	}
	return list
}
