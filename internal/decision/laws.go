package decision

import "slices"

// regime is a law that has a say in a candidate, or the lack of one.
type regime struct {
	law     *Law   // nil: the country has no law in force
	country string // the country that brought it in
	// reach is the first leg it has a say in. A law reaches the data with the
	// leg that brings it into its territory.
	reach int
	// registered: it came in through the registered country.
	// subject: through the registered country or the controller's.
	registered, subject bool
}

// NoLaw stands where a country has no law in force, as none:XX.
const NoLaw = "none"

// id names the regime in verdicts: a law's id, or none:XX.
func (r *regime) id() string {
	if r.law == nil {
		return NoLaw + ":" + r.country
	}
	return r.law.ID
}

// gap is what one regime misses in one leg.
type gap struct {
	reason Reason
	law    string
	unlock string
}

// judgeAll sets the legs of a candidate with every regime's verdict on each,
// and the safeguards leant on. It returns what is missing.
//
//clause:enforces introduction.1 §9.3; record legs law; header Data-Transfer; off c.Legs = legs(stops); return nil
func (v *view) judgeAll(c *Candidate, stops []stop, d *Decision) []gap {
	c.Legs = legs(stops)
	var room [most]regime
	regimes := v.regimes(room[:0], stops, d)
	verdicts := make([]Verdict, len(c.Legs)*len(regimes))
	var gaps []gap
	for i := range c.Legs {
		leg := &c.Legs[i]
		at := i * len(regimes)
		leg.Laws = verdicts[at : at : at+len(regimes)]
		for r := range regimes {
			verdict, missing := v.judge(&regimes[r], i, leg, d)
			leg.Laws = append(leg.Laws, verdict)
			if missing != nil {
				gaps = append(gaps, *missing)
			}
			c.lean(verdict.Rule)
			c.lean(verdict.Safeguard)
		}
	}
	return append(gaps, v.judgeReturn(c, stops, d)...)
}

// lean notes a row that a candidate leans on.
func (c *Candidate) lean(row *Safeguard) {
	if row != nil && !slices.Contains(c.Safeguards, row) {
		c.Safeguards = append(c.Safeguards, row)
		c.Demo = c.Demo || !proven(row)
	}
}

// judgeReturn sets the leg by which data comes back to the store from a region or
// an affiliate elsewhere, as the laws there see it. What is public by nature, and
// what nobody in particular asked for, comes back as nobody's data.
func (v *view) judgeReturn(c *Candidate, stops []stop, d *Decision) []gap {
	last := stops[len(stops)-1]
	if !c.Transfer || d.Country == "" || d.Activity.Public || v.store == nil || v.stored(last.Country) {
		return nil
	}
	leg := &Leg{
		Kind: Return, Exporter: last.Entity, From: last.Country,
		Recipient: v.store.Operator, RecipientKind: Operator, To: v.store.Country,
	}
	var gaps []gap
	for _, law := range v.laws[last.Country] {
		r := regime{law: law, country: last.Country}
		if law.Returns.None && !slices.Contains(law.Countries, d.Country) {
			leg.Laws = append(leg.Laws, Verdict{Law: law.ID, Outcome: NotATransfer, Because: Returned})
			continue
		}
		verdict, missing := v.judge(&r, len(stops), leg, d)
		leg.Laws = append(leg.Laws, verdict)
		if missing != nil {
			gaps = append(gaps, *missing)
		}
		c.lean(verdict.Rule)
		c.lean(verdict.Safeguard)
	}
	c.Return = leg
	return gaps
}

// regimes lists who has a say, each law once: the registered country's laws and
// the controller's from the start, those of every place that sends data on from
// the leg that brings it there. They are appended to list, which is empty.
func (v *view) regimes(list []regime, stops []stop, d *Decision) []regime {
	if d.Country != "" {
		list = v.attach(list, regime{country: d.Country, registered: true, subject: true})
	}
	if d.Controller.Country != "" {
		list = v.attach(list, regime{country: d.Controller.Country, subject: true})
	}
	for i := 2; i < len(stops)-1; i++ {
		list = v.attach(list, regime{country: stops[i].Country, reach: i - 1})
	}
	return list
}

// attach adds the laws of a country that are not in the list yet. Whoever came
// first reaches furthest, so what is there stays as it is.
func (v *view) attach(list []regime, r regime) []regime {
	for _, law := range v.laws[r.country] {
		if !slices.ContainsFunc(list, func(x regime) bool { return x.law != nil && x.law.ID == law.ID }) {
			with := r
			with.law = law
			list = append(list, with)
		}
	}
	if len(v.laws[r.country]) > 0 ||
		slices.ContainsFunc(list, func(x regime) bool { return x.law == nil && x.country == r.country }) {
		return list
	}
	// Nothing is known about arriving in a country without a law: only what
	// leaves it can be judged.
	if !r.subject {
		r.reach++
	}
	return append(list, r)
}

// judge is one regime's verdict on leg i, and what is missing if it is Missing.
func (v *view) judge(r *regime, i int, leg *Leg, d *Decision) (Verdict, *gap) {
	if kept, unproven := v.localised(r, leg, d.Activity); kept {
		return v.lacking(r, unproven, localLacks(r.law.Localisation, unproven)...), &gap{Localised, r.id(), v.localUnlock(r.law, leg, unproven)}
	}
	if because := v.exempt(r, i, leg, d); because != "" {
		return Verdict{Law: r.id(), Outcome: NotATransfer, Because: because}, nil
	}
	if r.law == nil {
		return v.lacking(r, nil, LacksLaw), &gap{LawUnknown, r.id(), v.lawWanted(r.country, leg)}
	}
	f, reason := v.safeguard(r, leg, d)
	if reason != "" {
		want := v.safeguardWanted(r.law, leg, d, f.row)
		return v.lacking(r, want.nearest, want.lacks...), &gap{reason, r.id(), want.unlock}
	}
	return Verdict{Law: r.id(), Outcome: Satisfied, Safeguard: f.row, Rule: f.rule}, nil
}

// exempt tells why a regime sees no transfer in a leg, or "" if it sees one.
func (v *view) exempt(r *regime, i int, leg *Leg, d *Decision) Because {
	inside := r.law != nil && slices.Contains(r.law.Countries, leg.To)
	switch {
	case r.law == nil && r.subject && v.policy.UnknownLaw != SingaporeUnknown:
		return ""
	case leg.Kind == Collection:
		return r.collection(inside)
	case i < r.reach:
		return BeforeReach
	case inside:
		return InsideTerritory
	case r.law == nil && v.stored(leg.To):
		return StoredInSingapore
	case r.law != nil && r.subject && home(d.Controller, leg):
		return OwnController
	}
	return ""
}

// collection tells why a regime sees no transfer when the person gives data to the
// controller, or "". Laws differ (EDPB Guidelines 05/2021 see none, PIPL Art 3(2)
// does), so the registered country's says so in its row.
func (r *regime) collection(inside bool) Because {
	switch {
	case !r.registered && inside:
		return InsideTerritory
	case !r.registered, r.law == nil, r.law.DirectCollection.None:
		return DirectCollection
	case inside:
		return InsideTerritory
	}
	return ""
}

// home reports whether a leg ends with the controller itself. A branch of it in
// another country does not count: what goes there is not back.
func home(c *Controller, leg *Leg) bool {
	return leg.Recipient == c.ID && leg.To != "" && leg.To == c.Country
}
