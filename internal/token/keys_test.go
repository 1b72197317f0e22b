package token_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
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

	"github.com/sparkoo/transfergate/internal/lastgood"
	"github.com/sparkoo/transfergate/internal/token"
)

// service is a key service on loopback, over HTTPS.
type service struct {
	*httptest.Server
	handler atomic.Pointer[http.HandlerFunc]
	fetches atomic.Int64
}

func newService(t testing.TB, set []byte) *service {
	t.Helper()
	s := new(service)
	s.publish(set)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.fetches.Add(1)
		(*s.handler.Load())(w, r)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// do answers with handler from now on.
func (s *service) do(handler http.HandlerFunc) { s.handler.Store(&handler) }

// publish answers with a set from now on.
func (s *service) publish(set []byte) {
	s.do(func(w http.ResponseWriter, _ *http.Request) { w.Write(set) })
}

func (s *service) host() string { return s.Listener.Addr().String() }

// clock is the tests' clock.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.nanos.Store(today.UnixNano())
	return c
}
func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// journal is a log that a test reads while it is written.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// client is a verifier whose keys come from a service.
type client struct {
	t     testing.TB
	keys  *token.Keys
	v     *token.Verifier
	clock *clock
	log   *journal
	stop  func()
}

// newClient starts a client of a service. Its clock stands still.
func newClient(t testing.TB, s *service, changes ...func(*token.KeysConfig)) *client {
	t.Helper()
	return newClientOver(t, s, nil, changes...)
}

// newClientOver is newClient with a place for the last good set.
func newClientOver(t testing.TB, s *service, slot *lastgood.Slot, changes ...func(*token.KeysConfig)) *client {
	t.Helper()
	c := &client{t: t, clock: newClock(), log: new(journal)}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	logger := slog.New(slog.NewTextHandler(c.log, nil))
	config := token.KeysConfig{URL: s.URL, Roots: roots, Now: c.clock.now, Refresh: time.Hour, Logger: logger}
	for _, change := range changes {
		change(&config)
	}
	var err error
	if c.keys, err = token.NewKeys(config); err != nil {
		t.Fatal(err)
	}
	c.keys.KeepIn(slot)
	c.v = newVerifier(t, c.keys, func(v *token.Config) { v.Now = c.clock.now })
	c.start(logger)
	t.Cleanup(func() { c.stop() })
	return c
}

// start runs the keys until stop.
func (c *client) start(logger *slog.Logger) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		c.keys.Run(ctx, logger)
		close(ended)
	}()
	c.stop = func() {
		cancel()
		<-ended
	}
}

// often makes the set be fetched all the time.
func often(c *token.KeysConfig) { c.Refresh = 10 * time.Millisecond }

// verify tells how a token is judged: "ok", the fault, or "unavailable".
func (c *client) verify(raw string) string {
	c.t.Helper()
	got, err := c.v.Verify(context.Background(), raw)
	switch {
	case err == nil && got.Claim("sub") == "jane":
		return "ok"
	case errors.Is(err, token.ErrUnavailable):
		return "unavailable"
	}
	return err.Error()
}

func (c *client) want(what, raw, want string) {
	c.t.Helper()
	if got := c.verify(raw); got != want {
		c.t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// until polls until cond holds.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("gave up waiting until %s", what)
}

// failed waits until n more fetches have failed.
func (c *client) failed(n uint64) {
	c.t.Helper()
	_, before := c.keys.Status()
	until(c.t, "fetches fail", func() bool { _, now := c.keys.Status(); return now >= before+n })
}

func TestFirstRequestWaitsForTheKeys(t *testing.T) {
	s := newSigner(t, "k", "ES256")
	service := newService(t, setOf(s))
	c := newClient(t, service)
	raw := s.sign(claims())
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { c.want("at the start", raw, "ok") })
	}
	wg.Wait()
	if n := service.fetches.Load(); n != 1 {
		t.Errorf("%d fetches for 50 requests at once, want 1", n)
	}
	if fetched, failures := c.keys.Status(); !fetched.Equal(today) || failures != 0 {
		t.Errorf("status %v, %d", fetched, failures)
	}
}

