package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The tests of this file are the rows of the list of hostile requests the
// gateway was designed against, by number, sent through the whole gateway.
// Whatever an attacker wants the upstream to believe says "evil".

func TestRow01ConnectionTokens(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", nil)
	for _, tt := range []struct{ request, connection string }{
		{"GET / HTTP/1.1", "Data-Controller"},
		{"GET / HTTP/1.1", "data-controller"},
		{"GET / HTTP/1.0", "Data-Controller"},
		{"GET / HTTP/1.1", "close, Data-Controller, Data-Subject-Country,Data-Region"},
		{"GET / HTTP/1.1", "X-Foo\r\nConnection: Data-Controller"},
		{"GET / HTTP/1.1", "Data_Controller, DATA.CONTROLLER, Privacy-Statement, Data-Transfer"},
		{"GET / HTTP/1.1", "\tdata-controller ,\t,Data-Region"},
	} {
		f.forget()
		served(t, f.h1(asBrazil(tt.request, "Connection: "+tt.connection, "")...))
		if said := f.onlyOurs(t); !strings.Contains(said, "Privacy-Statement:") || !strings.Contains(said, "Data-Transfer:") {
			t.Errorf("Connection: %s: fields are missing in\n%s", tt.connection, said)
		}
	}
	// HTTP/2 and HTTP/3 know no Connection (RFC 9113 section 8.2.2, RFC 9114
	// section 4.2), nor what goes with it.
	for _, stream := range f.streams() {
		for _, field := range []string{"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"} { // 22
			f.forget()
			a := stream.send(h2Request("GET", "/", append(asBrazilH2, field, "data-controller")...), "", nil)
			if a.StatusCode != http.StatusBadRequest && a.StatusCode != 0 {
				t.Errorf("%s, %s: status %d", stream.how, field, a.StatusCode)
			}
			f.nothing(t)
		}
	}
}

func TestRow01ConnectionTokensOfWebSocket(t *testing.T) {
	f := startFront(t, site, "", echoTunnel)
	a := f.h1(asBrazil("GET /chat HTTP/1.1", "Connection: Upgrade, Data-Controller, Data-Region", "Upgrade: websocket", "")...)
	if a.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	f.onlyOurs(t)
	f.whole(t) // the tunnel's end is recorded
}

// echoTunnel accepts every upgrade, and sends back what comes through it.
func echoTunnel(conn net.Conn, r *bufio.Reader, req *http.Request) {
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\nData-Controller: evil\r\n\r\n", req.Header.Get("Upgrade"))
	_, _ = io.Copy(conn, r)
}

func TestRows02To04Trailers(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", nil)
	for _, tt := range []struct {
		name, method, declared string
		trailer                []string
	}{
		{"2 declared", "POST", "Data-Controller", []string{"Data-Controller", "evil"}},
		{"2 declared, GET", "GET", "Data-Controller", []string{"Data-Controller", "evil"}},
		{"2 declared beside another", "POST", "Data-Controller, X-Sum", []string{"Data-Controller", "evil", "X-Sum", "1"}},
		{"3 undeclared beside a declared one", "POST", "X-Sum", []string{"Data-Controller", "evil", "X-Sum", "1"}},
		{"3 none declared", "POST", "", []string{"Data-Controller", "evil"}},
		{"3 twice", "PUT", "X-Sum", []string{"Data-Controller", "evil", "data-controller", "evil2", "X-Sum", "1"}},
		{"4 underscore", "POST", "Data_Controller", []string{"Data_Controller", "evil"}},
		{"4 others", "POST", "X-Sum", []string{"Data.Region", "evil", "Privacy~Statement", "evil", "Transfer-Assertion", "evil", "X-Sum", "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f.forget()
			lines := asBrazil(tt.method+" / HTTP/1.1", "Transfer-Encoding: chunked")
			fields := slices.Clone(asBrazilH2)
			if tt.declared != "" {
				lines = append(lines, "Trailer: "+tt.declared)
				fields = append(fields, "trailer", tt.declared)
			}
			lines = append(lines, "", "5", "hello", "0")
			for i := 0; i < len(tt.trailer); i += 2 {
				lines = append(lines, tt.trailer[i]+": "+tt.trailer[i+1])
			}
			kept := strings.Contains(tt.declared, "X-Sum")
			served(t, f.h1(append(lines, "")...))
			if said := f.onlyOurs(t); !strings.Contains(said, "ello") || kept && !strings.Contains(said, "\r\nX-Sum: 1") {
				t.Errorf("HTTP/1.1: the body, or a trailer that is not ours, is missing in\n%s", said)
			}
			for _, stream := range f.streams() {
				f.forget()
				served(t, stream.send(h2Request(tt.method, "/", fields...), "hello", h2Fields(tt.trailer...)))
				kept := kept && stream.how != "HTTP/3" // whose trailers Caddy's copies of the request never see
				if said := f.onlyOurs(t); !strings.Contains(said, "ello") || kept && !strings.Contains(said, "\r\nX-Sum: 1") {
					t.Errorf("%s: the body, or a trailer that is not ours, is missing in\n%s", stream.how, said)
				}
			}
		})
	}
}

