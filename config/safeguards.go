package config

import (
	"slices"

	"github.com/sparkoo/transfergate/internal/decision"
)

// attributeFields are what laws ask for beside an instrument and an assessment.
var attributeFields = []field{
	{key: "notified_on", doc: "The day on which the authority was told of the instrument.", form: dayForm},
	{key: "approval", doc: "The reference of the authority's approval, permit, certificate or filing."},
	{key: "published_at", doc: "Where the transfer is described to the public, an https address.", form: linkForm},
}

// needWords are what a mechanism can ask of a safeguard.
var needWords = append([]string{"countries", "assessment"}, keysOf(attributeFields)...)

var safeguardFields = []field{
	{key: "id", doc: "The row's id.", must: true, form: idForm},
	{key: "tag", doc: "One of its law's mechanisms. It stands in headers and records.", must: true, form: tagsForm},
	{key: "law", doc: "The law it satisfies, by its id in laws.yaml.", must: true},
	{key: "exporters", doc: "Who sends: controllers and recipients. any means everybody.", is: setField, must: true},
	{key: "recipients", doc: "Who receives: controllers and recipients. any means everybody.", is: setField, must: true},
	{key: "countries", doc: "The destination countries. any means everywhere.", is: setField, must: true, form: countryForm},
	{key: "purposes", doc: "What for (§2). A row counts only for a flow all of whose purposes it has.", is: setField, must: true, form: oneOf(purposeTags)},
	{key: "categories", doc: "Which data (§1). A row counts only for a flow all of whose categories it has.", is: setField, must: true, form: oneOf(categoryTags)},
	{key: "kinds", doc: "Under which rows of §4 and §9.", is: setField, must: true, form: oneOf(kindTags)},
	{key: "instrument", doc: "The contract, decision or provision.", must: true},
	{key: "assessment", doc: "The transfer impact assessment."},
	{key: "attributes", doc: "What the law asks for besides.", is: mappingField, what: "attributes", fields: attributeFields},
	{key: "clause", doc: "The clause of the statement it serves, such as §9.", must: true},
	fromField, untilField,
	{key: "review", doc: "Who holds the row against what it stands for, how often, and when last. The next review follows from it.", is: mappingField, must: true, what: "review", fields: reviewFields},
	zoneField,
	{key: "occasional", doc: "true: its law limits it to occasional transfers, so it never serves a routine activity.", is: flagField},
	{key: "example", doc: "true: the instrument does not exist yet. The row satisfies no law, except under demo.", is: flagField},
	{key: "confirm", doc: "true: counsel has yet to look at the row. It satisfies no law, except under demo.", is: flagField},
}

var reviewFields = []field{
	{key: "every_months", doc: "How many months lie between two reviews.", is: numberField, must: true},
	{key: "owner", doc: "Who does it: a role, not a person.", must: true},
	{key: "last", doc: "The day of the last review.", must: true, form: momentForm},
}

var safeguardsRegister = []field{{
	key: "safeguards", doc: "What satisfies which law, for which flow. A row counts only for a flow it covers whole.",
	is: tableField, must: true, what: "safeguard", fields: safeguardFields,
}}

func (d *draft) decodeSafeguards(root record) {
	for _, r := range root.rows("safeguards") {
		s := decision.Safeguard{
			ID: r.text("id"), Tag: r.text("tag"), Law: r.text("law"),
			Exporters: r.set("exporters"), Recipients: r.set("recipients"), Countries: r.set("countries"),
			Purposes: r.set("purposes"), Categories: r.set("categories"), Kinds: r.set("kinds"),
			Instrument: r.text("instrument"), Assessment: r.text("assessment"), Attributes: r.attributes(), Clause: r.text("clause"),
			Validity: r.validity(), Review: r.review(),
			Occasional: r.flag("occasional"), Example: r.flag("example"), Confirm: r.flag("confirm"),
			Position: r.position(),
		}
		d.safeguards = append(d.safeguards, row[decision.Safeguard]{s, r})
	}
}

