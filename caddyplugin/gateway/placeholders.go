package gateway

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/sitecheck"
	"github.com/sparkoo/transfergate/internal/decision"
)

const placeholderPrefix = sitecheck.PlaceholderPrefix

// placeholders returns the values of {http.transfer.*}. They are read from the
// request's exchange at the time they are asked for. A value that is not known
// yet is empty.
func placeholders(r *http.Request) func(string) (any, bool) {
	ctx := r.Context()
	return func(key string) (any, bool) {
		name, ours := strings.CutPrefix(key, placeholderPrefix)
		if !ours {
			return nil, false
		}
		x, _ := caddyhttp.GetVar(ctx, exchangeVar).(*exchange)
		if x == nil {
			return nil, false
		}
		return x.placeholder(name)
	}
}

// placeholder returns the value named; the table stands in Handler's comment.
func (x *exchange) placeholder(name string) (any, bool) {
	controller := x.subject.Controller
	if controller == nil {
		controller = new(decision.Controller)
	}
	region := new(decision.Region)
	if x.candidate != nil {
		region = x.candidate.Region
	}
	switch name {
	case "controller":
		return controller.ID, true
	case "controller.name":
		return controller.Name, true
	case "basis":
		return string(x.subject.Basis), true
	case "country":
		return x.subject.Country, true
	case "origin":
		return x.origin, true
	case "region":
		return region.Code, true
	case "destination":
		return region.Country, true
	case "record":
		return x.record, true
	case "outcome":
		return x.outcome, true
	case "reason":
		return string(x.reason), true
	case "safeguards":
		return strings.Join(safeguardTags(x.candidate), " "), true
	}
	d := x.decision
	if d == nil {
		d = new(decision.Decision)
	}
	switch name {
	case "activity":
		if d.Activity == nil {
			return "", true
		}
		return d.Activity.ID, true
	case "statement":
		if d.Statement == nil {
			return "", true
		}
		return d.Statement.ID, true
	}
	return nil, false
}

// safeguardTags lists the tags a candidate leans on.
func safeguardTags(c *decision.Candidate) []string {
	if c == nil {
		return nil
	}
	return c.Tags()
}
