package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/directory"
)

// newLookup returns a look-up of the center, with an empty memory.
func (c *center) newLookup(t testing.TB, change func(*directory.LookupConfig)) *directory.Lookup {
	t.Helper()
	cache, err := directory.NewCache(c.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	return c.lookupWith(t, cache, change)
}

func (c *center) lookupWith(t testing.TB, cache *directory.Cache, change func(*directory.LookupConfig)) *directory.Lookup {
	t.Helper()
	config := directory.LookupConfig{
		URL: c.URL, Client: directory.ClientConfig{TLS: directory.TLSFiles{CA: c.caFile}},
		Refresh: time.Minute, Expiry: 5 * time.Minute, StaleLimit: time.Hour, Negative: 10 * time.Second, Timeout: 10 * time.Second,
	}
	if change != nil {
		change(&config)
	}
	l, err := directory.NewLookup(config, cache)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// find is Find for what must succeed.
func find(t testing.TB, l *directory.Lookup, account string) *controllers.Account {
	t.Helper()
	a, err := l.Find(t.Context(), registers, account)
	if err != nil {
		t.Fatalf("finding %s: %v", account, err)
	}
	return a
}

func TestFind(t *testing.T) {
	c := newCenter(t)
	c.set("plain", `{"account":"plain","country":"BR","contracting_party":"sparkoo-sg"}`)
	c.set("bare", ` {"account":"bare"}`+"\n")
	c.set("full", `{"account":"full","country":"FR","contracting_party":{"name":"Açaí Ltda","address":"Rua 1","country":"BR"},"objections":["2b","huawei-cloud-cn"],"minor":true}`)
	c.set("ünï✓", `{"account":"\u00fcn\u00ef✓"}`)
	l := c.newLookup(t, nil)
	for range 2 { // asked, then remembered
		for _, test := range []struct {
			account string
			want    *controllers.Account
		}{
			{"plain", &controllers.Account{ID: "plain", Country: "BR", Controller: "sparkoo-sg"}},
			{"bare", &controllers.Account{ID: "bare"}},
			{"full", &controllers.Account{ID: "full", Country: "FR", Party: &controllers.Party{Name: "Açaí Ltda", Address: "Rua 1", Country: "BR"},
				Choices: &controllers.Choices{Choices: decision.Choices{Minor: true, Purposes: []string{"2b"}, Recipients: []string{"huawei-cloud-cn"}}}}},
			{"ünï✓", &controllers.Account{ID: "ünï✓"}},
			{"nobody", nil},
		} {
			if got := find(t, l, test.account); !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s: got %+v, want %+v", test.account, got, test.want)
			}
		}
	}
	if n := c.asked.Load(); n != 5 {
		t.Errorf("5 accounts caused %d look-ups", n)
	}
	if answered, failures := l.Status(); time.Since(answered) > time.Minute || failures != 0 {
		t.Errorf("status: %s, %d failures", answered, failures)
	}
}

// What is sent: the account in the body and nowhere else, and the token.
func TestQuestion(t *testing.T) {
	c := newCenter(t)
	token := writeFile(t, "token", []byte("s3cret.token\n"))
	var seen *http.Request
	var body []byte
	c.does(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		body, _ = io.ReadAll(r.Body)
		io.WriteString(w, `{"account":"a-1"}`)
	})
	l := c.newLookup(t, func(config *directory.LookupConfig) {
		config.URL = c.URL + "/records?tenant=7"
		config.Client.TokenFile = token
	})
	find(t, l, "a-1")
	if seen.Method != "POST" || seen.RequestURI != "/records?tenant=7" || string(body) != `{"account":"a-1"}` {
		t.Errorf("asked %s %s %s", seen.Method, seen.RequestURI, body)
	}
	for field, want := range map[string]string{"Authorization": "Bearer s3cret.token", "Content-Type": "application/json", "Accept": "application/json"} {
		if got := seen.Header.Get(field); got != want {
			t.Errorf("%s is %q", field, got)
		}
	}
	delete(seen.Header, "Content-Length")
	for field, values := range seen.Header {
		if strings.Contains(strings.Join(values, " "), "a-1") {
			t.Errorf("%s names the account", field)
		}
	}
}

