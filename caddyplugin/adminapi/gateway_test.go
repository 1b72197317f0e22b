package adminapi_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// Caddy is global to a process: tests of this package never run in parallel.

func init() {
	testsupport.TakeStderr()
	caddy.RegisterModule(new(app))
}

// app is an app that the admin endpoint finds as the gateway: with real ledgers and
// real operators, and with a policy that each test makes up.
type app struct {
	Ledger *recorder.Ledger `json:"ledger"`

	*answers
	recorder *recorder.Recorder
}

// answers are what an app says; the tests' own.
type answers struct {
	status    adminapi.PolicyStatus
	reload    func() (adminapi.Reloaded, error)
	shadow    func() (adminapi.Reloaded, error)
	explained []decision.Explanation
	operators *adminapi.Operators

	mu      sync.Mutex
	asked   []question.Question // guarded by mu
	ordered []string            // guarded by mu
}

// current are the answers of the next app.
var current *answers

func (*app) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "transfer", New: func() caddy.Module { return &app{answers: current} }}
}

func (a *app) Provision(caddy.Context) (err error) {
	a.recorder, err = recorder.New(a.Ledger, recorder.Options{Node: "gw-sg-1", Logger: slog.New(slog.DiscardHandler)})
	return err
}

func (a *app) Start() error   { return a.recorder.Open() }
func (a *app) Stop() error    { return nil }
func (a *app) Cleanup() error { return a.recorder.Close() }

func (a *app) Status() adminapi.Status                  { return adminapi.Status{Policy: a.status} }
func (a *app) PolicyStatus() adminapi.PolicyStatus      { return a.status }
func (a *app) ReloadPolicy() (adminapi.Reloaded, error) { return a.reload() }
func (a *app) ReloadShadow() (adminapi.Reloaded, error) { return a.shadow() }
func (a *app) Recorder() *recorder.Recorder             { return a.recorder }
func (a *app) Operators() *adminapi.Operators           { return a.operators }
func (a *app) Ordered(order, by string) {
	a.note(func() { a.ordered = append(a.ordered, order+" by "+by) })
}
func (a *app) Explain(q question.Question) ([]decision.Explanation, error) {
	a.note(func() { a.asked = append(a.asked, q) })
	if q.Activity == "" {
		return nil, errors.New("no activity")
	}
	return a.explained, nil
}

func (a *answers) note(what func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	what()
}

// obeyed are the orders since the last call.
func (a *answers) obeyed() (orders string) {
	a.note(func() { orders, a.ordered = strings.Join(a.ordered, "\n"), nil })
	return orders
}

// run makes Caddy run an app with these answers, and a class of records kept apart.
func run(t *testing.T, a *answers, address string) (folder string) {
	t.Helper()
	testsupport.LogTo(t)
	folder = filepath.Join(t.TempDir(), "ledger")
	current = a
	config, err := json.Marshal(map[string]any{
		"admin": map[string]any{"listen": address, "config": map[string]any{"persist": false}},
		"apps": map[string]any{"transfer": map[string]any{"ledger": recorder.Ledger{
			Folder: folder, Classes: []recorder.LedgerClass{{Name: "support", Retain: "18 months"}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return folder
}

// onPort runs an app on a port, where anybody may ask.
func onPort(t *testing.T, a *answers) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = listener.Addr().String()
	listener.Close()
	run(t, a, address)
	return address
}

// socketPath is short enough for a socket.
func socketPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "admin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// onSocket runs an app on a socket that only its owner may open.
func onSocket(t *testing.T, a *answers) (address string) {
	t.Helper()
	address = "unix/" + socketPath(t) + "|0600"
	run(t, a, address)
	return address
}

// newKey makes an operator's key, private and public.
func newKey(t *testing.T, name string) (private, public string) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// send sends a request to a port, with fields as name, value pairs.
func send(t *testing.T, method, address, path, body string, fields ...string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(all)
}

// says makes sure that an answer has a status and says something.
func says(t *testing.T, what string, status int, text string, want int, said string) {
	t.Helper()
	if status != want || !strings.Contains(text, said) {
		t.Errorf("%s: %d %s, want %d and '%s'", what, status, strings.TrimSpace(text), want, said)
	}
}

// failing is a reload that fails.
func failing(text string) func() (adminapi.Reloaded, error) {
	return func() (adminapi.Reloaded, error) { return adminapi.Reloaded{}, fmt.Errorf("%s", text) }
}
