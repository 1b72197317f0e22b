package logserver_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/sparkoo/transfergate/caddyplugin"
	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// Caddy is global to a process: tests of this package never run in parallel.

func init() { testsupport.TakeStderr() }

// options are the gateway's, site a site with all three guests and something after them.
const (
	options = `{
	admin off
	persist_config off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger} {
			class support {
				activities support
				retain 18 months
			}
		}
		assertion {
			issuer https://gw.test
		}
		accounts file {accounts}
		identity header {
			from 127.0.0.0/8
		}
	}
}
`
	site = options + `
http://{addr} {
	route {
		transfer_health
		transfer_jwks
		transfer_log /transfer-log
		respond "the next handler"
	}
}
`
)

// server is a running Caddy.
type server struct {
	t        *testing.T
	base     string // its URL
	recorder *recorder.Recorder
}

// adapt turns a Caddyfile into JSON, with {addr} and the folders filled in.
func adapt(t *testing.T, caddyfile, addr string) ([]byte, error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "logserver")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	accounts := filepath.Join(dir, "accounts.ndjson")
	if err := os.WriteFile(accounts, []byte(`{"account":"nobody"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("{addr}", addr, "{ledger}", filepath.Join(dir, "ledger"), "{accounts}", accounts).Replace(caddyfile)
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	return config, err
}

// start runs a Caddyfile.
func start(t *testing.T, caddyfile string) *server {
	t.Helper()
	testsupport.LogTo(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	listener.Close()
	config, err := adapt(t, caddyfile, addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	app, err := caddy.ActiveContext().AppIfConfigured("transfer")
	if err != nil {
		t.Fatal(err)
	}
	return &server{t, "http://" + addr, app.(*gateway.App).Recorder()}
}

// ask sends a request, with fields as name, value pairs, and reads the answer.
func (s *server) ask(method, path string, fields ...string) (status int, header http.Header, text string) {
	s.t.Helper()
	r, err := http.NewRequest(method, s.base+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

// wants makes sure of a status, and of the fields given as name, value pairs.
func (s *server) wants(method, path string, status int, fields ...string) (text string) {
	s.t.Helper()
	got, header, text := s.ask(method, path)
	if got != status {
		s.t.Errorf("%s %s: %d %.200s, want %d", method, path, got, text, status)
	}
	for i := 0; i < len(fields); i += 2 {
		if got := header.Get(fields[i]); got != fields[i+1] {
			s.t.Errorf("%s %s: %s is '%s', want '%s'", method, path, fields[i], got, fields[i+1])
		}
	}
	return text
}

// fill appends so many entries to a class, and waits until a checkpoint covers them.
func (s *server) fill(class string, n int) (size int64) {
	s.t.Helper()
	c := s.recorder.Find(class)
	for range n {
		entry := record.Counted{Header: record.Header{Time: time.Now(), Node: "gw-sg-1"}, Reason: "no_activity", From: time.Now(), To: time.Now(), Counted: 1}
		id, err := c.Append(entry.Append(nil))
		if err != nil {
			s.t.Fatal(err)
		}
		size = int64(id.Index) + 1
	}
	for deadline := time.Now().Add(time.Minute); covered(c) < size; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("no checkpoint covers %d entries", size)
		}
	}
	return size
}

// covered is how many entries are under a class's latest checkpoint.
func covered(c *recorder.Class) int64 {
	view, _, err := c.View(0)
	if err != nil {
		return 0
	}
	signed, err := view.Checkpoint()
	if err != nil {
		return 0
	}
	checkpoint, err := tiles.ReadCheckpoint(signed)
	if err != nil {
		return 0
	}
	return checkpoint.N
}

// epoch is one of the list that is served.
type epoch struct {
	Epoch   uint32
	Origin  string
	VKey    string
	Created time.Time
}

// Each class's log is read and checked whole by torchwood (C2SP tlog-tiles), with the
// key that the list of epochs names, and each entry of it has a receipt.
func TestLogsAreServed(t *testing.T) {
	s := start(t, site)
	if text := s.wants("GET", "/transfer-log/classes", 200, "Content-Type", "application/json", "Cache-Control", "no-cache", "X-Content-Type-Options", "nosniff"); text != `["default","support"]`+"\n" {
		t.Errorf("classes: %s", text)
	}
	for class, prefix := range map[string]string{"default": "/transfer-log", "support": "/transfer-log/class-support"} {
		size := s.fill(class, 300)
		var list []epoch
		text := s.wants("GET", prefix+"/epochs", 200, "Content-Type", "application/json")
		if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != 1 || list[0].Epoch != 1 || time.Since(list[0].Created) > time.Hour {
			t.Fatalf("%s: %s, %v", class, text, err)
		}
		if !strings.HasSuffix(list[0].Origin, "/epoch-000001") || !strings.HasPrefix(list[0].VKey, list[0].Origin+"+") {
			t.Errorf("%s: %+v", class, list[0])
		}
		for _, name := range []string{"latest", "epoch-000001"} {
			if n, err := testsupport.TorchwoodURL(s.base+prefix+"/"+name+"/", list[0].VKey); err != nil || n < size {
				t.Errorf("%s %s: torchwood read %d of %d entries: %v", class, name, n, size, err)
			}
			// What C2SP tlog-tiles says of types.
			s.wants("GET", prefix+"/"+name+"/checkpoint", 200, "Content-Type", "text/plain; charset=utf-8")
			s.wants("GET", prefix+"/"+name+"/tile/0/000", 200, "Content-Type", "application/octet-stream")
			s.wants("GET", prefix+"/"+name+"/tile/entries/000", 200, "Content-Type", "application/octet-stream")
		}
		last := ""
		for e, err := range ledger.At(s.recorder.Find(class).Dir()).Entries(record.ID{}) {
			if err != nil {
				t.Fatal(err)
			}
			last = string(e.Data)
		}
		proof := s.wants("GET", prefix+"/latest/proof/"+strconv.FormatInt(size-1, 10), 200)
		if err := testsupport.TorchwoodProof([]byte(proof), []byte(last), list[0].VKey); err != nil {
			t.Errorf("%s: torchwood on the receipt of the last entry: %v", class, err)
		}
	}
}

// Nothing else of the folder is served, and nothing that is not there.
func TestWhatIsNoneIsNotServed(t *testing.T) {
	s := start(t, site)
	s.fill("default", 1)
	s.fill("support", 1)
	for _, path := range []string{
		"", "epoch", "epoch-1", "epoch-000000", "epoch-000002", "epoch-0000001", "epoch-+00001", "epoch-00000a", "latest", "nothing", "class-support", "class-support/classes",
		"class-default/epochs", "class-default/latest/checkpoint", "class-billing/epochs", "class-billing/latest/checkpoint", "class-/epochs",
		"checkpoint.key", "latest/checkpoint.key", "latest/EPOCH", "latest/../checkpoint.key", "latest/..%2fcheckpoint.key", "class-support/../checkpoint.key",
		"..%2f..%2fetc%2fpasswd", "class-..%2f..%2f/epochs", "latest/witnessed/checkpoint", "class-support/latest/witnessed/checkpoint",
		"epoch-1/checkpoint", "epoch-000000/checkpoint", "epoch-000002/checkpoint", "epoch-0000001/checkpoint", "epoch-+00001/checkpoint",
		"epoch-4294967297/checkpoint", "Latest/checkpoint", "epoch/checkpoint", "/checkpoint", "class-support/checkpoint",
		"latest/proof/1000000", "latest/proof/-1", "latest/proof/01", "latest/tile/0/999", "latest/tile/9/000",
	} {
		if text := s.wants("GET", "/transfer-log/"+path, 404); strings.Contains(text, "PRIVATE") || strings.Contains(text, "next handler") {
			t.Errorf("%s: %s", path, text)
		}
	}
}

// The log is only read (RFC 9110: 405 names what is allowed), and HEAD has no body.
func TestTheLogIsOnlyRead(t *testing.T) {
	s := start(t, site)
	s.fill("default", 1)
	for _, path := range []string{"/transfer-log/classes", "/transfer-log/epochs", "/transfer-log/class-support/epochs", "/transfer-log/latest/checkpoint", "/.well-known/transfergate/jwks.json"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
			s.wants(method, path, 405, "Allow", "GET, HEAD")
		}
		if text := s.wants("HEAD", path, 200); text != "" {
			t.Errorf("HEAD %s: %s", path, text)
		}
	}
}

// What is on no path of theirs goes on to the next handler.
func TestOtherPathsGoOn(t *testing.T) {
	s := start(t, site)
	for _, path := range []string{"/", "/transfer-log", "/transfer-logs/epochs", "/x/transfer-log/epochs", "/Transfer-Log/epochs", "/live/", "/ready/x", "/LIVE", "/.well-known/transfergate/jwks.json/", "/.well-known/transfergate/"} {
		if text := s.wants("GET", path, 200); text != "the next handler" {
			t.Errorf("%s: %s", path, text)
		}
	}
}

// A gateway whose ledger takes nothing is alive and not ready, and no cache keeps either.
func TestHealth(t *testing.T) {
	s := start(t, site)
	const kind, no = "text/plain; charset=utf-8", "no-store"
	for _, path := range []string{"/live", "/ready", "/ready?x=y"} {
		if text := s.wants("GET", path, 200, "Content-Type", kind, "Cache-Control", no); text != "ok\n" {
			t.Errorf("%s: %s", path, text)
		}
	}
	s.recorder.Find("support").Log().Refuse(errors.New("the witness knows more"))
	if text := s.wants("GET", "/ready", 503, "Content-Type", kind, "Cache-Control", no); !strings.HasPrefix(text, "not ready: ") || !strings.Contains(text, "the witness knows more") {
		t.Errorf("/ready: %s", text)
	}
	if text := s.wants("GET", "/live", 200, "Cache-Control", no); text != "ok\n" {
		t.Errorf("/live: %s", text)
	}
}

// The keys of assertions are a JSON Web Key Set (RFC 7517) without private parts.
func TestKeySet(t *testing.T) {
	s := start(t, strings.Replace(site, "transfer_jwks", "transfer_jwks /keys", 1))
	text := s.wants("GET", "/keys", 200, "Content-Type", "application/jwk-set+json", "X-Content-Type-Options", "nosniff")
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(text), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	key := set.Keys[0]
	if key["kty"] != "OKP" || key["crv"] != "Ed25519" || key["kid"] == "" || key["x"] == nil || key["d"] != nil {
		t.Errorf("key %v: want a public key for EdDSA (RFC 8037)", key)
	}
	if text := s.wants("GET", "/.well-known/transfergate/jwks.json", 200); text != "the next handler" {
		t.Errorf("the path that is not configured: %s", text)
	}

	// RFC 9110, 13.1.2: 304 for who has it, by weak comparison, in any list, and for *.
	_, header, _ := s.ask("GET", "/keys")
	tag := header.Get("ETag")
	if !strings.HasPrefix(tag, `"`) || len(tag) < 10 || !strings.HasPrefix(header.Get("Cache-Control"), "public, max-age=") {
		t.Errorf("ETag %s, Cache-Control %s", tag, header.Get("Cache-Control"))
	}
	for has, want := range map[string]int{
		tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "": 200, `"x` + tag[1:]: 200, `"` + strings.Trim(tag, `"`) + `x"`: 200,
		`"a b"x` + tag: 200, // not a list of tags
	} {
		status, header, text := s.ask("GET", "/keys", "If-None-Match", has)
		if status != want || (want == 304) != (text == "") || header.Get("ETag") != tag || header.Get("Cache-Control") == "" {
			t.Errorf("If-None-Match %s: %d %s %v, want %d", has, status, text, header, want)
		}
	}
}

