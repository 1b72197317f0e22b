package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// The tests of this file fail requests in every way they know, and then look
// for the person in whatever stays behind: Caddy's log as it is by default, the
// ledger, the metrics. Everything about the person says "sekretperson", which no
// random text holds by chance, and they come from an address that nobody else has.

const personAddress = "127.77.66.55"

// person is what every request of these tests says about who sends it.
var person = []string{
	"Registered-Country: BR", "Account-Id: sekretperson-account", "Authorization: Bearer sekretperson-token", "Cookie: session=sekretperson-cookie",
	"User-Agent: sekretperson-agent", "Referer: http://sekretperson.test/", "X-Forwarded-For: 198.51.100.77", "X-Sekretperson: sekretperson",
}

// private is a running gateway whose log is kept.
type private struct {
	*front
	dir, log, accounts, metrics string
}

// startPrivate runs a site, changed by change, whose log goes to a file.
func startPrivate(t *testing.T, change func(config string) string, talk func(net.Conn, *bufio.Reader, *http.Request)) *private {
	t.Helper()
	if probe, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.ParseIP(personAddress)}); err != nil {
		t.Skip("this system has one loopback address only")
	} else {
		probe.Close()
	}
	p := &private{dir: t.TempDir(), metrics: freeAddr(t)}
	p.log, p.accounts = filepath.Join(p.dir, "log"), filepath.Join(p.dir, "accounts.ndjson")
	must(t, os.WriteFile(p.accounts, []byte(`{"account":"sekretperson-account","country":"BR"}`+"\n"), 0o600))
	config := replaced(t, overEvery(t, site), "admin off", "admin off\n\tmetrics\n\tlog {\n\t\toutput file "+p.log+"\n\t}")
	config = replaced(t, config, "\t\tdemo\n", "\t\tdemo\n\t\tlog_transfers\n")
	config = strings.Replace(config, "{accounts}", p.accounts, 1) + "\nhttp://" + p.metrics + " {\n\tmetrics\n}\n"
	p.front = startFront(t, change(config), "", talk)
	p.from = net.ParseIP(personAddress)
	return p
}

// asPerson is a request of the person, complete when it has no body.
func asPerson(request string, more ...string) []string {
	return slices.Concat([]string{request, "Host: sekretperson.test"}, person, more, []string{""})
}

// abandoned sends lines, reads up to n bytes of the answer, and tears the
// connection down.
func (p *private) abandoned(t *testing.T, n int64, lines ...string) {
	t.Helper()
	conn := p.dial()
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, conn, n); err != nil {
		t.Fatal(err)
	}
	must(t, conn.(*net.TCPConn).SetLinger(0))
	must(t, conn.Close())
}

// keepsQuiet stops the gateway, so that all is written, and looks for the
// person. The log must hold every one of these lines.
func (p *private) keepsQuiet(t *testing.T, lines ...string) {
	t.Helper()
	res, err := http.Get("http://" + p.metrics + "/metrics")
	must(t, err)
	metrics, err := io.ReadAll(res.Body)
	must(t, errors.Join(err, res.Body.Close()))
	http.DefaultClient.CloseIdleConnections()
	must(t, caddy.Stop())

	kept := map[string]string{"metrics": string(metrics), "log": readFile(t, p.log)}
	err = filepath.WalkDir(p.ledger, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			kept["ledger "+entry.Name()] = readFile(t, path)
		}
		return err
	})
	must(t, err)
	if len(kept) < 4 || !strings.Contains(kept["metrics"], "caddy_transfer_") {
		t.Fatalf("nothing was kept: %d files, metrics %.200s", len(kept), kept["metrics"])
	}
	for where, text := range kept {
		for line := range strings.SplitSeq(text, "\n") {
			for _, bad := range []string{"sekretperson", personAddress, "198.51.100.77"} {
				if strings.Contains(strings.ToLower(line), bad) {
					t.Errorf("%s holds %s: %.1500q", where, bad, line)
				}
			}
		}
	}
	for _, want := range lines {
		if !strings.Contains(kept["log"], want) {
			t.Errorf("the log lacks %q: this test sees nothing", want)
		}
	}
}

