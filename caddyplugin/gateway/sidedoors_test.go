package gateway_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// A trap is an upstream outside every region. It counts who comes, and hangs up.
type trap struct {
	addr  string
	calls atomic.Int64
}

func newTrap(t testing.TB) *trap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &trap{addr: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.calls.Add(1)
			conn.Close()
		}
	}()
	return p
}

// A door is a Caddyfile by which requests of a site would leave through
// something else than a region. In it {gw} stands for a good transfer block,
// {sg} for its upstream in Singapore, {evil} for the trap.
type door struct {
	name   string
	global string   // more global options
	site   string   // what follows them
	named  []string // under other_upstreams
	want   string   // the error's end

	path       string   // if set: naming the trap too makes it legal, and this path then leads there
	legal      string   // else a site like it that is legal; empty: there is none
	legalNamed []string // under other_upstreams of the legal site
}

// notNamed is the error for a proxy that stands outside the regions.
const notNamed = `a proxy to '{evil}' stands outside every region: its requests would pass no decision and leave no record; move it into a region, or name it as in 'other_upstreams {evil} "why"'`

// unknownHandler is the error for a handler that might send requests anywhere.
func unknownHandler(name string) string { return sendingHandler(name, "might send requests elsewhere") }

func sendingHandler(name, does string) string {
	return "handler '" + name + "' stands outside every region, and it " + does + "; take it out, or answer for it as in 'other_upstreams " + name + ` "why"'`
}

