package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// lawDefaults are the effects of a law without a mechanism.
var lawDefaults = []string{"prohibited", "accountable", "open"}

var lawFields = []field{
	{key: "id", doc: "The law's id: a country code in lower case, or eu. A law that changes is two rows of one id whose dates meet.", must: true, form: idForm},
	{key: "title", doc: "The law's name.", must: true},
	{key: "articles", doc: "Its provisions on transfers.", must: true},
	{key: "countries", doc: "The countries it governs: ISO 3166-1 alpha-2. Their territories follow by aliases.", is: listField, form: countryForm},
	{key: "members", doc: "Names of memberships whose countries it governs too.", is: listField},
	{key: "default", doc: "Its effect without a mechanism: prohibited, accountable or open. A safeguard is asked for in each case.", must: true, form: oneOf(lawDefaults)},
	{key: "direct_collection", doc: "How it sees a person who gives data to a controller abroad.", is: mappingField, must: true, what: "direct_collection", fields: readingFields},
	{key: "returns", doc: "How it sees data of people of other countries that goes back to the store from a region or an affiliate in its countries.", is: mappingField, must: true, what: "returns", fields: readingFields},
	{key: "localisation", doc: "What it wants kept in its countries. Left out: nothing.", is: mappingField, what: "localisation", fields: localisationFields},
	{key: "concern", doc: "Recipients it closes by where they are and by who owns them. Left out: none.", is: mappingField, what: "concern", fields: concernFields},
	{key: "duties", doc: "What it asks for beside a mechanism: all of them. A safeguard shows each under evidence, or it does not count.", is: tableField, what: "duty", fields: dutyFields},
	{key: "mechanisms", doc: "What can satisfy it, or the rule by which it asks for nothing. A safeguard's tag is one of these.", is: tableField, must: true, what: "mechanism", fields: mechanismFields},
	fromField, untilField, zoneField,
	{key: "source", doc: "Where the row's facts come from.", must: true},
	noteField,
}

// readings are the two ways in which a law may see a flow.
var readings = []string{"transfer", "none"}

var readingFields = []field{
	{key: "as", doc: "transfer: a safeguard is asked for. none: the law sees no transfer in it.", must: true, form: oneOf(readings)},
	{key: "source", doc: "Where that comes from.", must: true},
	noteField,
}

var (
	formWords    = []string{string(decision.OnlyHere), string(decision.FirstHere), string(decision.CopyHere)}
	personWords  = []string{string(decision.Citizens), string(decision.Residents), string(decision.Anyone)}
	unknownWords = []string{string(decision.SingaporeUnknown), string(decision.DenyUnknown)}
	moduleWords  = []string{"c2c", "c2p", "p2p", "p2c"}
	needWords    = []string{"countries"}
)

var localisationFields = []field{
	{key: "categories", doc: "Which data (§1).", is: setField, must: true, form: oneOf(categoryTags)},
	{key: "form", doc: "What may leave: only-here, nothing; first-here, what was collected there first; copy-here, a copy of what is kept there.", must: true, form: oneOf(formWords)},
	{key: "persons", doc: "Whose data: citizens, residents, or anyone's whom a controller there serves. Of people who registered in the country all are taken to be citizens and residents.", must: true, form: oneOf(personWords)},
	{key: "from", doc: "The first moment it holds. Left out: as long as the row.", form: momentForm},
	{key: "tag", doc: "The tag of safeguards that say where the data is kept (evidence local-copy). Only first-here and copy-here have one.", form: tagsForm},
	{key: "source", doc: "Where that comes from.", must: true},
	noteField,
}

var concernFields = []field{
	{key: "countries", doc: "A recipient is closed that is there, or is owned from there: ISO 3166-1 alpha-2.", is: listField, must: true, form: countryForm},
	{key: "share", doc: "From which share on an owner counts (owned_by of recipients and controllers), in percent.", is: numberField, must: true},
	{key: "tags", doc: "The mechanisms that open such a recipient all the same.", is: listField, form: tagsForm},
	{key: "source", doc: "Where that comes from.", must: true},
	noteField,
}

var dutyFields = []field{
	{key: "evidence", doc: "What has to be shown: a word of evidence in safeguards.yaml, or assessment for a row of assessments.yaml.", must: true, form: oneOf(dutyWords)},
	{key: "title", doc: "What the law asks for.", must: true},
	{key: "for", doc: "The mechanisms it goes with. Left out: all.", is: listField, form: tagsForm},
	{key: "categories", doc: "Only for flows with one of these (§1). Left out: any.", is: listField, form: oneOf(categoryTags)},
	{key: "months", doc: "How many months what is shown lasts. Left out: as long as the safeguard.", is: numberField},
	noteField,
}

