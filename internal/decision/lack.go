package decision

import "strings"

// Lack is what a law misses in a leg, in a word that records keep: a Lacks constant,
// or one of the words below with what it is about after a colon.
//
//	category:1b, purpose:2d   the nearest row does not cover it
//	duty:notification         the nearest row shows no evidence of it that holds
//	localisation:only-here    the law wants the data kept in its territory, in that form
type Lack string

// What may be missing.
const (
	LacksLaw       Lack = "law"       // no law is registered for the country
	LacksMechanism Lack = "mechanism" // no row leans on a mechanism of the law for the flow
	LacksConcern   Lack = "concern"   // the law closes the recipient by its place or owner
	LacksPeople    Lack = "people"    // the nearest row is not for people of the country
	LacksCountries Lack = "countries" // the nearest row names no destination, as it has to
	LacksForce     Lack = "force"     // the nearest row has ended, or has yet to begin
	LacksRoutine   Lack = "routine"   // the nearest row is for occasional transfers only
	LacksProof     Lack = "proof"     // the nearest row is an example, or not confirmed
	LacksContract  Lack = "contract"  // the law asks for nothing, and no row binds the recipient (§9)
	LacksRule      Lack = "rule"      // a row binds the recipient, and none has the law's own rule
)

// lacking makes a word of each.
func lacking(kind string, items []string) []Lack {
	list := make([]Lack, len(items))
	for i, item := range items {
		list[i] = Lack(kind + ":" + item)
	}
	return list
}

// localLacks is what is missing where a law wants data kept. unproven is the row that
// would let it leave if it were proven, or nil.
func localLacks(l *Localisation, unproven *Safeguard) []Lack {
	if unproven != nil {
		return []Lack{Lack("localisation:" + string(l.Form)), LacksProof}
	}
	return []Lack{Lack("localisation:" + string(l.Form))}
}

// lacking is the verdict of a regime that misses something.
func (v *view) lacking(r *regime, nearest *Safeguard, lacks ...Lack) Verdict {
	if v.terse {
		return Verdict{Law: r.id()}
	}
	return Verdict{Law: r.id(), Lacks: lacks, Nearest: nearest}
}

// lackWords says what each word means; those that end in a colon go on with what
// they are about.
var lackWords = map[Lack]string{
	LacksLaw:        "a law in the register",
	LacksMechanism:  "a row that leans on one of the law's mechanisms for the flow",
	LacksConcern:    "a mechanism that opens a recipient in a country of concern, or owned from one",
	LacksPeople:     "a row for people of the country",
	LacksCountries:  "a row that names the destination",
	LacksForce:      "a row in force",
	LacksRoutine:    "a row for routine transfers",
	LacksProof:      "a row that is proven",
	LacksContract:   "a contract that binds the recipient (§9)",
	LacksRule:       "a row with the law's own rule",
	"category:":     "a row that covers category ",
	"purpose:":      "a row that covers purpose ",
	"duty:":         "evidence of a duty that holds: ",
	"localisation:": "permission to leave the law's territory, which it wants the data kept in: ",
}

// text says what is missing. A word of a later version is quoted.
func (l Lack) text() string {
	kind, about, found := strings.Cut(string(l), ":")
	if found {
		kind += ":"
	}
	words, known := lackWords[Lack(kind)]
	if !known {
		return "'" + string(l) + "'"
	}
	return words + about
}

// lacksText is a clause of a sentence; empty where nothing is told.
func lacksText(verdict *Verdict) string {
	if len(verdict.Lacks) == 0 {
		return ""
	}
	parts := make([]string, len(verdict.Lacks))
	for i, l := range verdict.Lacks {
		parts[i] = l.text()
	}
	text := "; missing: " + strings.Join(parts, ", and ")
	if verdict.Nearest != nil {
		text += "; the nearest row is " + verdict.Nearest.ID
	}
	return text
}
