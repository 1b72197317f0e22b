package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
	"github.com/sparkoo/transfergate/internal/question"
)

// Offline is a configuration that was provisioned and is not started: it listens
// nowhere, records nothing, and can be asked.
type Offline struct {
	app  *App
	http *caddyhttp.App
}

// LoadOffline provisions an adapted configuration. Close it after use.
func LoadOffline(adapted []byte) (*Offline, error) {
	var cfg *caddy.Config
	if err := caddy.StrictUnmarshalJSON(adapted, &cfg); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	quiet := json.RawMessage(`{"output":"discard"}`)
	cfg.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{WriterRaw: quiet}}}}
	ctx, err := caddy.ProvisionContext(cfg)
	if err != nil {
		return nil, fmt.Errorf("provisioning the configuration: %w", err)
	}
	app, err := appOf(ctx)
	if err != nil {
		return nil, err
	}
	o := &Offline{app: app}
	server, err := ctx.AppIfConfigured("http")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the configuration serves nothing: %w", err), o.Close())
	}
	o.http = server.(*caddyhttp.App)
	return o, nil
}

// Close gives back what was acquired.
func (o *Offline) Close() error { return o.app.Cleanup() }

// Policy is the one the configuration names.
func (o *Offline) Policy() *decision.Policy { return o.app.state.Load().policy }

// Explain answers a question as the configured gateway would, see [App.Explain].
func (o *Offline) Explain(q question.Question) ([]decision.Explanation, error) {
	return o.app.Explain(q)
}

// asked collects what a handler would have decided about a request, instead of
// serving it.
type asked struct {
	answer  *decision.Explanation
	refusal decision.Reason
}

// ExplainRequest sends a request through the configured sites up to where the
// gateway decides, and explains the decision. Other handlers of the site that come
// before, such as authentication, work as they do when it runs. Nothing is sent to
// a region.
func (o *Offline) ExplainRequest(r *http.Request) (decision.Explanation, error) {
	result := new(asked)
	for _, h := range o.app.handlers {
		h.asked = result
	}
	status := 0
	for _, server := range o.http.Servers {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r.Clone(r.Context()))
		switch {
		case result.answer != nil:
			return *result.answer, nil
		case result.refusal != "":
			info := result.refusal.Info()
			return decision.Explanation{
				Policy: o.Policy().Digest, At: now(), Outcome: outcomeDenied, Reason: result.refusal, Clause: info.Clause, Unlock: info.Unlock,
				Steps: []decision.Step{{Topic: "outcome", Clause: info.Clause,
					Text: fmt.Sprintf("Refused before a decision: %s. %s To pass, the request needs %s.", result.refusal, info.Title, info.Unlock)}},
			}, nil
		}
		status = max(status, w.Code)
	}
	return decision.Explanation{}, fmt.Errorf("no site with 'transfer' takes the request: another handler answered it with status %d; look at its Host field", status)
}

// explain notes the answer to facts.
func (k *asked) explain(p *decision.Policy, s *decision.Site, f decision.Facts) {
	e := decision.Explain(p, s, f.At, f, fields.Finish)
	k.answer = &e
}
