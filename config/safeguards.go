package config

import (
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// evidenceFields are what shows that a duty of a law is fulfilled.
var evidenceFields = []field{
	shown("approval", "The authority's approval, permit or certificate."),
	shown("prior-authorisation", "The authority's leave before the first transfer."),
	shown("notification", "What the authority was told."),
	shown("filing", "What was filed with the authority."),
	shown("registration", "The entry in the authority's register."),
	shown("publication", "Where the transfer is described to the public."),
	shown("impact-assessment", "The assessment the law asks of the sender, beside that of the transfer."),
	shown("separate-consent", "Where people consent to the transfer by itself, and since when."),
	shown(decision.LocalCopy, "Where the data is kept in the country, and since when."),
}

func shown(key, doc string) field {
	return field{key: key, doc: doc, is: mappingField, what: "evidence", fields: proofFields}
}

var proofFields = []field{
	{key: "reference", doc: "The document, number or address.", must: true},
	{key: "date", doc: "The day it is of. Before it nothing is shown: what is yet to be made has none.", must: true, form: momentForm},
	zoneField,
}

// dutyWords are what a law can ask to be shown.
var dutyWords = append([]string{decision.Assessed}, keysOf(evidenceFields)...)

var safeguardFields = []field{
	{key: "id", doc: "The row's id.", must: true, form: idForm},
	{key: "tag", doc: "One of its law's mechanisms. It stands in headers and records.", must: true, form: tagsForm},
	{key: "law", doc: "The law it satisfies, by its id in laws.yaml.", must: true},
	{key: "exporters", doc: "Who sends: controllers and recipients, and person for people who give their data to a controller themselves. any means everybody.", is: setField, must: true},
	{key: "recipients", doc: "Who receives: controllers and recipients. any means everybody.", is: setField, must: true},
	{key: "countries", doc: "The destination countries. any means everywhere.", is: setField, must: true, form: countryForm},
	{key: "purposes", doc: "What for (§2). A row counts only for a flow all of whose purposes it has.", is: setField, must: true, form: oneOf(purposeTags)},
	{key: "categories", doc: "Which data (§1). A row counts only for a flow all of whose categories it has.", is: setField, must: true, form: oneOf(categoryTags)},
	{key: "kinds", doc: "Under which rows of §4 and §9.", is: setField, must: true, form: oneOf(kindTags)},
	{key: "except", doc: "Registered countries for whose people it does not count, though their law is the same.", is: listField, form: countryForm},
	{key: "instrument", doc: "The contract, decision or provision.", must: true},
	{key: "module", doc: "Of standard clauses: the module, by the roles of exporter and recipient: c2c, c2p, p2p or p2c.", form: oneOf(moduleWords)},
	{key: "version", doc: "Of standard clauses: their version, such as 2021/914."},
	{key: "ends", doc: "The first moment at which these clauses may no longer be used, whatever the contract says. Left out: none is known.", form: momentForm},
	{key: "assessment", doc: "The transfer impact assessment, by its id in assessments.yaml."},
	{key: "evidence", doc: "What shows that the law's duties are fulfilled, each with a reference and a date.", is: mappingField, what: "evidence", fields: evidenceFields},
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
			Purposes: r.set("purposes"), Categories: r.set("categories"), Kinds: r.set("kinds"), Except: values(r.list("except")),
			Instrument: r.text("instrument"), Module: r.text("module"), Version: r.text("version"),
			Assessment: r.text("assessment"), Evidence: r.evidence(), Clause: r.text("clause"),
			Validity: r.validity(), Review: r.review(),
			Occasional: r.flag("occasional"), Example: r.flag("example"), Confirm: r.flag("confirm"),
			Position: r.position(),
		}
		if ends := r.date("ends"); !ends.IsZero() && (s.Validity.Until.IsZero() || ends.Before(s.Validity.Until)) {
			s.Validity.Until = ends
		}
		d.safeguards = append(d.safeguards, row[decision.Safeguard]{s, r})
	}
}

