package gateway_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ruled is a site with room for handlers before, and lines in the global
// options and the transfer option.
const ruled = `{
	admin off
	{global}
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
		{options}
	}
}
http://gw.test {
	{before}
	transfer {
		activity storage /v1/objects/*
		activity serving {activity}
		region ap-southeast-3 127.0.0.1:1
		region sa-brazil-1 {
			{region}
			reverse_proxy 127.0.0.1:1
		}
	}
}
`

// placed is where an error says that an option stands.
var placed = regexp.MustCompile(`, at Caddyfile:\d+$`)

// rule is what is put into ruled, and the error's end before the place; empty: it is legal.
type rule struct{ global, options, before, activity, region, want string }

func (c rule) try(t *testing.T) {
	t.Helper()
	err := validate(strings.NewReplacer("{global}", c.global, "{options}", c.options, "{before}", c.before, "{activity}", c.activity, "{region}", c.region,
		"{ledger}", filepath.Join(t.TempDir(), "ledger")).Replace(ruled))
	if (c.want == "") != (err == nil) || err != nil && !strings.HasSuffix(placed.ReplaceAllString(err.Error(), ""), c.want) {
		t.Errorf("%+v\ngot  %v\nwant %s", c, err, c.want)
	}
}

// TestHeaderOperationsInTheSite: nothing in the site touches the gateway's fields.
func TestHeaderOperationsInTheSite(t *testing.T) {
	ours := func(name string) string {
		return "a header operation on '" + name + "': the gateway alone sets its fields"
	}
	late := func(name string) string {
		return "a deferred header operation on '" + name + "' would come after the gateway, which sets it last: write it in a region's block"
	}
	for line, want := range map[string]string{
		"header Data-Controller x":                 ours("Data-Controller"),
		"header +Data-Controller x":                ours("Data-Controller"),
		"header -Data-Controller":                  ours("Data-Controller"),
		"header -Data-*":                           ours("Data-*"),
		"header -*":                                ours("*"),
		"header >Privacy-Statement x":              ours("Privacy-Statement"),
		"header ?Privacy-Statement x":              ours("Privacy-Statement"),
		"header Data-Controller a b":               ours("Data-Controller"),
		"header {header.X} y":                      ours("{http.request.header.X}"),
		"header /x Data-Controller x":              ours("Data-Controller"),
		"handle /x {\nheader Data-Controller x\n}": ours("Data-Controller"),
		"request_header Data-Controller x":         ours("Data-Controller"),
		"request_header -Data-Region":              ours("Data-Region"),
		"intercept {\nhandle_response {\nheader Data-Controller x\n}\n}":    ours("Data-Controller"),
		"header Cache-Control public":                                       "", // the gateway sees it, and keeps its fields back
		"header >Cache-Control public":                                      late("Cache-Control"),
		"header -Cache-Control":                                             late("Cache-Control"),
		"header -Link":                                                      late("Link"),
		"header -Server":                                                    "",
		"header -X-*":                                                       "",
		"header {\nX-Frame-Options DENY\n-Server\n}":                        "",
		"header {\nmatch status 200\nCache-Control public\n}":               late("Cache-Control"),
		"request_header X-A {header.X}":                                     "",
		"intercept {\nhandle_response {\nheader Cache-Control public\n}\n}": "",
	} {
		rule{before: line, want: want}.try(t)
	}
}

// TestIdentityFieldsAreThePeersWord: identity header believes the peer, so the
// site may not say who a request is about.
func TestIdentityFieldsAreThePeersWord(t *testing.T) {
	const header = "identity header {\nfrom 127.0.0.0/8\ncountry_field Land\n}"
	forged := func(name string) string {
		return "a header operation on '" + name + "' would say who the request is about: identity header believes that field from the peer alone; " +
			"let an authentication handler say it, and read it with identity auth"
	}
	for line, want := range map[string]string{
		"request_header Land BR":                               forged("Land"),
		"request_header +Land BR":                              forged("Land"),
		"request_header -Land":                                 forged("Land"),
		"request_header land BR":                               forged("Land"),
		"request_header Land BR CL":                            forged("Land"),
		"request_header -Acc*":                                 forged("Acc*"),
		"request_header -*-Id":                                 forged("*-Id"),
		"request_header * * BR CL":                             "a header operation on '*': the gateway alone sets its fields",
		"request_header Account-Id {header.X}":                 forged("Account-Id"),
		"request_header Staff-Entity huawei-cloud-cn":          forged("Staff-Entity"),
		"request_header Staff-Country CN":                      forged("Staff-Country"),
		"handle /x {\nrequest_header Land BR\n}":               forged("Land"),
		"request_header Registered-Country BR":                 "", // it has another name here
		"header Land BR":                                       "", // a response's
		"forward_auth 127.0.0.1:1 {\nuri /\ncopy_headers X\n}": "a proxy to '127.0.0.1:1' stands outside every region: its requests would pass no decision and leave no record; move it into a region, or name it as in 'other_upstreams 127.0.0.1:1 \"why\"'",
	} {
		rule{options: header, before: line, want: want}.try(t)
	}
	rule{before: "request_header Registered-Country BR"}.try(t) // nobody reads it
}