// attributes reads what a law asks for besides.
func (r record) attributes() map[string]string {
	written, ok := r.mapping("attributes")
	if !ok {
		return nil
	}
	list := map[string]string{}
	for _, f := range attributeFields {
		if v := written.text(f.key); v != "" {
			list[f.key] = v
		}
	}
	return list
}

// review reads who looks at a row again, and when.
func (r record) review() decision.Review {
	written, ok := r.mapping("review")
	if !ok {
		return decision.Review{}
	}
	return decision.Review{EveryMonths: written.number("every_months"), Owner: written.text("owner"), Last: written.date("last")}
}

func (d *draft) checkSafeguards() {
	unique(d.safeguards, "safeguard", func(s decision.Safeguard) string { return s.ID })
	laws, entities := ids(d.laws, lawID), d.entities()
	var clauses []string
	for _, t := range d.terms.Clauses {
		clauses = append(clauses, t.Tag)
	}
	for _, r := range d.safeguards {
		r.refer(item{r.value.Law, r.at("law")}, "law", laws)
		r.refer(item{r.value.Clause, r.at("clause")}, "clause", clauses)
		for _, key := range []string{"exporters", "recipients"} {
			for _, it := range r.again(key) {
				r.refer(it, "controller or recipient", entities)
			}
		}
		d.checkMechanism(r)
	}
}

// entities lists who can send and receive, or nothing when one of the registers
// could not be read.
func (d *draft) entities() []string {
	if len(d.controllers) == 0 || len(d.recipients) == 0 {
		return nil
	}
	known := append(ids(d.controllers, controllerID), ids(d.recipients, recipientID)...)
	slices.Sort(known)
	return slices.Compact(known)
}

// checkMechanism makes sure that a safeguard leans on what its law has, for as long
// as it counts, and states what the law asks for.
func (d *draft) checkMechanism(r row[decision.Safeguard]) {
	s := r.value
	var tags []string // of all rows of the law
	var without []int // lines of rows in force beside the safeguard that lack its tag
	for _, l := range d.laws {
		if l.value.ID != s.Law {
			continue
		}
		at := -1
		for i, m := range l.value.Mechanisms {
			if !slices.Contains(tags, m.Tag) {
				tags = append(tags, m.Tag)
			}
			if m.Tag == s.Tag {
				at = i
			}
		}
		switch {
		case !overlap(l.value.Validity, s.Validity):
		case at < 0:
			without = append(without, l.node.Line)
		default:
			r.needs(s, l.value.Mechanisms[at])
		}
	}
	switch {
	case len(tags) == 0 || !tagForm.MatchString(s.Tag): // reported elsewhere
	case !slices.Contains(tags, s.Tag):
		r.report(r.at("tag"), "unknown-mechanism", "tag %q is no mechanism of law %q; %s", s.Tag, s.Law, hint(s.Tag, tags))
	case len(without) > 0:
		r.report(r.at("tag"), "mechanism-not-in-force", "tag %q is no mechanism of law %q as it stands on line %d of %s; begin or end this row where the law changes, with valid_from and valid_until",
			s.Tag, s.Law, without[0], lawsFile)
	}
}

// needs reports what a law asks of a safeguard and the row does not state.
func (r row[T]) needs(s decision.Safeguard, m decision.Mechanism) {
	if m.Occasional && !s.Occasional {
		r.report(r.at("tag"), "occasional-missing", "%s is for occasional transfers by its law; write occasional: true", m.Tag)
	}
	for _, need := range m.Needs {
		switch {
		case need == "countries":
			if s.Countries.Any {
				r.report(r.at("countries"), "countries-unnamed", "%s must name the destination countries; list them", m.Tag)
			}
		case need == "assessment":
			if s.Assessment == "" {
				r.report(r.node, "assessment-missing", "%s asks for a risk assessment; name it under assessment", m.Tag)
			}
		case s.Attributes[need] == "":
			r.report(r.node, "attribute-missing", "%s asks for %s; write it under attributes", m.Tag, need)
		}
	}
}
