package gateway

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/policystore"
)

func init() {
	caddy.RegisterModule(adminAPI{})
}

// adminAPI answers what operators and commands ask a running gateway:
//
//	GET  /transfer/policy            the policy in force
//	POST /transfer/policy/reload     reads the policy's folder now
//	POST /transfer/candidate/reload  reads the shadow's folder now, by its former name
//
//	GET  /transfer/explain         why a request would be decided as it would
//	POST /transfer/explain         the same, of an account
//
//	GET  /transfer/ledger/keys                    the keys of the pseudonyms
//	POST /transfer/ledger/keys/rotate             makes a new one
//	POST /transfer/ledger/keys/{period}/destroy   destroys one
//
//	GET  /transfer/ledger/holds              what keeps epochs from being deleted
//	POST /transfer/ledger/holds              sets a hold
//	POST /transfer/ledger/holds/{ref}/lift   lifts one
//
// Caddy's admin endpoint decides who may ask. Nothing here is personal data.
type adminAPI struct{}

// CaddyModule returns the Caddy module information.
func (adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.transfer", New: func() caddy.Module { return new(adminAPI) }}
}

// Routes implements caddy.AdminRouter.
func (adminAPI) Routes() []caddy.AdminRoute {
	return append([]caddy.AdminRoute{
		{Pattern: "GET /transfer/policy", Handler: forApp((*App).answerPolicy)},
		{Pattern: "POST /transfer/policy/reload", Handler: forApp((*App).answerReload)},
		{Pattern: "POST /transfer/candidate/reload", Handler: forApp((*App).answerShadowReload)},
	}, slices.Concat(explainRoutes, keyRoutes, holdRoutes)...)
}

// forApp finds the app that runs when the request comes. The router is older
// than it, and may be of a configuration that was not taken.
func forApp(answer func(*App, http.ResponseWriter, *http.Request) error) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		app, err := caddy.ActiveContext().AppIfConfigured("transfer")
		if err != nil {
			return notFound("the running configuration has no transfer gateway")
		}
		return answer(app.(*App), w, r)
	}
}

// policyStatus is what the admin API says about the policy.
type policyStatus struct {
	Digest string `json:"digest"`
	// Source is the policy's folder, or the word embedded.
	Source     string                 `json:"source"`
	Statement  string                 `json:"statement,omitempty"`
	Loaded     time.Time              `json:"loaded"`
	NextChange *time.Time             `json:"next_change,omitempty"`
	Mode       policystore.ModeStatus `json:"mode"`
	// Approvals say who signed the policy; absent if nobody asks.
	Approvals *approvalStatus `json:"approvals,omitempty"`
	// Shadow is the policy on trial beside it.
	Shadow *policystore.ShadowStatus `json:"shadow,omitempty"`
	// Candidate is the same, under its former name.
	Candidate *policystore.ShadowStatus `json:"candidate,omitempty"`
	// Failure is why the folder's policy is not the one in force.
	Failure *policystore.Failure `json:"failure,omitempty"`
}

// approvalStatus is who signed the policy in force.
type approvalStatus struct {
	Required  int      `json:"required"`
	Serial    uint64   `json:"serial"`
	Author    string   `json:"author"`
	Approvers []string `json:"approvers"`
}

func (a *App) answerPolicy(w http.ResponseWriter, _ *http.Request) error {
	s, t := a.store.State(), now()
	shadow := a.store.ShadowStatus(s)
	status := policyStatus{
		Digest: s.Policy.Digest, Source: a.policySource(), Statement: statementAt(s.Policy, t),
		Loaded: s.Loaded.UTC(), Mode: a.Mode.Status(s.Policy, t), Shadow: shadow, Candidate: shadow, Failure: a.store.Failure(),
	}
	if next := s.NextChange(t); !next.IsZero() {
		next = next.UTC()
		status.NextChange = &next
	}
	if by := s.Approved; by != nil {
		status.Approvals = &approvalStatus{Required: by.Required, Serial: by.Serial, Author: by.Author, Approvers: by.Approvers}
	}
	return answerJSON(w, status)
}

// policySource is where the policy comes from, for people.
func (a *App) policySource() string {
	if a.Policy == "" {
		return "embedded"
	}
	return a.Policy
}

func (a *App) answerReload(w http.ResponseWriter, _ *http.Request) error {
	changed, err := a.store.Reload()
	if err != nil {
		return unprocessable(err)
	}
	return answerJSON(w, reloaded{Changed: changed, Digest: a.store.State().Policy.Digest})
}

// reloaded answers a reload that went well.
type reloaded struct {
	Changed bool   `json:"changed"`
	Digest  string `json:"digest"`
}

func notFound(text string) error {
	return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New(text)}
}

func unprocessable(err error) error {
	return caddy.APIError{HTTPStatus: http.StatusUnprocessableEntity, Err: err}
}

func answerJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

// Interface guards
var (
	_ caddy.AdminRouter = adminAPI{}
)
