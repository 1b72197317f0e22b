package gateway

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
)

// provisionStatus reads the networks whose callers are told what was decided.
func (h *Handler) provisionStatus() error {
	var bad string
	if h.statusTo, bad = option.Networks(h.StatusTo); bad != "" {
		return fmt.Errorf("status_to '%s' is no network: write address/length, such as 10.0.0.0/8", bad)
	}
	return nil
}

// tells reports whether the caller is told what was decided, in Transfer-Status.
func (h *Handler) tells(r *http.Request) bool {
	if len(h.statusTo) == 0 {
		return false
	}
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return false // a socket without an address
	}
	for _, network := range h.statusTo {
		if network.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

// status is the value of Transfer-Status for the exchange; empty for a caller who
// is not to be told.
func (x *exchange) status() string {
	if !x.tell {
		return ""
	}
	s := fields.Status{Outcome: x.outcome, Reason: string(x.reason), Record: x.record}
	if d := x.decision; d != nil && x.byStaff() {
		s.Enforced = d.Outcome == decision.Allowed
	} else if d != nil {
		if s.Reason == "" {
			s.Reason = string(d.Reason) // denied, and let pass in report mode
		}
		s.Law = d.Law
		if d.Activity != nil {
			s.Activity = d.Activity.ID
		}
		s.Enforced = !(x.outcome == outcomeAllowed && d.Outcome == decision.Denied)
	}
	if x.candidate != nil {
		s.Region = x.candidate.Region.Code
	}
	return s.String()
}
