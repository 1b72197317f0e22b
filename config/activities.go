package config

import (
	"slices"

	"github.com/sparkoo/transfergate/internal/decision"
)

var (
	exporterWords = []string{"person", "node", "store"}
	orderWords    = []string{"declared", "home", "nearest"}
)

var activityFields = []field{
	{key: "id", doc: "The id that the Caddyfile maps requests to, an RFC 9651 token.", must: true, form: idForm},
	{key: "title", doc: "What the requests do, for people.", must: true},
	{key: "kind", doc: "The row of §4 or §9 under which the recipient gets the data. 4a asks for a reference to the person's consent or instruction, 4b for a case with who approved it and when it ends; both come with the request or stand in the account record.", must: true, form: oneOf(kindTags)},
	{key: "purposes", doc: "What for (§2).", is: listField, must: true, form: oneOf(purposeTags)},
	{key: "categories", doc: "Which data (§1).", is: listField, must: true, form: oneOf(categoryTags)},
	{key: "legal_basis", doc: "On what legal basis (§2). With 2-basis(d) it stops when the person withdraws consent.", must: true, form: oneOf(basisTags)},
	{key: "exporter", doc: "Where data sets out from on its last leg: person, node (the gateway) or store (Singapore).", must: true, form: oneOf(exporterWords)},
	{key: "order", doc: "How regions are tried: declared, home (those in the registered country first) or nearest. Left out: declared.", form: oneOf(orderWords)},
	{key: "storage_only", doc: "true: only the storage region answers. A person's restriction lets it go on (§7).", is: flagField},
	{key: "public", doc: "true: public by nature (§4(d)), answered for anybody. Only community data (1i) is.", is: flagField},
	{key: "support", doc: "The kind of support an activity of kind 4c gives.", form: oneOf(supportWords)},
	{key: "occasional", doc: "true: not routine, so that a derogation which its law limits to occasional use may serve it.", is: flagField},
	{key: "rights", doc: "true: the person's own access and rights requests (§7), which nothing stops.", is: flagField},
	{key: "no_ticket", doc: "Why staff who read the data need no ticket for it. Left out: they need one (§5(f))."},
	{key: "approval", doc: "required: staff in the countries of approval_for need an approval, with who gave it and when it ends, as a case of §4(b) has. Left out: nobody needs one.", form: oneOf([]string{"required"})},
	{key: "approval_for", doc: "The countries whose staff need an approval, or any.", is: setField, form: countryForm},
	{key: "statement", doc: "The privacy statement that covers it, by its name in statement.yaml. Left out: the site's.", form: idForm},
	{key: "report", doc: "Lets requests pass for a time that lack only a safeguard, and records them as denied but not enforced.", is: mappingField, what: "report", fields: reportFields},
	{key: "data_subjects", doc: "Whose data it is: categories of people, in words, as a register of processing names them (GDPR Art 30(1)(c)).", is: listField},
	{key: "erasure", doc: "By when its data is erased (§6), as a register of processing says it (GDPR Art 30(1)(f)). The gateway erases nothing by it.", is: tableField, what: "erasure", fields: erasureFields},
	{key: "measures", doc: "How its data is kept safe (§5), in words, as a register of processing says it (GDPR Art 30(1)(g)).", is: listField},
}

var erasureFields = []field{
	{key: "within", doc: "How long after that moment: 30 days, 1 month, 2 years, or without delay.", must: true, form: termForm},
	{key: "from", doc: "The moment it is counted from: account-closed, consent-withdrawn, answered or collected.", must: true, form: oneOf(momentWords(decision.FromClosed, decision.FromWithdrawal, decision.FromAnswered, decision.FromCollected))},
	{key: "source", doc: "Where that comes from.", must: true},
	noteField,
}

var reportFields = []field{
	{key: "owner", doc: "Who answers for it: a role, not a person.", must: true},
	{key: "until", doc: "The first moment that is enforced again: a day, a day with a time zone, or RFC 3339.", must: true, form: momentForm},
}

var activitiesRegister = []field{{
	key: "activities", doc: "What a request does, and where it may go.",
	is: tableField, must: true, what: "activity", fields: activityFields,
}}