// TestMatchersThatAskTooEarly: transfer_region and transfer_outcome stand only
// where they know.
func TestMatchersThatAskTooEarly(t *testing.T) {
	const region = "matcher transfer_region stands where its answer is not known yet: use it in intercept, or in a region's block"
	const outcome = "matcher transfer_outcome stands where its answer is not known yet: use it in intercept"
	for _, c := range []rule{
		{before: "@m transfer_region sa-brazil-1\nheader @m X y", want: "site 'gw.test' of server 'srv0': " + region},
		{before: "@m transfer_outcome denied\nheader @m X y", want: outcome},
		{before: "@m not transfer_region sa-brazil-1\nhandle /x {\nrespond @m x\n}", want: region},
		{before: "@m {\npath /x\nnot {\ntransfer_outcome denied\n}\n}\nlog_skip @m", want: outcome},
		{before: "handle_errors {\n@m transfer_outcome failed\nrespond @m x\n}", want: outcome},
		{before: "@m transfer_region sa-brazil-1", activity: "@m", want: region},
		{region: "@m transfer_outcome allowed\nheader @m X y", want: outcome},
		{before: "@m transfer_region sa-brazil-1\nintercept @m {\nreplace_status 500\n}", want: region},

		{region: "@m transfer_region sa-brazil-1\nheader @m X y"},
		{before: "@m transfer_outcome denied\nintercept {\nhandle_response {\nrespond @m x\n}\n}"},
		{before: "@m transfer_region sa-brazil-1\nintercept {\nhandle_response {\nhandle {\nrespond @m x\n}\n}\n}"},
		{before: "@m transfer_country BR\nheader @m X y\n@c transfer_controller sparkoo-br\nheader @c X y"},
		{before: "vars transfer_region x\nvars transfer_outcome y"}, // names, no matchers
	} {
		c.try(t)
	}
	err := validate("{\nadmin off\ntransfer {\ndemo\nnode gw-sg-1 SG sparkoo-sg\nledger " + t.TempDir() + "\n}\n}\nhttp://x.test {\n@m transfer_region sa-brazil-1\nrespond @m x\n}")
	if err == nil || !strings.HasSuffix(err.Error(), region) {
		t.Errorf("in a site without transfer: %v", err)
	}
}

// TestOutcomeOfAnAnswerThatIsNotOurs: where transfer did not answer, the outcome
// is none of the three, and that is an answer.
func TestOutcomeOfAnAnswerThatIsNotOurs(t *testing.T) {
	g := startGate(t, strings.Replace(site, "transfer_health\n", "intercept {\n@e status 404\nhandle_response @e {\n@m transfer_outcome denied failed allowed\n@r transfer_region sa-brazil-1\nheader @m Seen yes\nheader @r Seen yes\n}\n}\nrespond /none 404\n", 1), map[string]string{
		"accounts": writeFile(t, "a.ndjson", `{"account":"nobody"}`), "sg": newUpstream(t, "sg", nil).addr, "br": newTrap(t).addr, "cn": newTrap(t).addr,
	})
	if a := g.get("/none"); a.StatusCode != 404 || a.Header.Get("Seen") != "" {
		t.Errorf("status %d, header %v", a.StatusCode, a.Header)
	}
}