// What a directive does not take is told with its line.
func TestDirectives(t *testing.T) {
	for line, want := range map[string]string{
		"transfer_log":                "transfer_log needs the path to serve the ledger under",
		"transfer_log log":            "transfer_log takes one path without wildcards, as in 'transfer_log /transfer-log', not 'log'",
		"transfer_log /log/*":         "not '/log/*'",
		"transfer_log /log?x":         "not '/log?x'",
		"transfer_log /a%2fb":         "not '/a%2fb'",
		"transfer_log /{x}":           "not '/{x}'",
		"transfer_log /a /b":          "argument",
		"transfer_log /a {\nx\n}":     "argument",
		"transfer_jwks keys":          "transfer_jwks takes one path without wildcards, as in 'transfer_jwks /.well-known/transfergate/jwks.json', not 'keys'",
		"transfer_jwks /keys*":        "not '/keys*'",
		"transfer_jwks /a /b":         "argument",
		"transfer_jwks {\nx\n}":       "argument",
		"transfer_health x":           "argument",
		"transfer_health {\nx\n}":     "argument",
		"transfer_health /live ready": "argument",
	} {
		_, err := adapt(t, "http://{addr} {\n"+line+"\n}", "127.0.0.1:1")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Caddyfile:2") && !strings.Contains(err.Error(), "Caddyfile:3") {
			t.Errorf("%s: got the error '%v', want '%s' and the line", line, err, want)
		}
	}
}

