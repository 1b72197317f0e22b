package directory_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/directory"
)

// A broken answer is remembered as long as that there is no record, so that whoever has
// one does not make the directory be asked with each request.
func TestABrokenAnswerIsRemembered(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	c.set("bad", `{"account":"bad","contracting_party":"sparkoo-zz"}`)
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now = clock.now })
	for range 20 {
		if _, err := l.Find(t.Context(), registers, "bad"); !errors.Is(err, directory.ErrRecord) {
			t.Fatal(err)
		}
	}
	if n := c.times("bad"); n != 1 {
		t.Errorf("asked %d times within ten seconds", n)
	}
	c.set("bad", `{"account":"bad","contracting_party":"sparkoo-br"}`)
	clock.forward(-time.Minute) // one from the future is none
	if got := partyOf(find(t, l, "bad")); got != "sparkoo-br" {
		t.Errorf("mended, and the clock set back: %s", got)
	}
	c.set("worse", `{"account":"worse","contracting_party":"sparkoo-zz"}`)
	l.Find(t.Context(), registers, "worse")
	c.set("worse", `{"account":"worse"}`)
	clock.forward(10 * time.Second)
	find(t, l, "worse")
}

// A record that ages is not asked for with each request either, whatever the directory
// says instead of a new one.
func TestABrokenRefreshIsRemembered(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	c.set("a", `{"account":"a","contracting_party":"sparkoo-br"}`)
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now = clock.now })
	find(t, l, "a")
	c.set("a", `{"account":"a","contracting_party":"sparkoo-zz"}`)
	for _, age := range []time.Duration{2 * time.Minute, 10 * time.Minute} { // ageing, then stale
		clock.forward(age)
		before := c.times("a")
		for range 20 {
			if got := partyOf(find(t, l, "a")); got != "sparkoo-br" {
				t.Fatal(got)
			}
			waitFor(t, "it was asked for", func() bool { _, failures := l.Status(); return failures > 0 })
		}
		if n := c.times("a") - before; n != 1 {
			t.Errorf("asked %d times at an age of %s", n, age)
		}
	}
}

// Accounts without a record, however many are asked for, push out none that has one.
func TestStrangersPushNobodyOut(t *testing.T) {
	c := newCenter(t)
	c.set("good", `{"account":"good","contracting_party":"sparkoo-br"}`)
	c.set("gone", `{"account":"gone"}`)
	clock := newClock()
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Entries, config.Now = 10, clock.now })
	find(t, l, "good")
	find(t, l, "gone")
	c.set("gone", "")
	for i := range 100 {
		find(t, l, fmt.Sprint("stranger-", i))
	}
	if find(t, l, "good"); c.times("good") != 1 {
		t.Errorf("asked %d times", c.times("good"))
	}
	clock.forward(6 * time.Minute)
	if got := find(t, l, "gone"); got != nil {
		t.Errorf("deleted, and found as %+v", got)
	}
	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	clock.forward(time.Minute)
	if a, err := l.Find(t.Context(), registers, "gone"); err == nil {
		t.Errorf("deleted, the directory is down, and found as %+v", a)
	}
}

// faults are ways in which a directory may fail about an account.
var faults = map[string]http.HandlerFunc{
	"500":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
	"503":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
	"400":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) },
	"403":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) },
	"429":             func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) },
	"404 of a proxy":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
	"hangs up":        func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"no JSON":         func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "\x00") },
	"another account": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"account":"good-0"}`) },
	"unknown party": func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"account":"odd","contracting_party":"zz"}`)
	},
	"too long": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat(" ", 1<<20+1)) },
	"redirect": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "/"); w.WriteHeader(302) },
}

