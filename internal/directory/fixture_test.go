package directory_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// registers are those of newTable.
var registers = func() *controllers.Snapshot {
	table, err := makeTable()
	if err != nil {
		panic(err)
	}
	return table.Snapshot()
}()

// newTable returns a table without accounts.
func newTable(t testing.TB) *controllers.Table {
	t.Helper()
	table, err := makeTable()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func makeTable() (*controllers.Table, error) {
	return controllers.ForPolicy(&decision.Policy{
		Controllers: []decision.Controller{{ID: "sparkoo-br", Serves: []string{"BR"}}, {ID: "sparkoo-sg", Default: true}},
		Recipients:  []decision.Recipient{{ID: "huawei-cloud-cn"}},
		Activities:  []decision.Activity{{ID: "marketing"}},
	})
}

// center is an Account Center on loopback, over HTTPS. It answers for look-ups;
// handler replaces that.
type center struct {
	*httptest.Server
	ca      *testsupport.Authority
	caFile  string
	http2   bool
	asked   atomic.Int64
	handler atomic.Pointer[http.HandlerFunc]

	mu      sync.Mutex
	records map[string]string // guarded by mu: account -> record
	at      map[string]int    // guarded by mu: how often each account was asked for
}

func newCenter(t testing.TB) *center {
	t.Helper()
	return newCenterOver(t, true)
}

// newCenterOver starts a center that speaks HTTP/2, or HTTP/1.1 only.
func newCenterOver(t testing.TB, http2 bool) *center {
	t.Helper()
	c := &center{http2: http2, ca: testsupport.CA(t), records: make(map[string]string), at: make(map[string]int)}
	cert, key := c.ca.Issue("127.0.0.1")
	c.serve(t, cert, key)
	c.caFile = writeFile(t, "ca.pem", c.ca.PEM())
	return c
}

// serve starts the server with a certificate.
func (c *center) serve(t testing.TB, cert, key []byte) {
	t.Helper()
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.asked.Add(1)
		if h := c.handler.Load(); h != nil {
			(*h)(w, r)
			return
		}
		c.answer(w, r)
	}))
	c.EnableHTTP2 = c.http2
	c.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	c.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	c.StartTLS()
	t.Cleanup(c.Close)
}

// set gives an account a record; none if it is empty.
func (c *center) set(account, record string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records[account] = record
}

// times is how often an account was asked for.
func (c *center) times(account string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at[account]
}

// does makes the center answer with a handler; nil mends it.
func (c *center) does(h http.HandlerFunc) {
	if h == nil {
		c.handler.Store(nil)
		return
	}
	c.handler.Store(&h)
}

// questioned is the account a look-up asks for.
func questioned(r *http.Request) string {
	var q struct{ Account string }
	if json.NewDecoder(r.Body).Decode(&q) != nil {
		return ""
	}
	return q.Account
}

// answer answers a look-up.
func (c *center) answer(w http.ResponseWriter, r *http.Request) {
	account := questioned(r)
	c.mu.Lock()
	record := c.records[account]
	c.at[account]++
	c.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if record == "" {
		w.WriteHeader(http.StatusNotFound)
		json.NewEncoder(w).Encode(map[string]string{"account": account, "error": "no such account"})
		return
	}
	io.WriteString(w, record)
}

// clock is a clock that tests turn.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.nanos.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time           { return time.Unix(0, c.nanos.Load()) }
func (c *clock) forward(by time.Duration) { c.nanos.Add(int64(by)) }

// logs collects what is logged.
type logs struct {
	mu  sync.Mutex
	all bytes.Buffer // guarded by mu
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// waitFor polls until cond holds.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); {
		if cond() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("gave up waiting until %s", what)
}

func writeFile(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantText fails unless text holds want.
func wantText(t *testing.T, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%q is not in\n%s", want, text)
	}
}

// partyOf is the controller a record names; "none" without a record.
func partyOf(a *controllers.Account) string {
	if a == nil {
		return "none"
	}
	return a.Controller
}