func doors() []door {
	return []door{
		// beside the handler
		{name: "proxy after", site: "http://{addr} {\n{gw}\nreverse_proxy /x {evil}\n}", want: "site '127.0.0.1' of server 'srv0': " + notNamed},
		{name: "proxy before", site: "http://{addr} {\nhandle /x {\nreverse_proxy {evil}\n}\nhandle {\n{gw}\n}\n}", want: notNamed, path: "/x"},
		{name: "route", site: "http://{addr} {\nroute {\nreverse_proxy /x {evil}\n{gw}\n}\n}", want: notNamed, path: "/x"},
		{name: "handle_path", site: "http://{addr} {\nhandle_path /x/* {\nreverse_proxy {evil}\n}\n{gw}\n}", want: notNamed, path: "/x/y"},
		{name: "transfer in handle and route", site: "http://{addr} {\nhandle /x {\nreverse_proxy {evil}\n}\nhandle {\nroute {\n{gw}\n}\n}\n}", want: notNamed, path: "/x"},
		{name: "handle_errors", site: "http://{addr} {\nerror /x 404\n{gw}\nhandle_errors {\nreverse_proxy {evil}\n}\n}", want: notNamed, path: "/x"},
		{name: "handle_errors for a status", site: "http://{addr} {\nerror /x 404\n{gw}\nhandle_errors 4xx {\nhandle {\nreverse_proxy {evil}\n}\n}\n}", want: notNamed, path: "/x"},
		{name: "forward_auth", site: "http://{addr} {\nforward_auth {evil} {\nuri /auth\n}\n{gw}\n}", want: notNamed, path: "/"},
		{name: "forward_auth in a snippet", site: "(auth) {\nforward_auth {args[0]} {\nuri /auth\n}\n}\nhttp://{addr} {\nimport auth {evil}\n{gw}\n}", want: notNamed, path: "/"},
		{name: "php_fastcgi", site: "http://{addr} {\nroute {\nphp_fastcgi /x/* {evil}\n{gw}\n}\n}", want: notNamed, path: "/x/y.php"},
		{name: "intercept", site: "http://{addr} {\nintercept {\nhandle_response {\nreverse_proxy {evil}\n}\n}\n{gw}\n}", want: notNamed, path: "/"},
		{name: "handle_response of a named proxy", site: "http://{addr} {\nroute {\nreverse_proxy /x {sg} {\nhandle_response {\nreverse_proxy {evil}\n}\n}\n{gw}\n}\n}", named: []string{"{sg}"}, want: notNamed, path: "/x"},
		{name: "named route", site: "&(out) {\nreverse_proxy {evil}\n}\nhttp://{addr} {\ninvoke /x out\n{gw}\n}", want: notNamed, path: "/x"},
		{name: "named route through another", site: "&(out) {\nreverse_proxy {evil}\n}\n&(on) {\ninvoke out\n}\nhttp://{addr} {\ninvoke /x on\n{gw}\n}", want: notNamed, path: "/x"},
		{name: "transfer in a named route", site: "&(gw) {\n{gw}\n}\nhttp://{addr} {\nhandle /x {\nreverse_proxy {evil}\n}\nhandle {\ninvoke gw\n}\n}", want: notNamed, path: "/x"},
		{name: "named route that invokes itself", site: "&(loop) {\nroute {\ninvoke loop\nreverse_proxy {evil}\n}\n}\nhttp://{addr} {\ninvoke /x loop\n{gw}\n}", want: notNamed},

		// other sites that see the same requests
		{name: "wildcard on the same server", site: "http://one.gw.test:{port} {\n{gw}\n}\nhttp://*.gw.test:{port} {\nreverse_proxy {evil}\n}", want: "site 'one.gw.test' of server 'srv0': " + notNamed,
			legal: "http://one.gw.test:{port} {\n{gw}\n}\nhttp://*.two.gw.test:{port} {\nreverse_proxy {evil}\n}"},
		{name: "transfer under the wildcard", site: "http://*.gw.test:{port} {\n{gw}\n}\nhttp://one.gw.test:{port} {\nreverse_proxy {evil}\n}", want: notNamed,
			legal: "http://*.gw.test:{port} {\n{gw}\n}\nhttp://gw.test:{port} {\nreverse_proxy {evil}\n}"},
		{name: "site without host", site: "http://gw.test:{port} {\n{gw}\n}\nhttp://:{port} {\nreverse_proxy {evil}\n}", want: notNamed},
		{name: "transfer without host", site: "http://gw.test:{port} {\nreverse_proxy {evil}\n}\nhttp://:{port} {\n{gw}\n}", want: "site for every host of server 'srv0': " + notNamed},
		{name: "host by placeholder", site: "http://gw.test:{port} {\n{gw}\n}\nhttp://{env.TRANSFERGATE_TEST_HOST}:{port} {\nreverse_proxy {evil}\n}", want: notNamed},
		{name: "host by matcher", site: "http://gw.test:{port} {\n{gw}\n}\nhttp://:{port} {\n@h host other.test\nhandle @h {\nreverse_proxy {evil}\n}\n}", want: notNamed},
		{name: "same address on the same port", site: "http://127.0.0.1:{port} {\n{gw}\n}\nhttp://127.0.0.1:{port}/x {\nreverse_proxy {evil}\n}", want: notNamed,
			legal: "http://127.0.0.1:{port}, http://localhost:{port} {\n{gw}\n}\nhttp://127.0.0.1:3, http://localhost:3 {\nreverse_proxy {evil}\n}"},
		{name: "same host, with the root's dot", site: "http://gw.test:{port} {\n{gw}\n}\nhttp://gw.test.:{port} {\nreverse_proxy {evil}\n}", want: notNamed},
		{name: "same host, in its ASCII form", site: "http://bücher.test:{port} {\n{gw}\n}\nhttp://xn--bcher-kva.test:{port} {\nreverse_proxy {evil}\n}", want: notNamed},
		{name: "same name on another port", site: "http://gw.test:{port} {\n{gw}\n}\nhttp://gw.test:1 {\nreverse_proxy {evil}\n}", want: notNamed,
			legal: "http://gw.test:{port} {\n{gw}\n}\nhttp://other.test:1 {\nreverse_proxy {evil}\n}\nhttp://:2 {\nbind 127.0.0.1\nreverse_proxy {evil}\n}\nhttp://127.0.0.1:3, http://localhost:3 {\nreverse_proxy {evil}\n}"},
		{name: "same port, bound to one address", site: "http://:{port} {\n{gw}\n}\nhttp://:{port} {\nbind 127.0.0.2\nreverse_proxy {evil}\n}", want: notNamed},
		{name: "error routes of every host", site: "http://gw.test:{port} {\n{gw}\n}\nhttp://:{port} {\nerror 500\nhandle_errors {\nreverse_proxy {evil}\n}\n}", want: notNamed},

		// proxies that nobody could name
		{name: "dynamic upstreams", site: "http://{addr} {\nreverse_proxy /x {\ndynamic a evil.test 80\n}\n{gw}\n}", want: "a proxy outside every region has dynamic upstreams, which cannot be named: write its upstreams out"},
		{name: "upstream from the request", site: "http://{addr} {\nreverse_proxy /x {header.Evil}\n{gw}\n}", want: "a proxy outside every region has a placeholder in its upstream '{http.request.header.Evil}': a request could choose it"},
		{name: "upstream from the environment", site: "http://{addr} {\nreverse_proxy /x {env.EVIL}:80\n{gw}\n}", want: "a proxy outside every region has a placeholder in its upstream '{env.EVIL}:80': a request could choose it"},
		{name: "a placeholder is named", site: "http://{addr} {\n{gw}\n}", named: []string{"{header.Evil}"}, want: "other_upstreams '{http.request.header.Evil}' could be anything: name one address"},
		{name: "everything is named", site: "http://{addr} {\n{gw}\n}", named: []string{"*"}, want: "other_upstreams '*' could be anything: name one address"},
		{name: "network proxy", site: "http://{addr} {\nreverse_proxy /x {sg} {\ntransport http {\nnetwork_proxy url http://{evil}\n}\n}\n{gw}\n}", named: []string{"{sg}"},
			want:  "a proxy outside every region has a network proxy, which would see its requests too",
			legal: "http://{addr} {\nreverse_proxy /x {sg} {\ntransport http {\nnetwork_proxy none\n}\n}\n{gw}\n}", legalNamed: []string{"{sg}"}},
		{name: "forward_proxy_url", site: "http://{addr} {\nreverse_proxy /x {sg} {\ntransport http {\nforward_proxy_url http://{evil}\n}\n}\n{gw}\n}", named: []string{"{sg}"},
			want: "a proxy outside every region has a network proxy, which would see its requests too"},

		// handlers that are no proxies and yet send requests
		{name: "tracing", site: "http://{addr} {\ntracing\n{gw}\n}", want: sendingHandler("tracing", "sends spans with paths and addresses to a collector (OTEL_EXPORTER_OTLP_ENDPOINT)"), legal: "http://{addr} {\ntracing\n{gw}\n}", legalNamed: []string{"tracing"}},
		{name: "templates", site: "http://{addr} {\ntemplates\n{gw}\n}", want: sendingHandler("templates", "sends requests of its own, from loopback and with the client's fields, which identity header might believe"), legal: "http://{addr} {\ntemplates\n{gw}\n}", legalNamed: []string{"templates"}},
		{name: "a handler nobody knows", global: "order test_stranger first", site: "http://{addr} {\ntest_stranger\n{gw}\n}", want: unknownHandler("test_stranger"), legal: "http://{addr} {\ntest_stranger\n{gw}\n}", legalNamed: []string{"test_stranger"}},
		{name: "everything else of Caddy", site: "http://{addr} {\nrespond /e \"{env.X}\" 404\n{gw}\nvars http.auth.user.id x\n}",
			want:  "variable 'http.auth.user.id' is not the site's to set: what is known about the request hangs on it",
			legal: "http://{addr} {\nheader X y\nrequest_header X y\nrespond /e \"{env.X}\" 404\nfile_server /s/*\nencode\nrequest_body {\nmax_size 1MB\n}\nmap {path} {m} {\ndefault x\n}\nvars m x\nredir /r /s\nrewrite /a /b\nuri /c strip_prefix /c\nmethod /d GET\nerror /f 404\nbasic_auth /g {\na $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n}\nmetrics /m\npush /p\nlog_append x y\ntransfer_health\nintercept {\nreplace_status 500\n}\n{gw}\n}"},

		// speaking in the gateway's name
		{name: "vars of the exchange", site: "http://{addr} {\nvars transfer_exchange x\n{gw}\n}", want: "variable 'transfer_exchange' is not the site's to set: what is known about the request hangs on it"},
		{name: "vars of the client's address", site: "http://{addr} {\nvars {\nx y\nclient_ip 1.2.3.4\n}\n{gw}\n}", want: "variable 'client_ip' is not the site's to set: what is known about the request hangs on it"},
		{name: "vars of trust", site: "http://{addr} {\nvars trusted_proxy true\n{gw}\n}", want: "variable 'trusted_proxy' is not the site's to set: what is known about the request hangs on it"},
		{name: "vars named by the request", site: "http://{addr} {\nvars {header.X} x\n{gw}\n}", want: "variable '{http.request.header.X}' is not the site's to set: what is known about the request hangs on it"},
		{name: "map of the user", site: "http://{addr} {\nmap {header.X} {http.auth.user.id} {\ndefault bruno\n}\n{gw}\n}", want: "placeholder '{http.auth.user.id}' is not the site's to map: what is known about the request hangs on it"},
		{name: "map of the gateway's own", site: "http://{addr} {\nmap {host} {http.transfer.region} {\ndefault sa-brazil-1\n}\n{gw}\n}", want: "placeholder '{http.transfer.region}' is not the site's to map: what is known about the request hangs on it"},

		// words of the configuration in logs that leave out the person
		{name: "log_append of a field", site: "http://{addr} {\nlog_append who {header.Account-Id}\n{gw}\n}", want: saidInLogs("log_append", "{http.request.header.Account-Id}"),
			legal: "http://{addr} {\nlog_append to {http.transfer.region}\nlog_append at {http.reverse_proxy.upstream.hostport}\n{gw}\n}"},
		{name: "log_append of the address by its bare name", site: "http://{addr} {\nlog_append who client_ip\n{gw}\n}", want: saidInLogs("log_append", "{http.vars.client_ip}"),
			legal: "http://{addr} {\nvars where edge-7\nlog_append where where\nlog_append there {vars.where}\n{gw}\n}"},
		{name: "log_append of a variable", site: "http://{addr} {\nvars a {path}\nlog_append a a\n{gw}\n}", want: saidInLogs("log_append", "{http.vars.a}")},
		{name: "log_append of a body", site: "http://{addr} {\nlog_append a {http.response.body}\n{gw}\n}", want: saidInLogs("log_append", "{http.response.body}")},
		{name: "log_append of what is mapped", site: "http://{addr} {\nmap {path} {kind} {\n~/(.*) ${1}\n}\nlog_append kind {kind}\n{gw}\n}", want: saidInLogs("log_append", "{kind}"),
			legal: "http://{addr} {\nmap {path} {big} {\n/a one\ndefault two\n}\nlog_append big {big}\n{gw}\n}"},
		{name: "log_append in a region", site: "http://{addr} {\ntransfer {\nactivity serving\nregion ap-southeast-3 {\nlog_append a {uri}\nreverse_proxy {sg}\n}\n}\n}", want: saidInLogs("log_append", "{http.request.uri}"),
			legal: "http://{addr} {\nlog_append a {uri}\ntransfer {\nactivity serving\nlog_personal_data \"an attack is looked into\"\nregion ap-southeast-3 {sg}\n}\n}"},
		{name: "words of an error", site: "http://{addr} {\nerror /e \"nothing at {path}\" 404\n{gw}\n}", want: saidInLogs("error", "{http.request.uri.path}"),
			legal: "http://{addr} {\nerror /e \"nothing here\" 404\n{gw}\n}"},

		// two handlers, and handlers in handlers
		{name: "two of them and a door", site: "http://{addr} {\nhandle /a/* {\n{gw}\n}\nhandle /x {\nreverse_proxy {evil}\n}\nhandle {\n{gw}\n}\n}", want: notNamed, path: "/x"},
		{name: "one in another's region", site: "http://{addr} {\ntransfer {\nactivity serving\nregion ap-southeast-3 {\n{gw}\n}\n}\n}",
			want: "region 'ap-southeast-3': handler 'transfer' may not stand in a region; use one of reverse_proxy, subroute, headers, encode, request_body, rewrite, vars, map, log_append, static_response, copy_response, copy_response_headers, at Caddyfile:13"},
	}
}