// Whatever else a directory answers says nothing about the account, least of all
// that it has no record.
func TestAnswersThatSayNothing(t *testing.T) {
	const account = "person@example.test"
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("a redirect was followed")
		fmt.Fprintf(w, `{"account":%q}`, account)
	}))
	defer elsewhere.Close()
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	record := func(more string) string { return fmt.Sprintf(`{"account":%q%s}`, account, more) }
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		want    string // in the log
	}{
		{"500", text(500, record("")), "status 500"},
		{"401", text(401, ""), "status 401"},
		{"204", text(204, ""), "status 204"},
		{"206", text(206, record("")), "status 206"},
		{"410", text(410, record("")), "status 410"},
		{"404 of a proxy", text(404, "<html>not found</html>"), "status 404: the answer does not name the account"},
		{"404 of a gateway", text(404, `{"message":"no Route matched"}`), "status 404: the answer does not name the account"},
		{"404 of nothing", text(404, ""), "status 404: the answer does not name the account"},
		{"404 about another", text(404, `{"account":"other"}`), "status 404: the answer does not name the account"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, "status 307: redirects are not followed"},
		{"garbage", text(200, "\x00\xff\x17"), "does not name the account"},
		{"HTML", text(200, "<html>log in</html>"), "does not name the account"},
		{"nothing", text(200, ""), "does not name the account"},
		{"null", text(200, "null"), "does not name the account"},
		{"another account", text(200, `{"account":"other","contracting_party":"sparkoo-sg"}`), anotherAccount},
		{"a list", text(200, "["+record("")+"]"), "does not name the account"},
		{"two records", text(200, record("")+"\n"+record("")), "does not name the account"},
		{"unknown controller", text(200, record(`,"contracting_party":"sparkoo-zz"`)), "the record of an account: contracting_party is not a controller"},
		{"unknown key", text(200, record(`,"party":"sparkoo-sg"`)), "the record of an account: unknown key"},
		{"key in another spelling", text(200, fmt.Sprintf(`{"Account":%q}`, account)), "the record of an account: unknown key"},
		{"bad country", text(200, record(`,"country":"XX"`)), `the record of an account: country \"XX\" is not`},
		{"account twice", text(200, record(`,"account":"other"`)), anotherAccount},
		{"too large", text(200, record(`,"country":"BR"`)+strings.Repeat(" ", 1<<20)), "larger than 1048576 bytes"},
		{"truncated", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, record(""))
		}, "unexpected EOF"},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, record("")[:10])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "asking 127.0.0.1:"},
		{"slow", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // so that the end of the connection is seen
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}, "asking 127.0.0.1:"},
		{"slow body", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, record("")[:10])
			w.(http.Flusher).Flush()
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}, "asking 127.0.0.1:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, h2 := range []bool{false, true} {
				c := newCenterOver(t, h2)
				c.does(test.handler)
				said := new(logs)
				l := c.newLookup(t, func(config *directory.LookupConfig) {
					config.URL = c.URL + "/records?key=hidden"
					config.Logger, config.Strict = said.logger(), true
					if strings.HasPrefix(test.name, "slow") {
						config.Timeout = 500 * time.Millisecond // time enough to connect
					}
				})
				want := directory.ErrUnavailable
				if strings.HasPrefix(test.want, "the record of an account") || test.want == anotherAccount || strings.HasPrefix(test.want, "larger") {
					want = directory.ErrRecord // of this account alone
				}
				if a, err := l.Find(t.Context(), registers, account); !errors.Is(err, want) {
					t.Errorf("got %+v, %v, want %v", a, err, want)
				}
				waitFor(t, "the failure is counted", func() bool { _, failures := l.Status(); return failures > 0 && said.String() != "" })
				wantText(t, said.String(), test.want)
				if strings.Contains(said.String(), "person") || strings.Contains(said.String(), "hidden") {
					t.Errorf("the log holds what it must not:\n%s", said)
				}
				if _, failures := l.Status(); failures != 1 {
					t.Errorf("%d failures counted", failures)
				}
			}
		})
	}
}