// TestNextIsNeverCalled: what stands after the handler sees nothing, whatever
// becomes of the request; falling out of a region's routes is 500.
func TestNextIsNeverCalled(t *testing.T) {
	evil := newTrap(t)
	br := newUpstream(t, "br", nil)
	g := startGate(t, strings.NewReplacer(
		"transfer {\n\t\tactivity", "route {\ntransfer {\nother_upstreams {evil} \"it must not be reached\"\n\t\tactivity",
		"region sa-brazil-1 {br}", "region sa-brazil-1 {\n@some path /some\nreverse_proxy @some {br}\n}",
		"region cn-north-4 {cn}\n\t}", "region cn-north-4 {cn}\n\t}\nreverse_proxy {evil}\n}\nhandle_errors {\nreverse_proxy {evil}\n}",
	).Replace(site), map[string]string{
		"accounts": writeFile(t, "a.ndjson", `{"account":"nobody"}`), "sg": newUpstream(t, "sg", nil).addr, "br": br.addr, "cn": freeAddr(t), "evil": evil.addr,
	})
	for _, c := range []struct {
		path, country string
		status        int
		reason        string
	}{
		{"/some", "BR", 200, ""},
		{"/", "BR", 500, "region_fell_through"},
		{"/", "UK", 403, "country_invalid"},
		{"/v1/support/x", "BR", 503, "region_down"},
		{"/v1/support/training/x", "BR", 403, "no_safeguard"},
		{"/v1/objects", "BR", 400, "path_ambiguous"},
		{"/v1/objects/x", "BR", 200, ""},
	} {
		a := g.get(c.path, "Registered-Country", c.country)
		if a.StatusCode != c.status || c.reason != "" && problemOf(t, a)["reason"] != c.reason {
			t.Errorf("%s of %s: status %d: %s", c.path, c.country, a.StatusCode, a.Text)
		}
	}
	if n := evil.calls.Load(); n != 0 {
		t.Errorf("%d calls after the handler", n)
	}
	if n := len(br.requests()); n != 1 {
		t.Errorf("Brazil saw %d requests, want 1", n)
	}
}

// TestRewrites: activities see what the upstream will see, and a region's own
// rewrites make no storage request of another.
func TestRewrites(t *testing.T) {
	sg, br := newUpstream(t, "sg", nil), newUpstream(t, "br", nil)
	g := startGate(t, strings.NewReplacer(
		"transfer_health\n", "rewrite /put/* /v1/objects{uri}\nuri /away/* strip_prefix /away\nrequest_header /host Host {port}.objects.test\n",
		"@objects path /v1/objects/*", "@bucket host *.objects.test\n@objects path /v1/objects/*", "activity storage @objects", "activity storage @bucket\nactivity storage @objects",
		"region sa-brazil-1 {br}", "region sa-brazil-1 {\nrewrite /sly /v1/objects/x\nrewrite /fine /changed\nreverse_proxy /slier {br} {\nrewrite /V1/Objects/x\n}\nreverse_proxy /slyhost {br} {\nheader_up Host br.objects.test\n}\nreverse_proxy {br}\n}",
	).Replace(site), map[string]string{
		"accounts": writeFile(t, "a.ndjson", `{"account":"nobody"}`), "sg": sg.addr, "br": br.addr, "cn": newTrap(t).addr,
	})
	for _, c := range []struct {
		path   string
		status int
		answer string // the region or the reason
		uri    string
	}{
		{"/put/x", 200, "sg", "/v1/objects/put/x"},
		{"/away/v1/objects/x", 200, "sg", "/v1/objects/x"},
		{"/away/x", 200, "br", "/x"},
		{"/host", 200, "sg", "/host"},
		{"/fine", 200, "br", "/changed"},
		{"/sly", 403, "storage_in_singapore", ""},
		{"/slier", 403, "storage_in_singapore", ""},
		{"/slyhost", 403, "storage_in_singapore", ""},
	} {
		a := g.get(c.path, "Registered-Country", "BR")
		got := a.Text
		if a.StatusCode != 200 {
			got, _ = problemOf(t, a)["reason"].(string)
		}
		if a.StatusCode != c.status || got != c.answer {
			t.Errorf("%s: status %d from %s", c.path, a.StatusCode, got)
		}
		if c.uri == "" {
			continue
		}
		if u := map[string]*upstream{"sg": sg, "br": br}[c.answer].last(t); u.URI != c.uri {
			t.Errorf("%s arrived as %s, want %s", c.path, u.URI, c.uri)
		}
	}
	if n := len(br.requests()); n != 2 {
		t.Errorf("Brazil saw %d requests, want 2", n)
	}
}

