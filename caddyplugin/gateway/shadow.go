package gateway

import (
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policystore"
)

// tryShadow decides the request by the shadow policy, too, and notes the difference
// to what was decided.
func (h *Handler) tryShadow(x *exchange, d *decision.Decision, f decision.Facts) {
	shadow := x.state.Shadow
	if shadow == nil || shadow.Policy.Digest == x.state.Policy.Digest {
		return
	}
	table := shadow.Table(&h.site, f.At)
	if table == nil {
		return
	}
	snapshot := h.app.table.Snapshot().Under(shadow.Roster)
	subject := snapshot.SubjectOf(x.subject.Account, x.identity.Country, x.identity.Party)
	f.Controller, f.Basis, f.Country = subject.Controller, subject.Basis, x.country(&subject)
	f.Choices = x.choicesBy(shadow.Policy, &subject, f.Choices.OptOut, f.At)
	would := table.Decide(f)
	change := policystore.Differs(d, would)
	if change == "" {
		return
	}
	h.app.metrics.shadowed(change)
	if x.shadow = shadow.Member(change, would); x.shadow == nil {
		h.app.metrics.shadowed(policystore.ShadowLeftOut)
	}
}
