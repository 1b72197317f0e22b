package decision

import "slices"

// try judges one declared region. It returns the candidate, or the refusal and what
// was refused; nil where no law was asked.
func (v *view) try(code string, d *Decision, f *Facts) (*Candidate, *Refusal) {
	region := v.regions[code]
	if region == nil {
		return nil, &Refusal{Region: code, Reason: NoRegion, Unlock: regionUnknown(code)}
	}
	recipient := v.recipients[region.Operator]
	if r := v.sieve(region, recipient, d); r != "" {
		return nil, &Refusal{Region: code, Reason: r, Unlock: v.sieveUnlock(r, region, recipient, d.Activity)}
	}
	if f.Staff != nil {
		staff := v.recipients[f.Staff.Entity]
		if r := v.sieveStaff(staff, d); r != "" {
			return nil, &Refusal{Region: code, Reason: r, Unlock: v.staffUnlock(r, staff, d.Activity)}
		}
	}
	if entity := shunned(region, d.Activity, f); entity != "" {
		return nil, &Refusal{Region: code, Reason: RecipientObjected, Unlock: shunnedUnlock(entity)}
	}
	var room [most]stop
	stops := v.path(room[:0], region, d, f.Staff)
	c := &Candidate{Region: region, Recipient: recipient, Transfer: transfers(stops, d)}
	gaps := v.judgeAll(c, stops, d)
	if d.Controller.Country == "" && !(region.Storage && v.staysStored(c.Legs)) {
		// A contracting party the registers do not know may sit anywhere, under
		// any law: only the store is left.
		gaps = append(gaps, gap{reason: LawUnknown, unlock: controllerCountryUnlock(v.store, d.Controller)})
	}
	if len(gaps) > 0 && region.Storage && unstoppable(d.Activity, f) {
		c.Lacking, gaps = joinUnlocks(gaps), nil
	}
	if len(gaps) == 0 {
		v.encode(c)
		return c, nil
	}
	return c, refuse(code, gaps)
}

// sieve applies what needs no law: §4, §9 and what an anonymous person may reach.
//
//clause:enforces §4(c).1 §4(c).3 §9.1; record reason recipient
func (v *view) sieve(region *Region, recipient *Recipient, d *Decision) Reason {
	a := d.Activity
	switch {
	case a.StorageOnly && !region.Storage:
		return StorageInSingapore
	case !v.receives(region.Code, a.Kind):
		return RecipientNotAllowed
	case a.Kind == Affiliate && (a.Support == "" || !slices.Contains(recipient.Supports, a.Support)):
		return SupportNotAllowed
	case (a.Kind == Affiliate || a.Kind == Partner) && slices.Contains(a.Categories, identityDocuments):
		return IdentityDocuments
	case anonymous(d) && !v.singapore(Place{region.Operator, region.Country}):
		return AnonymousSingapore
	case a.Exporter == FromStore && v.store == nil:
		return NoRegion
	}
	return ""
}

// sieveStaff applies the same to the staff who ask.
//
//clause:enforces §5(f) §5(j).2; record requester reason
func (v *view) sieveStaff(staff *Recipient, d *Decision) Reason {
	a := d.Activity
	affiliate := slices.Contains(staff.Kinds, Affiliate)
	own := staff.ID == d.Controller.ID || v.store != nil && staff.ID == v.store.Operator
	switch {
	case !affiliate && !slices.Contains(staff.Kinds, Operator):
		return RecipientNotAllowed
	case affiliate && (a.Support == "" || !slices.Contains(staff.Supports, a.Support)):
		return SupportNotAllowed
	case !own && slices.Contains(a.Categories, identityDocuments):
		return IdentityDocuments
	case anonymous(d) && !v.singapore(Place{staff.ID, staff.Country}):
		return AnonymousSingapore
	}
	return ""
}

// anonymous reports whether nobody is known, in a matter that needs somebody.
//
//clause:enforces §4(d); record activity region; off return d.Country == ""
func anonymous(d *Decision) bool { return d.Country == "" && !d.Activity.Public }

// singapore reports whether a place is the default controller's own in the
// country of the store, which is all that anonymous people may reach.
func (v *view) singapore(p Place) bool {
	return v.stored(p.Country) && v.countries.fallback != nil && p.Entity == v.countries.fallback.ID
}

// refuse sums the gaps of a candidate up. Data that must not leave and an unknown law
// outweigh a missing safeguard, because no instrument can mend them and report mode
// does not waive them; a missing one outweighs an unproven one.
func refuse(code string, gaps []gap) *Refusal {
	for _, reason := range []Reason{Localised, LawUnknown, NoSafeguard} {
		if i := slices.IndexFunc(gaps, func(g gap) bool { return g.reason == reason }); i >= 0 {
			return &Refusal{Region: code, Reason: reason, Law: gaps[i].law, Unlock: joinUnlocks(gaps)}
		}
	}
	return &Refusal{Region: code, Reason: gaps[0].reason, Law: gaps[0].law, Unlock: joinUnlocks(gaps)}
}
