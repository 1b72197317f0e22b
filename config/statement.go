package config

import (
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/decision"
)

// The tags of the statement's lists. They are fixed: a new version of the
// statement with other lists needs a new version of the gateway.
var (
	categoryTags = []string{"1a", "1b", "1c", "1d", "1e", "1f", "1g", "1h", "1i", "1j", "1k", "1l"}
	purposeTags  = []string{"2a", "2b", "2c", "2d", "2e", "2f", "2g"}
	basisTags    = []string{"2-basis(a)", "2-basis(b)", "2-basis(c)", "2-basis(d)"}
)

// precedence is the only order in which the gateway chooses a controller (§11).
var precedence = []decision.Basis{
	decision.BasisAccountCenter,
	decision.BasisTokenClaim,
	decision.BasisRegisteredCountry,
	decision.BasisNotRegistered,
}

// Term is one entry of the statement's lists.
type Term struct {
	Tag   string // for example 1a, 2c, 2-basis(a), §9, 7-right(a)
	Title string
	// DPV are terms of the Data Privacy Vocabulary for it, as prefix:Name; none for
	// most clauses.
	DPV []string
}

// Terms are the statement's own lists, in its order.
type Terms struct {
	// Precedence is the order in which the grounds for a controller are asked (§11).
	Precedence []decision.Basis
	// Categories are the data categories 1a to 1l (§1).
	Categories []Term
	// Purposes are 2a to 2g and LegalBases 2-basis(a) to 2-basis(d) (§2).
	Purposes, LegalBases []Term
	// Clauses are all that can be cited, in the statement's order: the introduction,
	// the clauses and their paragraphs and lists, those above among them.
	Clauses []Term
	// Sentences are those of clauses with several that bind.
	Sentences []Sentence
	// DigestOf says what Digests are of: OwnWords or Published; empty without any.
	// Digests are by clause, and by WholeText.
	DigestOf string
	Digests  map[string]string
	// Prefixes are the namespaces of the vocabularies, by prefix.
	Prefixes map[string]string
}

var versionFields = []field{
	{key: "id", doc: "The version's id, which headers and records carry: the statement's Updated date, or any other text that no other version has.", must: true},
	{key: "statement", doc: "The statement this is a version of, by the name that sites and activities give.", must: true, form: idForm},
	{key: "date", doc: "The statement's Updated date, as 2026-12-01.", must: true, form: dayForm},
	{key: "title", doc: "The statement's title.", must: true},
	{key: "url", doc: "Where it is published, an https address.", must: true, form: linkForm},
	{key: "sha256", doc: "The SHA-256 of the published text.", form: digestsForm},
	{key: "valid_from", doc: "The moment it takes effect (§10).", must: true, form: momentForm},
	untilField, zoneField,
	{key: "clauses", doc: "The ids of its clauses, of those below. Left out: all of them.", is: listField},
}

var statementRegister = append([]field{
	{key: "precedence", doc: "The order in which the grounds for a controller are asked (§11). There is only one.", is: listField, must: true},
	{key: "default", doc: "The statement of sites and activities that name none.", must: true, form: idForm},
	{key: "versions", doc: "The versions of the privacy statements. Several statements may stand side by side; of each, one version is in force at a time.", is: tableField, must: true, what: "version", fields: versionFields},
	{key: "prefixes", doc: "The namespaces of the terms under dpv, by prefix.", is: dictionaryField, must: true, what: "prefix list", keys: prefixForm, form: namespaceForm},
	termList("categories", "What data (§1).", "category list", "category", categoryTags),
	termList("purposes", "What for (§2, first list).", "purpose list", "purpose", purposeTags),
	termList("legal_bases", "On what legal basis (§2, second list).", "legal basis list", "legal basis", basisTags),
	{key: "clauses", doc: "The clauses besides, in the statement's order, with their titles.", is: dictionaryField, must: true, what: "clause list", keys: clausesForm},
}, sentenceFields...)

