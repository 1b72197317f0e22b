package controllers

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// Choices are what an account record says a data subject chose (§7), and what
// the state of the account means for their data (§8).
type Choices struct {
	// Choices hold from the moment the record is in the table. OptOut is not
	// among them: it is the request's.
	decision.Choices
	// ConsentUntil is when a withdrawal of consent takes effect. From then on
	// it is as good as Withdrawn. Zero: no moment is set.
	ConsentUntil time.Time
}

// ChoicesAt returns what the data subject has chosen as of t. A nil account
// chose nothing. The slices are shared and must not be changed.
func (a *Account) ChoicesAt(t time.Time) decision.Choices {
	if a == nil || a.Choices == nil {
		return decision.Choices{}
	}
	c := a.Choices.Choices
	if until := a.Choices.ConsentUntil; !until.IsZero() && !t.Before(until) {
		c.Withdrawn = true
	}
	return c
}

// ChoicesAt returns what the data subject has chosen as of t, and whether they are
// a minor then: because the record says so, or because of when they were born, as
// the record says or who vouches for them, by the ages of a policy for their country
// and the controller's. The slices are shared and must not be changed.
func (sub *Subject) ChoicesAt(p *decision.Policy, vouched decision.Birth, t time.Time) decision.Choices {
	c := sub.Account.ChoicesAt(t)
	countries := []string{sub.Country, ""}
	if sub.Controller != nil {
		countries[1] = sub.Controller.Country
	}
	c.Minor = c.Minor || p.Minor(vouched, t, countries...) || sub.Account != nil && p.Minor(sub.Account.Born, t, countries...)
	return c
}

// clone copies the choices; nil stays nil.
func (c *Choices) clone() *Choices {
	if c == nil {
		return nil
	}
	d := *c
	d.Disabled, d.Purposes, d.Recipients = slices.Clone(c.Disabled), slices.Clone(c.Purposes), slices.Clone(c.Recipients)
	return &d
}

// purposes are those of §2.
var purposes = []string{"2a", "2b", "2c", "2d", "2e", "2f", "2g"}

// check holds the choices to the rules. What they name must be known, or an
// objection misspelt would stop nothing. Like those of [Account.check] its errors
// show no value: a person's words may have slipped in.
func (c *Choices) check(known Known) error {
	for _, id := range c.Disabled {
		if !slices.Contains(known.Activities, id) {
			return unknownWord("disabled", "an activity of the registers", id, known.Activities)
		}
	}
	for _, purpose := range c.Purposes {
		if !slices.Contains(purposes, purpose) {
			return unknownObjection(purpose, known)
		}
	}
	for _, id := range c.Recipients {
		if !slices.Contains(known.Recipients, id) {
			return unknownObjection(id, known)
		}
	}
	return nil
}

func unknownObjection(word string, known Known) error {
	return unknownWord("objections", "a purpose 2a to 2g or a recipient of the registers", word, known.Recipients)
}

// unknownWord is the error for an item that names nothing known.
func unknownWord(key, what, word string, known []string) error {
	text := fmt.Sprintf("an item of %s is not %s", key, what)
	if did := suggest.DidYouMean(word, known); did != "" {
		text += "; " + did
	}
	return errors.New(text)
}

// choiceReader collects the choices of one record. It allocates only for a
// record that has some.
type choiceReader struct {
	dec     *json.Decoder
	account *Account
}

// choices returns the account's choices, made on first use.
func (r choiceReader) choices() *Choices {
	if r.account.Choices == nil {
		r.account.Choices = new(Choices)
	}
	return r.account.Choices
}

// read takes the value of a key about a choice.
func (r choiceReader) read(key string, value json.Token) error {
	switch key {
	case "restricted":
		return r.flag(key, value, func(c *Choices) { c.Restricted = true })
	case "closed":
		return r.flag(key, value, func(c *Choices) { c.Closed = true })
	case "minor":
		return r.flag(key, value, func(c *Choices) { c.Minor = true })
	case "guardian":
		return r.flag(key, value, func(c *Choices) { c.Guardian = true })
	case "withdrawn":
		return r.withdrawn(value)
	case "disabled":
		return r.each(key, value, func(id string) { add(&r.choices().Disabled, id) })
	default: // objections
		return r.objections(value)
	}
}

// flag calls set if the value is true. False and null are as good as no key.
func (r choiceReader) flag(key string, value json.Token, set func(*Choices)) error {
	yes, ok := value.(bool)
	if !ok && value != nil {
		return fmt.Errorf("%s is neither true nor false", key)
	}
	if yes {
		set(r.choices())
	}
	return nil
}

// withdrawn reads true, false, or the moment consent ends.
func (r choiceReader) withdrawn(value json.Token) error {
	written, ok := value.(string)
	if !ok {
		if r.flag("withdrawn", value, func(c *Choices) { c.Withdrawn = true }) != nil {
			return errWithdrawn
		}
		return nil
	}
	var moment time.Time
	if moment.UnmarshalText([]byte(written)) != nil { // stricter than time.Parse
		return errWithdrawn
	}
	c := r.choices()
	c.ConsentUntil = moment.UTC()
	c.Withdrawn = moment.IsZero() // the zero time is no moment, but long ago
	return nil
}

var errWithdrawn = errors.New("withdrawn is neither true, false nor a moment in RFC 3339, such as 2026-11-23T12:00:00Z")

// objections reads a list of purposes and recipients. No recipient's id begins
// with a digit, and every purpose does.
func (r choiceReader) objections(value json.Token) error {
	return r.each("objections", value, func(item string) {
		c := r.choices()
		list := &c.Recipients
		if strings.HasPrefix(item, "2") {
			list = &c.Purposes
		}
		add(list, item)
	})
}

// each hands the items of a list of text to take. Null is as good as no key, and
// so is a list without items.
func (r choiceReader) each(key string, value json.Token, take func(string)) error {
	if value == nil {
		return nil
	}
	if value != json.Delim('[') {
		return fmt.Errorf("%s is not a list", key)
	}
	for r.dec.More() {
		token, err := r.dec.Token()
		if err != nil {
			return errors.New("not one valid JSON object")
		}
		item, ok := token.(string)
		if !ok || item == "" {
			return fmt.Errorf("%s holds what is not text", key)
		}
		take(item)
	}
	if _, err := r.dec.Token(); err != nil { // the closing bracket
		return errors.New("not one valid JSON object")
	}
	return nil
}

// add appends an item that is not there yet.
func add(list *[]string, item string) {
	if !slices.Contains(*list, item) {
		*list = append(*list, item)
	}
}
