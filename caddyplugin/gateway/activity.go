package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
	"github.com/sparkoo/transfergate/internal/policystore"
	"github.com/sparkoo/transfergate/internal/suggest"
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
	reading  reading
}

// provisionActivities loads the matchers and finds each activity in the policy.
func (h *Handler) provisionActivities(ctx caddy.Context) error {
	if len(h.Activities) == 0 {
		return fmt.Errorf("a site without an activity answers nothing: map requests to activities, as in 'activity serving'")
	}
	var problems []error
	all := false // what comes after it is never reached
	for _, a := range h.Activities {
		if all {
			problems = append(problems, fmt.Errorf("activity '%s' is never reached: one before it matches every request%s", a.Name, at(a.At)))
		}
		all = all || len(a.MatcherSetsRaw) == 0
		if err := h.provisionActivity(ctx, a); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(append(problems, h.app.store.Require(h.checkLoose))...)
}

func (h *Handler) provisionActivity(ctx caddy.Context, a *Activity) error {
	if err := h.app.store.Require(a.check); err != nil {
		return err
	}
	reading, err := readingOf(a.MatcherSetsRaw)
	if err != nil {
		return fmt.Errorf("reading the matcher of activity '%s'%s: %w", a.Name, at(a.At), err)
	}
	a.reading = reading
	h.reading.add(reading)
	sets, err := ctx.LoadModule(a, "MatcherSetsRaw")
	if err != nil {
		return fmt.Errorf("loading the matcher of activity '%s'%s: %w", a.Name, at(a.At), err)
	}
	return a.matchers.FromInterface(sets)
}

// check finds the activity in a policy.
func (a *Activity) check(p *decision.Policy) error {
	if activityOf(p, a.Name) == nil {
		return fmt.Errorf("activity '%s' is not in the policy; %s%s", a.Name, suggest.For(a.Name, ids(p.Activities, func(p decision.Activity) string { return p.ID })), at(a.At))
	}
	return nil
}

// activity returns the first activity that matches, or nil. The reason is set
// when the request is refused instead.
func (h *Handler) activity(r *http.Request, s *policystore.State) (*Activity, decision.Reason, error) {
	stores := s.Stores(&h.site)
	i, err := h.match(r)
	if i < 0 || err != nil {
		return nil, "", err
	}
	a := h.Activities[i]
	if isWebSocket(r) && stores[i] && !a.WebSocket {
		return nil, decision.UpgradeRefused, nil
	}
	ambiguous, err := h.ambiguous(r, stores, i)
	if ambiguous {
		return nil, decision.PathAmbiguous, err
	}
	return a, "", err
}

// match returns the place of the first activity that matches; negative if none
// does.
func (h *Handler) match(r *http.Request) (int, error) {
	for i, a := range h.Activities {
		if len(a.matchers) == 0 {
			return i, nil
		}
		match, err := a.matchers.AnyMatchWithError(r)
		if err != nil {
			return -1, h.matcherFailed(a, err)
		}
		if match {
			return i, nil
		}
	}
	return -1, nil
}

// ambiguous reports whether a server might read the request's path as one of
// another activity than the one it matched.
func (h *Handler) ambiguous(r *http.Request, stores []bool, matched int) (bool, error) {
	if h.reading.paths == guard.AnyPath {
		return false, nil
	}
	if near, err := h.nearlyStorage(r, stores, matched); near || err != nil {
		return near, err
	}
	if h.reading.paths != guard.ListedPath {
		return false, nil // the guard has refused what has more than one reading
	}
	for _, path := range guard.Readings(r.URL, h.reading.letters) {
		read := withPath(r, path)
		if i, err := h.match(read); i != matched || err != nil {
			return true, err
		}
		if near, err := h.nearlyStorage(read, stores, matched); near || err != nil {
			return near, err
		}
	}
	return false, nil
}

// matcherFailed logs that a matcher of the activity failed, and returns err. What
// err says is left out: it may quote the request.
func (h *Handler) matcherFailed(a *Activity, err error) error {
	if statusOf(err) != http.StatusTooEarly {
		h.app.mishap(h.logger, "a matcher failed; the request is denied", a.At+" "+a.Name, zap.String("activity", a.Name), zap.String("at", a.At), zap.String("error", fmt.Sprintf("%T", err)))
	}
	return err
}

// nearlyStorage reports whether a slash more or less at the end would make the
// request a storage activity that stands before the one it matched: "/objects"
// where "/objects/*" is storage. An upstream may take the two for the same.
func (h *Handler) nearlyStorage(r *http.Request, stores []bool, matched int) (bool, error) {
	if stores[matched] {
		return false, nil
	}
	var near *http.Request
	for i, a := range h.Activities[:matched] {
		if !stores[i] {
			continue
		}
		if near == nil {
			near = withPath(r, otherEnd(r.URL.Path))
		}
		match, err := a.matchers.AnyMatchWithError(near)
		if err != nil {
			return false, h.matcherFailed(a, err)
		}
		if match {
			return true, nil
		}
	}
	return false, nil
}

// otherEnd is the path with a slash at its end if it has none, and without if it
// has one.
func otherEnd(path string) string {
	if bare, ok := strings.CutSuffix(path, "/"); ok && bare != "" {
		return bare
	}
	return path + "/"
}

// staysItsActivity refuses to send to another region what only the region's own
// rewrites made a storage request: what is stored goes to Singapore (§9).
func (t *attempt) staysItsActivity(sent *http.Request) error {
	if t.candidate.Region.Storage || sent.URL.Path == t.path && sent.Host == t.host {
		return nil
	}
	i, err := t.handler.match(sent)
	if err == nil && i >= 0 && t.exchange.state.Stores(&t.handler.site)[i] {
		return errStorage
	}
	return err
}

// withPath returns a shallow copy of the request with another path.
func withPath(r *http.Request, path string) *http.Request {
	c := *r
	c.URL = &url.URL{Path: path, RawQuery: r.URL.RawQuery, Scheme: r.URL.Scheme, Host: r.URL.Host}
	return &c
}

// isWebSocket reports whether the request asks for a tunnel; the guard has let
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