func TestRow05Upgrade(t *testing.T) {
	f := startFront(t, site, "", echoTunnel)
	for _, lines := range [][]string{
		{"GET / HTTP/1.1", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__", "Upgrade: h2c", ""},
		{"GET / HTTP/1.1", "Connection: Upgrade", "Upgrade: anything", ""},
		{"GET / HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket, h2c", ""},
		{"GET / HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c", ""},
		{"GET / HTTP/1.1", "Connection: Upgrade", "Upgrade:", ""},
		{"GET / HTTP/1.1", "Upgrade: websocket", ""},
		{"POST / HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0", ""},
		{"GET / HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket", "Content-Length: 4", "", "evil"},
		{"GET / HTTP/1.0", "Connection: Upgrade", "Upgrade: websocket", ""},
	} {
		f.forget()
		f.refused(t, f.h1(asBrazil(lines[0], lines[1:]...)...), http.StatusBadRequest, "upgrade_refused")
	}
	if n := len(ofType(f.records(), "transfer.accepted")); n != 0 {
		t.Errorf("%d records of transfers that were none", n)
	}
}

func TestRow06WebSocket(t *testing.T) {
	f := startFront(t, site, "", echoTunnel)
	handshake := func(path string) []string {
		return asBrazil("GET "+path+" HTTP/1.1", "Connection: keep-alive, Upgrade", "Upgrade: WebSocket", "")
	}
	f.refused(t, f.h1(handshake("/v1/objects/x")...), http.StatusBadRequest, "upgrade_refused")

	conn := f.dial()
	r := bufio.NewReader(conn)
	a := f.converse(conn, r, handshake("/chat")...)
	if a.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	if got := a.Header["Data-Controller"]; !slices.Equal(got, []string{"sparkoo-br"}) {
		t.Errorf("the handshake's answer says Data-Controller %q", got)
	}
	if _, err := io.WriteString(conn, "opaque\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := r.ReadString('\n'); err != nil || line != "opaque\n" {
		t.Errorf("the tunnel sent back %q, %v", line, err)
	}
	f.onlyOurs(t)
	if n := len(ofType(f.records(), "transfer.accepted")); n != 1 {
		t.Errorf("%d records of the tunnel, want 1", n)
	}
	conn.Close()
	f.whole(t) // its end is recorded, too
}

func TestRows07To09Methods(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", echoTunnel)
	for _, request := range []string{
		"CONNECT storage.test:443 HTTP/1.1", "CONNECT /v1/objects/x HTTP/1.1", "TRACE /v1/objects/x HTTP/1.1", "TRACE / HTTP/1.1",
		"PRI / HTTP/1.1", "get / HTTP/1.1", "PROPFIND / HTTP/1.1",
	} {
		a := f.h1(asBrazil(request, "")...)
		f.refused(t, a, http.StatusMethodNotAllowed, "method_not_allowed")
		if a.Header.Get("Allow") == "" {
			t.Errorf("%s: the answer lacks Allow (RFC 9110 section 15.5.6)", request)
		}
	}
	for _, stream := range f.streams() {
		t.Run(stream.how, func(t *testing.T) {
			f.refused(t, stream.send(h2Fields(append([]string{":method", "CONNECT", ":authority", "storage.test:443"}, asBrazilH2...)...), "", nil), http.StatusMethodNotAllowed, "method_not_allowed")
			f.refused(t, stream.send(h2Request("TRACE", "/v1/objects/x", asBrazilH2...), "", nil), http.StatusMethodNotAllowed, "method_not_allowed")
			f.refused(t, stream.send(h2Request("PRI", "/", asBrazilH2...), "", nil), http.StatusMethodNotAllowed, "method_not_allowed")

			// Extended CONNECT for anything but a WebSocket, and for a WebSocket of
			// the storage: where the server does not announce it, the stream may
			// just as well be reset.
			for _, how := range [][2]string{{"connect-udp", "/"}, {"websocket", "/v1/objects/x"}} {
				a := stream.send(h2Request("CONNECT", how[1], append([]string{":protocol", how[0]}, asBrazilH2...)...), "", nil)
				if a.StatusCode != 0 && a.StatusCode/100 != 4 {
					t.Errorf("extended CONNECT for %s: status %d", how[0], a.StatusCode)
				}
				f.nothing(t)
			}
		})
	}
}

// TestRow09PRI: after a refused upgrade the client goes on as if it had been
// granted.
func TestRow09PRI(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", echoTunnel)
	for _, preface := range []string{"PRI * HTTP/1.1\r\nHost: gw.test", "PRI * HTTP/2.0"} {
		conn := f.dial()
		r := bufio.NewReader(conn)
		f.refused(t, f.converse(conn, r, asBrazil("GET / HTTP/1.1", "Connection: Upgrade", "Upgrade: h2c", "")...), http.StatusBadRequest, "upgrade_refused")
		a := f.converse(conn, r, preface, "", "SM", "", "")
		if a.StatusCode != http.StatusMethodNotAllowed && a.StatusCode != http.StatusHTTPVersionNotSupported {
			t.Errorf("%q: status %d, body %q", preface, a.StatusCode, a.Text)
		}
		f.nothing(t)
		conn.Close()
	}
}

func TestRows10And11LookAlikes(t *testing.T) {
	// With the server option that keeps such fields, as row 11 warns.
	config := replaced(t, overEvery(t, site), "protocols h1 h2 h2c h3", "protocols h1 h2 h2c h3\n\t\texpected_underscore_headers Data_*\n\t\texpected_dot_headers Data.*")
	for name, config := range map[string]string{"default": overEvery(t, site), "kept by the server": config} {
		t.Run(name, func(t *testing.T) {
			f := startFront(t, config, "", nil)
			for _, name := range []string{
				"Data-Controller", "data-controller", "DATA-CONTROLLER", "Data_Controller", "Data.Controller",
				"Data~Controller", "Data!Controller", "Data+Controller", "Data'Controller", "Data-_-Controller",
				"DataController", "Data-Controller-Name", "Data_Controller_Future", "Data.Region", "Data_Subject_Country",
				"Data-Transfer", "Privacy_Statement", "Transfer-Assertion", "Transfer_Status", "Data^Controller", "Data|Controller", "-Data-Controller-",
			} {
				f.forget()
				served(t, f.h1(asBrazil("GET / HTTP/1.1", name+": evil", name+": evil again", "")...))
				f.onlyOurs(t)
				f.forget()
				served(t, f.h1(asBrazil("GET / HTTP/1.1", name+": evil", "Data: kept", "Data_kept: yes", "")...))
				said := f.onlyOurs(t)
				if kept := strings.Contains(said, "\r\nData_kept: yes"); !strings.Contains(said, "\r\nData: kept") || kept != strings.Contains(config, "Data_*") {
					t.Errorf("%s: a field that is not ours to drop is missing in\n%s", name, said)
				}
				for _, stream := range f.streams() {
					f.forget()
					served(t, stream.send(h2Request("GET", "/", append([]string{name, "evil", name, "evil again"}, asBrazilH2...)...), "", nil))
					f.onlyOurs(t)
				}
			}
		})
	}
}

func TestRows18To23Hosts(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", nil)
	for _, lines := range [][]string{
		{"GET / HTTP/1.0", ""},                                  // 18
		{"GET / HTTP/1.1", "Host:", ""},                         // 20
		{"GET / HTTP/1.1", "Host: gw.test", "Host: evil", ""},   // 20
		{"GET / HTTP/1.1", "Host: ...", ""},                     // 20
		{"GET / HTTP/1.1", "Host: gw.test,evil", ""},            // 20
		{"GET / HTTP/1.1", "Host: gw.test evil", ""},            // 20
		{"GET http://evil@gw.test/ HTTP/1.1", "Host: gw", ""},   // 19
		{"GET / HTTP/1.1", "Host: gw.test:0", ""},               //
		{"GET / HTTP/1.1", "Host: {http.request.method}", ""},   // 28
		{"GET / HTTP/1.1", "Host: gw.test%00", ""},              //
		{"GET / HTTP/1.1", "Host: gw.test", "Host:gw.test", ""}, // 20
	} {
		a := f.h1(lines...)
		if a.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: status %d", lines, a.StatusCode)
		}
		f.nothing(t)
	}
	for _, stream := range f.streams() {
		a := stream.send(h2Fields(":method", "GET", ":scheme", "http", ":path", "/"), "", nil) // 23
		if stream.how == "HTTP/3" && a.StatusCode == 0 {
			f.nothing(t) // quic-go resets the stream
			continue
		}
		f.refused(t, a, http.StatusBadRequest, "host_missing")
	}

	// 19: the URI's host replaces Host (RFC 9112 section 3.2.2), its path counts.
	served(t, f.h1(asBrazil("GET http://other.test/x HTTP/1.1", "")...))
	if said := f.onlyOurs(t); !strings.HasPrefix(said, "GET /x HTTP/1.1\r\nHost: other.test\r\n") {
		t.Errorf("the upstream heard\n%s", said)
	}
	f.forget()
	a := f.h1(asBrazil("PUT http://other.test/v1/objects/x HTTP/1.1", "Content-Length: 0", "")...)
	if a.StatusCode != http.StatusOK || a.Text != "sg" {
		t.Errorf("absolute form of a storage request: status %d from %q", a.StatusCode, a.Text)
	}
}

