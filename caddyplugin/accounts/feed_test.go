package accounts_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/caddyplugin/accounts"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// Caddy's log belongs to the test that runs.
func init() { testsupport.TakeStderr() }

// A request that took its snapshot of the table while the records were too old to be
// believed is not answered from it because new ones came in meanwhile.
func TestFeedRenewedUnderRequest(t *testing.T) {
	testsupport.LogTo(t)
	var party atomic.Value
	party.Store("sparkoo-br")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "{\"account\":\"a\",\"contracting_party\":%q}\n{\"end\":{\"as_of\":%q,\"lines\":1}}\n", party.Load(), time.Now().Format(time.RFC3339Nano))
	}))
	defer server.Close()
	table, err := controllers.ForPolicy(&decision.Policy{Controllers: []decision.Controller{{ID: "sparkoo-br"}, {ID: "sparkoo-sg", Default: true}}})
	if err != nil {
		t.Fatal(err)
	}
	feed := &accounts.Feed{Remote: accounts.Remote{URL: server.URL}, Interval: caddy.Duration(time.Millisecond)}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	if err := feed.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	defer feed.Cleanup()
	if err := feed.Load(table); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	defer func() { cancel(); <-done }()
	go func() { feed.Watch(ctx); close(done) }()
	find := func(s *controllers.Snapshot) string {
		a, err := feed.Find(ctx, s, "a")
		if err != nil || a == nil {
			return "nobody"
		}
		return a.Controller
	}
	await := func(want string) {
		t.Helper()
		for deadline := time.Now().Add(3 * time.Minute); find(table.Snapshot()) != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("gave up waiting for %s", want)
			}
		}
	}
	await("sparkoo-br")
	begun := table.Snapshot()
	party.Store("sparkoo-sg")
	await("sparkoo-sg")
	if got := find(begun); got != "sparkoo-sg" {
		t.Errorf("answered under %s, by records of which nobody knows how old they are", got)
	}
}
