package gateway

import (
	"net/http"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// optOutField is the Global Privacy Control signal (W3C), as net/http spells it.
// A line that is not exactly "1" is no signal.
const optOutField = "Sec-Gpc"

// choices are what the data subject has chosen as of at, by the account record,
// and what the request opts out of. An account without a record chose nothing.
func (x *exchange) choices(r *http.Request, at time.Time) decision.Choices {
	c := x.subject.Account.ChoicesAt(at)
	c.Minor = c.Minor || x.identity.Minor
	c.OptOut = slices.Contains(r.Header[optOutField], "1")
	return c
}

// reference is what stands behind an activity that asks for it (§4): what the
// identity source vouches for in this request, else what the account record has.
func (x *exchange) reference(activity string) decision.Reference {
	if x.identity.Reference.ID != "" {
		return x.identity.Reference
	}
	return x.subject.Account.Reference(activity)
}