// A rotated key is accepted at once, and a token of a key that was withdrawn is
// not, remembered or not.
func TestRotation(t *testing.T) {
	old, next := newSigner(t, "2025", "ES256"), newSigner(t, "2026", "EdDSA")
	service := newService(t, setOf(old))
	c := newClient(t, service)
	raw := old.sign(claims())
	c.want("the old key", raw, "ok")
	first, _ := c.v.Verify(t.Context(), raw)

	service.publish(setOf(old, next))
	c.clock.advance(time.Second) // waiting for the first set counts as asking, too
	c.want("the new key", next.sign(claims()), "ok")
	if again, _ := c.v.Verify(t.Context(), raw); again != first {
		t.Error("a token of the key that stayed was forgotten")
	}

	service.publish(setOf(next))
	c.clock.advance(time.Second)
	c.want("an unknown key", newSigner(t, "2027", "EdDSA").sign(claims()), string(token.UnknownKey))
	c.want("the withdrawn key", raw, string(token.UnknownKey))
	if n := service.fetches.Load(); n != 3 {
		t.Errorf("%d fetches, want 3", n)
	}
}

// A key under the id of another is another key: what the old one signed is not
// believed any more.
func TestKeyReplacedUnderItsID(t *testing.T) {
	one, other := newSigner(t, "k", "EdDSA"), newSigner(t, "k", "EdDSA")
	service := newService(t, setOf(one))
	c := newClient(t, service, often)
	raw := one.sign(claims())
	c.want("before", raw, "ok")
	service.publish(setOf(other))
	until(t, "the new key is in force", func() bool { return c.verify(raw) == string(token.BadSignature) })
	c.want("after", other.sign(claims()), "ok")
}

// A thousand junk tokens cause one fetch, and the key that is rotated in the
// meantime is accepted a second later.
func TestJunkKeyIDs(t *testing.T) {
	s, next := newSigner(t, "k", "EdDSA"), newSigner(t, "next", "EdDSA")
	service := newService(t, setOf(s))
	c := newClient(t, service)
	c.want("a good token", s.sign(claims()), "ok")
	c.clock.advance(time.Second)
	junk := newSigner(t, "junk", "EdDSA")
	var wg sync.WaitGroup
	for worker := range 10 {
		wg.Go(func() {
			for i := range 100 {
				h := junk.header(map[string]any{"kid": fmt.Sprintf("junk-%d-%d", worker, i)})
				c.want("junk", junk.signRaw(mustJSON(h), mustJSON(claims())), string(token.UnknownKey))
			}
		})
	}
	wg.Wait()
	if n := service.fetches.Load(); n != 2 {
		t.Errorf("%d fetches, want 2: the first, and one for 1,000 junk tokens", n)
	}
	service.publish(setOf(s, next))
	c.want("the rotated key, in the same second", next.sign(claims()), string(token.UnknownKey))
	c.clock.advance(time.Second)
	c.want("the rotated key, a second later", next.sign(claims()), "ok")
	c.want("the good token", s.sign(claims()), "ok")
}

// Tokens that would be refused anyhow make nobody fetch keys.
func TestHopelessTokensCauseNoFetch(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	service := newService(t, setOf(s))
	c := newClient(t, service)
	c.want("a good token", s.sign(claims()), "ok")
	c.clock.advance(time.Second)
	s.kid = "unknown"
	for _, changes := range []map[string]any{
		{"aud": "someone else"}, {"iss": "https://evil.test"}, {"exp": today.Add(-time.Hour).Unix()}, {"exp": nil}, {"sub": true},
	} {
		c.verify(s.sign(claims(changes)))
	}
	c.verify(s.signRaw(mustJSON(s.header(map[string]any{"alg": "none"})), mustJSON(claims())))
	c.verify(s.signRaw(mustJSON(s.header(map[string]any{"typ": "JWT"})), mustJSON(claims())))
	if n := service.fetches.Load(); n != 1 {
		t.Errorf("%d fetches, want 1", n)
	}
}