// A record is believed, refreshed, waited for, served stale, refused, in this order.
func TestAges(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now = clock.now })
	c.set("a", `{"account":"a","contracting_party":"sparkoo-br"}`)
	want := func(what, party string, times int) {
		t.Helper()
		if got := partyOf(find(t, l, "a")); got != party {
			t.Errorf("%s: the party is %s, want %s", what, got, party)
		}
		if got := c.times("a"); got != times {
			t.Errorf("%s: asked %d times, want %d", what, got, times)
		}
	}
	want("first", "sparkoo-br", 1)
	c.set("a", `{"account":"a","contracting_party":"sparkoo-sg"}`)
	clock.forward(59 * time.Second)
	want("fresh", "sparkoo-br", 1)

	clock.forward(2 * time.Second) // 61 s: refreshed in the background
	if got := partyOf(find(t, l, "a")); got != "sparkoo-br" {
		t.Errorf("while refreshing: %s", got)
	}
	waitFor(t, "it is refreshed", func() bool { return partyOf(find(t, l, "a")) == "sparkoo-sg" })
	want("refreshed", "sparkoo-sg", 2)

	c.set("a", `{"account":"a","contracting_party":"sparkoo-br"}`)
	clock.forward(5 * time.Minute)
	want("expired", "sparkoo-br", 3)

	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	clock.forward(59 * time.Minute)
	want("stale", "sparkoo-br", 3)
	clock.forward(2 * time.Minute)
	if a, err := l.Find(t.Context(), registers, "a"); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("beyond the stale limit: %+v, %v", a, err)
	}
	if answered, failures := l.Status(); clock.now().Sub(answered) != 61*time.Minute || failures == 0 {
		t.Errorf("status: answered %s ago, %d failures", clock.now().Sub(answered), failures)
	}

	c.does(nil)
	c.set("a", "") // deleted
	clock.forward(time.Minute)
	waitFor(t, "the directory is asked again", func() bool {
		clock.forward(time.Second)
		a, err := l.Find(t.Context(), registers, "a")
		return err == nil && a == nil
	})
}

// That an account has no record is believed for a short while, and not longer if
// the directory fails.
func TestNegative(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now = clock.now })
	find(t, l, "a")
	clock.forward(9 * time.Second)
	c.set("a", `{"account":"a","contracting_party":"sparkoo-br"}`)
	if got := find(t, l, "a"); got != nil || c.times("a") != 1 {
		t.Errorf("within its time: %+v after %d look-ups", got, c.times("a"))
	}
	clock.forward(2 * time.Second)
	if got := find(t, l, "a"); partyOf(got) != "sparkoo-br" {
		t.Errorf("after its time: %+v", got)
	}
	find(t, l, "b")
	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	clock.forward(11 * time.Second)
	if a, err := l.Find(t.Context(), registers, "b"); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("after its time, directory down: %+v, %v", a, err)
	}
}

// A clock that is turned back makes nothing younger than it is.
func TestClockTurnedBack(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	c.set("a", `{"account":"a"}`)
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now = clock.now })
	find(t, l, "a")
	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	clock.forward(-time.Hour)
	if a, err := l.Find(t.Context(), registers, "a"); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("got %+v, %v", a, err)
	}
}

