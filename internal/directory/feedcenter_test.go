package directory_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/directory"
)

// feedCenter is an Account Center with a feed. Its cursors are places in a log.
type feedCenter struct {
	*center

	mu      sync.Mutex
	records map[string]string // guarded by mu: account -> line
	log     []string          // guarded by mu: lines of all changes
	first   int               // guarded by mu: place in the log that is remembered
	news    chan struct{}     // guarded by mu: closed with the next change
	waits   []string          // guarded by mu: Prefer of the requests for changes
}

func newFeedCenter(t testing.TB) *feedCenter {
	t.Helper()
	c := &feedCenter{center: newCenter(t), records: make(map[string]string), news: make(chan struct{})}
	c.does(c.serveFeed)
	return c
}

func (c *feedCenter) serveFeed(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/accounts":
		c.snapshot(w)
	case "/accounts/changes":
		c.changes(w, r)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// put changes a record; an empty one deletes it.
func (c *feedCenter) put(account, rest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	line := fmt.Sprintf(`{"account":%q,%s}`, account, rest)
	c.records[account] = line
	if rest == "" {
		line = fmt.Sprintf(`{"account":%q,"deleted":true}`, account)
		delete(c.records, account)
	}
	c.log = append(c.log, line)
	close(c.news)
	c.news = make(chan struct{})
}

// forget makes older cursors unknown.
func (c *feedCenter) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first = len(c.log)
}

func end(asOf time.Time, cursor string, lines int) string {
	return fmt.Sprintf(`{"end":{"as_of":%q,"cursor":%q,"lines":%d}}`+"\n", asOf.Format(time.RFC3339Nano), cursor, lines)
}

func (c *feedCenter) snapshot(w io.Writer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range slices.Sorted(maps.Values(c.records)) {
		fmt.Fprintln(w, line)
	}
	io.WriteString(w, end(time.Now(), fmt.Sprint("c-", len(c.log)), len(c.records)))
}

func (c *feedCenter) changes(w http.ResponseWriter, r *http.Request) {
	from, err := strconv.Atoi(strings.TrimPrefix(r.URL.Query().Get("cursor"), "c-"))
	wait, _ := strconv.Atoi(strings.TrimPrefix(r.Header.Get("Prefer"), "wait="))
	c.mu.Lock()
	c.waits = append(c.waits, r.Header.Get("Prefer"))
	if wait > 0 && from == len(c.log) {
		news := c.news
		c.mu.Unlock()
		select {
		case <-news:
		case <-time.After(time.Duration(wait) * time.Second):
		case <-r.Context().Done():
		}
		c.mu.Lock()
	}
	defer c.mu.Unlock()
	if err != nil || from < c.first || from > len(c.log) {
		w.WriteHeader(http.StatusGone)
		return
	}
	for _, line := range c.log[from:] {
		fmt.Fprintln(w, line)
	}
	io.WriteString(w, end(time.Now(), fmt.Sprint("c-", len(c.log)), len(c.log)-from))
}

// reader is a feed and the table it fills.
type reader struct {
	*directory.Feed
	t     testing.TB
	table *controllers.Table
	said  *logs
}

// open returns a feed that goes on from a memory, not yet running.
func (c *feedCenter) open(t testing.TB, memory *directory.FeedMemory, change func(*directory.FeedConfig)) reader {
	t.Helper()
	said := new(logs)
	config := directory.FeedConfig{
		URL: c.URL + "/accounts", Client: directory.ClientConfig{TLS: directory.TLSFiles{CA: c.caFile}},
		Interval: 2 * time.Millisecond, Logger: said.logger(),
	}
	if change != nil {
		change(&config)
	}
	f, err := directory.NewFeed(config, memory)
	if err != nil {
		t.Fatal(err)
	}
	table := newTable(t)
	if err := f.Load(table); err != nil {
		t.Fatal(err)
	}
	return reader{f, t, table, said}
}

// memory is a fresh one, as after a restart; an empty state is none.
func (c *feedCenter) memory(state string) *directory.FeedMemory {
	return directory.NewFeedMemory(c.URL+"/accounts", state)
}

// says is the party of an account's record: none without one, refused if nothing
// can be said.
func (r reader) says(account string) string {
	a, err := r.Find(account)
	if err != nil {
		return "refused"
	}
	return partyOf(a)
}

// comesTo waits until the party of an account is the one wanted.
func (r reader) comesTo(account, want string) {
	r.t.Helper()
	defer func() {
		if got := r.says(account); got != want {
			r.t.Logf("%s is %s; the log:\n%s", account, got, r.said)
		}
	}()
	waitFor(r.t, account+" is "+want, func() bool { return r.says(account) == want })
}

const (
	isBR = `"country":"BR","contracting_party":"sparkoo-br"`
	isSG = `"country":"BR","contracting_party":"sparkoo-sg"`
)