// Whatever the service says instead of a set, the last good one stays.
func TestServiceAnswersSomethingElse(t *testing.T) {
	s := newSigner(t, "k", "ES256")
	evil := newSigner(t, "k", "ES256")
	elsewhere := newService(t, setOf(evil))
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		log     string // what the log says, after "fetching the key set from HOST: "
	}{
		"an empty set":   {write(`{"keys":[]}`), "it holds no usable key (0 keys; not used: )"},
		"nothing":        {write(``), "it is not a JSON object with the member 'keys'"},
		"HTML":           {write(`<!doctype html><title>Login</title>`), "it is not a JSON object with the member 'keys'"},
		"symmetric keys": {write(`{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"k"}]}`), "symmetric (member kty)"},
		"half a set":     {write(string(setOf(s)[:100])), "it is not a JSON object with the member 'keys'"},
		"more than 1 MB": {write(strings.Repeat(" ", 1<<20) + string(setOf(evil))), "the answer is larger than 1048576 bytes"},
		"status 500":     {status(500, setOf(evil)), "status 500"},
		"status 404":     {status(404, setOf(evil)), "status 404"},
		"status 203":     {status(203, setOf(evil)), "status 203"},
		"a redirect":     {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, "status 302: redirects are not followed"},
		"a broken body": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "99")
			w.Write([]byte("{"))
		}, "unexpected EOF"},
		"a broken answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"a body never ends": {func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("{"))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, ""},
		"no answer ever": {hang, ""},
	} {
		t.Run(name, func(t *testing.T) {
			service := newService(t, setOf(s))
			c := newClient(t, service, often)
			raw := s.sign(claims())
			c.want("before", raw, "ok")
			service.do(test.handler)
			if test.log == "" { // it would take the fetch's whole time
				before := service.fetches.Load()
				until(t, "a fetch hangs", func() bool { return service.fetches.Load() > before })
			} else {
				c.failed(3)
				if log := c.log.String(); strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "fetching the key set from "+service.host()+": ") || !strings.Contains(log, test.log) {
					t.Errorf("log: %s\nwant one error with %s", log, test.log)
				}
			}
			c.want("a remembered token", raw, "ok")
			c.want("another token", s.sign(claims(map[string]any{"jti": "2"})), "ok")
			c.want("the impostor's token", evil.sign(claims()), string(token.BadSignature))
		})
	}
	if n := elsewhere.fetches.Load(); n != 0 {
		t.Errorf("a redirect was followed %d times", n)
	}
}

func write(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
}

// hang answers nothing for as long as it is asked.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func status(code int, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code); w.Write(body) }
}

// An unknown key while the service fails may be a good one: it is 503, not 401.
func TestUnknownKeyWhileTheServiceFails(t *testing.T) {
	s, next := newSigner(t, "k", "EdDSA"), newSigner(t, "next", "EdDSA")
	service := newService(t, setOf(s))
	c := newClient(t, service)
	c.want("a good token", s.sign(claims()), "ok")
	service.do(status(500, nil))
	c.clock.advance(time.Second)
	c.want("an unknown key", next.sign(claims()), "unavailable")
	c.want("again, in the same second", next.sign(claims()), "unavailable")
	c.want("the good token", s.sign(claims(map[string]any{"jti": "2"})), "ok")
	service.publish(setOf(s, next))
	c.clock.advance(time.Second)
	c.want("the service is back", next.sign(claims()), "ok")
	if log := c.log.String(); strings.Count(log, "key set replaced") != 2 {
		t.Errorf("log: %s", log)
	}
}

// A slow service holds a request for as long as its client waits, no longer.
func TestSlowService(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	service := newService(t, setOf(s))
	service.do(hang)
	c := newClient(t, service)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := c.v.Verify(ctx, s.sign(claims())); !errors.Is(err, token.ErrUnavailable) {
		t.Errorf("the client left: got %v", err)
	}
	began := time.Now()
	c.want("the client stays", s.sign(claims()), "unavailable")
	if waited := time.Since(began); waited < 2*time.Second {
		t.Errorf("waited %s, want 3 s", waited)
	}
}