// TestFailuresKeepQuiet fails requests on the way to a region and on the way back.
func TestFailuresKeepQuiet(t *testing.T) {
	gone := make(chan struct{}, 8) // an upstream saw its client go
	talk := func(conn net.Conn, r *bufio.Reader, req *http.Request) {
		switch req.URL.Path {
		case "/sekretperson/closes":
		case "/sekretperson/garbage":
			answering("sekretperson sekretperson\r\n\r\n")(conn, r, req)
		case "/sekretperson/switches":
			answering("HTTP/1.1 101 Switching Protocols\r\n\r\nsekretperson")(conn, r, req)
		case "/sekretperson/breaks":
			answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsekretperson")(conn, r, req)
		case "/sekretperson/breaks-chunks":
			answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc\r\nsekretperson\r\nZZ")(conn, r, req)
		case "/sekretperson/endless":
			answering("HTTP/1.1 200 OK\r\n\r\n")(conn, r, req)
			for err := error(nil); err == nil; {
				_, err = conn.Write(make([]byte, 1<<16))
			}
			gone <- struct{}{}
		case "/sekretperson/tunnel":
			answering("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nsekretperson")(conn, r, req)
			_, _ = r.ReadByte()
			must(t, conn.(*net.TCPConn).SetLinger(0))
			conn.Close()
			gone <- struct{}{}
		case "/sekretperson/error":
			answering("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 12\r\n\r\nsekretperson")(conn, r, req)
		default:
			answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nbr")(conn, r, req)
		}
	}
	dead := func(config string) string {
		return replaced(t, config, "region ap-southeast-3 {sg}", "region ap-southeast-3 "+freeAddr(t))
	}
	p := startPrivate(t, dead, talk)
	status := func(want int, lines ...string) {
		t.Helper()
		if a := p.h1(lines...); a.StatusCode != want {
			t.Errorf("%s: status %d, want %d: %.300s", lines[0], a.StatusCode, want, a.Text)
		}
	}
	status(200, asPerson("GET /sekretperson/fine?sekretperson=sekretperson HTTP/1.1")...)
	status(500, asPerson("GET /sekretperson/error?sekretperson=sekretperson HTTP/1.1")...)

	// Denied, and refused before that.
	status(403, asPerson("GET /v1/support/training/sekretperson?sekretperson HTTP/1.1")...)
	status(400, asPerson("GET /sekretperson/../sekretperson?sekretperson HTTP/1.1")...)
	status(405, asPerson("TRACE /sekretperson?sekretperson HTTP/1.1")...)
	status(405, asPerson("CONNECT sekretperson.test:443 HTTP/1.1")...)
	status(405, asPerson("SEKRETPERSON /sekretperson HTTP/1.1")...)
	status(400, asPerson("GET /sekretperson?sekretperson HTTP/1.1", "Connection: Upgrade", "Upgrade: sekretperson")...)
	status(400, "GET /sekretperson HTTP/1.1", "Host: sekretperson,sekretperson", "")
	status(400, "GET /sekretperson HTTP/1.1", "Host: sekretperson sekretperson", "")
	status(400, asPerson("GET /sekretperson?sekretperson HTTP/1.1", "Account-Id: sekretperson-other")...)
	status(403, "GET /sekretperson?sekretperson HTTP/1.1", "Host: sekretperson.test", "Registered-Country: sekretperson", "")
	status(403, "GET /sekretperson?sekretperson HTTP/1.1", "Host: sekretperson.test", "Registered-Country: BR", "Staff-Entity: sekretperson", "Staff-Country: sekretperson", "")
	status(403, "GET /sekretperson?sekretperson HTTP/1.1", "Host: sekretperson.test", "Account-Id: sekretperson-unknown", "")
	for _, stream := range p.streams() {
		stream.send(h2Request("GET", "/sekretperson/../?sekretperson", "registered-country", "BR", "account-id", "sekretperson-account"), "", nil)
	}

	// The region.
	status(503, asPerson("PUT /v1/objects/sekretperson?sekretperson HTTP/1.1", "Content-Length: 0")...)
	for _, path := range []string{"closes", "garbage", "switches"} {
		status(502, asPerson("GET /sekretperson/"+path+"?sekretperson HTTP/1.1")...)
	}
	for _, path := range []string{"breaks", "breaks-chunks"} {
		if all := p.bytes(asPerson("GET /sekretperson/"+path+"?sekretperson HTTP/1.1", "Connection: close")...); !strings.Contains(all, "sekretperson") || strings.HasSuffix(all, "0\r\n\r\n") {
			t.Errorf("%s: the client heard %q", path, all)
		}
		for _, stream := range p.streams() {
			if a := stream.send(h2Request("GET", "/sekretperson/"+path+"?sekretperson", "registered-country", "BR", "account-id", "sekretperson-account"), "", nil); a.StatusCode != 200 && (stream.how != "HTTP/3" || a.StatusCode != 0) { // where a reset may overtake the header
				t.Errorf("%s over %s: status %d", path, stream.how, a.StatusCode)
			}
		}
	}

	// The client.
	p.abandoned(t, 0, append(asPerson("POST /sekretperson/upload?sekretperson HTTP/1.1", "Content-Length: 1000"), "sekretperson")...)
	p.abandoned(t, 0, append(asPerson("POST /sekretperson/upload?sekretperson HTTP/1.1", "Transfer-Encoding: chunked"), "c", "sekretperson", "ZZ", "sekretperson")...)
	p.abandoned(t, 100_000, asPerson("GET /sekretperson/endless?sekretperson HTTP/1.1")...)
	p.abandoned(t, 50_000, string(h2Bytes(t, h2Request("GET", "/sekretperson/endless?sekretperson", "registered-country", "BR", "account-id", "sekretperson-account"), "", nil, false)))
	p.abandoned(t, 0, string(h2Bytes(t, h2Request("POST", "/sekretperson/upload?sekretperson", "registered-country", "BR", "account-id", "sekretperson-account"), "sekretperson", nil, true)))
	for range 2 {
		<-gone
	}

	// The tunnel: broken by the region, and by the client.
	tunnel := asPerson("GET /sekretperson/tunnel?sekretperson HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket")
	conn := p.dial()
	if a := p.converse(conn, bufio.NewReader(conn), tunnel...); a.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("tunnel: status %d", a.StatusCode)
	}
	_, err := io.WriteString(conn, "sekretperson")
	must(t, err)
	<-gone
	conn.Close()
	p.abandoned(t, 12, tunnel...)
	<-gone

	// The account records.
	must(t, os.WriteFile(p.accounts, []byte(`{"account":"sekretperson-account","country":"sekretperson","sekretperson":1}`+"\n"), 0o600))
	waitFor(t, "the new records are refused", func() bool { return strings.Contains(readFile(t, p.log), "not replaced") })

	// The ledger, at last.
	must(t, gateway.BreakLedger(p.ledger))
	status(503, asPerson("GET /sekretperson?sekretperson HTTP/1.1")...)
	status(503, asPerson("GET /v1/support/training/sekretperson?sekretperson HTTP/1.1")...)
	p.keepsQuiet(t, `"msg":"transfer"`, "the ledger did not take a record", "account records not replaced")
}

