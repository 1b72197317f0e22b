package demo

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

//go:embed Caddyfile
var template string

// regions are those of the demonstration, all of which the policy knows.
var regions = []string{
	"ap-southeast-3", "ap-southeast-1", "ap-southeast-2", "af-south-1", "sa-brazil-1", "la-south-2", "me-east-1", "cn-north-4",
}

// site is a demonstration's folder and where it listens.
type site struct {
	folder           string
	gateway, console string   // ports
	upstreams        []string // those of regions
}

func (s site) policy() string    { return filepath.Join(s.folder, "policy") }
func (s site) accounts() string  { return filepath.Join(s.folder, "accounts.ndjson") }
func (s site) ledger() string    { return filepath.Join(s.folder, "ledger") }
func (s site) altered() string   { return filepath.Join(s.folder, "altered") }
func (s site) caddyfile() string { return filepath.Join(s.folder, "Caddyfile") }
func (s site) page() string      { return "http://localhost:" + s.console }

// newSite finds ports, those of the Caddyfile that comes with the program if they are
// free, and writes the site's Caddyfile.
func newSite(folder string) (s site, err error) {
	s.folder, s.upstreams = folder, make([]string, len(regions))
	ports := map[int]*string{8080: &s.gateway, 8090: &s.console}
	for i := range s.upstreams {
		ports[8101+i] = &s.upstreams[i]
	}
	var taken []net.Listener
	for _, usual := range slices.Sorted(maps.Keys(ports)) {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(usual)))
		if err != nil {
			l, err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			return s, fmt.Errorf("finding a free port: %w", err)
		}
		taken = append(taken, l)
		_, *ports[usual], err = net.SplitHostPort(l.Addr().String())
		if err != nil {
			return s, err
		}
	}
	for _, l := range taken {
		err = errors.Join(err, l.Close())
	}
	if err != nil {
		return s, err
	}
	if err := os.WriteFile(s.caddyfile(), []byte(s.text()), 0o600); err != nil {
		return s, fmt.Errorf("writing the demonstration's Caddyfile: %w", err)
	}
	return s, nil
}

// text is the Caddyfile.
func (s site) text() string {
	var blocks, sites strings.Builder
	for i, code := range regions {
		fmt.Fprintf(&blocks, "\t\tregion %s 127.0.0.1:%s\n", code, s.upstreams[i])
		fmt.Fprintf(&sites, "\nhttp://:%s {\n\timport stand_in %s\n}\n", s.upstreams[i], code)
	}
	return strings.NewReplacer(
		"{folder}", s.folder, "{gateway}", s.gateway, "{console}", s.console, "\t\t{regions}\n", blocks.String(),
	).Replace(template) + sites.String()
}

// load has Caddy run the site, in the place of what it runs.
func (s site) load() error {
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(s.text()), map[string]any{"filename": s.caddyfile()})
	if err != nil {
		return fmt.Errorf("reading the demonstration's site: %w", err)
	}
	for _, w := range warnings {
		return fmt.Errorf("reading the demonstration's site: %s:%d: %s", w.File, w.Line, w.Message)
	}
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("starting the demonstration: %w", err)
	}
	return nil
}
