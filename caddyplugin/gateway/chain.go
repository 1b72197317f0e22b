package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
)

// chain is the identity sources, in the order in which they are asked. It is complete
// once the app is provisioned, and does not change afterwards.
type chain struct {
	sources []IdentitySource
	names   []string // as the configuration calls them

	fields     []string    // inbound fields that the sources read
	lookalikes guard.Names // the same, for the guard
	ownIDs     []string    // issuers whose account ids are their own
}

// add adds a source. Its places, if it names some, are required of every policy.
func (c *chain) add(source IdentitySource, name string, require func(rule func(*decision.Policy) error) error) error {
	for _, field := range fieldsOf(source) {
		for _, before := range c.sources {
			if one, other := use(before, field), use(source, field); slices.Contains(fieldsOf(before), field) && one != other {
				return fmt.Errorf("field '%s' names %s for one identity source and something else for another: give each its own", field, cmp.Or(one, other))
			}
		}
		c.fields = append(c.fields, field)
	}
	c.sources, c.names = append(c.sources, source), append(c.names, name)
	c.lookalikes = guard.NamesOf(c.fields...)
	checker, ok := source.(PlaceChecker)
	if !ok {
		return nil
	}
	return require(func(p *decision.Policy) error {
		return checker.CheckPlaces(func(place decision.Place) bool {
			return slices.ContainsFunc(p.Recipients, func(r decision.Recipient) bool { return r.ID == place.Entity && r.Country == place.Country })
		})
	})
}

// watchClaims says which claims no credential has.
func (c *chain) watchClaims(d *advice, at option.Places) {
	for i, source := range c.sources {
		watcher, ok := source.(ClaimWatcher)
		if !ok {
			continue
		}
		watcher.WatchClaims(func(options []string) {
			for _, option := range options {
				d.once(Finding{"claim-unseen", at.Find(fmt.Sprint("identity.", i)), fmt.Sprintf(
					"no credential so far had the claim that '%s' of 'identity %s' names, so it says nothing of anybody; spell it as the issuer does, or take the option out", option, c.names[i])})
			}
		})
	}
}

// ask asks every identity source; the first that identifies wins.
func (c *chain) ask(x *exchange, r *http.Request, m *metrics) {
	if x.answers == nil {
		x.answers = make([]Identity, len(c.sources))
	}
	x.identity, x.identified, x.position = Identity{}, false, 0
	var foreign *IdentityError
	last := 0 // position of the source that said so
	for i, source := range c.sources {
		id, err := source.Identify(r)
		id.Source, err = c.sourceName(i, id.Source), c.bounded(i, err)
		m.spoofed(id.Spoofed)
		if e := new(IdentityError); errors.As(err, &e) && e.Foreign {
			foreign, last = e, i+1
			continue // another source may know it
		}
		if err == nil {
			err = c.checkAccount(source, &id)
		}
		if err != nil {
			x.refuse(err, i+1)
			continue // the other sources still remove their fields
		}
		if !id.Found {
			id = x.answers[i] // its fields were removed when it was asked before
		}
		x.answers[i] = id
		if id.Found && !x.identified {
			x.identity, x.identified, x.position = id, true, i+1
		}
	}
	if foreign != nil && x.refusal == "" && !slices.ContainsFunc(x.answers, func(id Identity) bool { return id.Found && id.Source == foreign.Source }) {
		x.refuse(foreign, last)
	}
}

// ownSources are the names that the sources which come with the gateway give themselves.
var ownSources = []string{"jwt", "certificate", "delegated", "header"}

// sourceName is how the i-th source stands in records, metrics and logs: by a name of
// ownSources, or as the configuration calls it. What a guest says may come of the request.
func (c *chain) sourceName(i int, says string) string {
	if slices.Contains(ownSources, says) {
		return says
	}
	return c.names[i]
}

// bounded is the error of the i-th source with nothing in it that is not of a closed set:
// a guest's may be made of the request.
func (c *chain) bounded(i int, err error) error {
	if err == nil {
		return nil
	}
	e := new(IdentityError)
	if !errors.As(err, &e) {
		return err
	}
	if !slices.Contains(decision.Reasons(), e.Reason) {
		return errUnknownReason
	}
	if name := c.sourceName(i, e.Source); name != e.Source || !describes(e.Description) {
		bounded := *e
		if bounded.Source = name; !describes(e.Description) {
			bounded.Description = ""
		}
		return &bounded
	}
	return err
}

var errUnknownReason = errors.New("an identity source refuses for a reason that is none of the documented ones")

// maxDescription is how long a description is at most that is told to a client.
const maxDescription = 200

// describes reports whether a text may stand in an error_description (RFC 6750 section 3).
func describes(text string) bool {
	return len(text) <= maxDescription && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}

// checkAccount refuses an account id that no directory can be asked for, and one that
// is not the source's to name. What is odd about it is the caller's affair: it is not
// for the directory to find out.
func (c *chain) checkAccount(source IdentitySource, id *Identity) error {
	if id.Account == "" || controllers.ValidID(id.Account) && c.speaksFor(source, id) {
		return nil
	}
	e := &IdentityError{Source: id.Source, Reason: decision.IdentityAmbiguous, Cause: AccountMalformed}
	switch {
	case id.Staff != nil:
		e.Reason = decision.StaffWithoutSubject
	case id.Source == "jwt":
		e.Reason, e.Description = decision.IdentityBroken, malformedAccount
	}
	return e
}

// malformedAccount is told to a client whose credential proves an odd account id.
const malformedAccount = "the credential names a malformed account id"
