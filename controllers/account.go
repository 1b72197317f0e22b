package controllers

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// Account is what the Account Center says about a data subject. Its
// contracting party is the controller, before the country table (§11). A record
// with neither country nor party is lawful: it only says that the account exists.
type Account struct {
	// ID is the account id, in the spelling the identity sources use.
	ID string
	// Country is the registered country: ISO 3166-1 alpha-2; empty when the
	// record doesn't say.
	Country string
	// Invalid tells that the record had a country, its own or its party's, that is no
	// code of ISO 3166-1. Its person's country counts as unknown, whatever is claimed,
	// and Country is empty; all else that the record says holds.
	Invalid bool
	// Controller is the contracting party: the id of a controller of the
	// registers; empty if none is recorded.
	Controller string
	// Party is a contracting party that the registers don't list. At most one
	// of Controller and Party is set.
	Party *Party
	// Salt is the person's own salt, random text from the Account Center that
	// goes into the pseudonyms of their records. Whoever deletes it, here and
	// there, cuts those records loose from the person (§6). Empty if there is none.
	Salt string
	// Born is the year or the day of birth; zero when the record doesn't say.
	Born Birth
	// Choices are what the data subject chose; nil for nothing.
	Choices *Choices
	// References are the consents, instructions and cases on file (§4), by the id
	// of the activity each is for; nil for none.
	References map[string]decision.Reference
}

// Birth is what a record says about when a person was born.
type Birth = decision.Birth

// Reference returns what is on file for an activity; the zero Reference for
// nothing, and for a nil account.
func (a *Account) Reference(activity string) decision.Reference {
	if a == nil {
		return decision.Reference{}
	}
	return a.References[activity]
}

// Known are the ids of the registers that account records may name.
type Known struct {
	// Controllers may be contracting parties.
	Controllers []string
	// Recipients may be objected to.
	Recipients []string
	// Activities may be disabled.
	Activities []string
}

// Party is a contracting party as an account record names it.
type Party struct {
	Name    string
	Address string
	// Country the party is in: ISO 3166-1 alpha-2; empty when unknown.
	Country string
}

// The longest texts an account record may hold, in bytes. Ids come back in
// every request; names and addresses stand in header fields.
const (
	maxID   = 256
	maxText = 1024
	// A salt nobody can guess has 16 bytes or more.
	minSalt, maxSalt = 16, 128
)

// clone copies the record and all it points to.
func (a *Account) clone() *Account {
	c := *a
	c.Choices = a.Choices.clone()
	c.References = maps.Clone(a.References)
	if a.Party != nil {
		party := *a.Party
		c.Party = &party
	}
	return &c
}

// controller is the party as a controller. It is made anew for each request: there
// are few, and each is an alert.
func (p *Party) controller() *decision.Controller {
	return &decision.Controller{ID: UnlistedID, Unlisted: true, Name: p.Name, Address: p.Address, Country: p.Country}
}

// checkAccounts holds each of a set of records to the rules. Whether one stands
// there twice is found out when they are stored.
func checkAccounts(accounts []Account, known Known) error {
	for i := range accounts {
		if err := accounts[i].check(known); err != nil {
			return fmt.Errorf("account %d of %d: %w", i+1, len(accounts), err)
		}
	}
	return nil
}

// check holds one record to the rules. Its errors show no value that may be personal: no id, no name, no address. A
// contracting party isn't shown either, as a person's name may have slipped in.
func (a *Account) check(known Known) error {
	return cmp.Or(a.checkForm(), a.CheckNames(known)) // the first mistake
}

