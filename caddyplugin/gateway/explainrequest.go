package gateway

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

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
	app, err := AppOf(ctx)
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
func (o *Offline) Policy() *decision.Policy { return o.app.store.State().Policy }

// Explain answers a question as the configured gateway would, see [App.Explain].
func (o *Offline) Explain(q question.Question) ([]decision.Explanation, error) {
	return o.app.Explain(q)
}

// ExplainRequest sends a request through the configured sites up to where the
// gateway decides, and explains the decision. Other handlers of the site that come
// before, such as authentication, work as they do when it runs. Nothing is sent to
// a region.
func (o *Offline) ExplainRequest(r *http.Request) (decision.Explanation, error) {
	var answer *decision.Explanation
	for _, h := range o.app.handlers {
		h.act = func(_ http.ResponseWriter, _ *http.Request, v verdict) { answer = h.explain(v) }
	}
	status := 0
	for _, server := range o.http.Servers {
		w := &statusWriter{header: make(http.Header)}
		server.ServeHTTP(w, r.Clone(r.Context()))
		if answer != nil {
			return *answer, nil
		}
		status = max(status, cmp.Or(w.status, http.StatusOK))
	}
	return decision.Explanation{}, fmt.Errorf("no site with 'transfer' takes the request: another handler answered it with status %d; look at its Host field", status)
}

// explain puts a verdict in words.
func (h *Handler) explain(v verdict) *decision.Explanation {
	if v.preflight {
		return &decision.Explanation{
			Policy: v.exchange.state.Policy.Digest, At: now(), Outcome: outcomePreflight,
			Steps: []decision.Step{{Topic: "outcome", Text: "A CORS preflight names nobody: the gateway answers it itself, with the fields that the site's header directives set. Nothing is decided, sent or recorded."}},
		}
	}
	refusal := v.refusal()
	if refusal == "" {
		e := decision.Explain(v.exchange.state.Policy, &h.site.Site, v.facts.At, v.facts, fields.Finish)
		return &e
	}
	info := refusal.Info()
	return &decision.Explanation{
		Policy: v.exchange.state.Policy.Digest, At: now(), Outcome: outcomeDenied, Reason: refusal, Clause: info.Clause, Unlock: info.Unlock,
		Steps: []decision.Step{{Topic: "outcome", Clause: info.Clause,
			Text: fmt.Sprintf("Refused before a decision: %s. %s To pass, the request needs %s.", refusal, info.Title, info.Unlock)}},
	}
}

// statusWriter takes the answer of another handler and keeps its status.
type statusWriter struct {
	header http.Header
	status int // 0 until there is one
}

// Header implements http.ResponseWriter.
func (w *statusWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK { // what comes before is no answer
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *statusWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(p), nil
}

// Flush implements http.Flusher.
func (w *statusWriter) Flush() { w.WriteHeader(http.StatusOK) }