// termList is the field of a list whose tags the statement fixes.
func termList(key, doc, what, one string, tags []string) field {
	f := field{key: key, doc: doc, is: mappingField, must: true, what: what}
	for _, tag := range tags {
		f.fields = append(f.fields, field{key: tag, is: mappingField, must: true, what: one, fields: termFields})
	}
	return f
}

var termFields = []field{
	{key: "title", doc: "What it is.", must: true},
	{key: "dpv", doc: "Terms of the Data Privacy Vocabulary, as prefix:Name.", is: listField, must: true, form: dpvForm},
}

func (d *draft) decodeStatement(root record) {
	d.terms.Categories = d.list(root, "categories")
	d.terms.Purposes = d.list(root, "purposes")
	d.terms.LegalBases = d.list(root, "legal_bases")
	d.terms.clauses(root)
	d.decodeSentences(root)
	d.terms.Prefixes = map[string]string{}
	for _, e := range root.entries("prefixes") {
		d.terms.Prefixes[e.key.value] = e.items[0].value
	}
	for _, it := range root.list("precedence") {
		d.terms.Precedence = append(d.terms.Precedence, decision.Basis(it.value))
	}
	if root.has("precedence") && !slices.Equal(d.terms.Precedence, precedence) {
		var want []string
		for _, b := range precedence {
			want = append(want, string(b))
		}
		root.report(root.at("precedence"), "precedence", "precedence differs from §11, by which the Account Center prevails; write [%s]", strings.Join(want, ", "))
	}
	for _, r := range root.rows("versions") {
		s := decision.Statement{
			ID: r.text("id"), Name: r.text("statement"), Date: r.text("date"), Title: r.text("title"), URL: r.text("url"),
			SHA256: r.text("sha256"), Validity: r.validity(), Clauses: d.clauses(r), Position: r.position(),
		}
		d.statements = append(d.statements, row[decision.Statement]{s, r})
	}
	d.statement = item{root.text("default"), root.at("default")}
	root.refer(d.statement, "statement", ids(d.statements, func(s decision.Statement) string { return s.Name }))
}

// clauses are the ids of a version's clauses.
func (d *draft) clauses(r record) []string {
	var known []string
	for _, t := range d.terms.Clauses {
		known = append(known, t.Tag)
	}
	if !r.has("clauses") {
		return known
	}
	items := r.list("clauses")
	for _, it := range items {
		r.refer(it, "clause", known)
	}
	return values(items)
}

// list reads a mapping from each of the tags to its title and terms.
func (d *draft) list(root record, key string) []Term {
	list, ok := root.mapping(key)
	if !ok {
		return nil
	}
	var terms []Term
	for _, f := range list.fields {
		if t, ok := list.mapping(f.key); ok {
			terms = append(terms, Term{f.key, t.text("title"), d.dpv(t)})
		}
	}
	return terms
}

// clauses sets all clauses: those the register lists, with the statement's lists
// behind the clause that has them.
func (t *Terms) clauses(root record) {
	var tags []string
	for _, e := range root.entries("clauses") {
		t.Clauses = append(t.Clauses, Term{Tag: e.key.value, Title: e.items[0].value})
		tags = append(tags, e.key.value)
		switch e.key.value {
		case "§1":
			t.Clauses = append(t.Clauses, t.Categories...)
		case "§2":
			t.Clauses = append(append(t.Clauses, t.Purposes...), t.LegalBases...)
		}
	}
	for _, tag := range []string{"§1", "§2"} {
		if len(tags) > 0 && !slices.Contains(tags, tag) {
			root.report(root.at("clauses"), "missing-key", "clause list without %q; add it", tag)
		}
	}
}

// checkStatements makes sure that at most one version of a statement is in force
// at a time: every decision and record names it (§10).
func (d *draft) checkStatements() {
	unique(d.statements, "statement version", func(s decision.Statement) string { return s.ID })
	for i, r := range d.statements {
		for _, earlier := range d.statements[:i] {
			if r.value.Name == earlier.value.Name && overlap(earlier.value.Validity, r.value.Validity) {
				r.report(r.idNode(), "overlap", "statement versions %q and %q are in force at one time; end the earlier with valid_until where the later begins",
					earlier.value.ID, r.value.ID)
			}
		}
	}
}
