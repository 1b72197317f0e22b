package config

import (
	"slices"

	"github.com/sparkoo/transfergate/internal/decision"
)

// localisation reads what a law wants kept in its countries.
func (r record) localisation(mechanisms []decision.Mechanism) *decision.Localisation {
	w, ok := r.mapping("localisation")
	if !ok {
		return nil
	}
	l := &decision.Localisation{
		Categories: w.set("categories"), Form: decision.Form(w.text("form")), Persons: decision.Persons(w.text("persons")),
		From: w.date("from"), Tag: w.text("tag"), Source: w.text("source"), Confirm: w.flag("confirm"),
	}
	switch {
	case l.Form == decision.OnlyHere && w.has("tag"):
		w.report(w.at("tag"), "localisation-tag", "form only-here lets nothing leave, so no safeguard can say otherwise; take tag away, or write first-here or copy-here")
	case l.Form != decision.OnlyHere && l.Form != "" && !w.has("tag"):
		w.report(w.node, "localisation-tag", "form %s lets data leave once it is kept in the country; write under tag which safeguards say where", l.Form)
	case slices.ContainsFunc(mechanisms, func(m decision.Mechanism) bool { return m.Tag == l.Tag }):
		w.report(w.at("tag"), "localisation-tag", "tag %q is a mechanism of the law too, and a local copy satisfies no rule on transfers; give it a tag of its own", l.Tag)
	}
	w.ofLaw("tag", r)
	return l
}

// ofLaw reports tags that are not those of the law.
func (r record) ofLaw(key string, law record) {
	for _, it := range r.tagsAt(key) {
		if prefix := law.at("id").Value + "-"; law.has("id") && tagForm.MatchString(it.value) && (len(it.value) <= len(prefix) || it.value[:len(prefix)] != prefix) {
			r.report(it.node, "bad-tag", "tag %q is not one of law %q; begin it with %s", it.value, law.at("id").Value, prefix)
		}
	}
}

// tagsAt returns the tags under a key, be it one or a list.
func (r record) tagsAt(key string) []item {
	if list := r.again(key); list != nil || !r.has(key) {
		return list
	}
	return []item{{r.at(key).Value, r.at(key)}}
}

// concern reads which recipients a law closes.
func (r record) concern(mechanisms []decision.Mechanism) *decision.Concern {
	w, ok := r.mapping("concern")
	if !ok {
		return nil
	}
	c := &decision.Concern{
		Countries: values(w.list("countries")), Share: w.number("share"), Tags: values(w.list("tags")),
		Source: w.text("source"), Confirm: w.flag("confirm"),
	}
	w.mechanismsOf("tags", mechanisms)
	return c
}

// mechanismsOf reports tags that are none of the law's mechanisms.
func (r record) mechanismsOf(key string, mechanisms []decision.Mechanism) {
	var tags []string
	for _, m := range mechanisms {
		if !slices.Contains(tags, m.Tag) {
			tags = append(tags, m.Tag)
		}
	}
	for _, it := range r.again(key) {
		r.refer(it, "mechanism", tags)
	}
}

// duties reads what a law asks for beside a mechanism.
func (r record) duties(mechanisms []decision.Mechanism) []decision.Duty {
	if !r.has("duties") {
		return nil
	}
	var list []decision.Duty
	for _, w := range r.rows("duties") {
		d := decision.Duty{
			Evidence: w.text("evidence"), Title: w.text("title"), For: values(w.list("for")),
			Categories: decision.Set{Of: values(w.list("categories"))}, Months: w.number("months"), Confirm: w.flag("confirm"),
		}
		if !w.has("categories") {
			d.Categories = decision.Set{Any: true}
		}
		w.mechanismsOf("for", mechanisms)
		list = append(list, d)
	}
	return list
}

// bindsRecipients makes sure that a law that asks for nothing says so in a mechanism,
// and that it has another by which a recipient is bound: the statement promises that (§9).
func (r record) bindsRecipients(l *decision.Law) {
	rules := 0
	for _, m := range l.Mechanisms {
		if m.Rule {
			rules++
		}
	}
	switch {
	case r.archived || len(l.Mechanisms) == 0:
	case l.Default == "open" && rules == 0:
		r.report(r.at("default"), "open-law", "law %q is open and no mechanism is its own rule; write rule: true in the one that says that it asks for nothing", l.ID)
	case l.Default != "open" && rules > 0 && r.has("default"):
		r.report(r.at("default"), "open-law", "law %q is %s, and a mechanism says that it asks for nothing; write default: open, or take rule: true away", l.ID, l.Default)
	case rules == len(l.Mechanisms):
		r.report(r.at("mechanisms"), "open-law", "law %q has no mechanism that binds a recipient, as the statement promises (§9); add one, such as a contract", l.ID)
	}
}