const gwRegions = "activity storage /v1/objects/*\nactivity serving\nregion ap-southeast-3 {sg}\nregion sa-brazil-1 {br}"

// saidInLogs is what is said of words for the logs that tell of a person.
func saidInLogs(handler, placeholder string) string {
	return "'" + handler + "' would write '" + placeholder + "' into logs that leave out who sent a request and what for; " +
		"take it out, or say in transfer why the logs keep that: 'log_personal_data \"why\"'"
}

// write completes the site of a door.
func (d door) write(site string, named []string) string {
	block := "transfer {\n" + gwRegions
	for _, n := range named {
		block += "\nother_upstreams " + n + ` "a test"`
	}
	return "{\nadmin off\n" + d.global + "\ntransfer {\ndemo\nnode gw-sg-1 SG sparkoo-sg\nledger {ledger}\n}\n}\n" +
		strings.ReplaceAll(site, "{gw}", block+"\n}") + "\n"
}

// TestSideDoors: every way out of a site that is no region is a load error, and
// nobody comes there. Where the operator may answer for it, it can be taken:
// so the door was one.
func TestSideDoors(t *testing.T) {
	vars := map[string]string{"sg": newUpstream(t, "sg", nil).addr, "br": newUpstream(t, "br", nil).addr}
	t.Setenv("TRANSFERGATE_TEST_HOST", "gw.test")
	for _, d := range doors() {
		t.Run(d.name, func(t *testing.T) {
			evil := newTrap(t)
			vars["evil"] = evil.addr
			bad := &gate{t: t, addr: freeAddr(t), ledger: filepath.Join(t.TempDir(), "ledger")}
			wantLoadError(t, bad.load(d.write(d.site, d.named), vars), bad.expand(d.want, vars))
			if n := evil.calls.Load(); n != 0 {
				t.Errorf("%d calls left through a configuration that does not load", n)
			}
			switch {
			case d.path != "":
				g := startGate(t, d.write(d.site, append(d.named, "{evil}")), vars)
				g.knock(d.path)
				if evil.calls.Load() == 0 {
					t.Error("named under other_upstreams, the door leads nowhere: the case proves nothing")
				}
			case d.legal != "":
				if err := validate(bad.expand(d.write(d.legal, d.legalNamed), vars)); err != nil {
					t.Errorf("legal: %v", err)
				}
			}
		})
	}
}