// All who ask for an account at a time share one look-up, and one who leaves does
// not take it from the others.
func TestSingleFlight(t *testing.T) {
	c := newCenter(t)
	goOn := make(chan struct{})
	c.does(func(w http.ResponseWriter, r *http.Request) {
		<-goOn
		c.answer(w, r)
	})
	c.set("a", `{"account":"a","contracting_party":"sparkoo-br"}`)
	l := c.newLookup(t, nil)
	leaving, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := l.Find(leaving, registers, "a")
		left <- err
	}()
	waitFor(t, "the look-up is under way", func() bool { return c.asked.Load() == 1 })
	var all sync.WaitGroup
	var good atomic.Int64
	for range 100 {
		all.Go(func() {
			if a, err := l.Find(t.Context(), registers, "a"); err == nil && partyOf(a) == "sparkoo-br" {
				good.Add(1)
			}
		})
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	close(goOn)
	all.Wait()
	if good.Load() != 100 || c.asked.Load() != 1 {
		t.Errorf("%d of 100 were answered, after %d look-ups", good.Load(), c.asked.Load())
	}
}

// No more look-ups are under way than allowed, and who finds no room in time is
// refused.
func TestConcurrency(t *testing.T) {
	c := newCenter(t)
	var now, most atomic.Int64
	c.does(func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(time.Millisecond)
		now.Add(-1)
		c.answer(w, r)
	})
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Concurrency, config.Timeout = 4, time.Minute })
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() { find(t, l, fmt.Sprint("a-", i)) })
	}
	all.Wait()
	if most.Load() > 4 || c.asked.Load() != 60 {
		t.Errorf("%d look-ups at a time, %d in all", most.Load(), c.asked.Load())
	}

	goOn := make(chan struct{})
	c.does(func(w http.ResponseWriter, r *http.Request) { <-goOn })
	said := new(logs)
	l = c.newLookup(t, func(config *directory.LookupConfig) {
		config.Concurrency, config.Timeout, config.Logger = 1, 100*time.Millisecond, said.logger()
	})
	for _, account := range []string{"b-1", "b-2"} {
		all.Go(func() {
			if a, err := l.Find(t.Context(), registers, account); !errors.Is(err, directory.ErrUnavailable) {
				t.Errorf("%s: %+v, %v", account, a, err)
			}
		})
	}
	all.Wait()
	close(goOn)
}

// A record that was remembered under other registers is read again under these.
func TestOtherRegisters(t *testing.T) {
	c := newCenter(t)
	c.set("a", `{"account":"a","contracting_party":"sparkoo-br"}`)
	clock := newClock()
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now = clock.now })
	find(t, l, "a")
	table, err := controllers.New([]decision.Controller{{ID: "sparkoo-sg", Default: true}})
	if err != nil {
		t.Fatal(err)
	}
	without := table.Snapshot()
	if a, err := l.Find(t.Context(), without, "a"); !errors.Is(err, directory.ErrRecord) {
		t.Errorf("got %+v, %v", a, err)
	}
	c.set("a", `{"account":"a","contracting_party":"sparkoo-sg"}`)
	clock.forward(10 * time.Second)
	if a, err := l.Find(t.Context(), without, "a"); err != nil || partyOf(a) != "sparkoo-sg" {
		t.Errorf("got %+v, %v", a, err)
	}
}

