package directory_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/directory"
)

// A directory that keeps failing is left alone, then tried by one request.
func TestBreaker(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	down := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }
	c.does(down)
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now = clock.now })
	ask := func() error {
		_, err := l.Find(t.Context(), registers, "a")
		return err
	}
	for i := range 20 {
		if _, err := l.Find(t.Context(), registers, fmt.Sprint("o-", i)); err == nil {
			t.Fatal("found")
		}
	}
	if n := c.asked.Load(); n != 6 { // for five accounts, and then for nobody
		t.Fatalf("asked %d times, want 6", n)
	}
	// Once the pause is over, one probe at a time, which asks about nobody and then about
	// the account; the next pause is longer.
	probing, goOn := make(chan struct{}), make(chan struct{})
	c.does(func(w http.ResponseWriter, r *http.Request) {
		select {
		case probing <- struct{}{}:
			<-goOn
		case <-goOn:
		}
		down(w, r)
	})
	clock.forward(time.Second)
	done := make(chan error)
	go func() { done <- ask() }()
	<-probing
	for i := range 20 {
		if _, err := l.Find(t.Context(), registers, fmt.Sprint("b-", i)); !errors.Is(err, directory.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	close(goOn)
	<-done
	c.does(down)
	clock.forward(time.Second)
	ask()
	if n := c.asked.Load(); n != 8 {
		t.Errorf("asked %d times within the second pause, want 8", n)
	}
	clock.forward(time.Second)
	c.does(nil)
	if err := ask(); err != nil || c.asked.Load() != 10 {
		t.Errorf("after the second pause: %v, asked %d times", err, c.asked.Load())
	}
	c.does(down) // it is closed again: five more failures are needed
	for i := range 10 {
		l.Find(t.Context(), registers, fmt.Sprint("c-", i))
	}
	if n := c.asked.Load(); n != 16 { // for five accounts, and then for nobody; none was ever there
		t.Errorf("asked %d times, want 16", n)
	}
}

// While the breaker is open a stale record is served without waiting; a fresh one
// all the more.
func TestBreakerServesStale(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now = clock.now })
	for i := range 10 {
		c.set(fmt.Sprint("a-", i), fmt.Sprintf(`{"account":"a-%d","contracting_party":"sparkoo-br"}`, i))
		find(t, l, fmt.Sprint("a-", i))
	}
	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	clock.forward(10 * time.Minute)
	for i := range 10 {
		if got := partyOf(find(t, l, fmt.Sprint("a-", i))); got != "sparkoo-br" {
			t.Fatal(got)
		}
	}
	if n := c.asked.Load(); n != 17 { // for five accounts, for nobody, and for the last that was there
		t.Errorf("asked %d times, want 17", n)
	}
}

// anotherAccount is what is said of an answer that names one.
const anotherAccount = "the answer does not name the account that was asked for, but another"

// A record that is wrong concerns its account alone.
func TestBadRecordStopsNobodyElse(t *testing.T) {
	c := newCenter(t)
	c.set("bad", `{"account":"bad","contracting_party":"sparkoo-zz"}`)
	c.set("good", `{"account":"good"}`)
	l := c.newLookup(t, nil)
	for range 20 {
		if _, err := l.Find(t.Context(), registers, "bad"); !errors.Is(err, directory.ErrRecord) {
			t.Fatal(err)
		}
	}
	find(t, l, "good")
}

// An answer about one account, whatever is wrong with it, is charged to nobody else:
// only failures of the directory itself open the breaker.
func TestOneAccountsFaultIsItsOwn(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"spelled otherwise": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"account":"ODD"}`) },
		"another key":       func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"id":"odd"}`) },
		"bare 404":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"bad request":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		"too long":          func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat(" ", 1<<20+1)) },
	} {
		c := newCenter(t)
		c.set("good", `{"account":"good"}`)
		l := c.newLookup(t, nil)
		c.does(handler)
		for range 20 {
			want := directory.ErrRecord
			if name == "another key" || name == "bare 404" {
				want = directory.ErrUnavailable // no directory's answer
			}
			if _, err := l.Find(t.Context(), registers, "odd"); !errors.Is(err, want) {
				t.Fatalf("%s: %v, want %v", name, err, want)
			}
		}
		c.does(nil)
		if _, err := l.Find(t.Context(), registers, "good"); err != nil {
			t.Errorf("%s: another account: %v", name, err)
		}
	}
}

// A directory that fails about accounts it does not have is well all the same: whoever
// names such accounts holds up nobody else. When it is down, it is left alone.
func TestFailingAboutUnknownAccounts(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Now = clock.now })
	for i := range 100 {
		c.set(fmt.Sprint("good-", i), fmt.Sprintf(`{"account":"good-%d"}`, i))
	}
	var down atomic.Bool
	c.does(func(w http.ResponseWriter, r *http.Request) {
		account := questioned(r)
		if down.Load() || !strings.HasPrefix(account, "good-") {
			w.WriteHeader(500)
			return
		}
		fmt.Fprintf(w, `{"account":%q}`, account)
	})
	find(t, l, "good-0")
	for i := 1; i < 50; i++ {
		for j := range 7 {
			if _, err := l.Find(t.Context(), registers, fmt.Sprint("odd-", i, "-", j)); !errors.Is(err, directory.ErrUnavailable) {
				t.Fatal(err)
			}
		}
		find(t, l, fmt.Sprint("good-", i))
	}
	down.Store(true)
	before := c.asked.Load()
	for i := 50; i < 100; i++ {
		if _, err := l.Find(t.Context(), registers, fmt.Sprint("good-", i)); !errors.Is(err, directory.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	if n := c.asked.Load() - before; n > 2*5 {
		t.Errorf("asked %d times although it was down", n)
	}
	down.Store(false)
	clock.forward(time.Minute)
	find(t, l, "good-50")
}
