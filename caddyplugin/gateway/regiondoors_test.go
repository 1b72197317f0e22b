package gateway_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const allowedInRegions = "reverse_proxy, subroute, headers, encode, request_body, rewrite, vars, map, log_append, static_response, copy_response, copy_response_headers"

// A regionDoor is what stands in a region's block and would lead out of it.
// {evil} is a trap, {br} the region's upstream.
type regionDoor struct {
	name   string
	region string // default: sa-brazil-1
	block  string
	want   string // the error, after "region '...': "
	legal  string // a block like it that is legal; empty: there is none
}

func regionDoors() []regionDoor {
	may := func(handler string) string {
		return "handler '" + handler + "' may not stand in a region; use one of " + allowedInRegions
	}
	headerOp := func(name string) string {
		return "a header operation on '" + name + "': the gateway alone sets its fields"
	}
	const noProxy = "nothing in it sends requests anywhere: name upstreams, or write a reverse_proxy"
	return []regionDoor{
		// handlers
		{name: "file_server", block: "root /srv\nfile_server", want: may("file_server")},
		{name: "templates", block: "templates\nreverse_proxy {br}", want: may("templates")},
		{name: "php_fastcgi", block: "php_fastcgi {br}", want: "transport 'fastcgi' may not stand in a region: only http"},
		{name: "forward_auth", block: "forward_auth {br} {\nuri /auth\n}\nreverse_proxy {br}", legal: "forward_auth {br} {\nuri /auth\n}\nreverse_proxy {br}"},
		{name: "forward_auth elsewhere", block: "forward_auth evil.test {\nuri /auth\n}\nreverse_proxy {br}", want: "upstream 'evil.test:80' lies outside the hosts and networks that the policy gives to the region: .sa-brazil-1.myhuaweicloud.com"},
		{name: "invoke", block: "invoke out\nreverse_proxy {br}", want: may("invoke")},
		{name: "intercept", block: "intercept {\nreplace_status 200\n}\nreverse_proxy {br}", want: may("intercept")},
		{name: "tracing", block: "tracing\nreverse_proxy {br}", want: may("tracing")},
		{name: "authentication", block: "basic_auth {\na $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n}\nreverse_proxy {br}", want: may("authentication")},
		{name: "error", block: "error 404\nreverse_proxy {br}", want: may("error")},
		{name: "a handler nobody knows", block: "route {\ntest_stranger\nreverse_proxy {br}\n}", want: may("test_stranger")},
		{name: "deep in subroutes", block: "handle /a/* {\nroute {\nhandle {\nfile_server\n}\n}\n}\nreverse_proxy {br}", want: may("file_server"),
			legal: "handle /a/* {\nroute {\nhandle {\nreverse_proxy {br}\n}\n}\n}\nhandle_path /b/* {\nreverse_proxy {br}\n}\nreverse_proxy {br}"},
		{name: "only an answer", block: "respond ok", want: noProxy, legal: "respond /down 503\nreverse_proxy {br}"},
		{name: "only in handle_response", block: "respond /x ok\nencode", want: noProxy},
		{name: "handle_errors", block: "reverse_proxy {br}\nhandle_errors {\nreverse_proxy evil.test\n}", want: "directive 'handle_errors' is not an ordered HTTP handler"},

		// what a proxy may lead to
		{name: "dynamic upstreams", block: "reverse_proxy {\ndynamic a evil.test 80\n}", want: "dynamic upstreams could lead out of the region: name its upstreams"},
		{name: "no upstreams", block: "reverse_proxy {\nlb_policy first\n}", want: "a proxy without upstreams"},
		{name: "from the environment", block: "reverse_proxy {env.EVIL}:80", want: "upstream '{env.EVIL}:80' has a placeholder: a request could choose it"},
		{name: "from the request", block: "reverse_proxy {header.X}", want: "upstream '{http.request.header.X}' has a placeholder: a request could choose it"},
		{name: "handle_response elsewhere", block: "reverse_proxy {br} {\nhandle_response {\nreverse_proxy evil.test\n}\n}", want: "handle_response: upstream 'evil.test:80' lies outside the hosts and networks that the policy gives to the region: .sa-brazil-1.myhuaweicloud.com",
			legal: "reverse_proxy {br} {\nhandle_response {\nreverse_proxy {br}\n}\n}"},
		{name: "health check elsewhere", block: "reverse_proxy {br} {\nhealth_uri /\nhealth_upstream evil.test:80\n}", want: "health check: upstream 'evil.test:80' lies outside the hosts and networks that the policy gives to the region: .sa-brazil-1.myhuaweicloud.com",
			legal: "reverse_proxy {br} {\nhealth_uri /\nhealth_fails 100\nhealth_upstream {br}\n}"},
		{name: "health check follows", block: "reverse_proxy {br} {\nhealth_uri /\nhealth_follow_redirects\n}", want: "health_follow_redirects could lead out of the region"},
		{name: "retries stay here", legal: "reverse_proxy {br} {\nlb_policy cookie\nlb_retries 3\nlb_try_duration 1s\nlb_retry_match {\nmethod GET\n}\n}"},
		{name: "rewrites stay here", legal: "rewrite * http://{evil}/x\nreverse_proxy {br} {\nrewrite //{evil}/x\nmethod GET\n}"},

		// transports
		{name: "any certificate", block: "reverse_proxy https://{br} {\ntransport http {\ntls_insecure_skip_verify\n}\n}", want: "tls_insecure_skip_verify: nobody would know who answers; trust the region's certificate with tls_trust_pool"},
		{name: "any name", block: "reverse_proxy https://{br} {\ntransport http {\ntls_server_name {host}\n}\n}", want: "tls_server_name '{http.request.host}' has a placeholder: a request could choose whose certificate is believed",
			legal: "reverse_proxy https://{br} {\ntransport http {\ntls_server_name br.test\n}\n}"},
		{name: "network_proxy", block: "reverse_proxy {br} {\ntransport http {\nnetwork_proxy url http://{evil}\n}\n}", want: "a network proxy could lead out of the region"},
		{name: "forward_proxy_url", block: "reverse_proxy {br} {\ntransport http {\nforward_proxy_url http://{evil}\n}\n}", want: "a network proxy could lead out of the region"},
		{name: "resolvers", block: "reverse_proxy {br} {\ntransport http {\nresolvers 127.0.0.1\n}\n}", want: "a resolver of its own could lead out of the region"},
		{name: "fastcgi", block: "reverse_proxy {br} {\ntransport fastcgi\n}", want: "transport 'fastcgi' may not stand in a region: only http"},
		{name: "our own, written", block: "reverse_proxy {br} {\ntransport transfer\n}", want: "transport 'transfer' may not stand in a region: only http"},
		{name: "proxy_protocol to the affiliate", region: "cn-north-4", block: "reverse_proxy {br} {\ntransport http {\nproxy_protocol v2\n}\n}", want: "proxy_protocol would give the client's address to huawei-cloud-cn, from whom it is withheld"},
		{name: "proxy_protocol to an operator", legal: "reverse_proxy {br} {\ntransport http {\nproxy_protocol v2\n}\n}"},

		// header operations
		{name: "set", block: "reverse_proxy {br} {\nheader_up Data-Controller x\n}", want: headerOp("Data-Controller")},
		{name: "add", block: "reverse_proxy {br} {\nheader_up +Data-Region x\n}", want: headerOp("Data-Region")},
		{name: "delete", block: "reverse_proxy {br} {\nheader_up -Data-Transfer\n}", want: headerOp("Data-Transfer")},
		{name: "delete by beginning", block: "reverse_proxy {br} {\nheader_up -Data-*\n}", want: headerOp("Data-*")},
		{name: "delete by end", block: "reverse_proxy {br} {\nheader_up -*-Statement\n}", want: headerOp("*-Statement")},
		{name: "delete by middle", block: "reverse_proxy {br} {\nheader_up -*controll*\n}", want: headerOp("*controll*")},
		{name: "delete everything", block: "reverse_proxy {br} {\nheader_up -*\n}", want: headerOp("*")},
		{name: "replace", block: "reverse_proxy {br} {\nheader_up Data-Controller ^.*$ x\n}", want: headerOp("Data-Controller")},
		{name: "replace in all", block: "reverse_proxy {br} {\nheader_up * sparkoo x\n}", want: headerOp("*")},
		{name: "look-alike", block: "reverse_proxy {br} {\nheader_up data_controller x\n}", want: headerOp("Data_controller")},
		{name: "kept for later", block: "reverse_proxy {br} {\nheader_up -Transfer-S*\n}", want: headerOp("Transfer-S*")},
		{name: "named by the request", block: "reverse_proxy {br} {\nheader_up {header.X} x\n}", want: headerOp("{http.request.header.X}")},
		{name: "on the way back", block: "reverse_proxy {br} {\nheader_down Privacy-Statement x\n}", want: headerOp("Privacy-Statement")},
		{name: "deleted on the way back", block: "reverse_proxy {br} {\nheader_down -Data-Controller-Name\n}", want: headerOp("Data-Controller-Name")},
		{name: "header", block: "header Data-Controller x\nreverse_proxy {br}", want: headerOp("Data-Controller")},
		{name: "request_header", block: "request_header Data-Controller x\nreverse_proxy {br}", want: headerOp("Data-Controller")},
		{name: "other fields", legal: "header Content-Type x\nheader -X-*\nrequest_header -X-Data\nreverse_proxy {br} {\nheader_up X-Real-IP {remote_host}\nheader_up -X-*\nheader_up Host {upstream_hostport}\nheader_down -Server\nheader_down Cache-Control private\n}"},

		// placeholders would bring back what is withheld
		{name: "address to the affiliate", region: "cn-north-4", block: "reverse_proxy {br} {\nheader_up X-Real-IP {remote_host}\n}", want: "placeholder '{http.request.remote.host}' could give huawei-cloud-cn what is withheld from it"},
		{name: "address by client_ip", region: "cn-north-4", block: "rewrite * /x?ip={client_ip}\nreverse_proxy {br}", want: "placeholder '{http.vars.client_ip}' could give huawei-cloud-cn what is withheld from it"},
		{name: "cookie to the affiliate", region: "cn-north-4", block: "reverse_proxy {br} {\nheader_up X-C {cookie.session}\n}", want: "placeholder '{http.request.cookie.session}' could give huawei-cloud-cn what is withheld from it"},
		{name: "credentials to the affiliate", region: "cn-north-4", block: "handle {\nrequest_header X-A {header.Authorization}\nreverse_proxy {br}\n}", want: "placeholder '{http.request.header.Authorization}' could give huawei-cloud-cn what is withheld from it"},
		{name: "what the affiliate may get", region: "cn-north-4", legal: "rewrite * /x{uri}\nrespond /j `{\"a\":\"b\"}`\nreverse_proxy {br} {\nheader_up Host {upstream_hostport}\nheader_up X-Host {host}\nheader_up X-R {http.transfer.region}\n}"},

		// names
		{name: "vars", block: "vars trusted_proxy true\nreverse_proxy {br}", want: "variable 'trusted_proxy' is not the site's to set: what is known about the request hangs on it", legal: "vars x y\nreverse_proxy {br}"},
		{name: "map", block: "map {path} {http.transfer.region} {\ndefault x\n}\nreverse_proxy {br}", want: "placeholder '{http.transfer.region}' is not the site's to map: what is known about the request hangs on it",
			legal: "map {path} {x} {\ndefault y\n}\nreverse_proxy {br}"},
	}
}