// checkForm holds one record to the rules that are the same whatever registers say.
func (a *Account) checkForm() error {
	if err := checkText("account", a.ID, maxID); err != nil {
		return err
	}
	if err := checkCountry("country", a.Country); err != nil {
		return err
	}
	if a.Controller != "" && a.Party != nil {
		return errors.New("two contracting parties, a listed and an unlisted one; keep one")
	}
	if a.Salt != "" {
		if err := checkText("salt", a.Salt, maxSalt); err != nil {
			return err
		}
		if len(a.Salt) < minSalt {
			return fmt.Errorf("salt is shorter than %d bytes; make it random, as 'openssl rand -base64 24' does", minSalt)
		}
	}
	if p := a.Party; p != nil {
		return cmp.Or( // the first mistake
			checkText("contracting_party.name", p.Name, maxText),
			checkText("contracting_party.address", p.Address, maxText),
			checkCountry("contracting_party.country", p.Country),
		)
	}
	return nil
}

// CheckNames reports whether registers have what the record names. Its errors show no
// value that may be personal.
func (a *Account) CheckNames(known Known) error {
	if a.Controller != "" && !slices.Contains(known.Controllers, a.Controller) {
		return unknownParty(a.Controller, known.Controllers)
	}
	if a.Choices != nil {
		if err := a.Choices.check(known); err != nil {
			return err
		}
	}
	for activity := range a.References {
		if !slices.Contains(known.Activities, activity) {
			return unknownWord("references", "an activity of the registers", activity, known.Activities)
		}
	}
	return nil
}

// unknownParty is the error for a contracting party that is no controller.
func unknownParty(id string, known []string) error {
	const fix = `list it there, or give its "name" and "address" instead of an id`
	if did := suggest.DidYouMean(id, known); did != "" {
		return fmt.Errorf("contracting_party is not a controller of the registers; %s If not, %s", did, fix)
	}
	return fmt.Errorf("contracting_party is not a controller of the registers; %s", fix)
}

// checkText refuses text that is empty, too long, or not what was meant to be
// written: control characters, and the character that stands for broken UTF-8.
func checkText(field, text string, limit int) error {
	switch {
	case text == "":
		return fmt.Errorf("%s is missing or empty", field)
	case len(text) > limit:
		return fmt.Errorf("%s is longer than %d bytes", field, limit)
	case !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError):
		return fmt.Errorf("%s is not valid UTF-8", field)
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("%s holds a control character", field)
	}
	return nil
}

// leaveOutCountries takes invalid countries out of the record and notes that there
// were some. It returns what was wrong, for whoever keeps the records; nil if nothing.
func (a *Account) leaveOutCountries() (wrong error) {
	leaveOut := func(field string, code *string) {
		if err := checkCountry(field, *code); err != nil {
			a.Invalid, *code, wrong = true, "", cmp.Or(wrong, err)
		}
	}
	leaveOut("country", &a.Country)
	if a.Party != nil {
		leaveOut("contracting_party.country", &a.Party.Country)
	}
	if a.Invalid {
		a.Country = "" // the party's laws are not known, so that the person's would not be all
	}
	return wrong
}

// checkCountry refuses what is neither empty nor a country code. It shows the
// value only if it looks like a code.
func checkCountry(field, code string) error {
	if code == "" || country.Valid(code) {
		return nil
	}
	letter := func(r rune) bool { return r < utf8.RuneSelf && unicode.IsLetter(r) }
	if len(code) <= 3 && !strings.ContainsFunc(code, func(r rune) bool { return !letter(r) }) {
		return fmt.Errorf("%s %q is not an ISO 3166-1 alpha-2 code; %s", field, code, country.Advice(code))
	}
	return fmt.Errorf("%s is not an ISO 3166-1 alpha-2 code", field)
}

// MaxID is how long an account id may be, in bytes.
const MaxID = 256

// ValidID reports whether an account id can be looked up: text in UTF-8 and in
// Unicode's normal form C, so that it is spelled in one way only, without control
// characters, of 1 to [MaxID] bytes.
func ValidID(id string) bool {
	return id != "" && len(id) <= MaxID && utf8.ValidString(id) && norm.NFC.IsNormalString(id) &&
		!strings.ContainsFunc(id, unicode.IsControl)
}
