package decision

import (
	"fmt"
	"slices"
)

// Choices are what the data subject chose about their data, and what the state
// of their account means for it (§7, §8), at the moment of the request. Nothing
// waives them, report mode included. The zero Choices chose nothing.
//
// None of them stops an activity marked Rights.
type Choices struct {
	// Closed: the account was closed, which counts as withdrawal (§7). Only
	// deletion from the store goes on (§6).
	Closed bool `json:"closed,omitempty"`
	// Minor: the person is not of age where they live, which whoever keeps the
	// account decides, or [Policy.Minor]. Guardian: a parent or guardian stands by
	// them. A minor without one is refused (§8).
	Minor    bool `json:"minor,omitempty"`
	Guardian bool `json:"guardian,omitempty"`
	// Restricted: what the person themselves stores goes on, and what §4(b)
	// asks for; the rest stops.
	Restricted bool `json:"restricted,omitempty"`
	// Withdrawn: activities that rest on consent stop. Disabled are ids of
	// activities for which alone that is so: services the person switched off.
	Withdrawn bool     `json:"withdrawn,omitempty"`
	Disabled  []string `json:"disabled,omitempty"`
	// Purposes are those the person objects to. Activities with one of them
	// stop; 2f, what the law requires, is no matter of objection.
	Purposes []string `json:"purposes,omitempty"`
	// Recipients are ids of entities that must not receive the data, as a
	// region's operator or through their staff.
	Recipients []string `json:"recipients,omitempty"`
	// OptOut: the request carries the opt-out signal Sec-GPC. Marketing and
	// sharing with partners stop, unless the person instructed it (§4(a)). It
	// speaks for whoever sends the request, so that of staff is not heeded.
	OptOut bool `json:"opt_out,omitempty"`
}

// What choices turn on (§2).
const (
	marketing         = "2b"
	legalRequirements = "2f"
	consent           = "2-basis(d)"
)

// any reports whether anything was chosen.
func (c *Choices) any() bool {
	return c.Closed || c.Minor || c.Restricted || c.Withdrawn || c.OptOut ||
		len(c.Disabled)+len(c.Purposes)+len(c.Recipients) > 0
}

// own reports whether it is the data subject who asks.
func (f *Facts) own() bool { return f.Staff == nil }

// ownRights reports whether a person asks for their own access or rights (§7).
//
//clause:enforces 7-right(a) 7-right(b) 7-right(c) 7-right(f) 7-right(g); record activity decision
func ownRights(a *Activity, f *Facts) bool { return a.Rights && f.own() }

// unstoppable reports whether no law stops a request on its way to the store: the
// person's own access and rights requests (§7), and that they delete what is stored (§6).
//
//clause:enforces §6.2 7-right(c); record decision
func unstoppable(a *Activity, f *Facts) bool {
	return ownRights(a, f) || a.StorageOnly && f.Deletes && f.own()
}

// stopped returns the choice that stops an activity whatever the region, or "".
// The broadest comes first.
//
//clause:enforces §6.2 7-withdrawal.1 7-deletion.1 7-deletion.2 7-right(d) 7-right(e) §8.2; record reason clause
func stopped(a *Activity, f *Facts) Reason {
	c := &f.Choices
	switch {
	case a.Rights:
		return ""
	case c.Closed && !(a.StorageOnly && f.Deletes):
		return AccountClosed
	case c.Minor && !c.Guardian:
		return MinorWithoutGuardian
	case c.Restricted && !(a.StorageOnly && f.own()) && a.Kind != Authority:
		return ProcessingRestricted
	case restsOnConsent(a, &f.Reference) && (c.Withdrawn || slices.Contains(c.Disabled, a.ID)):
		return ConsentWithdrawn
	case c.objection(a) != "":
		return PurposeObjected
	case c.OptOut && f.own() && optedOut(a):
		return OptOutSignal
	}
	return ""
}

// restsOnConsent reports whether an activity needs consent, by its basis or by what
// the person's own data may be shared on (§4(a)). One whose basis nobody wrote
// down has no other.
//
//clause:enforces 7-withdrawal.2; record legal_basis reason; off return true
func restsOnConsent(a *Activity, r *Reference) bool {
	return a.LegalBasis == consent || a.LegalBasis == "" || a.Kind == Instructed && r.Kind == Consent
}

// objection returns the first purpose of an activity the person objects to, or "".
func (c *Choices) objection(a *Activity) string {
	for _, purpose := range a.Purposes {
		if purpose != legalRequirements && slices.Contains(c.Purposes, purpose) {
			return purpose
		}
	}
	return ""
}

// optedOut reports whether the opt-out signal is about an activity.
func optedOut(a *Activity) bool {
	return a.Kind == Partner || a.Kind != Instructed && slices.Contains(a.Purposes, marketing)
}

// shunned returns the entity that would receive the data at a region and that
// the person objects to, or "".
//
//clause:enforces 7-right(d); record reason
func shunned(region *Region, a *Activity, f *Facts) string {
	switch refused := f.Choices.Recipients; {
	case ownRights(a, f):
		return ""
	case slices.Contains(refused, region.Operator):
		return region.Operator
	case f.Staff != nil && slices.Contains(refused, f.Staff.Entity):
		return f.Staff.Entity
	}
	return ""
}

// heeds reports whether the choices change what is decided of an activity without
// them. It may say so of facts where they do not, never the other way round.
func (v *view) heeds(a *Activity, f *Facts) bool {
	return a != nil && f.Choices.any() && (stopped(a, f) != "" || v.shuns(a, f))
}

// shuns reports whether the person objects to staff who ask, or to somebody who might
// receive the data of an activity in one of the site's regions.
func (v *view) shuns(a *Activity, f *Facts) bool {
	if len(f.Choices.Recipients) == 0 || ownRights(a, f) {
		return false
	}
	for _, entity := range f.Choices.Recipients {
		if f.Staff != nil && f.Staff.Entity == entity {
			return true
		}
		if r := v.operators[entity]; r != nil && slices.Contains(r.Kinds, a.Kind) {
			return true
		}
	}
	return false
}

// choiceUnlock says what would unlock an activity that a choice stops.
func choiceUnlock(r Reason, a *Activity, c *Choices) string {
	switch r {
	case ConsentWithdrawn:
		return fmt.Sprintf("the person's consent, on which activity %s rests and which was withdrawn", a.ID)
	case PurposeObjected:
		purpose := c.objection(a)
		return fmt.Sprintf("the person's objection to purpose %s taken back, or an activity without it; %s has it", purpose, a.ID)
	default:
		return r.Info().Unlock
	}
}

// shunnedUnlock says what would unlock a region the person's objection closes.
func shunnedUnlock(entity string) string {
	return fmt.Sprintf("another recipient than %s, or the person's objection to it taken back", entity)
}
