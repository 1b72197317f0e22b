package sitecheck_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/sitecheck"
	"github.com/sparkoo/transfergate/internal/decision"
)

// site is an http app whose site gw.test has a transfer handler and, beside it,
// another route.
const site = `{"servers": {"s": {"listen": [":80"], "routes": [
	{"match": [{"host": ["gw.test"]}], "handle": [{"handler": "subroute", "routes": [{"handle": [{"handler": "transfer", "other_upstreams": [{"addresses": ["auth:1"], "why": "it logs people in"}]}]}]}]},
	{"match": [{"host": ["HOST"]}], "handle": [BESIDE]}
]}}}`

// TestBeside: what may stand beside a transfer handler, and what is a side door.
// The gateway's own tests load whole configurations.
func TestBeside(t *testing.T) {
	for _, c := range []struct{ name, host, beside, want string }{
		{"a file server", "gw.test", `{"handler": "file_server"}`, ""},
		{"a proxy", "gw.test", `{"handler": "reverse_proxy", "upstreams": [{"dial": "a:1"}]}`, "a proxy to 'a:1' stands outside every region"},
		{"a proxy on another site", "other.test", `{"handler": "reverse_proxy", "upstreams": [{"dial": "a:1"}]}`, ""},
		{"a proxy for every host below", "*.test", `{"handler": "reverse_proxy", "upstreams": [{"dial": "a:1"}]}`, "a proxy to 'a:1' stands outside every region"},
		{"a proxy that is named", "gw.test", `{"handler": "reverse_proxy", "upstreams": [{"dial": "auth:1"}], "transport": {"protocol": "http", "network_proxy": {"from": "none"}}}`, ""},
		{"a handler nobody knows", "gw.test", `{"handler": "mirror"}`, "handler 'mirror' stands outside every region"},
		{"the gateway's variable", "gw.test", `{"handler": "vars", "transfer_exchange": 1}`, "variable 'transfer_exchange' is not the site's to set"},
		{"a field of the peer's", "gw.test", `{"handler": "headers", "request": {"set": {"Registered-Country": ["SG"]}}}`, "a header operation on 'Registered-Country' would say who the request is about"},
		{"a matcher too early", "gw.test", `{"handler": "subroute", "routes": [{"match": [{"transfer_region": {"codes": ["x"]}}]}]}`, "matcher transfer_region stands where its answer is not known yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			routes, err := sitecheck.Read([]byte(strings.NewReplacer("HOST", c.host, "BESIDE", c.beside).Replace(site)))
			if err != nil {
				t.Fatal(err)
			}
			sites := sitecheck.Sites{Routes: routes, IdentityFields: []string{"Registered-Country"}}
			if hosts := sites.Hosts(); len(hosts) != 1 || !hosts["gw.test"] {
				t.Errorf("hosts are %v", hosts)
			}
			holds(t, sites.Check(), c.want)
		})
	}
}

// TestRegion: what a region's block may hold, by what the policy says of it.
func TestRegion(t *testing.T) {
	row := &decision.Region{Code: "br", Country: "BR", Operator: "br-co", Hosts: []string{".br.internal"}, Networks: []string{"10.1.0.0/16"}}
	proxy := func(dial, more string) string {
		return `{"handler": "reverse_proxy", "upstreams": [{"dial": "` + dial + `"}], "transport": {"protocol": "http", "tls": {}` + more + `}}`
	}
	for _, c := range []struct{ name, handler, want string }{
		{"its host", proxy("a.br.internal:443", ""), ""},
		{"its network", proxy("10.1.2.3:443", ""), ""},
		{"another host", proxy("a.sg.internal:443", ""), "upstream 'a.sg.internal:443' lies outside the hosts and networks"},
		{"loopback, but not for show", proxy("127.0.0.1:443", ""), "lies outside the hosts and networks"},
		{"a request's choice", proxy("{http.request.host}:443", ""), "has a placeholder: a request could choose it"},
		{"anybody's certificate", strings.Replace(proxy("10.1.2.3:443", ""), `"tls": {}`, `"tls": {"insecure_skip_verify": true}`, 1), "nobody would know who answers"},
		{"a handler of its own", `{"handler": "file_server"}`, "handler 'file_server' may not stand in a region"},
		{"nothing at all", "", "empty: name upstreams"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var routes caddyhttp.RouteList
			if c.handler != "" {
				routes = caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{json.RawMessage(c.handler)}}}
			}
			holds(t, sitecheck.Region{Row: row, Node: "SG"}.Check(routes), c.want)
		})
	}
	plain := caddyhttp.RouteList{{HandlersRaw: []json.RawMessage{json.RawMessage(`{"handler": "reverse_proxy", "upstreams": [{"dial": "10.1.2.3:80"}]}`)}}}
	if err := (sitecheck.Region{Row: row, Node: "SG"}).Check(plain); !errors.Is(err, sitecheck.ErrPlaintext) {
		t.Errorf("plain text across a border: %v", err)
	}
	holds(t, sitecheck.Region{Row: row, Node: "BR"}.Check(plain), "")
}

// holds compares an error with a part of its text; none is wanted where that is empty.
func holds(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("got %v, want %q", err, want)
	}
}