// odd are the spellings of rows 24 and 25, and some more, for the storage
// activity's path /v1/objects/*.
var odd = []string{
	// Row 24.
	"//v1/objects/x", "/v1//objects/x", "/v1/./objects/x", "/./v1/objects/x", "/foo/../v1/objects/x", "/v1/foo/../objects/x",
	"/v1%2Fobjects/x", "/v1%2fobjects%2fx", "%2Fv1/objects/x", "/v1/%6Fbjects/x", "/%76%31/objects/x", "/foo/%2e%2e/v1/objects/x", "/foo/%2E%2E/v1/objects/x",
	"/foo/..%2fv1/objects/x", "/foo%2f..%2fv1/objects/x", "/foo/.%2e/v1/objects/x", "/V1/OBJECTS/x", "/v1/Objects/x",
	// Row 25.
	"/v1/objects;a=b", "/v1/objects;a=b/x", "/v1;/objects/x", "/foo/..;/v1/objects/x", "/foo/..;a=b/v1/objects/x",
	`/v1\objects\x`, `/v1/objects\x`, `/foo/..\v1/objects/x`, "/v1%5cobjects%5cx", "/v1/objects%5cx", "/foo/..%5cv1/objects/x",
	"/v1/objects%00", "/v1/objects%00/x", "/v1/objects/%00", "/v1/objects%20", "/v1/objects%20/x", "/v1%20/objects/x", "/v1/objects.", "/v1/objects./x", "/v1./objects/x",
	"/v1/%256Fbjects/x", "/v1%252fobjects/x", "/v1/objects", "/v1/objects/", "/v1/objects/..", "/v1/objects/.", "/v1/objects/../objects/x", "/v1/objects/x/..", "/foo/%252e%252e/v1/objects/x",
	// Beyond the list.
	"/v1/objects%3bx", "/v1/objects%0d%0ax", "/v1/objects%09/x", "/v1/objects%7f", "/v1/objects%c0%af", "/v1%c0%afobjects/x", "/v1/objects%ff/x",
	"/v1/objects?", "/v1/objects?x=/..", "/v1/objects/?/../../chat", "/v1/objects/%23/x", "http://gw.test//v1/objects/x", "http:/v1/objects/x", "http:v1/objects/x",
	"/v1/%u006Fbjects/x", "/v1/objects%", "/v1/%2/objects/x", "/v1/objects/x%2f..%2f..%2f..%2fchat", "v1/objects/x", "*",
}