var mechanismFields = []field{
	{key: "tag", doc: "The machine tag: law-act-article-mechanism in lower case, such as br-lgpd-art33-iib-scc.", must: true, form: tagsForm},
	{key: "title", doc: "What it is.", must: true},
	{key: "dpv", doc: "Terms of the Data Privacy Vocabulary. Where it has none for this law, the broader term; the tag is then our own concept below it.", is: listField, must: true, form: dpvForm},
	{key: "occasional", doc: "true: the law limits it to occasional transfers, so it never serves a routine activity.", is: flagField},
	{key: "rule", doc: "true: the law's own rule that asks for nothing. The statement promises bound recipients (§9), so a flow needs a safeguard of another mechanism besides.", is: flagField},
	{key: "needs", doc: "What a safeguard that leans on it must state: countries (any is refused).", is: listField, form: oneOf(needWords)},
	{key: "modules", doc: "Of standard clauses: their modules, one of which a safeguard names with the version: c2c, c2p, p2p or p2c, by the roles of exporter and recipient.", is: listField, form: oneOf(moduleWords)},
	{key: "importer_outside", doc: "true: these clauses are not for a recipient that the law itself binds (bound_by in recipients.yaml).", is: flagField},
	{key: "confirm", doc: "true: counsel has yet to confirm that the law has it so.", is: flagField},
}

var ageFields = []field{
	{key: "countries", doc: "The countries it holds for: ISO 3166-1 alpha-2. Their territories follow by aliases.", is: listField, must: true, form: countryForm},
	{key: "of_age", doc: "The age in years, more than 18: the statement is for adults.", is: numberField, must: true},
	{key: "source", doc: "Where the row's facts come from.", must: true},
	noteField,
}

var lawsRegister = []field{
	{key: "memberships", doc: "Groups of countries that laws govern together, by name.", is: dictionaryField, what: "membership list", keys: idForm, form: countryForm, many: true},
	{key: "aliases", doc: "Territories with a country code of their own and the law of another country: the territory, then that country. The registered country stays as it is.", is: dictionaryField, what: "alias list", keys: countryForm, form: countryForm},
	{key: "ages", doc: "From which age on people are of age (§8), where that is later than at 18. It counts for people of whose account record or token the year or day of birth is known.", is: tableField, what: "age", fields: ageFields},
	{key: "unknown_law", doc: "What happens to people of a country without a law: singapore, they are served there alone; deny, nothing of theirs is processed. Left out: singapore.", form: oneOf(unknownWords)},
	{key: "laws", doc: "Transfer laws, with their countries, mechanisms and dates.", is: tableField, must: true, what: "law", fields: lawFields},
	{key: "clocks", doc: "The times that laws set for what reports are about. They decide nothing. Left out: no report names a day.", is: tableField, what: "clocks", fields: clockFields},
}

func (d *draft) decodeLaws(root record) {
	members := map[string][]string{}
	var names []string
	for _, e := range root.entries("memberships") {
		members[e.key.value] = values(e.items)
		names = append(names, e.key.value)
	}
	aliases := root.entries("aliases")
	if d.unknown = decision.UnknownLaw(root.text("unknown_law")); d.unknown == "" {
		d.unknown = decision.SingaporeUnknown
	}
	for _, r := range root.rows("laws") {
		l := decision.Law{
			ID: r.text("id"), Title: r.text("title") + " " + r.text("articles"), Countries: values(r.list("countries")),
			Default: r.text("default"), DirectCollection: r.reading("direct_collection"), Returns: r.reading("returns"), Mechanisms: d.mechanisms(r), Validity: r.validity(),
			Confirm: r.flag("confirm"), Source: r.text("source"), Position: r.position(),
		}
		for _, it := range r.list("members") {
			if !slices.Contains(names, it.value) {
				r.report(it.node, "unknown-reference", "unknown membership %q; %s", it.value, suggest.For(it.value, names))
			}
			l.Countries = append(l.Countries, members[it.value]...)
		}
		r.governs()
		l.Localisation, l.Concern, l.Duties = r.localisation(l.Mechanisms), r.concern(l.Mechanisms), r.duties(l.Mechanisms)
		r.bindsRecipients(&l)
		d.laws = append(d.laws, row[decision.Law]{l, r})
	}
	d.aliases(root, aliases)
	d.decodeAges(root, aliases)
	d.decodeClocks(root)
}

