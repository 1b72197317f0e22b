package config

import (
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/decision"
)

func (d *draft) decodeSafeguards(root record) {
	for _, r := range root.rows("safeguards", "safeguard",
		"id", "tag", "law", "exporters", "recipients", "countries", "purposes", "categories", "kinds",
		"instrument", "assessment", "clause", "valid_from", "valid_until", "review_by", "zone",
		"occasional", "example", "confirm") {
		s := decision.Safeguard{
			ID: r.id("id"), Tag: r.text("tag"), Law: r.text("law"),
			Exporters: r.set("exporters", d.entity(r)), Recipients: r.set("recipients", d.entity(r)),
			Countries: r.set("countries", r.iso), Purposes: r.vocabulary("purposes", purposeTags),
			Categories: r.vocabulary("categories", categoryTags), Kinds: r.vocabulary("kinds", kindTags),
			Instrument: r.text("instrument"), Assessment: r.optional("assessment"), Clause: r.text("clause"),
			Validity:   r.validity(),
			Occasional: r.flag("occasional"), Example: r.flag("example"), Confirm: r.flag("confirm"),
			Position: r.position(),
		}
		d.safeguards = append(d.safeguards, row[decision.Safeguard]{s, r})
	}
}

// vocabulary is a set out of a fixed vocabulary.
func (r record) vocabulary(key string, known []string) decision.Set {
	return r.set(key, func(it item) { r.known(it, key, known) })
}

// entity returns a check that an id is a controller's or a recipient's.
// Safeguards are decoded last, so those are known.
func (d *draft) entity(r record) func(item) {
	known := append(ids(d.controllers, controllerID), ids(d.recipients, recipientID)...)
	slices.Sort(known)
	known = slices.Compact(known)
	if len(d.controllers) == 0 || len(d.recipients) == 0 {
		known = nil // one of them could not be read
	}
	return func(it item) { r.refer(it, "controller or recipient", known) }
}

func (d *draft) checkSafeguards() {
	unique(d.safeguards, "safeguard", func(s decision.Safeguard) string { return s.ID })
	laws := ids(d.laws, lawID)
	var clauses []string
	for _, t := range d.terms.Clauses {
		clauses = append(clauses, t.Tag)
	}
	for _, r := range d.safeguards {
		s := r.value
		r.refer(item{s.Law, r.at("law")}, "law", laws)
		r.refer(item{s.Clause, r.at("clause")}, "clause", clauses)
		switch {
		case s.Tag == "":
		case !tagForm.MatchString(s.Tag):
			r.report(r.at("tag"), "bad-tag", "%q is not a tag; write law-act-article-mechanism in lower case, such as br-lgpd-art33-iib-scc", s.Tag)
		case s.Law != "" && !strings.HasPrefix(s.Tag, s.Law+"-"):
			r.report(r.at("tag"), "bad-tag", "tag %q is not one of law %q; begin it with %s-", s.Tag, s.Law, s.Law)
		}
		r.lawsOwnRules(s)
	}
}

// lawsOwnRules reports what a law asks of its instruments beyond the tag.
func (r row[T]) lawsOwnRules(s decision.Safeguard) {
	switch s.Tag {
	case "sg-pdpa-s26-contract", "sg-pdpa-s26-bcr":
		// Personal Data Protection Regulations 2021, reg 11.
		if s.Countries.Any {
			r.report(r.at("countries"), "countries-unnamed", "a contract under %s must name the destination countries (reg 11); list them", s.Tag)
		}
	case "sa-pdpl-art29-scc", "sa-pdpl-art29-bcr", "sa-pdpl-art29-cert":
		// Regulation on Personal Data Transfer Outside the Kingdom, 2024.
		if s.Assessment == "" {
			r.report(r.node, "assessment-missing", "%s asks for a risk assessment; name it under assessment", s.Tag)
		}
	}
}
