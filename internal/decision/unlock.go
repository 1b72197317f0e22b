package decision

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The sentences here complete "to pass, the request needs ...". They name
// entities, countries and rows of the registers, never a person's data.

// joinUnlocks puts the needs of one candidate into one sentence, each once.
func joinUnlocks(gaps []gap) string {
	var parts []string
	for _, g := range gaps {
		if !slices.Contains(parts, g.unlock) {
			parts = append(parts, g.unlock)
		}
	}
	return strings.Join(parts, "; and ")
}

// flow names a leg: who gives what is where to whom.
func flow(leg *Leg) string {
	exporter := leg.Exporter
	if leg.Kind == Collection {
		exporter = "the person"
	}
	return fmt.Sprintf("%s in %s -> %s in %s", exporter, somewhere(leg.From), leg.Recipient, somewhere(leg.To))
}

// somewhere names a country that may not be known.
func somewhere(country string) string {
	return cmp.Or(country, "a country that is not known")
}

// wanted is what a law misses in a leg: in a sentence, by words, and the row that
// comes nearest, if one is made for the flow.
type wanted struct {
	unlock  string
	lacks   []Lack
	nearest *Safeguard
}

// safeguardWanted says which safeguard a law misses. unproven is the row that
// would do if it were proven, or nil.
func (v *view) safeguardWanted(law *Law, leg *Leg, d *Decision, unproven *Safeguard) wanted {
	a := d.Activity
	if v.terse {
		return wanted{}
	}
	under := fmt.Sprintf("under %s (%s) for %s", law.ID, law.Title, flow(leg))
	if unproven != nil {
		return wanted{fmt.Sprintf("a proven safeguard %s; the row %s %s", under, unproven.ID, proof(unproven)), []Lack{LacksProof}, unproven}
	}
	want := fmt.Sprintf("a safeguard %s that covers %s and %s", under,
		list("category", "categories", a.Categories), list("purpose", "purposes", a.Purposes))
	if v.covered(law, leg) {
		return wanted{unlock: want + fmt.Sprintf("; %s is in a country of concern or owned from one, which only %s opens", leg.Recipient, strings.Join(law.Concern.Tags, ", ")), lacks: []Lack{LacksConcern}}
	}
	row, short := v.nearest(law, leg, d)
	if row == nil {
		return wanted{unlock: want, lacks: []Lack{LacksMechanism}}
	}
	if len(short.lacks) == 0 {
		short = v.openLacks(law, leg, a)
	}
	return wanted{want + fmt.Sprintf("; the nearest row %s %s", row.ID, strings.Join(short.words, " and ")), short.lacks, row}
}

// proof says why a row is not proven.
func proof(row *Safeguard) string {
	switch {
	case row.Example && row.Confirm:
		return "is an example whose instrument does not exist yet, and counsel has yet to confirm it"
	case row.Example:
		return "is an example whose instrument does not exist yet"
	default:
		return "has yet to be confirmed by counsel"
	}
}

// nearest finds the row of a law made for the flow that lacks least, whether or
// not it is in force, and says what it lacks. Ties go by id.
func (v *view) nearest(law *Law, leg *Leg, d *Decision) (best *Safeguard, least shortage) {
	for i := range v.policy.Safeguards {
		row := &v.policy.Safeguards[i]
		if row.Law != law.ID || !fits(row, leg) {
			continue
		}
		s := v.shortOf(law, row, leg, d)
		if best == nil || s.count < least.count || s.count == least.count && row.ID < best.ID {
			best, least = row, s
		}
	}
	return best, least
}

// shortage is what a row lacks for a flow: in words for people and for programs,
// and how much it is.
type shortage struct {
	words []string
	lacks []Lack
	count int
}

func (s *shortage) add(count int, words string, lacks ...Lack) {
	s.words, s.lacks, s.count = append(s.words, words), append(s.lacks, lacks...), s.count+count
}