// What cannot serve anything does not start: guests without a gateway, keys of
// assertions that nobody makes, a log on no path.
func TestGuestsWithoutAHost(t *testing.T) {
	testsupport.LogTo(t)
	for what, c := range map[string]struct{ text, old, new, said string }{
		"health alone":       {"{\nadmin off\n}\nhttp://{addr} {\ntransfer_health\n}", "", "", "transfer"},
		"a log alone":        {"{\nadmin off\n}\nhttp://{addr} {\ntransfer_log /log\n}", "", "", "transfer"},
		"keys alone":         {"{\nadmin off\n}\nhttp://{addr} {\ntransfer_jwks\n}", "", "", "transfer"},
		"no assertion":       {strings.Replace(site, "\t\tassertion {\n\t\t\tissuer https://gw.test\n\t\t}\n", "", 1), "", "", "the global option 'transfer' has no 'assertion'"},
		"a log without path": {site, `"prefix":"/transfer-log"`, `"prefix":""`, "transfer_log needs a path without wildcards"},
		"a log on wildcards": {site, `"prefix":"/transfer-log"`, `"prefix":"/log*"`, "transfer_log needs a path without wildcards"},
		"keys on wildcards":  {site, `"handler":"transfer_jwks"`, `"handler":"transfer_jwks","path":"/k*"`, "transfer_jwks needs a path without wildcards"},
	} {
		raw, err := adapt(t, c.text, "127.0.0.1:1")
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		changed := raw
		if c.old != "" {
			if changed = []byte(strings.Replace(string(raw), c.old, c.new, 1)); string(changed) == string(raw) {
				t.Errorf("%s: nothing to change in %s", what, raw)
			}
		}
		var config caddy.Config
		if err := json.Unmarshal(changed, &config); err != nil {
			t.Fatal(err)
		}
		if err := caddy.Validate(&config); err == nil || !strings.Contains(err.Error(), c.said) {
			t.Errorf("%s: got the error '%v', want '%s'", what, err, c.said)
		}
	}
}
