package directory

import (
	"testing"
	"time"

	"github.com/sparkoo/transfergate/controllers"
)

// Put notes what the directory said.
func (c *Cache) Put(id string, asked time.Time, record *controllers.Account, limit int) {
	c.put(id, asked, record, limit)
}

// Fill is Put for a cache nobody reads yet.
func (c *Cache) Fill(record *controllers.Account, asked time.Time) { c.fill(record, asked) }

// Peek returns what is remembered of an account, and whether anything is.
func (c *Cache) Peek(l *Lookup, id string) (*controllers.Account, bool) {
	a := c.get(id)
	if a == nil {
		return nil, false
	}
	return a.about(id), true
}

// Age makes the changes in the state file older. Nobody may run meanwhile.
func (m *FeedMemory) Age(by time.Duration) { m.since = m.since.Add(-by) }

// FeedOf returns a feed whose table is complete as of now.
func FeedOf(t testing.TB, table *controllers.Table) *Feed {
	f, err := NewFeed(FeedConfig{URL: "https://127.0.0.1:1"}, NewFeedMemory("https://127.0.0.1:1", ""))
	if err != nil {
		t.Fatal(err)
	}
	f.table = table
	f.publish(position{snapshot: table.Snapshot(), end: controllers.End{AsOf: time.Now()}})
	return f
}

// Renew leaves the open connections.
func (l *Lookup) Renew() { l.client.http.Renew() }