// oneRegion is a site whose region holds {block}.
const oneRegion = "{\nadmin off\ntransfer {\n{demo}\nnode gw-sg-1 SG sparkoo-sg\nledger {ledger}\n{policy}\n}\n}\nhttp://gw.test {\ntransfer {\nactivity support /s/*\nactivity serving\nregion {region} {\n{block}\n}\n}\n}\n&(out) {\nrespond out\n}\n"

func TestDoorsInRegions(t *testing.T) {
	for _, d := range regionDoors() {
		t.Run(d.name, func(t *testing.T) {
			evil := newTrap(t)
			region := d.region
			if region == "" {
				region = "sa-brazil-1"
			}
			vars := strings.NewReplacer("{evil}", evil.addr, "{br}", newUpstream(t, "br", nil).addr)
			write := func(block string) string {
				return vars.Replace(strings.NewReplacer("{demo}", "demo", "{policy}", "", "{ledger}", filepath.Join(t.TempDir(), "ledger"), "{region}", region, "{block}", block).Replace(oneRegion))
			}
			if d.want != "" {
				// Caddyfile errors of nested directives end with a position.
				err := validate(write(d.block))
				if err == nil || !strings.Contains(err.Error(), vars.Replace(d.want)) || d.name != "handle_errors" && !strings.HasSuffix(err.Error(), "region '"+region+"': "+vars.Replace(d.want)+", at Caddyfile:14") {
					t.Errorf("got  %v\nwant %s", err, vars.Replace(d.want))
				}
			}
			if d.legal != "" {
				if err := validate(write(d.legal)); err != nil {
					t.Errorf("legal: %v", err)
				}
			}
			if n := evil.calls.Load(); n != 0 {
				t.Errorf("%d calls", n)
			}
		})
	}
}

