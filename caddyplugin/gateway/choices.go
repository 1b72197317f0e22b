package gateway

import (
	"net/http"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
)

// optOutField is the Global Privacy Control signal (W3C), as net/http spells it.
// A line that is not exactly "1" is no signal.
const optOutField = "Sec-Gpc"

// choices are what the data subject has chosen as of at, and whether they are a
// minor, by the account record or by what vouches for them, and what the request opts out of: what one of them
// stops is stopped. An account without a record chose nothing.
func (x *exchange) choices(r *http.Request, at time.Time) decision.Choices {
	return x.choicesBy(x.state.Policy, &x.subject, slices.Contains(r.Header[optOutField], "1"), at)
}

// choicesBy is choices under a policy, which says who the subject's controller is,
// from which age on people are of age, and which activities there are.
func (x *exchange) choicesBy(p *decision.Policy, subject *controllers.Subject, optOut bool, at time.Time) decision.Choices {
	c := subject.ChoicesAt(p, x.identity.Born, at)
	c.Minor = c.Minor || x.identity.Minor
	c.OptOut = optOut
	if len(x.identity.Withdrawn) > 0 {
		withdraw(&c, x.identity.Withdrawn, p)
	}
	return c
}

// withdraw adds withdrawn consents to the choices, whose slices are the account
// record's. A purpose stands for all activities that have it.
func withdraw(c *decision.Choices, names []string, p *decision.Policy) {
	c.Disabled = slices.Clone(c.Disabled)
	for _, name := range names {
		known := isPurpose(name)
		for i := range p.Activities {
			a := &p.Activities[i]
			if a.ID == name || slices.Contains(a.Purposes, name) {
				known = true
				c.Disabled = append(c.Disabled, a.ID)
			}
		}
		c.Withdrawn = c.Withdrawn || !known
	}
}

// isPurpose reports whether a name is one of the purposes of §2: 2a to 2g.
func isPurpose(name string) bool {
	return len(name) == 2 && name[0] == '2' && name[1] >= 'a' && name[1] <= 'g'
}

// reference is what stands behind an activity that asks for it (§4): what the
// identity source vouches for in this request, else what the account record has.
func (x *exchange) reference(activity string) decision.Reference {
	if x.identity.Reference.ID != "" {
		return x.identity.Reference
	}
	return x.subject.Account.Reference(activity)
}