func (d *draft) decodeActivities(root record) {
	for _, r := range root.rows("activities") {
		a := decision.Activity{
			ID: r.text("id"), Title: r.text("title"), Kind: decision.RecipientKind(r.text("kind")),
			Purposes: values(r.list("purposes")), Categories: values(r.list("categories")),
			LegalBasis: r.text("legal_basis"), Exporter: decision.Exporter(r.text("exporter")),
			Order: decision.OrderDeclared, StorageOnly: r.flag("storage_only"), Public: r.flag("public"),
			Occasional: r.flag("occasional"), Rights: r.flag("rights"), Statement: r.text("statement"),
			NoTicket: r.text("no_ticket"), Approval: r.approval(), Position: r.position(),
		}
		if r.has("order") {
			a.Order = decision.Order(r.text("order"))
		}
		a.Support = r.support(a.Kind)
		a.DataSubjects, a.Erasure, a.Measures = values(r.list("data_subjects")), r.erasure(), values(r.list("measures"))
		if report, ok := r.mapping("report"); ok {
			a.Report = &decision.Report{Owner: report.text("owner"), Until: report.date("until")}
		}
		d.activities = append(d.activities, row[decision.Activity]{a, r})
	}
}

// erasure reads by when data is erased.
func (r record) erasure() (list []decision.Erasure) {
	if !r.has("erasure") {
		return nil
	}
	for _, w := range r.rows("erasure") {
		list = append(list, decision.Erasure{
			Within: w.term("within"), From: decision.Moment(w.text("from")), Source: w.text("source"), Confirm: w.flag("confirm"),
		})
	}
	return list
}

// approval reads whose access needs an approval. Half of it would protect nobody.
func (r record) approval() decision.Set {
	switch {
	case r.has("approval") && r.text("approval") == "required":
		return r.set("approval_for")
	case r.has("approval_for") && !r.has("approval"):
		r.report(r.at("approval_for"), "approval", "%q says whose access needs an approval, and nothing asks for one; write approval: required beside it", "approval_for")
	}
	return decision.Set{}
}

// checkActivities makes sure that rights requests, which nothing stops, go where
// personal data is stored and nowhere else (§7), that storage is always enforced
// (§9), and that only what is public by nature is public (§4(d)).
func (d *draft) checkActivities() {
	unique(d.activities, "activity", func(a decision.Activity) string { return a.ID })
	statements := ids(d.statements, func(s decision.Statement) string { return s.Name })
	for _, r := range d.activities {
		a := r.value
		r.refer(item{a.Statement, r.at("statement")}, "statement", statements)
		if a.Rights && (!a.StorageOnly || a.Kind != decision.Operator) {
			r.report(r.at("rights"), "rights", "activity %q is for rights requests, which the store answers (§7); write kind: 9-operator and storage_only: true", a.ID)
		}
		if a.Report != nil && a.StorageOnly {
			r.report(r.at("report"), "report-storage", "activity %q stores, and storage in Singapore is always enforced (§9); take report away", a.ID)
		}
		other := slices.IndexFunc(a.Categories, func(c string) bool { return c != communityData })
		if (a.Public || a.Kind == decision.ThePublic) && other >= 0 {
			r.report(r.at("categories"), "not-public", "activity %q is public with category %q, but only community data (%s) is public by nature (§4(d)); take the category away, or public", a.ID, a.Categories[other], communityData)
		}
		if a.Kind == decision.ThePublic && !a.Public {
			r.report(r.at("kind"), "not-public", "activity %q hands data to the public (§4(d)); write public: true, or another kind", a.ID)
		}
	}
}

// communityData is the category that is public by nature (§1(i), §4(d)).
const communityData = "1i"

// support reads the kind of support an affiliate gives, which §4(c) asks for.
func (r record) support(kind decision.RecipientKind) string {
	given := r.text("support")
	switch {
	case kind == decision.Affiliate:
		r.want("support")
	case r.has("support"):
		r.report(r.at("support"), "support", "%q is only for activities of kind 4c; take it away, or change the kind", "support")
		return ""
	}
	return given
}
