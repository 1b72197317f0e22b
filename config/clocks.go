package config

import (
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// termForm is a length of time, as laws write it.
var termForm = &form{
	pattern: "^(" + decision.WithoutDelay + "|1 (hour|day|business day|month|year)|([2-9]|[1-9][0-9]{1,3}) (hours|days|business days|months|years))$",
	check: func(r record, key string, it item) {
		if _, ok := decision.ParseTerm(it.value); !ok && !r.archived {
			r.report(it.node, "bad-term-of-time", "%q is %q, no length of time; write 72 hours, 30 days, 3 business days, 1 month or %s", key, it.value, decision.WithoutDelay)
		}
	},
}

// weekendDays are what a week has free of business.
var weekendDays = map[string]time.Weekday{
	"monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday, "thursday": time.Thursday,
	"friday": time.Friday, "saturday": time.Saturday, "sunday": time.Sunday,
}

var weekendWords = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

func momentWords(moments ...decision.Moment) []string {
	words := make([]string, len(moments))
	for i, m := range moments {
		words[i] = string(m)
	}
	return words
}

// nothing is the key by which a law's answer is that it asks for nothing.
const nothing = "none"

var clockFields = []field{
	{key: "law", doc: "The law, by its id.", must: true},
	{key: "breach", doc: "Who must be told of a personal data breach. Left out: no source was found.", is: mappingField, what: "breach", fields: breachFields},
	{key: "rights", doc: "By when a person's request must be answered. Left out: no source was found.", is: mappingField, what: "rights", fields: rightsFields},
	{key: "record_keeping", doc: "What must be kept about processing. Left out: no source was found.", is: mappingField, what: "record_keeping", fields: recordKeepingFields},
	{key: "weekend", doc: "The days on which no business day falls. Left out: saturday and sunday.", is: listField, form: oneOf(weekendWords)},
	fromField, untilField, zoneField,
}

var breachFields = []field{
	{key: nothing, doc: "Why nobody must be told, with the source. Then nothing else but doubt stands here."},
	{key: "authority", doc: "By when the authority must be told.", is: mappingField, what: "authority", fields: authorityFields},
	{key: "persons", doc: "By when the persons whose data it is must be told.", is: mappingField, what: "persons", fields: notificationFields},
	doubtField,
}

// doubtField is what keeps a time from being certain. It is said wherever the time is.
var doubtField = field{key: "doubt", doc: "What is not certain about it, for counsel to answer. Left out: nothing is."}

var notificationFields = []field{
	{key: nothing, doc: "Why they need not be told, with the source. Then nothing else but doubt stands here."},
	{key: "within", doc: "How long there is: 72 hours, 3 business days, 30 days, 1 month, or without delay.", form: termForm},
	{key: "from", doc: "The moment it is counted from: awareness (the controller knows of it), occurrence, assessment (it was found to be one that must be told) or authority-told.", form: oneOf(momentWords(decision.FromAwareness, decision.FromOccurrence, decision.FromAssessment, decision.FromAuthority))},
	{key: "when", doc: "In which cases. Left out: always."},
	{key: "source", doc: "The provision, and where it was read."},
	doubtField, noteField,
}

var authorityFields = append([]field{{key: "to", doc: "The authority, by its name."}}, notificationFields...)

var rightsFields = []field{
	{key: nothing, doc: "Why no request must be answered, with the source. Then nothing else but doubt stands here."},
	{key: "answer", doc: "How long there is from the receipt of a request for access on.", form: termForm},
	{key: "extension", doc: "By how much longer it may take. Left out: no longer.", form: termForm},
	{key: "notice", doc: "Within which time, from receipt, an extension must be told. Left out: no figure.", form: termForm},
	{key: "source", doc: "The provision, and where it was read."},
	doubtField, noteField,
}

var recordKeepingFields = []field{
	{key: nothing, doc: "Why nothing must be kept, with the source. Then nothing else but doubt stands here."},
	{key: "what", doc: "What must be kept, in words."},
	{key: "keep", doc: "For how long. Left out: no figure.", form: termForm},
	{key: "source", doc: "The provision, and where it was read."},
	doubtField, noteField,
}

func (d *draft) decodeClocks(root record) {
	if !root.has("clocks") {
		return
	}
	for _, r := range root.rows("clocks") {
		off := r.weekend()
		c := decision.Clocks{
			Law: r.text("law"), Breach: r.breach(off), Rights: r.rights(off), Records: r.recordKeeping(),
			Validity: r.validity(), Position: r.position(),
		}
		d.clocks = append(d.clocks, row[decision.Clocks]{c, r})
	}
}

// checkClocks makes sure that one law sets one time at a time.
func (d *draft) checkClocks() {
	laws := ids(d.laws, lawID)
	for _, r := range d.clocks {
		r.refer(item{r.value.Law, r.at("law")}, "law", laws)
	}
	apart(d.clocks, "clocks of law", func(c decision.Clocks) string { return c.Law }, func(c decision.Clocks) decision.Validity { return c.Validity })
}

func (r record) weekend() []time.Weekday {
	if !r.has("weekend") {
		return []time.Weekday{time.Saturday, time.Sunday}
	}
	var off []time.Weekday
	for _, it := range r.list("weekend") {
		if day, ok := weekendDays[it.value]; ok {
			off = append(off, day)
		}
	}
	if len(off) == len(weekendDays) {
		r.report(r.at("weekend"), "bad-clock", "%q is the whole week, so no business day ever comes; leave the days of business out", "weekend")
	}
	return off
}

// term reads a length of time.
func (r record) term(key string) decision.Term {
	t, _ := decision.ParseTerm(r.text(key)) // its form reports what is none
	return t
}

// nothing reads why a law asks for nothing, and reports what stands beside that.
func (r record) nothing() string {
	none, beside := r.text(nothing), len(r.values)-1
	if r.has(doubtField.key) {
		beside--
	}
	if none != "" && beside > 0 {
		r.report(r.at(nothing), "bad-clock", "%q says that the law asks for nothing, and other keys of %s say what it asks for; keep one", nothing, r.what)
	}
	return none
}

// asked reports keys that a law which asks for something must say.
func (r record) asked(keys ...string) {
	for _, key := range keys {
		r.want(key)
	}
}

func (r record) breach(off []time.Weekday) *decision.Breach {
	w, ok := r.mapping("breach")
	if !ok {
		return nil
	}
	b := &decision.Breach{None: w.nothing(), Doubt: w.text(doubtField.key)}
	if a, ok := w.mapping("authority"); ok {
		b.Authority = a.notification(off)
		if b.Authority.To = a.text("to"); b.Authority.None == "" {
			a.asked("to")
		}
	}
	if p, ok := w.mapping("persons"); ok {
		b.Persons = p.notification(off)
	}
	if len(w.values) == 0 {
		w.report(w.node, "bad-clock", "breach says nothing; write authority or persons, or none with the reason, or leave it out")
	}
	return b
}

func (r record) notification(off []time.Weekday) *decision.Notification {
	n := &decision.Notification{
		None: r.nothing(), Within: r.term("within"), From: decision.Moment(r.text("from")), When: r.text("when"), Off: off, Source: r.text("source"),
	}
	n.Doubt, n.Confirm = r.doubt()
	if n.None == "" {
		r.asked("within", "from", "source")
	}
	return n
}

// doubt reads what is not certain, and whether counsel has something to answer.
func (r record) doubt() (what string, open bool) {
	what = r.text(doubtField.key)
	return what, r.flag(noteField.key) || what != ""
}

func (r record) rights(off []time.Weekday) *decision.Rights {
	w, ok := r.mapping("rights")
	if !ok {
		return nil
	}
	rights := &decision.Rights{
		None: w.nothing(), Answer: w.term("answer"), Extension: w.term("extension"), Notice: w.term("notice"), Off: off,
		Source: w.text("source"),
	}
	rights.Doubt, rights.Confirm = w.doubt()
	if rights.None == "" {
		w.asked("answer", "source")
	}
	if w.has("notice") && !w.has("extension") {
		w.report(w.at("notice"), "bad-clock", "%q is when an extension is told, and there is none; write extension beside it", "notice")
	}
	return rights
}

func (r record) recordKeeping() *decision.RecordKeeping {
	w, ok := r.mapping("record_keeping")
	if !ok {
		return nil
	}
	k := &decision.RecordKeeping{None: w.nothing(), What: w.text("what"), Keep: w.term("keep"), Source: w.text("source")}
	k.Doubt, k.Confirm = w.doubt()
	if k.None == "" {
		w.asked("what", "source")
	}
	return k
}

// warnOfClocks tells which laws in force leave reports without a time.
func (d *draft) warnOfClocks(p *decision.Policy, at time.Time) {
	var breach, rights, records []string
	for _, l := range p.Laws {
		if !l.Validity.Contains(at) {
			continue
		}
		c := p.ClocksAt(l.ID, at)
		if c == nil {
			c = &decision.Clocks{}
		}
		if c.Breach == nil || c.Breach.None == "" && (c.Breach.Authority == nil || c.Breach.Persons == nil) {
			breach = append(breach, l.ID)
		}
		if c.Rights == nil {
			rights = append(rights, l.ID)
		}
		if c.Records == nil {
			records = append(records, l.ID)
		}
	}
	lacks := lacking{{"telling of a breach", breach}, {"answering a person", rights}, {"keeping records", records}}
	if lacks.nothing() {
		return
	}
	first := d.laws[0].record
	if len(d.clocks) > 0 {
		first = d.clocks[0].record
	}
	first.report(first.node, "clocks-missing", "no clocks say what laws in force want of %s: reports name no day there; find the source, and add it under clocks, or none with the reason", lacks)
}

// warnOfDoubts tells, for each law, what of its times is not certain, and once which laws
// have times that nobody's counsel has looked at.
func (d *draft) warnOfDoubts(at time.Time) {
	var unconfirmed []string
	for _, r := range d.clocks {
		c := r.value
		if !c.Validity.Contains(at) {
			continue
		}
		var doubts []string
		confirmed := true
		note := func(of, doubt string, confirm bool) {
			if doubt != "" {
				doubts = append(doubts, of+": "+doubt)
			}
			confirmed = confirmed && (doubt != "" || !confirm)
		}
		if b := c.Breach; b != nil {
			note("telling of a breach", b.Doubt, false)
			for of, n := range map[string]*decision.Notification{"telling the authority": b.Authority, "telling persons": b.Persons} {
				if n != nil {
					note(of, n.Doubt, n.Confirm)
				}
			}
		}
		if c.Rights != nil {
			note("answering a person", c.Rights.Doubt, c.Rights.Confirm)
		}
		if c.Records != nil {
			note("keeping records", c.Records.Doubt, c.Records.Confirm)
		}
		if len(doubts) > 0 {
			slices.Sort(doubts)
			r.report(r.node, "clock-doubtful", "of the times of law %q it is not certain: %s; have counsel answer it, and take doubt and confirm away", c.Law, strings.Join(doubts, "; "))
		}
		if !confirmed {
			unconfirmed = append(unconfirmed, c.Law)
		}
	}
	if len(unconfirmed) > 0 {
		first := d.clocks[0].record
		first.report(first.node, "clocks-unconfirmed", "nobody's counsel has looked at the times of %s: reports say so beside each day; have them read, and take confirm away", strings.Join(unconfirmed, ", "))
	}
}

// warnOfReports tells what a register of processing would lack.
func (d *draft) warnOfReports() {
	incomplete(d.activities, "activities", func(a decision.Activity) string { return a.ID }, "data_subjects", "erasure", "measures")
	incomplete(d.controllers, "controllers", controllerID, "dpo", "email", "authority")
}

// incomplete reports, once for a register, keys that rows lack.
func incomplete[T any](rows []row[T], what string, id func(T) string, keys ...string) {
	var lacks lacking
	for _, key := range keys {
		var without []string
		for _, r := range rows {
			if !r.has(key) {
				without = append(without, id(r.value))
			}
		}
		lacks = append(lacks, lack{key, without})
	}
	if !lacks.nothing() {
		rows[0].report(rows[0].node, "register-incomplete", "%s do not say what a register of processing has (GDPR Art 30): %s; add it to their rows", what, lacks)
	}
}

// lack is something that some rows do not say, and which.
type lack struct {
	what string
	ids  []string
}

type lacking []lack

func (l lacking) nothing() bool {
	return !slices.ContainsFunc(l, func(one lack) bool { return len(one.ids) > 0 })
}

// String lists what is lacking, with the ids in parentheses.
func (l lacking) String() string {
	var parts []string
	for _, one := range l {
		if len(one.ids) > 0 {
			parts = append(parts, one.what+" ("+strings.Join(one.ids, ", ")+")")
		}
	}
	return strings.Join(parts, ", ")
}
