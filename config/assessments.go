package config

import (
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/decision"
)

var conclusionWords = []string{"acceptable", "not-acceptable"}

// measureForm is one measure an assessment rests on and the gateway holds.
var measureForm = &form{
	pattern: "^(" + strings.Join(append([]string{decision.NoStaff}, withholdWords...), "|") + "|field:.+|query:.+)$",
	check: func(r record, key string, it item) {
		if it.value != decision.NoStaff {
			withholdForm.check(r, key, it)
		}
	},
}

var assessmentFields = []field{
	{key: "id", doc: "The row's id, which safeguards and records name.", must: true, form: idForm},
	{key: "digest", doc: "The SHA-256 of the document. Only an example has none.", form: digestsForm},
	{key: "date", doc: "The day it was made: what it shows counts from then on.", must: true, form: momentForm},
	{key: "author", doc: "Who made it: a role, not a person.", must: true},
	{key: "law", doc: "The law whose mechanisms it is about, by its id in laws.yaml.", must: true},
	{key: "countries", doc: "The destinations it judges.", is: setField, must: true, form: countryForm},
	{key: "conclusion", doc: "acceptable, or not-acceptable: then no safeguard may lean on it.", must: true, form: oneOf(conclusionWords)},
	{key: "conditions", doc: "What the conclusion depends on, in words."},
	{key: "measures", doc: "What it rests on and the gateway holds: what is withheld from the recipients (cookies, authorization, client-address, referer, user-agent, identity-fields, field:NAME, query:NAME), and no-staff-access: nobody reads the data from another place.", is: listField, form: measureForm},
	untilField, zoneField,
	{key: "example", doc: "true: the document does not exist yet. Only examples of safeguards lean on it.", is: flagField},
}

var assessmentsRegister = []field{{
	key: "assessments", doc: "Transfer impact assessments. A safeguard whose law asks for one names a row in force.",
	is: tableField, must: true, what: "assessment", fields: assessmentFields,
}}

func (d *draft) decodeAssessments(root record) {
	for _, r := range root.rows("assessments") {
		a := decision.Assessment{
			ID: r.text("id"), Digest: r.text("digest"), Date: r.date("date"), Until: r.date("valid_until"), Author: r.text("author"),
			Law: r.text("law"), Countries: r.set("countries"), Acceptable: r.text("conclusion") == "acceptable",
			Conditions: r.text("conditions"), Measures: values(r.list("measures")), Example: r.flag("example"), Position: r.position(),
		}
		if !a.Example && a.Digest == "" && r.node.Content != nil {
			r.report(r.node, "digest-missing", "assessment %q does not say the SHA-256 of its document; write it under digest, or example: true while there is none", a.ID)
		}
		d.assessments = append(d.assessments, row[decision.Assessment]{a, r})
	}
}

func (d *draft) checkAssessments() {
	unique(d.assessments, "assessment", assessmentID)
	laws := ids(d.laws, lawID)
	for _, r := range d.assessments {
		r.refer(item{r.value.Law, r.at("law")}, "law", laws)
	}
}

// checkAssessment makes sure that a safeguard names an assessment that is about it,
// and that the gateway holds the measures it rests on.
func (d *draft) checkAssessment(r row[decision.Safeguard]) {
	s := r.value
	if r.archived || s.Assessment == "" {
		return
	}
	r.refer(item{s.Assessment, r.at("assessment")}, "assessment", ids(d.assessments, assessmentID))
	i := slices.IndexFunc(d.assessments, func(a row[decision.Assessment]) bool { return a.value.ID == s.Assessment })
	if i < 0 {
		return
	}
	a := d.assessments[i].value
	switch {
	case a.Law != s.Law:
		r.report(r.at("assessment"), "assessment-unfit", "assessment %q is about law %q, not %q; name one about the safeguard's law", a.ID, a.Law, s.Law)
	case !a.Acceptable:
		r.report(r.at("assessment"), "assessment-unfit", "assessment %q finds the transfer not acceptable; name another, or take the safeguard away", a.ID)
	case a.Example && !s.Example:
		r.report(r.at("assessment"), "assessment-unfit", "assessment %q is an example and the safeguard is not; name one that exists, or write example: true", a.ID)
	case !a.Countries.Any && (s.Countries.Any || slices.ContainsFunc(s.Countries.Of, func(c string) bool { return !slices.Contains(a.Countries.Of, c) })):
		r.report(r.at("countries"), "assessment-unfit", "assessment %q does not judge all the countries of the safeguard; take those away it does not, or name another", a.ID)
	}
	d.checkMeasures(r, &a)
}

// checkMeasures reports measures that a recipient's row does not hold.
func (d *draft) checkMeasures(r row[decision.Safeguard], a *decision.Assessment) {
	for _, c := range d.recipients {
		if !r.value.Recipients.Any && !slices.Contains(r.value.Recipients.Of, c.value.ID) {
			continue
		}
		for _, m := range a.Measures {
			if m != decision.NoStaff && !slices.Contains(c.value.Withhold, m) {
				r.report(r.at("assessment"), "measure-unheld", "assessment %q rests on withholding %s, and %s gets it; add it to withhold in %s", a.ID, m, c.value.ID, recipientsFile)
			}
		}
	}
}

func assessmentID(a decision.Assessment) string { return a.ID }
