package sitecheck_test

import (
	"encoding/json"
	"errors"
	"slices"
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
		{"a limiter that counts here", "gw.test", `{"handler": "rate_limit"}`, ""},
		{"one that shares its counts", "gw.test", `{"handler": "rate_limit", "distributed": {}}`, "handler 'rate_limit' stands outside every region, and it shares its counts"},
		{"a handler nobody knows", "gw.test", `{"handler": "mirror"}`, "handler 'mirror' stands outside every region"},
		{"the gateway's variable", "gw.test", `{"handler": "vars", "transfer_exchange": 1}`, "variable 'transfer_exchange' is not the site's to set"},
		{"a field of the peer's", "gw.test", `{"handler": "headers", "request": {"set": {"Registered-Country": ["SG"]}}}`, "a header operation on 'Registered-Country' would say who the request is about"},
		{"a name for the proxy to drop", "gw.test", `{"handler": "headers", "request": {"set": {"Connection": ["Data-Controller"]}}}`, "a header operation on 'Connection': by it the proxy would drop the fields that it names"},
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
		{"another method", `{"handler": "rewrite", "method": "PUT"}`, "a rewrite to method 'PUT' in a region would make another request"},
		{"another query", `{"handler": "rewrite", "query": {"set": [{"key": "action", "val": "upload"}]}}`, "a rewrite of the query in a region would make another request"},
		{"another query, written out", `{"handler": "rewrite", "uri": "/x?action=upload"}`, "a rewrite of the query in a region would make another request"},
		{"another path", `{"handler": "rewrite", "uri": "/x{http.request.uri}"}`, ""},
		{"another path with its query", `{"handler": "rewrite", "uri": "/x?{http.request.uri.query}"}`, ""},
		{"another type", `{"handler": "headers", "request": {"set": {"Content-Type": ["multipart/form-data"]}}}`, "a header operation on 'Content-Type' in a region would make another request"},
		{"no type", `{"handler": "headers", "request": {"delete": ["Content-*"]}}`, ""},
		{"a method that stores nothing", `{"handler": "rewrite", "method": "GET"}`, ""},
		{"another type of answer", `{"handler": "headers", "response": {"set": {"Content-Type": ["text/plain"]}}}`, ""},
		{"another target", `{"handler": "headers", "request": {"set": {"X-Original-URL": ["/v1/objects/x"]}}}`, "a header operation on 'X-Original-URL' in a region would make another request"},
		{"a name for the proxy to drop", strings.Replace(proxy("10.1.2.3:443", ""), `"transport"`, `"headers": {"request": {"set": {"Connection": ["Data-Controller"]}}}, "transport"`, 1), "a header operation on 'Connection'"},
		{"another method of the proxy's", strings.Replace(proxy("10.1.2.3:443", ""), `"transport"`, `"rewrite": {"method": "PUT"}, "transport"`, 1), "a rewrite to method 'PUT' in a region"},
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

// TestOtherServers: another server meets the site if others can reach it and it
// answers to the site's name.
func TestOtherServers(t *testing.T) {
	for _, c := range []struct{ name, listen, host, want string }{
		{"for every host", `":8081"`, "", "a proxy to 'a:1' stands outside every region"},
		{"for every host, on an address", `"10.0.0.1:8081"`, "", "a proxy to 'a:1' stands outside every region"},
		{"on loopback", `"127.0.0.1:8081"`, "", ""},
		{"on loopback and elsewhere", `"127.0.0.1:8081", ":8082"`, "", "a proxy to 'a:1' stands outside every region"},
		{"for another host", `":8081"`, `"match": [{"host": ["other.test"]}],`, ""},
		{"for the site's host", `":8081"`, `"match": [{"host": ["gw.test"]}],`, "a proxy to 'a:1' stands outside every region"},
	} {
		routes, err := sitecheck.Read([]byte(strings.NewReplacer("LISTEN", c.listen, "MATCH", c.host).Replace(`{"servers": {
			"a": {"listen": [":443"], "routes": [{"match": [{"host": ["gw.test"]}], "handle": [{"handler": "transfer"}]}]},
			"b": {"listen": [LISTEN], "routes": [{MATCH "handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "a:1"}]}]}]}}}`)))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(c.name, func(t *testing.T) { holds(t, sitecheck.Sites{Routes: routes}.Check(), c.want) })
	}
}

// TestPeersOnSockets: who believes peers by their address needs peers that have one.
func TestPeersOnSockets(t *testing.T) {
	for listen, want := range map[string]string{"unix//run/gw.sock": "a peer on a Unix socket has none", ":80": ""} {
		routes, err := sitecheck.Read([]byte(`{"servers": {"s": {"listen": ["` + listen + `"], "routes": [{"handle": [{"handler": "transfer"}]}]}}}`))
		if err != nil {
			t.Fatal(err)
		}
		holds(t, sitecheck.Sites{Routes: routes, Peers: true}.Check(), want)
		holds(t, sitecheck.Sites{Routes: routes}.Check(), "")
	}
}

// TestHealthByName: a probe that asks by address must reach the answer.
func TestHealthByName(t *testing.T) {
	const route = `{MATCH "handle": [{"handler": "transfer_health"}]}`
	byName := strings.Replace(route, "MATCH", `"match": [{"host": ["gw.test"]}],`, 1)
	for name, c := range map[string]struct {
		routes string
		want   []string
	}{
		"none":            {`{"handle": [{"handler": "transfer"}]}`, nil},
		"by name":         {byName, []string{"gw.test"}},
		"by no name":      {strings.Replace(route, "MATCH", "", 1), nil},
		"by both":         {byName + "," + strings.Replace(route, "MATCH", "", 1), nil},
		"by address":      {strings.Replace(route, "MATCH", `"match": [{"host": ["10.0.0.1"]}],`, 1), nil},
		"by loopback":     {strings.Replace(route, "MATCH", `"match": [{"host": ["localhost"]}],`, 1), []string{"localhost"}},
		"by two names":    {strings.Replace(route, "MATCH", `"match": [{"host": ["b.test", "a.test"]}],`, 1), []string{"a.test", "b.test"}},
		"in a deep route": {`{"match": [{"host": ["gw.test"]}], "handle": [{"handler": "subroute", "routes": [` + strings.Replace(route, "MATCH", "", 1) + `]}]}`, []string{"gw.test"}},
	} {
		routes, err := sitecheck.Read([]byte(`{"servers": {"s": {"listen": [":80"], "routes": [` + c.routes + `]}}}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := (sitecheck.Sites{Routes: routes}).HealthByName(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestCheckLogs: whoever gets lines about the site's requests must be named.
func TestCheckLogs(t *testing.T) {
	const site = `{"servers": {"s": {"listen": [":80"], "logs": {"logger_names": {"gw.test": ["log0"], "other.test": ["log1"]}}, "routes": [
		{"match": [{"host": ["gw.test"]}], "handle": [{"handler": "transfer", "other_upstreams": [{"addresses": ["tcp/logs:1", "loki", "log teed"], "why": "they are ours"}]}]}]}}}`
	routes, err := sitecheck.Read([]byte(site))
	if err != nil {
		t.Fatal(err)
	}
	net := sitecheck.Log{Name: "l", Writer: "net", Address: "tcp/evil:1"}
	for name, c := range map[string]struct {
		log  sitecheck.Log
		want string
	}{
		"everything":             {net, "log 'l' sends account ids, addresses and paths of requests to 'tcp/evil:1'"},
		"its access log":         {with(net, "http.log.access.log0"), "log 'l' sends"},
		"all access logs":        {with(net, "http.log.access"), "log 'l' sends"},
		"errors":                 {with(net, "http.log.error"), "log 'l' sends"},
		"a handler's lines":      {with(net, "http.handlers.reverse_proxy"), "log 'l' sends"},
		"another site's":         {with(net, "http.log.access.log1"), ""},
		"certificates":           {with(net, "tls"), ""},
		"all but requests":       {sitecheck.Log{Name: "l", Writer: "net", Address: "tcp/evil:1", Exclude: []string{"http"}}, ""},
		"all but access logs":    {sitecheck.Log{Name: "l", Writer: "net", Address: "tcp/evil:1", Exclude: []string{"http.log.access"}}, "log 'l' sends"},
		"to who is named":        {sitecheck.Log{Name: "l", Writer: "net", Address: "tcp/logs:1"}, ""},
		"a file":                 {sitecheck.Log{Name: "l", Writer: "file"}, ""},
		"a writer nobody knows":  {sitecheck.Log{Name: "l", Writer: "kafka"}, "log 'l' hands requests to writer 'kafka'"},
		"a writer that is named": {sitecheck.Log{Name: "l", Writer: "loki"}, ""},
		"a core of its own":      {sitecheck.Log{Name: "l", Writer: "file", Tees: true}, "log 'l' hands requests to a core of its own"},
		"one that is named":      {sitecheck.Log{Name: "teed", Writer: "file", Tees: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			holds(t, sitecheck.Sites{Routes: routes}.CheckLogs([]sitecheck.Log{c.log}), c.want)
		})
	}
}

// TestUnredacted: what handlers log by themselves is the log's to leave out.
func TestUnredacted(t *testing.T) {
	const site = `{"servers": {"s": {"listen": [":80"], "routes": [{"handle": [{"handler": "transfer"}]}]}}}`
	debug := sitecheck.Log{Name: "l", Writer: "file", Debug: true}
	for name, c := range map[string]struct {
		site string
		log  sitecheck.Log
		want bool
	}{
		"at DEBUG":             {site, debug, true},
		"the proxies' alone":   {site, with(debug, "http.handlers.reverse_proxy"), true},
		"all but handlers'":    {site, sitecheck.Log{Name: "l", Writer: "file", Debug: true, Exclude: []string{"http.handlers"}}, false},
		"at INFO":              {site, sitecheck.Log{Name: "l", Writer: "file"}, false},
		"filtered":             {site, sitecheck.Log{Name: "l", Writer: "file", Debug: true, Redacted: true}, false},
		"to nowhere":           {site, sitecheck.Log{Name: "l", Writer: "discard", Debug: true}, false},
		"as the site says":     {strings.Replace(site, `"transfer"`, `"transfer", "log_personal_data": "why"`, 1), debug, false},
		"of no site of a gate": {strings.Replace(site, `"transfer"`, `"encode"`, 1), debug, false},
	} {
		routes, err := sitecheck.Read([]byte(c.site))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(sitecheck.Sites{Routes: routes}.Unredacted([]sitecheck.Log{c.log})) > 0; got != c.want {
			t.Errorf("%s: warned of, %t", name, got)
		}
	}
}

// with is the log for one logger alone.
func with(log sitecheck.Log, include string) sitecheck.Log {
	log.Include = []string{include}
	return log
}

// holds compares an error with a part of its text; none is wanted where that is empty.
func holds(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("got %v, want %q", err, want)
	}
}