// TestRows24And25Paths: a storage request is answered by the store, as storage,
// or refused, however its path is spelled.
func TestRows24And25Paths(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", nil)
	stored := 0
	check := func(how, target string, a answer) {
		t.Helper()
		if n := len(f.br.heard()) + len(f.cn.heard()); n != 0 {
			t.Fatalf("%s %s: %d requests reached Brazil or China", how, target, n)
		}
		switch said := f.sg.heard(); {
		case a.StatusCode == http.StatusOK:
			stored++
			if a.Text != "sg" || len(said) != 1 || !strings.Contains(said[0], ";activity=storage;") {
				t.Errorf("%s %s: %q, and the store heard %q", how, target, a.Text, said)
			}
		case a.StatusCode != http.StatusBadRequest && a.StatusCode != 0:
			t.Errorf("%s %s: status %d, body %q", how, target, a.StatusCode, a.Text)
		case len(said) != 0:
			t.Errorf("%s %s: refused, but the store heard %q", how, target, said)
		}
	}
	for _, target := range odd {
		f.forget()
		check("HTTP/1.1", target, f.h1(asBrazil("PUT "+target+" HTTP/1.1", "Content-Length: 4", "", "data")...))
		for _, stream := range f.streams() {
			f.forget()
			check(stream.how, target, stream.send(h2Request("PUT", target, asBrazilH2...), "data", nil))
		}
	}
	accepted := ofType(f.records(), "transfer.accepted")
	for _, record := range accepted {
		if record["activity"] != "storage" || record["region"] != "ap-southeast-3" {
			t.Errorf("record %v", record)
		}
	}
	// Case, a slash at the end and a query say the same to everybody.
	if stored < 8 || len(accepted) != stored {
		t.Errorf("%d requests were stored, with %d records", stored, len(accepted))
	}
}