// A directory that flaps: whoever is answered is answered rightly, and nobody who
// has a record is told that there is none. The record changes all the time, and no
// answer is older than expiry allows.
func TestFlapping(t *testing.T) {
	c := newCenter(t)
	var n atomic.Int64 // the record's version, named by its country
	countries := []string{"BR", "FR", "CL", "PE", "TH"}
	var began [1 << 14]atomic.Int64 // when each version began
	c.does(func(w http.ResponseWriter, r *http.Request) {
		switch c.asked.Load() % 4 {
		case 0:
			w.WriteHeader(502)
			return
		case 1:
			w.WriteHeader(404)
			return
		}
		account := questioned(r)
		json.NewEncoder(w).Encode(map[string]string{"account": account, "country": countries[n.Load()%int64(len(countries))]})
	})
	const expiry = 20 * time.Millisecond
	l := c.newLookup(t, func(config *directory.LookupConfig) {
		config.Refresh, config.Expiry, config.StaleLimit = expiry/2, expiry, expiry
	})
	began[0].Store(time.Now().UnixNano())
	stop := make(chan struct{})
	var all sync.WaitGroup
	var answered, refused atomic.Int64
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				asked := time.Now()
				a, err := l.Find(t.Context(), registers, "a")
				if err != nil {
					refused.Add(1)
					continue
				}
				answered.Add(1)
				if a == nil {
					t.Error("told that there is no record")
					return
				}
				if !inForce(countries, &began, n.Load(), a.Country, asked.Add(-expiry)) {
					t.Errorf("answered with %s, which is too old", a.Country)
					return
				}
			}
		})
	}
	// For a second at least; on a busy machine until both have happened.
	for enough := time.Now().Add(time.Second); n.Load() < int64(len(began)-1); {
		if time.Now().After(enough) && answered.Load() > 0 && refused.Load() > 0 {
			break
		}
		time.Sleep(5 * time.Millisecond)
		began[n.Load()+1].Store(time.Now().UnixNano())
		n.Add(1)
	}
	close(stop)
	all.Wait()
	if answered.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d answered, %d refused: nothing was tested", answered.Load(), refused.Load())
	}
}

// inForce reports whether a country was a version's that held at some moment since.
func inForce(countries []string, began *[1 << 14]atomic.Int64, last int64, country string, since time.Time) bool {
	for v := last; v >= 0; v-- {
		if countries[v%int64(len(countries))] == country {
			return true
		}
		if began[v].Load() <= since.UnixNano() {
			return false // it held at that moment, and none before it counts
		}
	}
	return false
}

func TestLookupConfig(t *testing.T) {
	cache, err := directory.NewCache("https://x", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		config directory.LookupConfig
		want   string
	}{
		{directory.LookupConfig{URL: "http://accounts.internal/x"}, "the directory at accounts.internal would be asked in plain text, and anybody on the way could read and replace what is said: use https"},
		{directory.LookupConfig{URL: "accounts.internal"}, "the URL of the directory must begin with https:// and name a host"},
		{directory.LookupConfig{URL: "https://u:p@accounts.internal"}, "the URL of the directory at accounts.internal may have no user and no fragment"},
		{directory.LookupConfig{URL: "https://%zz?key=secret"}, "the URL of the directory cannot be read"},
		{directory.LookupConfig{URL: "https://x", Refresh: time.Hour, Expiry: time.Minute}, "expiry of 1m0s before refresh of 1h0m0s: a record is refreshed while it is still believed"},
		{directory.LookupConfig{URL: "https://x", StaleLimit: time.Minute}, "stale limit of 1m0s before expiry of 5m0s"},
		{directory.LookupConfig{URL: "https://x", Negative: -1}, "a duration or number below zero"},
		{directory.LookupConfig{URL: "https://x", Client: directory.ClientConfig{Token: "a b"}}, "the bearer token is empty, or holds spaces or control characters"},
		{directory.LookupConfig{URL: "https://x", Client: directory.ClientConfig{Token: "a", TokenFile: "b"}}, "two bearer tokens, one from a file; keep one"},
		{directory.LookupConfig{URL: "https://x", Client: directory.ClientConfig{TLS: directory.TLSFiles{Key: "k"}}}, "a client certificate needs two files: the certificate and its key"},
		{directory.LookupConfig{URL: "http://127.0.0.1:1/x"}, ""},
		{directory.LookupConfig{URL: "http://[::1]:1/x"}, ""},
	} {
		_, err := directory.NewLookup(test.config, cache)
		if got := fmt.Sprint(err); err == nil != (test.want == "") || err != nil && got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test.config, got, test.want)
		}
	}
}
