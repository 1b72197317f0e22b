package directory_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/directory"
)

// More people than can be looked up in time are no fault of a directory that answers:
// it is not left alone for it.
func TestBurstOpensNoBreaker(t *testing.T) {
	c := newCenter(t)
	c.does(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(60 * time.Millisecond)
		c.answer(w, r)
	})
	said := new(logs)
	l := c.newLookup(t, func(config *directory.LookupConfig) {
		config.Concurrency, config.Timeout, config.Logger = 8, 500*time.Millisecond, said.logger()
	})
	find(t, l, "first") // the handshake takes its time
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() { l.Find(t.Context(), registers, fmt.Sprint("a-", i)) })
	}
	all.Wait()
	waitFor(t, "those under way have ended", func() bool {
		_, err := l.Find(t.Context(), registers, "late")
		return err == nil
	})
	if strings.Contains(said.String(), "asking") {
		t.Errorf("the directory is said to have failed:\n%s", said)
	}
}

// A directory that fails and answers by turns does not fill the log.
func TestFlappingIsToldOnce(t *testing.T) {
	c := newCenter(t)
	c.set("bad", `{"account":"bad","contracting_party":"sparkoo-zz"}`)
	said := new(logs)
	clock := newClock()
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Logger, config.Now = said.logger(), clock.now })
	for range 50 {
		if _, err := l.Find(t.Context(), registers, "bad"); !errors.Is(err, directory.ErrUnavailable) {
			t.Fatal(err)
		}
		clock.forward(time.Minute)
		find(t, l, "good")
	}
	if n := strings.Count(said.String(), "\n"); n == 0 || n > 12 {
		t.Errorf("%d lines:\n%s", n, said)
	}
	if _, failures := l.Status(); failures != 50 {
		t.Errorf("%d failures", failures)
	}
}
