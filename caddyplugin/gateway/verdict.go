package gateway

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
)

// verdict is what was made of a request. Nothing was answered or recorded yet.
type verdict struct {
	exchange *exchange

	// failure is a reason of HTTP or of the gateway itself for which the request
	// is answered without a record; empty if there is none.
	failure decision.Reason

	// preflight says that it is one, which is about nobody: the gateway answers it.
	preflight bool

	// decision is nil where a failure came before it.
	decision *decision.Decision

	// decided tells that the policy made the decision, of facts. Otherwise the
	// request was denied before the policy was asked.
	decided  bool
	facts    decision.Facts
	reported bool // a denial that the mode only reports
}

// activity is what the request does; empty if that is not known.
func (v *verdict) activity() string {
	if v.decision == nil || v.decision.Activity == nil {
		return ""
	}
	return v.decision.Activity.ID
}

// judge says what is to become of the request. It looks at the request and at the
// policy in force, takes look-alike fields away, and does nothing else.
func (h *Handler) judge(r *http.Request) verdict {
	if reason, ok := guard.Check(r, h.reading.options()); !ok {
		x := &exchange{state: h.app.store.State()}
		caddyhttp.SetVar(r.Context(), exchangeVar, x)
		guard.Clean(r, h.app.identity.lookalikes)
		return failed(x, reason)
	}
	if isPreflight(r) {
		x := exchangeOf(r) // a matcher may have begun it
		if x == nil {
			x = &exchange{state: h.app.store.State()}
			caddyhttp.SetVar(r.Context(), exchangeVar, x)
		}
		return preflight(x)
	}
	x := h.app.resolve(r)
	x.tell = h.tells(r)
	if x.refusal != "" {
		return denied(x, x.refusal)
	}
	activity, reason, err := h.activity(r, x.state)
	switch {
	case statusOf(err) == http.StatusTooEarly: // a matcher asks for an address that is not proven yet
		return failed(x, decision.TooEarly)
	case err != nil:
		return denied(x, decision.NoActivity)
	case reason != "" && x.byStaff(): // whose activity it is may depend on the person
		return denied(x, reason)
	case reason != "":
		return failed(x, reason)
	case activity == nil:
		return denied(x, decision.NoActivity)
	}
	return h.decide(r, x, activity.Name, now())
}

// decide asks the policy.
func (h *Handler) decide(r *http.Request, x *exchange, activity string, at time.Time) verdict {
	table, err := x.state.Table(&h.site, at)
	if err != nil {
		h.app.mishap(h.logger, "no policy to decide by", "", zap.Error(err))
		return failed(x, decision.NoStatement)
	}
	f := x.facts(r, activity, at)
	d := table.Decide(f)
	return verdict{exchange: x, decision: d, decided: true, facts: f, reported: h.app.Mode.Reports(d, at)}
}

// failed is the verdict on a request that fails for a reason of HTTP or of the
// gateway itself.
func failed(x *exchange, reason decision.Reason) verdict {
	return verdict{exchange: x, failure: reason}
}

// denied is the verdict on a request that is denied before the policy is asked.
func denied(x *exchange, reason decision.Reason) verdict {
	return verdict{exchange: x, decision: &decision.Decision{Reason: reason}}
}

// candidates are the regions the request may go to; none if it is refused.
func (v *verdict) candidates() []decision.Candidate {
	switch d := v.decision; {
	case d == nil:
		return nil
	case d.Outcome == decision.Allowed:
		return d.Candidates
	case v.reported:
		return []decision.Candidate{*d.Waived}
	}
	return nil
}

// refusal is why the request goes to no region; empty if the policy was asked.
func (v *verdict) refusal() decision.Reason {
	switch {
	case v.failure != "":
		return v.failure
	case v.preflight:
		return ""
	case !v.decided:
		return v.decision.Reason
	}
	return ""
}