// evidence reads what shows that duties are fulfilled.
func (r record) evidence() map[string]decision.Evidence {
	written, ok := r.mapping("evidence")
	if !ok {
		return nil
	}
	list := map[string]decision.Evidence{}
	for _, f := range evidenceFields {
		if w, ok := written.mapping(f.key); ok {
			list[f.key] = decision.Evidence{Reference: w.text("reference"), Date: w.date("date")}
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
				if key == "exporters" && it.value == decision.Person {
					continue
				}
				r.refer(it, "controller or recipient", entities)
			}
		}
		d.checkMechanism(r)
		d.checkAssessment(r)
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
		if t := l.value.Localisation; t != nil && t.Tag != "" {
			tags = append(tags, t.Tag)
			if t.Tag == s.Tag {
				r.localCopy(s)
				continue
			}
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
			d.checkDuties(r, &l.value)
			d.checkModule(r, l.value.Mechanisms[at])
		}
	}
	switch {
	case len(tags) == 0 || !tagForm.MatchString(s.Tag): // reported elsewhere
	case !slices.Contains(tags, s.Tag):
		r.report(r.at("tag"), "unknown-mechanism", "tag %q is no mechanism of law %q; %s", s.Tag, s.Law, suggest.For(s.Tag, tags))
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
	if slices.Contains(m.Needs, "countries") && s.Countries.Any {
		r.report(r.at("countries"), "countries-unnamed", "%s must name the destination countries; list them", m.Tag)
	}
}

// localCopy reports a row that says that data is kept in the country and not where.
func (r row[T]) localCopy(s decision.Safeguard) {
	if s.Evidence[decision.LocalCopy].Reference == "" {
		r.report(r.node, "evidence-missing", "%s is for rows that say where the data is kept in the country, and since when; write both under evidence: %s", s.Tag, decision.LocalCopy)
	}
}

// checkDuties reports duties of a safeguard's law of which it shows nothing.
func (d *draft) checkDuties(r row[decision.Safeguard], law *decision.Law) {
	if r.archived {
		return
	}
	for _, duty := range law.Duties {
		switch {
		case len(duty.For) > 0 && !slices.Contains(duty.For, r.value.Tag):
		case duty.Evidence == decision.Assessed:
			if r.value.Assessment == "" {
				r.report(r.node, "assessment-missing", "%s asks for an assessment (%s); name its row under assessment", r.value.Tag, duty.Title)
			}
		case !duty.Categories.Any && !r.value.Categories.Any && !slices.ContainsFunc(r.value.Categories.Of, func(c string) bool { return slices.Contains(duty.Categories.Of, c) }):
		case r.value.Evidence[duty.Evidence].Reference == "":
			r.report(r.node, "evidence-missing", "law %q asks for a duty beside %s: %s; write its reference and date under evidence: %s",
				law.ID, r.value.Tag, duty.Title, duty.Evidence)
		}
	}
}

// checkModule reports clauses whose module is missing or not that of the parties' roles.
func (d *draft) checkModule(r row[decision.Safeguard], m decision.Mechanism) {
	s := r.value
	switch {
	case r.archived:
		return
	case len(m.Modules) == 0:
		if s.Module != "" {
			r.report(r.at("module"), "module", "%s has no modules; take module away", m.Tag)
		}
		return
	case s.Module == "" || s.Version == "":
		r.report(r.node, "module", "%s are standard clauses; name their module (%s) and version", m.Tag, strings.Join(m.Modules, ", "))
		return
	case !slices.Contains(m.Modules, s.Module):
		r.report(r.at("module"), "module", "%s has no module %q; %s", m.Tag, s.Module, suggest.For(s.Module, m.Modules))
		return
	}
	for _, it := range r.again("recipients") {
		i := slices.IndexFunc(d.recipients, func(c row[decision.Recipient]) bool { return c.value.ID == it.value })
		if i < 0 {
			continue
		}
		c := d.recipients[i].value
		if processor := c.Role == decision.RoleProcessor; c.Role != "" && processor != strings.HasSuffix(s.Module, "2p") {
			r.report(it.node, "module", "module %s is not for %s, whose role is %s; name another module, or mend the role in %s", s.Module, c.ID, c.Role, recipientsFile)
		}
		if m.ImporterOutside && slices.Contains(c.BoundBy, s.Law) && !s.Confirm {
			r.report(it.node, "importer-bound", "%s are not for a recipient that the law itself binds, and %s is (bound_by); write confirm: true until counsel has said that they serve", m.Tag, c.ID)
		}
	}
}