// decodeAges reads from which age on people are of age.
func (d *draft) decodeAges(root record, aliases []entry) {
	first := map[string]int{}
	for _, r := range root.rows("ages") {
		a := decision.Age{Years: r.number("of_age"), Confirm: r.flag("confirm"), Source: r.text("source"), Position: r.position()}
		for _, it := range r.list("countries") {
			if line, twice := first[it.value]; twice {
				r.report(it.node, "duplicate-item", "%s has an age already, on line %d; keep one", it.value, line)
				continue
			}
			first[it.value] = it.node.Line
			a.Countries = append(a.Countries, it.value)
		}
		if r.has("of_age") && a.Years > 0 && (a.Years <= decision.Adult || a.Years > 25) {
			r.report(r.at("of_age"), "bad-age", "%q is %d; write an age from 19 to 25, or take the row away: without one it is %d", "of_age", a.Years, decision.Adult)
		}
		d.ages = append(d.ages, row[decision.Age]{a, r})
	}
	for _, e := range aliases {
		for i := range d.ages {
			if a := &d.ages[i].value; first[e.key.value] == 0 && slices.Contains(a.Countries, e.items[0].value) {
				a.Countries = append(a.Countries, e.key.value)
			}
		}
	}
}

// reading reads how a law sees a flow. Registers of before 2026-12 said nothing of
// it and were decided as if no law saw a transfer: archived ones still are.
func (r record) reading(key string) decision.Reading {
	if r.archived && !r.has(key) {
		return decision.Reading{None: true}
	}
	written, ok := r.mapping(key)
	if !ok {
		return decision.Reading{}
	}
	return decision.Reading{None: written.text("as") == "none", Source: written.text("source"), Confirm: written.flag("confirm")}
}

// governs reports a law that governs no country.
func (r record) governs() {
	countries := r.values["countries"]
	switch {
	case r.has("members") || r.node.Kind != yaml.MappingNode:
	case countries == nil:
		r.report(r.node, "missing-key", "law without %q; add it, or memberships under members", "countries")
	case countries.Kind == yaml.SequenceNode && len(countries.Content) == 0:
		r.report(countries, "empty", "%q of law is empty; fill it in", "countries")
	}
}

// aliases adds to each law the territories of the countries it governs. A territory
// that a law names itself has that law, so an alias would give it two.
func (d *draft) aliases(root record, aliases []entry) {
	own := map[string]bool{}
	for _, r := range d.laws {
		for _, code := range r.value.Countries {
			own[code] = true
		}
	}
	for _, e := range aliases {
		parent := e.items[0]
		switch {
		case own[e.key.value]:
			root.report(e.key.node, "alias-of-a-country", "territory %s stands in a law's own list; take it away there, or this alias", e.key.value)
		case parent.value != "" && !own[parent.value] && len(d.laws) > 0:
			root.report(parent.node, "alias-to-nothing", "no law governs %s, so the alias of %s leads nowhere; name the country whose law holds there", parent.value, e.key.value)
		}
		for i := range d.laws {
			if l := &d.laws[i].value; slices.Contains(l.Countries, parent.value) && !own[e.key.value] {
				l.Countries = append(l.Countries, e.key.value)
			}
		}
	}
}

// mechanisms reads what can satisfy a law.
func (d *draft) mechanisms(r record) []decision.Mechanism {
	var list []decision.Mechanism
	law := r.at("id").Value
	for _, m := range r.rows("mechanisms") {
		x := decision.Mechanism{
			Tag: m.text("tag"), Title: m.text("title"), DPV: d.dpv(m),
			Occasional: m.flag("occasional"), Rule: m.flag("rule"), Confirm: m.flag("confirm"),
			Needs: values(m.list("needs")), Modules: values(m.list("modules")), ImporterOutside: m.flag("importer_outside"),
		}
		if tagForm.MatchString(x.Tag) && r.has("id") && !strings.HasPrefix(x.Tag, law+"-") {
			m.report(m.at("tag"), "bad-tag", "tag %q is not one of law %q; begin it with %s-", x.Tag, law, law)
		}
		if slices.ContainsFunc(list, func(earlier decision.Mechanism) bool { return earlier.Tag == x.Tag && x.Tag != "" }) {
			m.report(m.at("tag"), "duplicate-id", "mechanism %q stands twice in law %q; keep one", x.Tag, law)
		}
		list = append(list, x)
	}
	return list
}

// checkLaws makes sure that one law does not say two things at one moment.
// Several laws may cover one country; then all of them apply (§9).
func (d *draft) checkLaws() {
	apart(d.laws, "law", lawID, func(l decision.Law) decision.Validity { return l.Validity })
	d.checkClocks()
}

func lawID(l decision.Law) string { return l.ID }
