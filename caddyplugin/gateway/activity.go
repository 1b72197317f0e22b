package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Activity maps requests to an activity of the policy.
type Activity struct {
	// Name of the activity in the policy. Required.
	Name string `json:"name,omitempty"`

	// Which requests are this activity. Default: all
	MatcherSetsRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// Lets a storage activity open WebSocket tunnels, whose content nobody
	// sees; other activities may. They are opened over HTTP/1.1 and HTTP/3, and
	// over HTTP/2 if the environment has GODEBUG=http2xconnect=1. Default: false
	WebSocket bool `json:"websocket,omitempty"`

	// Where the activity was written, for messages. Default: unknown
	At string `json:"at,omitempty"`

	matchers caddyhttp.MatcherSets
}

// provisionActivities loads the matchers and finds each activity in the policy.
func (h *Handler) provisionActivities(ctx caddy.Context) error {
	if len(h.Activities) == 0 {
		return fmt.Errorf("a site without an activity answers nothing: map requests to activities, as in 'activity serving'")
	}
	for i, a := range h.Activities {
		if err := h.app.require(a.check); err != nil {
			return err
		}
		if slices.ContainsFunc(h.Activities[:i], func(b *Activity) bool { return len(b.matchers) == 0 }) {
			return fmt.Errorf("activity '%s' is never reached: one before it matches every request%s", a.Name, at(a.At))
		}
		h.plain = h.plain || looksBeyondHost(a.MatcherSetsRaw)
		sets, err := ctx.LoadModule(a, "MatcherSetsRaw")
		if err != nil {
			return fmt.Errorf("loading the matcher of activity '%s'%s: %w", a.Name, at(a.At), err)
		}
		if err := a.matchers.FromInterface(sets); err != nil {
			return err
		}
	}
	return nil
}

// check finds the activity in a policy.
func (a *Activity) check(p *decision.Policy) error {
	if activityOf(p, a.Name) == nil {
		return fmt.Errorf("activity '%s' is not in the policy%s%s", a.Name, did(a.Name, ids(p.Activities, func(p decision.Activity) string { return p.ID })), at(a.At))
	}
	return nil
}

// blindToPath are the matchers that cannot tell two paths apart.
var blindToPath = []string{"host", "method", "protocol", "client_ip", "remote_ip", "header", "tls", "transfer_controller", "transfer_country"}

// looksBeyondHost tells whether a matcher may tell two paths apart, so that an
// odd spelling of a path could choose another activity.
func looksBeyondHost(sets caddyhttp.RawMatcherSets) bool {
	for _, set := range sets {
		for name := range set {
			if !slices.Contains(blindToPath, name) {
				return true
			}
		}
	}
	return false
}

// activity returns the first activity that matches, or nil. The reason is set
// when the request is refused instead.
func (h *Handler) activity(r *http.Request, s *state) (*Activity, decision.Reason, error) {
	stores := s.sites[h.number].stores
	for i, a := range h.Activities {
		match, err := a.matchers.AnyMatchWithError(r)
		if err != nil {
			return nil, "", h.matcherFailed(a, err)
		}
		if len(a.matchers) > 0 && !match {
			continue
		}
		if isWebSocket(r) && stores[i] && !a.WebSocket {
			return nil, decision.UpgradeRefused, nil
		}
		ambiguous, err := h.nearlyStorage(r, stores, i)
		if ambiguous {
			return nil, decision.PathAmbiguous, err
		}
		return a, "", err
	}
	return nil, "", nil
}

// matcherFailed logs that a matcher of the activity failed, and returns err. What
// err says is left out: it may quote the request.
func (h *Handler) matcherFailed(a *Activity, err error) error {
	if statusOf(err) != http.StatusTooEarly {
		h.logger.Error("a matcher failed; the request is denied", zap.String("activity", a.Name), zap.String("at", a.At), zap.String("error", fmt.Sprintf("%T", err)))
	}
	return err
}

// nearlyStorage tells whether one more slash would make the request a storage
// activity that stands before the one it matched: "/objects" where
// "/objects/*" is storage. An upstream may take the two for the same.
func (h *Handler) nearlyStorage(r *http.Request, stores []bool, matched int) (bool, error) {
	if !h.plain || stores[matched] {
		return false, nil
	}
	var slashed *http.Request
	for i, a := range h.Activities[:matched] {
		if !stores[i] {
			continue
		}
		if slashed == nil {
			slashed = withSlash(r)
		}
		match, err := a.matchers.AnyMatchWithError(slashed)
		if err != nil {
			return false, h.matcherFailed(a, err)
		}
		if match {
			return true, nil
		}
	}
	return false, nil
}

// staysItsActivity refuses to send to another region what only the region's own
// rewrites made a storage request: what is stored goes to Singapore (§9).
func (t *attempt) staysItsActivity(sent *http.Request) error {
	if t.candidate.Region.Storage || sent.URL.Path == t.path && sent.Host == t.host {
		return nil
	}
	stores := t.exchange.state.sites[t.handler.number].stores
	for i, a := range t.handler.Activities {
		match, err := a.matchers.AnyMatchWithError(sent)
		if err != nil {
			return t.handler.matcherFailed(a, err)
		}
		if match || len(a.matchers) == 0 {
			if stores[i] {
				return errStorage
			}
			return nil
		}
	}
	return nil
}

// withSlash returns a shallow copy of the request with one more slash.
func withSlash(r *http.Request) *http.Request {
	c := *r
	c.URL = &url.URL{Path: r.URL.Path + "/", RawQuery: r.URL.RawQuery, Scheme: r.URL.Scheme, Host: r.URL.Host}
	return &c
}

// isWebSocket tells whether the request asks for a tunnel; the guard has let
// through no other upgrade.
func isWebSocket(r *http.Request) bool {
	return r.Method == http.MethodConnect || r.Header.Get("Upgrade") != ""
}

// ids lists what name gives for each row.
func ids[T any](rows []T, name func(T) string) []string {
	list := make([]string, 0, len(rows))
	for _, row := range rows {
		list = append(list, name(row))
	}
	return list
}

// at renders where something was written, for the end of a message.
func at(position string) string {
	if position == "" {
		return ""
	}
	return ", at " + position
}
