package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

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
	Tag   string // for example 1a, 2c, 2-basis(a), §9
	Title string
}

// Terms are the statement's own lists, in its order.
type Terms struct {
	// Precedence is the order in which the grounds for a controller are asked (§11).
	Precedence []decision.Basis
	// Categories are the data categories 1a to 1l (§1).
	Categories []Term
	// Purposes are 2a to 2g and LegalBases 2-basis(a) to 2-basis(d) (§2).
	Purposes, LegalBases []Term
	// Clauses are the clauses that rows of the registers cite.
	Clauses []Term
}

func (d *draft) decodeStatement(root record) {
	d.terms.Categories = root.terms("categories", "category list", categoryTags)
	d.terms.Purposes = root.terms("purposes", "purpose list", purposeTags)
	d.terms.LegalBases = root.terms("legal_bases", "legal basis list", basisTags)
	d.terms.Clauses = root.clauses("clauses")
	for _, it := range root.some("precedence") {
		d.terms.Precedence = append(d.terms.Precedence, decision.Basis(it.value))
	}
	if root.has("precedence") && !slices.Equal(d.terms.Precedence, precedence) {
		var want []string
		for _, b := range precedence {
			want = append(want, string(b))
		}
		root.report(root.at("precedence"), "precedence", "precedence differs from §11, by which the Account Center prevails; write [%s]", strings.Join(want, ", "))
	}
	for _, r := range root.rows("versions", "version", "id", "title", "url", "sha256", "valid_from", "valid_until", "zone") {
		s := decision.Statement{ID: r.text("id"), Title: r.text("title"), URL: r.link("url"), SHA256: r.optional("sha256"), Validity: r.validity()}
		r.want("url")
		r.want("valid_from")
		if s.SHA256 != "" && !digestForm.MatchString(s.SHA256) {
			r.report(r.at("sha256"), "bad-digest", "%q is not a SHA-256; write 64 lower-case hexadecimal digits", s.SHA256)
		}
		s.Position = r.position()
		d.statements = append(d.statements, row[decision.Statement]{s, r})
	}
}

// terms reads a mapping from each of the tags to its title.
func (r record) terms(key, what string, tags []string) []Term {
	n := r.want(key)
	if n == nil {
		return nil
	}
	list := r.record(n, what, tags...)
	var terms []Term
	for _, tag := range tags {
		terms = append(terms, Term{tag, list.text(tag)})
	}
	return terms
}

// clauses reads a mapping from clauses to their titles.
func (r record) clauses(key string) []Term {
	n := r.want(key)
	if n == nil {
		return nil
	}
	var tags []string
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if !clauseForm.MatchString(k.Value) {
			r.report(k, "bad-clause", "%q is not a clause; write it as §9 or §4(c)", k.Value)
		}
		if !slices.Contains(tags, k.Value) {
			tags = append(tags, k.Value)
		}
	}
	return r.terms(key, "clause list", tags)
}

// checkStatements makes sure that at most one version is in force at a time:
// every decision and record names it (§10).
func (d *draft) checkStatements() {
	unique(d.statements, "statement version", func(s decision.Statement) string { return s.ID })
	for i, r := range d.statements {
		for _, earlier := range d.statements[:i] {
			if overlap(earlier.value.Validity, r.value.Validity) {
				r.report(r.idNode(), "overlap", "statement versions %q and %q are in force at one time; end the earlier with valid_until where the later begins",
					earlier.value.ID, r.value.ID)
			}
		}
	}
}