// TestRow28NoExpansion: what looks like a placeholder in a request, or in an
// account record, is never expanded.
func TestRow28NoExpansion(t *testing.T) {
	const secret = "value-of-the-environment"
	t.Setenv("TG_SECRET", secret)
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte("value-of-the-file"), 0o600); err != nil {
		t.Fatal(err)
	}
	env, fromFile := "{env.TG_SECRET}", "{file."+file+"}"
	config := replaced(t, overEvery(t, site), "admin off", "admin off\n\tlog {\n\t\toutput file "+filepath.Join(dir, "log")+"\n\t}")
	config = replaced(t, config, "transfer_health\n", "transfer_health\n\tlog\n\theader X-Controller {http.transfer.controller.name}\n")
	accounts := fmt.Sprintf(`{"account":"eva","country":"BT","contracting_party":{"name":%q,"address":%q,"country":"BT"}}
{"account":%q,"country":"BR"}`, env, fromFile, env)
	f := startFront(t, config, accounts, nil)

	var answers strings.Builder
	note := func(a answer, status int) {
		t.Helper()
		if a.StatusCode != status {
			t.Errorf("status %d, want %d: %s", a.StatusCode, status, a.Text)
		}
		fmt.Fprintln(&answers, a.Header, a.Text, f.sg.heard(), f.br.heard(), f.cn.heard())
	}
	for _, value := range []string{env, fromFile, "{http.request.uri}", "{$TG_SECRET}"} {
		note(f.h1("GET / HTTP/1.1", "Host: gw.test", "Registered-Country: "+value, ""), http.StatusForbidden)
		f.nothing(t)
		path := "/" + value
		if value == fromFile {
			path = "/" // its dot before a slash would be refused
		}
		note(f.h1("GET "+path+"?q="+value+" HTTP/1.1", "Host: gw.test", "Registered-Country: BR", "Account-Id: "+value, "X-Any: "+value, "Cookie: a="+value, "User-Agent: "+value, ""), http.StatusOK)
		f.forget()
		note(f.h1("GET / HTTP/1.1", "Host: gw.test", "Account-Id: eva", "Staff-Entity: "+value, "Staff-Country: "+value, ""), http.StatusForbidden)
		for _, stream := range f.streams() {
			note(stream.send(h2Request("GET", "/", "registered-country", value), "", nil), http.StatusForbidden)
			note(stream.send(h2Request("GET", path+"?q="+value, "registered-country", "BR", "account-id", value, "x-any", value, "cookie", "a="+value, "user-agent", value), "", nil), http.StatusOK)
			note(stream.send(h2Request("GET", "/", "account-id", "eva", "staff-entity", value, "staff-country", value), "", nil), http.StatusForbidden)
			f.forget()
		}
	}
	f.forget()
	note(f.h1("PUT /v1/objects/"+env+" HTTP/1.1", "Host: gw.test", "Account-Id: eva", "Transfer-Encoding: chunked", "Trailer: X-Sum", "", "0", "X-Sum: "+env, ""), http.StatusOK)
	said := f.sg.heard()
	if len(said) != 1 || !strings.Contains(said[0], `Data-Controller-Name: "{env.TG_SECRET}"`) {
		t.Errorf("the store heard %q", said)
	}
	everything := map[string]string{
		"answers and upstreams": answers.String(),
		"records":               fmt.Sprint(f.records()), "log": readFile(t, filepath.Join(dir, "log")),
	}
	for where, text := range everything {
		for _, bad := range []string{secret, "value-of-the-file"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s: %q came out of a placeholder", where, bad)
			}
		}
	}
	if !strings.Contains(everything["log"], "TG_SECRET") {
		t.Error("the access log is empty: this test sees nothing")
	}
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestRow29UntrustedPeer: the fields of a peer that is no proxy of ours are
// removed, whatever it says about its address.
func TestRow29UntrustedPeer(t *testing.T) {
	config := replaced(t, overEvery(t, site), "from 127.0.0.0/8", "from 192.0.2.0/24")
	behind := replaced(t, config, "protocols h1 h2 h2c h3", "protocols h1 h2 h2c h3\n\t\ttrusted_proxies static 127.0.0.0/8\n\t\tclient_ip_headers X-Forwarded-For X-Real-IP")
	for name, config := range map[string]string{"": config, "behind trusted_proxies": behind} {
		t.Run(name, func(t *testing.T) {
			f := startFront(t, config, `{"account":"bruno","country":"BR"}`, nil)
			check := func(how string, a answer) {
				t.Helper()
				if a.StatusCode != http.StatusOK || a.Text != "sg" || a.Header.Get("Data-Controller") != "sparkoo-sg" {
					t.Errorf("%s: status %d, %q, controller %q", how, a.StatusCode, a.Text, a.Header.Get("Data-Controller"))
				}
				said := strings.Join(f.sg.heard(), "")
				if !strings.Contains(said, "Data-Controller-Basis: not-registered") {
					t.Errorf("%s: the upstream heard\n%s", how, said)
				}
				for _, gone := range []string{"Registered-Country", "Account-Id", "Staff-Entity", "Staff-Country", "bruno"} {
					if strings.Contains(said, gone) {
						t.Errorf("%s: the upstream heard %s", how, gone)
					}
				}
				f.forget()
			}
			forged := []string{"Registered-Country", "BR", "Account-Id", "bruno", "Staff-Entity", "huawei-cloud-cn", "Staff-Country", "CN"}
			for _, more := range []string{"X-Any: 1", "X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.7", "Forwarded: for=192.0.2.7", "X-Forwarded-For: 192.0.2.7, 192.0.2.8"} {
				name, value, _ := strings.Cut(more, ": ")
				lines := []string{"GET / HTTP/1.1", "Host: gw.test", more}
				for i := 0; i < len(forged); i += 2 {
					lines = append(lines, forged[i]+": "+forged[i+1])
				}
				check(more, f.h1(append(lines, "")...))
				for _, stream := range f.streams() {
					check(stream.how+", "+more, stream.send(h2Request("GET", "/", append([]string{name, value}, forged...)...), "", nil))
				}
			}
			// Twice is no worse than once: nobody believes either.
			if a := f.h1("GET / HTTP/1.1", "Host: gw.test", "Registered-Country: BR", "Registered-Country: FR", ""); a.StatusCode != http.StatusOK || a.Text != "sg" {
				t.Errorf("twice: status %d, %q", a.StatusCode, a.Text)
			}
		})
	}
}

