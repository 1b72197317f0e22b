// Package adminapi is what operators and commands ask of a running gateway by way of
// Caddy's admin endpoint: the routes, what goes over the wire, and the client. It
// knows the gateway as far as [Gateway] says.
package adminapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policystore"
	"github.com/sparkoo/transfergate/internal/question"
)

func init() {
	caddy.RegisterModule(Routes{})
}

// Gateway is the app that answers. Many may ask at once.
type Gateway interface {
	// Status is how all of it is.
	Status() Status

	// PolicyStatus is the policy in force.
	PolicyStatus() PolicyStatus

	// ReloadPolicy reads the policy's folder now. After an error the policy before
	// stays in force.
	ReloadPolicy() (Reloaded, error)

	// ReloadShadow does the same for the policy on trial; ErrNoShadow if there is none.
	ReloadShadow() (Reloaded, error)

	// Explain answers a question, once for each of the sites that differ.
	Explain(question.Question) ([]decision.Explanation, error)

	// Recorder is the ledgers.
	Recorder() *recorder.Recorder

	// Operators are those who may sign orders; nil for nobody.
	Operators() *Operators

	// Ordered is told of each order that is obeyed, and by whom.
	Ordered(order, by string)
}

// ErrNoShadow is returned if no policy is on trial.
var ErrNoShadow = errors.New("there is no shadow policy: name its folder with 'shadow FOLDER'")

// Routes are the routes of the gateway:
//
//	GET  /transfer/status            how it is, and what stops it or soon will
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
//	GET  /transfer/ledger/records?which=NUMBER   one record, by its number, id or trace
//
//	POST /transfer/ledger/looks                  records that somebody looked at a person's records
//
//	GET  /transfer/challenge                 what an operator signs an order with
//
// Caddy's admin endpoint decides who may ask; what changes something is an order, which
// asks for more than that (see [Operators]). Nothing here is personal data.
type Routes struct{}

// CaddyModule returns the Caddy module information.
func (Routes) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.transfer", New: func() caddy.Module { return new(Routes) }}
}

// Routes implements caddy.AdminRouter.
func (Routes) Routes() []caddy.AdminRoute {
	return slices.Concat(statusRoutes, policyRoutes, explainRoutes, keyRoutes, holdRoutes, recordRoutes, lookRoutes, orderRoutes)
}

// forGateway finds the app that runs when the request comes. The router is older
// than it, and may be of a configuration that was not taken.
func forGateway(answer func(Gateway, http.ResponseWriter, *http.Request) error) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		app, err := caddy.ActiveContext().AppIfConfigured("transfer")
		if err != nil {
			return notFound(errors.New("the running configuration has no transfer gateway"))
		}
		return answer(app.(Gateway), w, r)
	}
}

// policyRoutes are about the policy in force, and the one on trial.
var policyRoutes = []caddy.AdminRoute{
	{Pattern: "GET /transfer/policy", Handler: forGateway(answerPolicy)},
	{Pattern: "POST /transfer/policy/reload", Handler: forOrder(answerReload)},
	{Pattern: "POST /transfer/candidate/reload", Handler: forOrder(answerShadowReload)},
}

// PolicyStatus says which policy is in force.
type PolicyStatus struct {
	Digest string `json:"digest"`
	// Source is the policy's folder, or the word embedded.
	Source     string                 `json:"source"`
	Statement  string                 `json:"statement,omitempty"`
	Loaded     time.Time              `json:"loaded"`
	NextChange *time.Time             `json:"next_change,omitempty"`
	Mode       policystore.ModeStatus `json:"mode"`
	// Approvals say who signed the policy; absent if nobody asks.
	Approvals *ApprovalStatus `json:"approvals,omitempty"`
	// Shadow is the policy on trial beside it.
	Shadow *policystore.ShadowStatus `json:"shadow,omitempty"`
	// Candidate is the same, under its former name.
	Candidate *policystore.ShadowStatus `json:"candidate,omitempty"`
	// Failure is why the folder's policy is not the one in force.
	Failure *policystore.Failure `json:"failure,omitempty"`
}

// ApprovalStatus is who signed the policy in force.
type ApprovalStatus struct {
	Required  int      `json:"required"`
	Serial    uint64   `json:"serial"`
	Author    string   `json:"author"`
	Approvers []string `json:"approvers"`
}

// Reloaded is a reload that went well: the digest is that of the policy after it.
type Reloaded struct {
	Changed bool   `json:"changed"`
	Digest  string `json:"digest"`
}

func answerPolicy(g Gateway, w http.ResponseWriter, _ *http.Request) error {
	return answerJSON(w, g.PolicyStatus())
}

func answerReload(g Gateway, w http.ResponseWriter, _ *http.Request) error {
	answer, err := g.ReloadPolicy()
	if err != nil {
		return unprocessable(err)
	}
	return answerJSON(w, answer)
}

func answerShadowReload(g Gateway, w http.ResponseWriter, _ *http.Request) error {
	answer, err := g.ReloadShadow()
	switch {
	case errors.Is(err, ErrNoShadow):
		return notFound(err)
	case err != nil:
		return unprocessable(err)
	}
	return answerJSON(w, answer)
}

func notFound(err error) error {
	return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: err}
}

func unprocessable(err error) error {
	return caddy.APIError{HTTPStatus: http.StatusUnprocessableEntity, Err: err}
}

func unavailable(err error) error {
	return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
}

func answerJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

// Interface guards
var (
	_ caddy.AdminRouter = Routes{}
)
