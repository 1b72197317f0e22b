package bench

import (
	"embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
)

// Names of peers.
const (
	Gateway   = "transfergate"
	Before    = "before"        // the gateway as it was, to see what a change does
	Stock     = "caddy"         // with reverse_proxy alone: what the others are compared with
	StockSame = "caddy again"   // the same once more: how far a ratio is to be trusted
	ByHand    = "caddy by hand" // map, header fields, JSON log
	Nginx     = "nginx"         // likewise
	HAProxy   = "haproxy"       // likewise, and tokens
)

// Peer is a proxy that is measured: a program and its configuration.
type Peer struct {
	Name    string
	Program string   // what is run
	args    []string // with its configuration as the last one
	config  string   // the template in peers
}

// Peers are the gateway, as gateway, and stock Caddy, as caddy, both of which somebody
// built, an older gateway if before names one, and what else is installed. Which are left
// out, and why, is said.
func Peers(gateway, caddy, before string) (peers []Peer, missing []string) {
	run := []string{"run", "--adapter", "caddyfile", "--config"}
	peers = []Peer{
		{Stock, caddy, run, "stock.caddyfile"},
		{StockSame, caddy, run, "stock.caddyfile"},
		{Gateway, gateway, run, "gateway.caddyfile"},
		{ByHand, caddy, run, "byhand.caddyfile"},
	}
	if before != "" {
		peers = append(peers, Peer{Before, before, run, "gateway.caddyfile"})
	}
	for _, p := range []Peer{{Nginx, "", []string{"-c"}, "nginx.conf"}, {HAProxy, "", []string{"-db", "-f"}, "haproxy.cfg"}} {
		var err error
		if p.Program, err = installed(p.Name); err != nil {
			missing = append(missing, p.Name+" is not installed")
			continue
		}
		peers = append(peers, p)
	}
	return peers, missing
}

// installed finds a program, which may be an administrator's.
func installed(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return exec.LookPath("/usr/sbin/" + name)
	}
	return path, nil
}

//go:embed peers
var templates embed.FS

// setting is what the templates of configurations name.
type setting struct {
	*keys
	Dir                      string // the peer's own, for its logs and its ledger
	Plain, HTTP2, Secure     string // where it listens: HTTP/1.1, HTTP/2 over TLS, and HTTP/1.1 with TLS behind
	Upstream, SecureUpstream string
	Controllers              []decision.Controller // of the embedded policy, for those who do the job by hand
	Default                  decision.Controller   // for countries that none of them serves
}

// newSetting makes a folder and finds free ports.
func newSetting(dir, name string, k *keys, u *upstream) (*setting, error) {
	s := &setting{keys: k, Dir: filepath.Join(dir, strings.ReplaceAll(name, " ", "-")), Upstream: u.plain, SecureUpstream: u.secure}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	policy, err := config.Default()
	if err != nil {
		return nil, err
	}
	s.Controllers = policy.Controllers
	if i := slices.IndexFunc(s.Controllers, func(c decision.Controller) bool { return c.Default }); i >= 0 {
		s.Default = s.Controllers[i]
	}
	return s, freePorts(&s.Plain, &s.HTTP2, &s.Secure)
}

// freePorts finds addresses where nobody listens: all at once, so that they differ.
func freePorts(addrs ...*string) (err error) {
	for _, addr := range addrs {
		listener, listening := net.Listen("tcp", "127.0.0.1:0")
		if listening != nil {
			return errors.Join(err, listening)
		}
		*addr = listener.Addr().String()
		defer func() { err = errors.Join(err, listener.Close()) }()
	}
	return nil
}

// write writes the peer's configuration, and what it names, into its folder.
func (p Peer) write(s *setting) (file string, err error) {
	names := []string{p.config}
	if p.Name == HAProxy {
		names = append(names, "haproxy.id.map", "haproxy.name.map", "haproxy.address.map")
	}
	all, err := template.ParseFS(templates, "peers/*")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		var b strings.Builder
		if err := all.ExecuteTemplate(&b, name, s); err != nil {
			return "", fmt.Errorf("writing the configuration of %s: %w", p.Name, err)
		}
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(b.String()), 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(s.Dir, p.config), nil
}
