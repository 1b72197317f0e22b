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
	return fmt.Sprintf("%s in %s -> %s in %s", leg.Exporter, somewhere(leg.From), leg.Recipient, somewhere(leg.To))
}

// somewhere names a country that may not be known.
func somewhere(country string) string {
	return cmp.Or(country, "a country that is not known")
}

// safeguardWanted says which safeguard a law misses. unproven is the row that
// would do if it were proven, or nil.
func (v *view) safeguardWanted(law *Law, leg *Leg, a *Activity, unproven *Safeguard) string {
	if v.terse {
		return ""
	}
	under := fmt.Sprintf("under %s (%s) for %s", law.ID, law.Title, flow(leg))
	if unproven != nil {
		return fmt.Sprintf("a proven safeguard %s; the row %s %s", under, unproven.ID, proof(unproven))
	}
	want := fmt.Sprintf("a safeguard %s that covers %s and %s", under,
		list("category", "categories", a.Categories), list("purpose", "purposes", a.Purposes))
	if row, lacks := v.nearest(law, leg, a); row != nil {
		want += fmt.Sprintf("; the nearest row %s %s", row.ID, lacks)
	}
	return want
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
func (v *view) nearest(law *Law, leg *Leg, a *Activity) (*Safeguard, string) {
	var best *Safeguard
	var bestLacks []string
	fewest := 0
	for i := range v.policy.Safeguards {
		row := &v.policy.Safeguards[i]
		if row.Law != law.ID || !fits(row, leg) {
			continue
		}
		lacks, count := v.shortOf(row, a)
		if best == nil || count < fewest || count == fewest && row.ID < best.ID {
			best, bestLacks, fewest = row, lacks, count
		}
	}
	return best, strings.Join(bestLacks, " and ")
}

// shortOf says what a row lacks for an activity, and how much that is.
func (v *view) shortOf(row *Safeguard, a *Activity) (lacks []string, count int) {
	if missing := row.Categories.lacks(a.Categories); len(missing) > 0 {
		lacks = append(lacks, "lacks "+list("category", "categories", missing))
		count += len(missing)
	}
	if missing := row.Purposes.lacks(a.Purposes); len(missing) > 0 {
		lacks = append(lacks, "lacks "+list("purpose", "purposes", missing))
		count += len(missing)
	}
	if v.at.Before(row.Validity.From) {
		lacks = append(lacks, "starts at "+row.Validity.From.Format(time.RFC3339))
		count++
	} else if !row.Validity.Contains(v.at) {
		lacks = append(lacks, "ended at "+row.Validity.Until.Format(time.RFC3339))
		count++
	}
	if row.Occasional && !a.Occasional {
		lacks = append(lacks, "is for occasional transfers only")
		count++
	}
	if !proven(row) && !v.site.Demo {
		lacks = append(lacks, proof(row))
		count++
	}
	return lacks, count
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
	return fmt.Sprintf("a law for %s in the register of laws: without one data goes to %s only, not %s",
		country, v.storeCountry(), flow(leg))
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
		return fmt.Sprintf("region %s: activity %s is answered where data is stored, not in %s", v.store.Code, a.ID, region.Code)
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