// The service is down for an hour: nothing happens. At the stale limit nothing
// is accepted any more, remembered or not, until it is back.
func TestStaleLimit(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	service := newService(t, setOf(s))
	c := newClient(t, service, often, func(c *token.KeysConfig) { c.StaleLimit = 2 * time.Hour })
	exp := map[string]any{"exp": today.Add(24 * time.Hour).Unix()}
	raw := s.sign(claims(exp))
	c.want("at the start", raw, "ok")
	service.do(status(503, nil))
	c.failed(2)
	c.clock.advance(time.Hour)
	c.want("down for an hour", raw, "ok")
	c.want("down for an hour, another token", s.sign(claims(exp, map[string]any{"jti": "2"})), "ok")
	c.clock.advance(time.Hour)
	c.want("at the limit", raw, "ok")
	c.clock.advance(time.Second)
	c.want("after the limit", raw, "unavailable")
	c.want("after the limit, without a kid", s.signRaw(mustJSON(s.header(map[string]any{"kid": nil})), mustJSON(claims(exp))), "unavailable")
	service.publish(setOf(s))
	until(t, "the service is heard again", func() bool { return c.verify(raw) == "ok" })
	if log := c.log.String(); !strings.Contains(log, "the key set can be fetched again") {
		t.Errorf("log: %s", log)
	}
}

// The last good set outlives a restart, with its age.
func TestRestartFromDisk(t *testing.T) {
	s := newSigner(t, "k", "ES256")
	service := newService(t, setOf(s))
	folder := filepath.Join(t.TempDir(), "made", "when needed")
	cached := func(changes ...func(*token.KeysConfig)) *client {
		return newClientOver(t, service, lastgood.In(folder).Slot("keys", service.URL), append(changes, func(c *token.KeysConfig) { c.StaleLimit = 2 * time.Hour })...)
	}
	c := cached()
	raw := s.sign(claims(map[string]any{"exp": today.Add(24 * time.Hour).Unix()}))
	c.want("before", raw, "ok")
	var file string
	until(t, "the set is on disk", func() bool {
		files, _ := filepath.Glob(filepath.Join(folder, "keys-????????????????"))
		if len(files) == 1 {
			file = files[0]
		}
		return file != ""
	})
	c.stop()
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v; want one file", entries, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want mode 600", info.Mode(), err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, content, _ := bytes.Cut(whole, []byte("\n"))
	service.do(status(500, nil))

	late := func(by time.Duration) func(*token.KeysConfig) {
		return func(c *token.KeysConfig) { c.Now = func() time.Time { return today.Add(by) } }
	}
	for _, test := range []struct {
		name, from, to string // what is changed in the file
		late           time.Duration
		want           string
		log            string
	}{
		{name: "at once", want: "ok"},
		{name: "two hours later", late: 2 * time.Hour, want: "ok"},
		{name: "too late", late: 2*time.Hour + time.Second, want: "unavailable", log: "longer ago than the stale limit of 2h0m0s"},
		{name: "broken", from: `{`, to: `[`, want: "unavailable", log: "it is not as it was written"},
		{name: "emptied", from: `"keys"`, to: `"kees"`, want: "unavailable", log: "it holds no usable key"},
		{name: "from the future", from: "2026-11-23T12", to: "2026-11-23T13", want: "unavailable", log: "it claims to be fetched in the future"},
	} {
		if !bytes.Contains(content, []byte(test.from)) {
			t.Fatalf("%s: the file lacks %s", test.name, test.from)
		}
		forged := bytes.Replace(content, []byte(test.from), []byte(test.to), 1)
		if err := lastgood.In(folder).Slot("keys", service.URL).Save(sha256.Sum256(forged), bytes.NewReader(forged)); err != nil {
			t.Fatal(err)
		}
		c := cached(late(test.late))
		if got := c.verify(raw); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if log := c.log.String(); strings.Contains(log, "the key set on disk is not used") != (test.log != "") || !strings.Contains(log, test.log) {
			t.Errorf("%s: log %s", test.name, log)
		}
		c.stop()
	}
}