// shortOf says what a row lacks for an activity.
func (v *view) shortOf(law *Law, row *Safeguard, leg *Leg, d *Decision) (s shortage) {
	a := d.Activity
	if slices.Contains(row.Except, d.Country) {
		s.add(1, "is not for people of "+d.Country, LacksPeople)
	}
	if missing := row.Categories.lacks(a.Categories); len(missing) > 0 {
		s.add(len(missing), "lacks "+list("category", "categories", missing), lacking("category", missing)...)
	}
	if missing := row.Purposes.lacks(a.Purposes); len(missing) > 0 {
		s.add(len(missing), "lacks "+list("purpose", "purposes", missing), lacking("purpose", missing)...)
	}
	if len(row.Tag) > 0 && law.of(row.Tag) == nil {
		s.add(100, row.Tag+" is no mechanism of the law", LacksMechanism)
	}
	x := law.instrument(row, v.assessment(row), v.at)
	if x.mechanism != nil && x.unnamed() {
		s.add(1, "names no destination countries, as "+row.Tag+" has to", LacksCountries)
	}
	for i, duty := range x.shorts(leg, a) {
		s.add(1-min(i, 1), fmt.Sprintf("shows no %s that holds now (%s)", duty.Evidence, duty.Title), Lack("duty:"+duty.Evidence))
	}
	if v.at.Before(row.Validity.From) {
		s.add(1, "starts at "+row.Validity.From.Format(time.RFC3339), LacksForce)
	} else if !row.Validity.Contains(v.at) {
		s.add(1, "ended at "+row.Validity.Until.Format(time.RFC3339), LacksForce)
	}
	if row.Occasional && !a.Occasional {
		s.add(1, "is for occasional transfers only", LacksRoutine)
	}
	if !proven(row) && !v.site.Demo {
		s.add(1, proof(row), LacksProof)
	}
	return s
}

// list writes "category 1a" or "categories 1a, 1h".
func list(one, many string, items []string) string {
	if len(items) == 1 {
		return one + " " + items[0]
	}
	return many + " " + strings.Join(items, ", ")
}

// lawWanted says that a country has no law in the registers.
func (v *view) lawWanted(country string, leg *Leg) string {
	if v.terse {
		return ""
	}
	if country == "" {
		country = "the country the data passes through, which the registers do not name"
	}
	if v.policy.UnknownLaw != SingaporeUnknown {
		return fmt.Sprintf("a law for %s in the register of laws: without one nothing of a person from there is processed (unknown_law: deny)", country)
	}
	return fmt.Sprintf("a law for %s in the register of laws: without one data goes to %s only, not %s",
		country, v.storeCountry(), flow(leg))
}

// openLacks says which of two rows an open law's flow lacks: that of its own rule,
// or the one that binds the recipient.
func (v *view) openLacks(law *Law, leg *Leg, a *Activity) (s shortage) {
	for i := range v.rows[law] {
		if x := &v.rows[law][i]; x.mechanism != nil && x.mechanism.Rule && v.counts(law, x, leg, a) {
			s.add(1, "is the law's own rule; the statement promises bound recipients (§9), so a row with the contract that binds "+leg.Recipient+" is needed too", LacksContract)
			return s
		}
	}
	s.add(1, "binds the recipient; a row with the law's own rule is needed too", LacksRule)
	return s
}

// of returns the law's mechanism of a tag, or nil.
func (l *Law) of(tag string) *Mechanism {
	if i := slices.IndexFunc(l.Mechanisms, func(m Mechanism) bool { return m.Tag == tag }); i >= 0 {
		return &l.Mechanisms[i]
	}
	return nil
}

// assessment returns what a row names as its assessment, or nil.
func (v *view) assessment(row *Safeguard) *Assessment {
	if i := slices.IndexFunc(v.policy.Assessments, func(a Assessment) bool { return a.ID == row.Assessment }); i >= 0 {
		return &v.policy.Assessments[i]
	}
	return nil
}

// localUnlock says what would let data leave that a law wants kept.
func (v *view) localUnlock(law *Law, leg *Leg, unproven *Safeguard) string {
	if v.terse {
		return ""
	}
	l := law.Localisation
	if unproven != nil {
		return fmt.Sprintf("a proven safeguard that says where the copy in the country is, under %s (%s) for %s; the row %s %s",
			law.ID, law.Title, flow(leg), unproven.ID, proof(unproven))
	}
	if l.Tag == "" {
		return fmt.Sprintf("another law: %s (%s) wants the data kept where the person is (%s), and personal data is stored in Singapore (§9), so it may not be collected here", law.ID, law.Title, l.Form)
	}
	return fmt.Sprintf("a safeguard %s under %s (%s) that says where the data is kept in the country (%s) and since when, for %s; without one it may not be collected here",
		l.Tag, law.ID, law.Title, LocalCopy, flow(leg))
}