// brazilWith is a policy's folder whose Brazilian region has these networks too.
func brazilWith(t *testing.T, networks string) string {
	t.Helper()
	from, to := "../../config/policy", t.TempDir()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if f.Name() == "regions.yaml" {
			before, after, found := strings.Cut(string(text), "hosts: [.sa-brazil-1.myhuaweicloud.com]\n    networks: []")
			if !found {
				t.Fatal("regions.yaml has another form")
			}
			text = []byte(before + "hosts: [.sa-brazil-1.myhuaweicloud.com, br.only.test]\n    networks: [" + networks + "]" + after)
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// TestUpstreams: a region's upstreams lie in the hosts and networks that the
// policy gives to it, in whatever form they are written.
func TestUpstreams(t *testing.T) {
	policy := brazilWith(t, "10.1.0.0/16, 2001:db8:1::/48")
	folder := filepath.Join(t.TempDir(), "ledger") // not of a case, whose name may have a placeholder
	const outside = "upstream '{dial}' lies outside the hosts and networks that the policy gives to the region: .sa-brazil-1.myhuaweicloud.com, br.only.test, 10.1.0.0/16, 2001:db8:1::/48"
	const plain = "upstream '{dial}' would be sent personal data in plain text from SG to BR: use https"
	for _, c := range []struct{ dial, want string }{
		{"br-1.sa-brazil-1.myhuaweicloud.com:443", ""},
		{"a.b.sa-brazil-1.myhuaweicloud.com:443", ""},
		{"BR-1.SA-Brazil-1.MyHuaweiCloud.com:443", ""},
		{"br-1.sa-brazil-1.myhuaweicloud.com.:443", ""},
		{"br.only.test:8443", ""},
		{"tcp4/br.only.test:8443", ""},
		{"10.1.2.3:443", ""},
		{"[::ffff:10.1.2.3]:443", ""},
		{"[2001:db8:1::7]:443", ""},

		// names
		{"evil.test:443", outside},
		{"sa-brazil-1.myhuaweicloud.com:443", outside}, // the suffix begins with a dot
		{"evil-sa-brazil-1.myhuaweicloud.com:443", outside},
		{"br-1.sa-brazil-1.myhuaweicloud.com.evil.test:443", outside},
		{"x.br.only.test:443", outside},
		{"br.only.test..:443", outside},
		{"br-1.cn-north-4.myhuaweicloud.com:443", outside}, // another region's
		{"sg-1.ap-southeast-3.myhuaweicloud.com:443", outside},
		{"localhost:443", outside},
		{":443", outside},

		// addresses
		{"10.2.0.1:443", outside},
		{"[::ffff:10.2.0.1]:443", outside},
		{"[2001:db8:2::7]:443", outside},
		{"[2001:db8:1::7%eth0]:443", outside},
		{"127.0.0.1:443", outside},
		{"[::1]:443", outside},
		{"0.0.0.0:443", outside},
		{"167838211:443", outside},  // 10.1.2.3 as one number
		{"0x0a010203:443", outside}, // in hexadecimal
		{"012.1.2.3:443", outside},  // in octal
		{"10.1.515:443", outside},   // with two parts in one
		{"10.1.2.3.:443", ""},       // names and addresses alike lose the root's dot
		{"10.1.2.3.evil:443", outside},

		// what is no TCP
		{"unix//run/br.sock", outside},
		{"unix+h2c//run/br.sock", outside},
		{"unix/br.only.test", outside},
		{"fd/3", outside},
		{"udp/br.only.test:443", outside},
		{"evil/br.only.test:443", outside},

		{"br.only.test:8000-8001", "upstream '{dial}' has a range of ports: name each"},
		{"br.only.test:{http.request.header.Port}", "upstream '{dial}' has a placeholder: a request could choose it"},
		{"br.only.test:99999", "upstream '{dial}': invalid start port: strconv.ParseUint: parsing \"99999\": value out of range"},
		{"br.only.test:80", plain}, // excepted from TLS below
	} {
		t.Run(c.dial, func(t *testing.T) {
			block := "reverse_proxy https://ok.sa-brazil-1.myhuaweicloud.com {\ntransport http {\ntls_except_ports 80\n}\n}"
			site := strings.NewReplacer("{demo}", "", "{policy}", "policy "+policy, "{ledger}", folder, "{region}", "sa-brazil-1", "{block}", block).Replace(oneRegion)
			err := validateJSON(t, site, `"dial":"ok.sa-brazil-1.myhuaweicloud.com:443"`, `"dial":"`+c.dial+`"`)
			want := strings.ReplaceAll(c.want, "{dial}", c.dial)
			if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), "region 'sa-brazil-1': "+want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// TestPlainTextAcrossABorder: it is refused outside loopback, and fine at home.
//
//clause:tests §5(h).1
func TestPlainTextAcrossABorder(t *testing.T) {
	for _, c := range []struct{ node, upstream, want string }{
		{"SG sparkoo-sg", "br.only.test", "upstream 'br.only.test:80' would be sent personal data in plain text from SG to BR: use https, at Caddyfile:14"},
		{"SG sparkoo-sg", "h2c://br.only.test", "upstream 'br.only.test:80' would be sent personal data in plain text from SG to BR: use https, at Caddyfile:14"},
		{"SG sparkoo-sg", "https://br.only.test", ""},
		{"SG sparkoo-sg", "127.0.0.1:80", ""},
		{"BR sparkoo-br\naccept_ledger_outside", "br.only.test", ""},
	} {
		site := strings.NewReplacer("{demo}", "demo", "SG sparkoo-sg", c.node, "{policy}", "policy "+brazilWith(t, ""), "{ledger}", filepath.Join(t.TempDir(), "ledger"),
			"{region}", "sa-brazil-1", "{block}", "reverse_proxy "+c.upstream).Replace(oneRegion)
		err := validate(site)
		if (c.want == "") != (err == nil) || err != nil && !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s to %s: got  %v\nwant %s", c.node, c.upstream, err, c.want)
		}
	}
}

// TestJSONDoors: what a Caddyfile cannot say, JSON can.
func TestJSONDoors(t *testing.T) {
	ok := strings.Replace(oneRegion, "http://gw.test {\n", "http://gw.test {\nhandle /n {\nrespond n\n}\n", 1)
	br := newUpstream(t, "br", nil).addr
	site := strings.NewReplacer("{demo}", "demo", "{policy}", "", "{region}", "sa-brazil-1", "{block}", "reverse_proxy https://"+br).Replace(ok)
	for _, c := range []struct{ name, old, new, want string }{
		{"as it is", "x", "x", ""},
		{"a transport spelled otherwise", `"transport":`, `"Transport":`, "a proxy's 'Transport' is written with capitals: write 'transport'"},
		{"upstreams spelled twice", `"upstreams":`, `"Upstreams":[{"dial":"evil.test:80"}],"upstreams":`, "a proxy's 'Upstreams' is written with capitals: write 'upstreams'"},
		{"dynamic besides", `"upstreams":`, `"dynamic_upstreams":{"source":"a","name":"evil.test","port":"80"},"upstreams":`, "dynamic upstreams could lead out of the region: name its upstreams"},
		{"error routes of a subroute", `{"handler":"reverse_proxy"`, `{"handler":"subroute","routes":[{"handle":[{"handler":"encode"}]}],"errors":{"routes":[{"handle":[{"handler":"reverse_proxy","upstreams":[{"dial":"evil.test:80"}]}]}]}},{"handler":"reverse_proxy"`,
			"upstream 'evil.test:80' lies outside the hosts and networks that the policy gives to the region: .sa-brazil-1.myhuaweicloud.com"},
		{"error routes to the region", `{"handler":"reverse_proxy"`, `{"handler":"subroute","routes":[{"handle":[{"handler":"encode"}]}],"errors":{"routes":[{"handle":[{"handler":"reverse_proxy","upstreams":[{"dial":"` + br + `"}]}]}]}},{"handler":"reverse_proxy"`, ""},
		{"an answer with our field", `"handler":"static_response"`, `"handler":"static_response","headers":{"data-Controller":["x"]}`, "a header operation on 'data-Controller': the gateway alone sets its fields"},
		{"a proxy spelled otherwise beside it", `{"body":"n","handler":"static_response"}`, `{"Upstreams":[{"Dial":"evil.test:80"}],"handler":"reverse_proxy"}`, "a proxy to 'evil.test:80' stands outside every region"},
		{"a proxy deep beside it", `{"body":"n","handler":"static_response"}`, `{"handler":"subroute","routes":[{"handle":[{"handler":"subroute","errors":{"routes":[{"handle":[{"handler":"reverse_proxy","upstreams":[{"dial":"evil.test:80"}]}]}]}}]}]}`, "a proxy to 'evil.test:80' stands outside every region"},
		{"an escaped name beside it", `{"body":"n","handler":"static_response"}`, `{"handler":"reverse\u005fproxy","upstreams":[{"dial":"evil.test:80"}]}`, "a proxy to 'evil.test:80' stands outside every region"},
		{"another server for the name", `"srv0":{`, `"other":{"listen":[":1"],"routes":[{"match":[{"host":["GW.test"]}],"handle":[{"handler":"reverse_proxy","upstreams":[{"dial":"evil.test:80"}]}]}]},"srv0":{`, "a proxy to 'evil.test:80' stands outside every region"},
		{"error routes of the server", `"srv0":{`, `"srv0":{"errors":{"routes":[{"handle":[{"handler":"reverse_proxy","upstreams":[{"dial":"evil.test:80"}]}]}]},`, "a proxy to 'evil.test:80' stands outside every region"},
		{"no reason", `"regions":`, `"other_upstreams":[{"addresses":["auth.test:80"]}],"regions":`, "other_upstreams 'auth.test:80' gives no reason"},
		{"transport of another kind beside it", `{"body":"n","handler":"static_response"}`, `{"handler":"reverse_proxy","transport":{"protocol":"transfer"},"upstreams":[]}`, "transport 'transfer' of a proxy outside every region might lead anywhere: only http and fastcgi"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := validateJSON(t, strings.ReplaceAll(site, "{ledger}", filepath.Join(t.TempDir(), "ledger")), c.old, c.new)
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// A region may answer by itself: nothing leaves, and the record says so.
func TestRegionThatAnswersItself(t *testing.T) {
	r := newTrap(t)
	g := startGate(t, strings.Replace(site, "region sa-brazil-1 {br}", "region sa-brazil-1 {\nrespond /down 503\nreverse_proxy {br}\n}", 1), map[string]string{
		"accounts": writeFile(t, "a.ndjson", `{"account":"nobody"}`), "sg": newUpstream(t, "sg", nil).addr, "br": r.addr, "cn": newTrap(t).addr,
	})
	if a := g.get("/down", "Registered-Country", "BR"); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Data-Controller") != "sparkoo-br" {
		t.Errorf("status %d, header %v", a.StatusCode, a.Header)
	}
	if n := r.calls.Load(); n != 0 {
		t.Errorf("%d calls", n)
	}
	for _, rec := range g.records() {
		if rec["type"] == "transfer.outcome" && rec["state"] != "not-sent" {
			t.Errorf("record %v", rec)
		}
	}
}
