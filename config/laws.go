package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/decision"
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
	{key: "mechanisms", doc: "What can satisfy it, or the rule by which it asks for nothing. A safeguard's tag is one of these.", is: tableField, must: true, what: "mechanism", fields: mechanismFields},
	fromField, untilField, zoneField,
	{key: "source", doc: "Where the row's facts come from.", must: true},
	noteField,
}

var mechanismFields = []field{
	{key: "tag", doc: "The machine tag: law-act-article-mechanism in lower case, such as br-lgpd-art33-iib-scc.", must: true, form: tagsForm},
	{key: "title", doc: "What it is.", must: true},
	{key: "dpv", doc: "Terms of the Data Privacy Vocabulary. Where it has none for this law, the broader term; the tag is then our own concept below it.", is: listField, must: true, form: dpvForm},
	{key: "occasional", doc: "true: the law limits it to occasional transfers, so it never serves a routine activity.", is: flagField},
	{key: "needs", doc: "What a safeguard that leans on it must state: countries (any is refused), assessment, or an attribute.", is: listField, form: oneOf(needWords)},
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
	{key: "laws", doc: "Transfer laws, with their countries, mechanisms and dates.", is: tableField, must: true, what: "law", fields: lawFields},
}

func (d *draft) decodeLaws(root record) {
	members := map[string][]string{}
	var names []string
	for _, e := range root.entries("memberships") {
		members[e.key.value] = values(e.items)
		names = append(names, e.key.value)
	}
	aliases := root.entries("aliases")
	for _, r := range root.rows("laws") {
		l := decision.Law{
			ID: r.text("id"), Title: r.text("title") + " " + r.text("articles"), Countries: values(r.list("countries")),
			Default: r.text("default"), Mechanisms: d.mechanisms(r), Validity: r.validity(),
			Confirm: r.flag("confirm"), Source: r.text("source"), Position: r.position(),
		}
		for _, it := range r.list("members") {
			if !slices.Contains(names, it.value) {
				r.report(it.node, "unknown-reference", "unknown membership %q; %s", it.value, hint(it.value, names))
			}
			l.Countries = append(l.Countries, members[it.value]...)
		}
		r.governs()
		d.laws = append(d.laws, row[decision.Law]{l, r})
	}
	d.aliases(root, aliases)
	d.decodeAges(root, aliases)
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
			Occasional: m.flag("occasional"), Needs: values(m.list("needs")), Confirm: m.flag("confirm"),
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
}

func lawID(l decision.Law) string { return l.ID }
