package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/caddyplugin/sitecheck"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// Document is what a configuration says of the transfer gateway. Nothing of it
// is loaded: it is for commands that look at a configuration before it is used.
type Document struct {
	App   *App       // nil if it configures no gateway
	Sites []*Handler // its transfer handlers, in the order of the servers' names and routes
}

// Finding is one thing in a configuration that does not go with a policy.
type Finding struct {
	Code string // one of package config's
	At   string // file:line where it was written; empty if that is not known
	Text string // what is wrong and, after a semicolon, what to do
}

// ReadDocument reads a configuration in Caddy's JSON.
func ReadDocument(document []byte) (*Document, error) {
	var c caddy.Config
	if err := json.Unmarshal(document, &c); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	d := new(Document)
	if raw := c.AppsRaw["transfer"]; raw != nil {
		d.App = new(App)
		if err := caddy.StrictUnmarshalJSON(raw, d.App); err != nil {
			return nil, fmt.Errorf("reading the transfer option: %w", err)
		}
	}
	if raw := c.AppsRaw["http"]; raw != nil {
		routes, err := sitecheck.Read(raw)
		if err != nil {
			return nil, err
		}
		for _, route := range routes {
			if err := d.takeSites(route); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

func (d *Document) takeSites(route *sitecheck.Route) error {
	for _, handler := range route.Handlers {
		if handler.Name() != "transfer" {
			continue
		}
		h := new(Handler)
		if err := handler.Into(h); err != nil {
			return fmt.Errorf("reading a transfer handler of server '%s': %w", route.Server, err)
		}
		for _, region := range h.Regions {
			region.written = region.Routes
		}
		d.Sites = append(d.Sites, h)
	}
	return nil
}

// SiteOf is a site as the decision sees it. It is zero but for the regions if
// the configuration has no node.
func (d *Document) SiteOf(h *Handler) decision.Site {
	var site decision.Site
	if d.App != nil && d.App.Node != nil {
		site.Node = decision.Place{Entity: d.App.Node.Entity, Country: d.App.Node.Country}
		site.Demo = d.App.Demo
	}
	for _, region := range h.Regions {
		site.Regions = append(site.Regions, region.Code)
	}
	return site
}

// Check holds the configuration against a policy: every region and activity must
// be in it and reachable. What it finds is sorted as it was written.
func (d *Document) Check(p *decision.Policy, at time.Time) (findings []Finding) {
	if d.App == nil || d.App.Node == nil {
		return []Finding{{"caddyfile-refused", "", "no transfer option with a node; say where the gateway stands, as in 'node gw-sg-1 SG sparkoo-sg'"}}
	}
	mapped := map[string]bool{}
	for _, h := range d.Sites {
		for _, a := range h.Activities {
			mapped[a.Name] = true
		}
		findings = append(findings, d.checkSite(p, h, at)...)
	}
	for i := range p.Activities {
		if id := p.Activities[i].ID; !mapped[id] {
			findings = append(findings, Finding{"activity-unmapped", "", fmt.Sprintf(
				"no site maps requests to activity '%s', so nobody can ask for it; add 'activity %s MATCHER' to a site, or leave it", id, id)})
		}
	}
	return findings
}

func (d *Document) checkSite(p *decision.Policy, h *Handler, at time.Time) (findings []Finding) {
	for _, a := range h.Activities {
		if activityOf(p, a.Name) == nil {
			findings = append(findings, Finding{"unknown-activity", a.At, fmt.Sprintf("activity '%s' is not in the registers; %s",
				a.Name, suggest.For(a.Name, ids(p.Activities, func(a decision.Activity) string { return a.ID })))})
		}
	}
	known := true
	for _, region := range h.Regions {
		f := d.checkRegion(p, region)
		known = known && (f == nil || f.Code != "unknown-region")
		if f != nil {
			findings = append(findings, *f)
		}
	}
	if err := h.checkReachable(p); err != nil {
		text, where, _ := strings.Cut(err.Error(), ", at ")
		findings = append(findings, Finding{"storage-elsewhere", where, strings.Replace(text, ", and no", "; no", 1)})
	}
	if known {
		findings = append(findings, d.unreachable(p, h, at)...)
	}
	return findings
}

// checkRegion holds a region's block to what the registers say it is.
func (d *Document) checkRegion(p *decision.Policy, region *Region) *Finding {
	if regionOf(p, region.Code) == nil {
		return &Finding{"unknown-region", region.At, fmt.Sprintf("region '%s' is not in the registers; %s",
			region.Code, suggest.For(region.Code, ids(p.Regions, func(r decision.Region) string { return r.Code })))}
	}
	err := d.App.checkRegion(p, region)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sitecheck.ErrPlaintext):
		return &Finding{"plaintext-upstream", region.At, fmt.Sprintf("region '%s': %s", region.Code, strings.Replace(err.Error(), ": use", "; use", 1))}
	}
	return &Finding{"caddyfile-refused", region.At, fmt.Sprintf("region '%s': %v", region.Code, err)}
}

// unreachable finds the regions that nobody's request is ever sent to.
func (d *Document) unreachable(p *decision.Policy, h *Handler, at time.Time) (findings []Finding) {
	table, err := decision.CompileLazily(p, d.SiteOf(h), at, nil)
	if err != nil {
		return []Finding{{"caddyfile-refused", "", err.Error()}}
	}
	mapped := map[string]bool{}
	for _, a := range h.Activities {
		mapped[a.Name] = true
	}
	reached := map[string]bool{}
	for f := range p.Domain(at) {
		if !mapped[f.Activity] {
			continue
		}
		for _, c := range table.Decide(f).Candidates {
			reached[c.Region.Code] = true
		}
	}
	for _, region := range h.Regions {
		if !reached[region.Code] {
			findings = append(findings, Finding{"region-unreachable", region.At, fmt.Sprintf(
				"no request may ever be sent to region '%s': none of this site's activities (%s) has it as a lawful destination for any country; see 'transfergate transfer explain'",
				region.Code, strings.Join(slices.Sorted(maps.Keys(mapped)), ", "))})
		}
	}
	return findings
}