// controllerCountryUnlock says that a contracting party's country is not known.
func controllerCountryUnlock(store *Region, c *Controller) string {
	only := "nowhere"
	if store != nil {
		only = "to " + store.Code + " only"
	}
	return fmt.Sprintf("the country of the controller %s in the account record: without one data goes %s", c.ID, only)
}

// regionUnknown says that a declared region is none.
func regionUnknown(code string) string {
	return fmt.Sprintf("the region %s in the register of regions", code)
}

// regionWanted says which regions an activity could be answered from.
func (v *view) regionWanted(a *Activity) string {
	if v.terse {
		return ""
	}
	var codes []string
	for _, r := range v.policy.Regions {
		if v.receives(r.Code, a.Kind) && (!a.StorageOnly || r.Storage) {
			codes = append(codes, r.Code)
		}
	}
	want := fmt.Sprintf("a declared region whose operator may receive under %s", a.Kind)
	if len(codes) == 0 {
		return want + "; the register of regions has none"
	}
	return want + ", such as " + strings.Join(codes, ", ")
}

// sieveUnlock says what a region lacks that sieve refused.
func (v *view) sieveUnlock(r Reason, region *Region, recipient *Recipient, a *Activity) string {
	if v.terse {
		return ""
	}
	switch r {
	case StorageInSingapore:
		if v.store == nil {
			return fmt.Sprintf("a storage region: activity %s is answered nowhere else", a.ID)
		}
		return fmt.Sprintf("region %s: activity %s is answered where data is stored, and nowhere else", v.store.Code, a.ID)
	case RecipientNotAllowed:
		return kindUnlock(region.Operator, recipient, string(a.Kind))
	case SupportNotAllowed:
		return supportUnlock(recipient, a)
	case IdentityDocuments:
		return documentsUnlock(recipient, a)
	case AnonymousSingapore:
		return v.anonymousUnlock(a)
	default:
		return "a storage region in the register of regions: activity " + a.ID + " sets out from the store"
	}
}

// staffUnlock says what staff lack that sieveStaff refused.
func (v *view) staffUnlock(r Reason, staff *Recipient, a *Activity) string {
	if v.terse {
		return ""
	}
	switch r {
	case RecipientNotAllowed:
		return kindUnlock(staff.ID, staff, string(Affiliate)+" or "+string(Operator))
	case SupportNotAllowed:
		return supportUnlock(staff, a)
	case IdentityDocuments:
		return documentsUnlock(staff, a)
	default:
		return v.anonymousUnlock(a)
	}
}

func kindUnlock(id string, r *Recipient, kind string) string {
	if r == nil {
		return fmt.Sprintf("the recipient %s in the register of recipients, with kind %s", id, kind)
	}
	kinds := make([]string, len(r.Kinds))
	for i, k := range r.Kinds {
		kinds[i] = string(k)
	}
	return fmt.Sprintf("a recipient of kind %s; %s has %s", kind, id, orNone(kinds))
}

func supportUnlock(r *Recipient, a *Activity) string {
	if a.Support == "" {
		return fmt.Sprintf("a kind of support: activity %s names none, and %s gives %s", a.ID, r.ID, orNone(r.Supports))
	}
	return fmt.Sprintf("an affiliate that gives %s; %s gives %s", a.Support, r.ID, orNone(r.Supports))
}

func documentsUnlock(r *Recipient, a *Activity) string {
	return fmt.Sprintf("an activity without category %s; %s carries it, and %s may not receive it", identityDocuments, a.ID, r.ID)
}

func (v *view) anonymousUnlock(a *Activity) string {
	by := "nobody"
	if v.countries.fallback != nil && v.store != nil {
		by = fmt.Sprintf("%s in %s only", v.countries.fallback.ID, v.store.Country)
	}
	return fmt.Sprintf("a person with a registered country; for anybody else activity %s is answered by %s", a.ID, by)
}

// orNone lists items, or says that there are none.
func orNone(items []string) string {
	if len(items) == 0 {
		return "none"
	}
	return strings.Join(items, ", ")
}
