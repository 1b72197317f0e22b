package gateway

import "slices"

// conflictVisitor: the visitor is in another country than the one they
// registered in. The registered one holds; GeoIP is a hint.
const conflictVisitor = "registered-country/visitor-country"

// conflictClaimInvalid: the claimed country is no code of ISO 3166-1, and stands for
// none.
const conflictClaimInvalid = "claimed-country/iso-3166"

// compare notes the pairs that disagree about the data subject: account record,
// claims and country table (see package controllers), then identity sources, then
// GeoIP. Only pairs are kept, never what they say.
func (x *exchange) compare() {
	x.conflicts = x.subject.Conflicts
	if x.invalid {
		x.conflicts = append(slices.Clip(x.conflicts), conflictClaimInvalid)
	}
	for i := range x.answers {
		x.compareWith(&x.answers[i])
	}
	if x.origin != "" && x.subject.Country != "" && x.origin != x.subject.Country {
		x.conflicts = append(x.conflicts, conflictVisitor)
	}
}

// compareWith notes where another source's answer differs from the one that holds.
// Who speaks of staff and who speaks of the person do not speak of the same.
func (x *exchange) compareWith(other *Identity) {
	id := &x.identity
	if !other.Found || (id.Staff == nil) != (other.Staff == nil) {
		return
	}
	for _, c := range [...]struct{ what, one, other string }{
		{"account", id.Account, other.Account},
		{"country", id.Country, other.Country},
		{"party", id.Party, other.Party},
	} {
		if c.one != "" && c.other != "" && c.one != c.other {
			x.conflicts = append(x.conflicts, id.Source+"-"+c.what+"/"+other.Source+"-"+c.what)
		}
	}
	if id.Staff != nil && *id.Staff != *other.Staff {
		x.conflicts = append(x.conflicts, id.Source+"-staff/"+other.Source+"-staff")
	}
}