// TestPanicsKeepQuiet: net/http would log a panic with the client's address.
func TestPanicsKeepQuiet(t *testing.T) {
	const source = "identity header {\n\t\t\tfrom"
	for name, change := range map[string]func(string) string{
		"of a source": func(c string) string { return replaced(t, c, source, "identity test_panics {\n\t\t\tfrom") },
		"of Go":       func(c string) string { return replaced(t, c, source, "identity test_panics runtime {\n\t\t\tfrom") },
		"under a matcher outside the handler": func(c string) string {
			c = replaced(t, c, "\ttransfer_health\n", "\ttransfer_health\n\t@brazil transfer_country BR\n\theader @brazil Seen yes\n")
			return replaced(t, c, source, "identity test_panics {\n\t\t\tfrom")
		},
	} {
		t.Log(name)
		p := startPrivate(t, change, nil)
		if all := p.bytes(asPerson("GET /sekretperson?sekretperson HTTP/1.1")...); all != "" {
			t.Errorf("the client heard %q", all)
		}
		p.keepsQuiet(t, "handling a request panicked", "privacy_test.go")
		p.nothing(t)
	}
}

// TestMatcherFailuresKeepQuiet: a matcher's error, returned to Caddy, would be
// logged with address and query.
func TestMatcherFailuresKeepQuiet(t *testing.T) {
	p := startPrivate(t, func(c string) string { return replaced(t, c, "@community path /community/*", "@community test_fails") }, nil)
	a := p.h1(asPerson("GET /sekretperson?sekretperson HTTP/1.1")...)
	p.refused(t, a, http.StatusForbidden, "no_activity")
	p.keepsQuiet(t, "a matcher failed; the request is denied")
}

// testPanics is an identity source that panics.
type testPanics struct {
	Runtime bool `json:"runtime,omitempty"`
}

func (testPanics) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "transfer.identity.test_panics", New: func() caddy.Module { return new(testPanics) }}
}

func (p *testPanics) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	p.Runtime = d.NextArg()
	for d.NextBlock(0) {
		d.RemainingArgs()
	}
	return nil
}

func (p *testPanics) Identify(r *http.Request) (gateway.Identity, error) {
	if p.Runtime {
		nowhere := map[string]any{r.RequestURI: r.RemoteAddr}
		_ = nowhere[r.RequestURI].(int)
	}
	panic(fmt.Sprint("sekretperson ", r.RequestURI, r.RemoteAddr))
}

// testFails is a matcher whose error quotes the request.
type testFails struct{}

func (testFails) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.test_fails", New: func() caddy.Module { return new(testFails) }}
}

func (*testFails) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (*testFails) MatchWithError(r *http.Request) (bool, error) {
	return false, fmt.Errorf("sekretperson %s from %s", r.RequestURI, r.RemoteAddr)
}

func init() {
	caddy.RegisterModule(testPanics{})
	caddy.RegisterModule(testFails{})
}