// knock sends a request, whatever comes back: a trap hangs up.
func (g *gate) knock(path string) {
	g.t.Helper()
	res, err := http.Get("http://" + g.addr + path)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
}

// wantLoadError checks that a configuration did not load, and why.
func wantLoadError(t testing.TB, err error, want string) {
	t.Helper()
	if err == nil {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	}
	if err == nil || !strings.HasSuffix(err.Error(), want) && !strings.Contains(err.Error(), want+", at Caddyfile:") {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func init() {
	caddy.RegisterModule(testStranger{})
	httpcaddyfile.RegisterHandlerDirective("test_stranger", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		return testStranger{}, nil
	})
}

// testStranger is a handler that the gateway has never heard of.
type testStranger struct{}

func (testStranger) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.test_stranger", New: func() caddy.Module { return new(testStranger) }}
}

func (testStranger) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(w, r)
}

// validateJSON provisions a Caddyfile's JSON with one text replaced.
func validateJSON(t testing.TB, caddyfile, old, text string) error {
	t.Helper()
	raw, err := adapt(caddyfile)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), old) {
		t.Fatalf("%s holds no %s", raw, old)
	}
	var config caddy.Config
	if err := json.Unmarshal([]byte(strings.Replace(string(raw), old, text, 1)), &config); err != nil {
		t.Fatal(err)
	}
	return caddy.Validate(&config)
}