// Whatever is wrong with some accounts, and however often they are asked for: every other
// one is answered as if they were not there.
func TestFaultsOfAccountsChangeNoOther(t *testing.T) {
	var fault atomic.Pointer[http.HandlerFunc]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch account := questioned(r); {
		case strings.HasPrefix(account, "odd"):
			(*fault.Load())(w, r)
		case strings.HasPrefix(account, "good"):
			fmt.Fprintf(w, `{"account":%q,"contracting_party":"sparkoo-br"}`, account)
		default:
			w.WriteHeader(404)
			fmt.Fprintf(w, `{"account":%q}`, account)
		}
	}))
	defer server.Close()
	rapid.Check(t, func(rt *rapid.T) {
		cache, err := directory.NewCache(server.URL, "")
		if err != nil {
			rt.Fatal(err)
		}
		clock := newClock()
		l, err := directory.NewLookup(directory.LookupConfig{URL: server.URL, Timeout: time.Minute, Now: clock.now}, cache)
		if err != nil {
			rt.Fatal(err)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"odd": func(rt *rapid.T) {
				one := faults[rapid.SampledFrom(sortedKeys(faults)).Draw(rt, "fault")]
				fault.Store(&one)
				for range rapid.IntRange(1, 8).Draw(rt, "times") {
					odd := fmt.Sprint("odd-", rapid.IntRange(0, 20).Draw(rt, "account"))
					if a, err := l.Find(t.Context(), registers, odd); err == nil {
						rt.Fatalf("found %+v", a)
					}
					clock.forward(time.Duration(rapid.IntRange(0, 2000).Draw(rt, "ms")) * time.Millisecond)
				}
			},
			"good": func(rt *rapid.T) {
				account := fmt.Sprint("good-", rapid.IntRange(0, 20).Draw(rt, "account"))
				a, err := l.Find(t.Context(), registers, account)
				if err != nil || a == nil || a.ID != account || a.Controller != "sparkoo-br" {
					rt.Fatalf("%s: %+v, %v", account, a, err)
				}
			},
			"none": func(rt *rapid.T) {
				if a, err := l.Find(t.Context(), registers, fmt.Sprint("none-", rapid.IntRange(0, 20).Draw(rt, "account"))); a != nil || err != nil {
					rt.Fatalf("%+v, %v", a, err)
				}
			},
			"later": func(rt *rapid.T) {
				clock.forward(time.Duration(rapid.IntRange(0, 600).Draw(rt, "seconds")) * time.Second)
			},
		})
	})
}

// When the directory is down, and the account that nobody can ask for is the first to
// try it once it is back, all others are answered at once.
func TestOneAccountsFaultIsNoProbe(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	c.set("good", `{"account":"good"}`)
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now = clock.now })
	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	for i := range 10 {
		l.Find(t.Context(), registers, fmt.Sprint("a-", i))
	}
	if n := c.asked.Load(); n != 6 {
		t.Fatalf("it is left alone after %d requests", n)
	}
	c.does(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "odd") {
			w.WriteHeader(500)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		c.answer(w, r)
	})
	clock.forward(time.Second)
	if _, err := l.Find(t.Context(), registers, "odd"); !errors.Is(err, directory.ErrUnavailable) {
		t.Fatal(err)
	}
	find(t, l, "good")
}

// Who knows accounts that the directory answers slowly, or not at all, holds up nobody
// else: accounts that failed before share a part of the look-ups that may be under way.
func TestSlowAccountsHoldUpNobodyElse(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	l := c.newLookup(t, func(config *directory.LookupConfig) {
		config.Concurrency, config.Timeout, config.Now = 4, time.Minute, clock.now
	})
	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	for i := range 4 {
		if _, err := l.Find(t.Context(), registers, fmt.Sprint("slow-", i)); !errors.Is(err, directory.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	hanging, goOn := make(chan struct{}, 4), make(chan struct{})
	c.does(func(w http.ResponseWriter, r *http.Request) {
		account := questioned(r)
		if strings.HasPrefix(account, "slow") {
			hanging <- struct{}{}
			<-goOn
		}
		w.WriteHeader(404)
		fmt.Fprintf(w, `{"account":%q}`, account)
	})
	clock.forward(2 * time.Second)
	var slow sync.WaitGroup
	for i := range 4 {
		slow.Go(func() { l.Find(t.Context(), registers, fmt.Sprint("slow-", i)) })
	}
	<-hanging
	for i := range 50 {
		find(t, l, fmt.Sprint("good-", i))
	}
	close(goOn)
	slow.Wait()
}

// sortedKeys are the keys of a map, in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// A directory that answers about some and not about others fills no log: neither with
// what concerns an account nor with its own changes.
func TestFaultsFillNoLog(t *testing.T) {
	c := newCenter(t)
	clock, said := newClock(), new(logs)
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now, config.Logger = clock.now, said.logger() })
	for i := range 300 {
		one := faults[sortedKeys(faults)[i%len(faults)]]
		c.does(one)
		if _, err := l.Find(t.Context(), registers, fmt.Sprint("odd-", i)); err == nil {
			t.Fatal("found")
		}
		c.does(nil)
		clock.forward(30 * time.Second)
		find(t, l, fmt.Sprint("none-", i))
	}
	if n := strings.Count(said.String(), "\n"); n == 0 || n > 10 {
		t.Errorf("%d lines:\n%s", n, said)
	}
	if strings.Contains(said.String(), "odd") {
		t.Error("an account is named")
	}
}