// A folder that cannot be written is reported, and the keys serve all the same.
func TestCacheThatCannotBeWritten(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := newClientOver(t, newService(t, setOf(s)), lastgood.In(filepath.Join(file, "below")).Slot("keys", "x"))
	c.want("a token", s.sign(claims()), "ok")
	until(t, "the log tells", func() bool {
		return strings.Contains(c.log.String(), "the key set could not be kept on disk; a restart will need the key service") &&
			strings.Contains(c.log.String(), "keeping what is good: mkdir ")
	})
}

// Of two who run the same keys, as during a reload, the second takes over.
func TestSecondRunTakesOver(t *testing.T) {
	s, next := newSigner(t, "k", "EdDSA"), newSigner(t, "next", "EdDSA")
	service := newService(t, setOf(s))
	c := newClient(t, service)
	c.want("the first", s.sign(claims()), "ok")
	stopFirst := c.stop
	c.start(nil)
	service.publish(setOf(next))
	stopFirst()
	c.clock.advance(time.Second)
	c.want("the second", next.sign(claims()), "ok")
	if n := service.fetches.Load(); n != 2 {
		t.Errorf("%d fetches, want 2", n)
	}
}

// Who must not be trusted: a certificate nobody knows, and plain text.
func TestCertificateNobodyKnows(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	service := newService(t, setOf(s))
	c := newClient(t, service, func(c *token.KeysConfig) { c.Roots = x509.NewCertPool() })
	c.want("a token", s.sign(claims()), "unavailable")
	if log := c.log.String(); !strings.Contains(log, "certificate signed by unknown authority") {
		t.Errorf("log: %s", log)
	}
}

func TestPlainTextOnLoopback(t *testing.T) {
	s := newSigner(t, "k", "EdDSA")
	plain := httptest.NewServer(write(string(setOf(s))))
	defer plain.Close()
	c := newClient(t, newService(t, nil), func(c *token.KeysConfig) { c.URL = plain.URL })
	c.want("a token", s.sign(claims()), "ok")
}

func TestKeysConfigErrors(t *testing.T) {
	for url, want := range map[string]string{
		"":                                "the URL of the key set must begin with https:// and name a host",
		"login.example.test/jwks":         "the URL of the key set must begin with https:// and name a host",
		"https:///jwks":                   "the URL of the key set must begin with https:// and name a host",
		"file:///etc/jwks":                "the URL of the key set must begin with https:// and name a host",
		"https://a b/":                    "the URL of the key set cannot be read",
		"https://user:secret@a.test/jwks": "the URL of the key set at a.test may have no user and no fragment",
		"https://a.test/jwks#k":           "the URL of the key set at a.test may have no user and no fragment",
		"http://a.test/jwks":              "the key set at a.test would be asked in plain text, and anybody on the way could read and replace what is said: use https",
		"http://127.0.0.1.a.test/jwks":    "the key set at 127.0.0.1.a.test would be asked in plain text, and anybody on the way could read and replace what is said: use https",
	} {
		if _, err := token.NewKeys(token.KeysConfig{URL: url}); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", url, err, want)
		}
	}
	for _, url := range []string{"https://a.test/jwks?x=1", "http://localhost:1/", "http://[::1]/", "http://127.9.9.9/"} {
		if _, err := token.NewKeys(token.KeysConfig{URL: url}); err != nil {
			t.Errorf("%s: got %v", url, err)
		}
	}
	if _, err := token.NewKeys(token.KeysConfig{URL: "https://a.test", StaleLimit: -time.Second}); err == nil || err.Error() != "stale limit of -1s: it cannot be negative" {
		t.Errorf("got %v", err)
	}
	if _, err := token.NewKeys(token.KeysConfig{URL: "https://a.test", Algorithms: []string{"HS256"}}); err == nil {
		t.Error("HS256 was allowed")
	}
}