// TestEmptyFieldsAreAbsent: some proxies set the identity fields on every request
// and leave them empty for a visitor who is not signed in.
func TestEmptyFieldsAreAbsent(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", nil)
	for _, fields := range [][]string{
		{"Registered-Country:"}, {"Account-Id:"}, {"Registered-Country:", "Account-Id:", "Staff-Entity:", "Staff-Country:"},
		{"Registered-Country:", "Registered-Country:"},
	} {
		if a := f.h1(append(append([]string{"GET / HTTP/1.1", "Host: gw.test"}, fields...), "")...); a.StatusCode != http.StatusOK || a.Text != "sg" {
			t.Errorf("%q: status %d, %q", fields, a.StatusCode, a.Text)
		}
	}
	if a := f.h1("GET / HTTP/1.1", "Host: gw.test", "Registered-Country:", "Registered-Country: BR", ""); a.StatusCode != http.StatusOK || a.Text != "br" {
		t.Errorf("an empty field beside one that is filled: status %d, %q", a.StatusCode, a.Text)
	}
}

// TestRow29TrustedPeer: what a proxy of ours may say, and what not.
func TestRow29TrustedPeer(t *testing.T) {
	f := startFront(t, overEvery(t, site), "", nil)
	var want []string // reasons, in order
	for _, tt := range []struct {
		name   string
		fields []string // as lines
		status int
		reason string
	}{
		{"twice", []string{"Registered-Country: BR", "Registered-Country: BR"}, 400, "identity_ambiguous"},
		{"twice, by case", []string{"Registered-Country: BR", "registered-country: FR"}, 400, "identity_ambiguous"},
		{"comma list", []string{"Registered-Country: BR, FR"}, 400, "identity_ambiguous"},
		{"account twice", []string{"Registered-Country: BR", "Account-Id: a", "Account-Id: b"}, 400, "identity_ambiguous"},
		{"empty beside an account", []string{"Registered-Country:", "Account-Id: nobody"}, 403, "country_unknown"},
		{"account that is no UTF-8", []string{"Registered-Country: BR", "Account-Id: a\xff"}, 400, "identity_ambiguous"},
		{"account in another form of Unicode", []string{"Registered-Country: BR", "Account-Id: ane\u0301"}, 400, "identity_ambiguous"},
		{"account that is too long", []string{"Registered-Country: BR", "Account-Id: " + strings.Repeat("a", 257)}, 400, "identity_ambiguous"},
		{"unknown", []string{"Registered-Country: QX"}, 403, "country_invalid"},
		{"lower case", []string{"Registered-Country: br"}, 403, "country_invalid"},
		{"mixed case", []string{"Registered-Country: Br"}, 403, "country_invalid"},
		{"alpha-3", []string{"Registered-Country: BRA"}, 403, "country_invalid"},
		{"numeric", []string{"Registered-Country: 076"}, 403, "country_invalid"},
		{"ZZ", []string{"Registered-Country: ZZ"}, 403, "country_invalid"},
		{"UK", []string{"Registered-Country: UK"}, 403, "country_invalid"},
		{"EL", []string{"Registered-Country: EL"}, 403, "country_invalid"},
		{"XX", []string{"Registered-Country: XX"}, 403, "country_invalid"},
		{"EU", []string{"Registered-Country: EU"}, 403, "country_invalid"},
		{"quoted", []string{`Registered-Country: "BR"`}, 403, "country_invalid"},
		{"parameters", []string{"Registered-Country: BR;evil-parameter"}, 403, "country_invalid"},
	} {
		f.forget()
		f.refused(t, f.h1(append(append([]string{"GET / HTTP/1.1", "Host: gw.test"}, tt.fields...), "")...), tt.status, tt.reason)
		var pairs []string
		for _, line := range tt.fields {
			name, value, _ := strings.Cut(line, ":")
			pairs = append(pairs, name, strings.TrimSpace(value))
		}
		want = append(want, tt.reason)
		for _, stream := range f.streams() {
			f.refused(t, stream.send(h2Request("GET", "/", pairs...), "", nil), tt.status, tt.reason)
			want = append(want, tt.reason)
		}
		if t.Failed() {
			t.Fatalf("the case is %s", tt.name)
		}
	}
	var got []string
	records := ofType(f.records(), "transfer.refused")
	for _, record := range records {
		got = append(got, record["reason"].(string))
	}
	if !slices.Equal(got, want) {
		t.Errorf("recorded reasons %q, want %q", got, want)
	}
	if text := fmt.Sprint(records); strings.Contains(text, "evil-parameter") {
		t.Errorf("the records keep what was said: %s", text)
	}
	f.forget()
	served(t, f.h1(asBrazil("GET / HTTP/1.1", "Registered_Country: FR", "Registered.Country: FR", "")...))
	f.onlyOurs(t)
}
