package directory

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/cache"
)

// Cache holds what a directory said about accounts, and when. Reading it takes no
// lock. It outlives reloads: those who use it bring their own settings.
type Cache struct {
	answers *cache.Cache[string, *answer] // records, by account
	none    *cache.Cache[string, *answer] // that there is no record: it pushes out none

	mu    sync.Mutex // one writer at a time; readers do not take it
	kinds map[kind]*controllers.Account

	changed atomic.Bool // since it was last saved
	state   stateFile   // path empty: none
	source  string      // tells directories apart in a state file
}

// answer is what was said about an account. But for refreshing it never changes.
type answer struct {
	asked  time.Duration        // when, since 1970
	record *controllers.Account // without what follows and the id, shared by all that say the same; nil: no record
	salt   string
	born   controllers.Birth

	refreshing atomic.Bool
}

// kind is what most records have in common with many others.
type kind struct{ country, controller string }

// NewCache returns a cache for the directory at a URL, with what the state file at
// a path holds of it; no path for none. A file that can't be used is ignored, and
// the reason is returned beside the cache.
func NewCache(url, path string) (*Cache, error) {
	c := &Cache{
		answers: cache.New[string, *answer](DefaultEntries), none: cache.New[string, *answer](DefaultEntries),
		kinds: make(map[kind]*controllers.Account),
		state: stateFile{path: path}, source: sourceOf(url),
	}
	if path == "" {
		return c, nil
	}
	return c, c.load()
}

// get returns what was said about an account, nil for nothing.
func (c *Cache) get(id string) *answer {
	if a, ok := c.answers.Get(id); ok {
		return a
	}
	a, _ := c.none.Get(id)
	return a
}

// put notes what the directory said when it was asked at that moment; record is nil
// if it has none. Something said later stays. If there are more than limit records, or
// accounts without one, others of the same make room.
func (c *Cache) put(id string, asked time.Time, record *controllers.Account, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.answer(asked, record)
	c.changed.Store(true)
	if old := c.get(id); old != nil && old.asked > a.asked {
		return
	}
	to, from := c.answers, c.none
	if record == nil {
		to, from = c.none, c.answers
	}
	to.Put(id, a, limit)
	if _, ok := from.Get(id); ok {
		from.Delete(id)
	}
}

// fill is put for a cache nobody uses yet.
func (c *Cache) fill(record *controllers.Account, asked time.Time) {
	c.answers.Fill(record.ID, c.answer(asked, record))
}

// answer is what was said at that moment. What most records say is kept once.
func (c *Cache) answer(asked time.Time, record *controllers.Account) *answer {
	a := &answer{asked: time.Duration(asked.UnixNano())}
	if record == nil {
		return a
	}
	shared := *record
	a.salt, a.born = record.Salt, record.Born
	shared.ID, shared.Salt, shared.Born = "", "", controllers.Birth{}
	a.record = &shared
	if shared.Party != nil || shared.Choices != nil || shared.References != nil || shared.Invalid {
		return a
	}
	k := kind{shared.Country, shared.Controller}
	if known := c.kinds[k]; known != nil {
		a.record = known
		return a
	}
	c.kinds[k] = &shared
	return a
}

// about is what an answer says about its account; nil for no record.
func (a *answer) about(id string) *controllers.Account {
	if a.record == nil {
		return nil
	}
	record := *a.record
	record.ID, record.Salt, record.Born = id, a.salt, a.born
	return &record
}

// forget removes what was said before a moment: nobody believes it any more.
func (c *Cache) forget(before time.Time) {
	old := func(_ string, a *answer) bool { return a.asked < time.Duration(before.UnixNano()) }
	c.none.DeleteFunc(old)
	if c.answers.DeleteFunc(old) {
		c.changed.Store(true)
	}
}

// Len returns how many accounts something is known of.
func (c *Cache) Len() int { return c.answers.Len() + c.none.Len() }