// TestGeoIPNeedsStrictProxies: otherwise a client would choose its country.
func TestGeoIPNeedsStrictProxies(t *testing.T) {
	const loose = "geoip behind trusted_proxies needs trusted_proxies_strict in the server options: otherwise a client chooses its own country"
	for _, c := range []rule{
		{options: "geoip embedded"},
		{options: "geoip embedded", global: "servers {\ntrusted_proxies static 10.0.0.0/8\n}", want: loose},
		{options: "geoip embedded", global: "servers {\ntrusted_proxies_unix\n}", want: loose},
		{options: "geoip embedded", global: "servers {\ntrusted_proxies static 10.0.0.0/8\ntrusted_proxies_strict\n}"},
		{options: "geoip embedded", global: "servers {\ntrusted_proxies_unix\ntrusted_proxies_strict\n}"},
		{global: "servers {\ntrusted_proxies static 10.0.0.0/8\n}"},
	} {
		c.try(t)
	}
}

// TestEnvironmentProxy: HTTP_PROXY and its like divert nothing. Go reads them
// once per process, hence one of its own.
func TestEnvironmentProxy(t *testing.T) {
	if os.Getenv("TRANSFERGATE_TEST_PROXY") != "" {
		inProxyEnvironment(t, os.Getenv("TRANSFERGATE_TEST_PROXY"))
		return
	}
	evil := newTrap(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(self, "-test.run=^TestEnvironmentProxy$", "-test.v")
	run.Env = append(os.Environ(), "TRANSFERGATE_TEST_PROXY="+evil.addr, "NO_PROXY=", "no_proxy=")
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		run.Env = append(run.Env, name+"=http://"+evil.addr)
	}
	if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestEnvironmentProxy") {
		t.Errorf("%v\n%s", err, out)
	}
	if n := evil.calls.Load(); n != 1 { // the one that proves the environment works
		t.Errorf("the proxy of the environment was called %d times, want once", n)
	}
}

// inProxyEnvironment runs where the environment names evil. The region stands
// on 0.0.0.0, which is this machine and yet no loopback to net/http.
func inProxyEnvironment(t *testing.T, evil string) {
	if res, err := http.Get("http://any.test/"); err == nil {
		res.Body.Close()
		t.Fatal("the environment's proxy is not asked")
	}
	br := newUpstream(t, "br", nil)
	_, port, _ := strings.Cut(br.addr, ":")
	vars := map[string]string{
		"accounts": writeFile(t, "a.ndjson", `{"account":"nobody"}`), "sg": newUpstream(t, "sg", nil).addr, "br": "0.0.0.0:" + port, "cn": newTrap(t).addr, "evil": evil,
	}
	home := strings.NewReplacer("node gw-sg-1 SG sparkoo-sg", "node gw-br-1 BR sparkoo-br\naccept_ledger_outside\npolicy "+brazilWith(t, "0.0.0.0/32"),
		"region sa-brazil-1 {br}", "region sa-brazil-1 {\nreverse_proxy {br} {\nhealth_uri /healthz\nhealth_interval 10ms\n}\n}").Replace(site)
	g := startGate(t, home, vars)
	if a := g.get("/", "Registered-Country", "BR"); a.StatusCode != 200 || a.Text != "br" {
		t.Errorf("status %d: %s", a.StatusCode, a.Text)
	}
	waitFor(t, "a health check arrives", func() bool {
		for _, r := range br.requests() {
			if r.URI == "/healthz" {
				return true
			}
		}
		return false
	})
	other := strings.NewReplacer("transfer_health\n", "handle /x {\nreverse_proxy auth.test {none}\n}\n", "transfer {\n\t\tactivity", "transfer {\nother_upstreams auth.test:80 test\n\t\tactivity").Replace(home)
	const want = "the environment names a network proxy for 'auth.test:80', which would see its requests too: write 'network_proxy none' in the transport"
	wantLoadError(t, g.load(strings.Replace(other, "{none}", "", 1), vars), want)
	if err := validate(g.expand(strings.Replace(other, "{none}", "{\ntransport http {\nnetwork_proxy none\n}\n}", 1), vars)); err != nil {
		t.Error(err)
	}
}
