package directory_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/directory"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// run keeps a look-up's memory until the test ends it.
func run(t testing.TB, r interface{ Run(context.Context) }) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		r.Run(ctx)
		close(done)
	}()
	return func() { cancel(); <-done }
}

// reopen returns a look-up that begins with what a state file holds, after a restart.
func (c *center) reopen(t testing.TB, state string, clock *clock) *directory.Lookup {
	t.Helper()
	cache, err := directory.NewCache(c.URL, state)
	if err != nil {
		t.Fatal(err)
	}
	return c.lookupWith(t, cache, func(config *directory.LookupConfig) { config.Now = clock.now })
}

// What was looked up survives a restart while the directory is down, with its age;
// what the directory no longer has does not come back.
func TestRestartWhileDown(t *testing.T) {
	c := newCenter(t)
	clock := newClock()
	state := filepath.Join(t.TempDir(), "new", "accounts.state")
	c.set("a", `{"account":"a","country":"BR","contracting_party":"sparkoo-sg","salt":"0123456789abcdef"}`)
	c.set("full", `{"account":"full","contracting_party":{"name":"Açaí \"x\"","address":"Rua 1"},"closed":true,"withdrawn":"2026-01-02T03:04:05.000000006Z"}`)
	c.set("gone", `{"account":"gone"}`)
	l := c.reopen(t, state, clock)
	if _, err := os.Stat(state); err == nil {
		t.Error("the file is there before anybody runs")
	}
	stop := run(t, l)
	want := find(t, l, "full")
	find(t, l, "a")
	find(t, l, "nobody")
	find(t, l, "gone")
	c.set("gone", "")
	clock.forward(6 * time.Minute)
	find(t, l, "gone")
	stop()
	info, err := os.Stat(state)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}

	c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	l = c.reopen(t, state, clock)
	if got := find(t, l, "a"); got.Country != "BR" || got.Controller != "sparkoo-sg" || got.Salt != "0123456789abcdef" {
		t.Errorf("after a restart: %+v", got)
	}
	if got := find(t, l, "full"); *got.Party != *want.Party || !got.Choices.Closed || !got.Choices.ConsentUntil.Equal(want.Choices.ConsentUntil) {
		t.Errorf("after a restart: %+v", got)
	}
	for _, account := range []string{"gone", "nobody"} {
		if a, err := l.Find(t.Context(), registers, account); !errors.Is(err, directory.ErrUnavailable) {
			t.Errorf("%s after a restart: %+v, %v", account, a, err)
		}
	}
	clock.forward(time.Hour)
	l = c.reopen(t, state, clock)
	if a, err := l.Find(t.Context(), registers, "a"); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("beyond the stale limit: %+v, %v", a, err)
	}
	run(t, l)() // and what nobody may use leaves the disk
	if text, err := os.ReadFile(state); err != nil || strings.Contains(string(text), "Rua 1") || strings.Contains(string(text), "0123456789abcdef") {
		t.Errorf("still on disk, %v:\n%s", err, text)
	}
}

// Records that differ in the birth alone are not taken for one, here and after a restart.
func TestBirthsAreKeptApart(t *testing.T) {
	c := newCenter(t)
	state := filepath.Join(t.TempDir(), "accounts.state")
	births := map[string]string{"a": "2010-05-17", "b": "2010", "c": "", "d": "2010-05-17"}
	for id, born := range births {
		c.set(id, strings.Replace(`{"account":"`+id+`","country":"BR","born":"`+born+`"}`, `,"born":""`, "", 1))
	}
	l := c.reopen(t, state, newClock())
	stop := run(t, l)
	for range 2 {
		for id, born := range births {
			if got := find(t, l, id); got.Born.String() != born || got.ID != id {
				t.Errorf("%s: %+v, born %s", id, got, got.Born)
			}
		}
		stop()
		c.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
		l = c.reopen(t, state, newClock())
	}
}

// A state file that is not as it was written, wherever it was changed or cut, is
// reported and nothing of it is used.
func TestDamagedCache(t *testing.T) {
	c := newCenter(t)
	state := filepath.Join(t.TempDir(), "accounts.state")
	c.set("a", `{"account":"a","country":"BR"}`)
	l := c.reopen(t, state, newClock())
	stop := run(t, l)
	find(t, l, "a")
	stop()
	whole, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, content []byte) {
		t.Helper()
		if err := os.WriteFile(state, content, 0o600); err != nil {
			t.Fatal(err)
		}
		cache, err := directory.NewCache(c.URL, state)
		if err == nil || !strings.HasPrefix(err.Error(), "the account records kept in "+state+" are not used: ") || cache.Len() != 0 {
			t.Errorf("%s: %v; %d accounts are remembered", what, err, cache.Len())
		}
	}
	for i := range whole {
		changed := append([]byte(nil), whole...)
		changed[i] ^= 1
		try(fmt.Sprint("byte ", i, " changed"), changed)
		try(fmt.Sprint("cut at ", i), whole[:i])
	}
	if err := os.WriteFile(state, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := directory.NewCache("https://another.internal/", state); err == nil || !strings.HasSuffix(err.Error(), "it is of another directory") {
		t.Errorf("of another directory: %v", err)
	}
	if cache, err := directory.NewCache(c.URL, state); err != nil || cache.Len() != 1 {
		t.Errorf("whole: %v, %d accounts", err, cache.Len())
	}
}

// Two that write to one file do so one after the other.
func TestOneWriter(t *testing.T) {
	c := newCenter(t)
	state := filepath.Join(t.TempDir(), "accounts.state")
	c.set("a", `{"account":"a"}`)
	c.set("b", `{"account":"b"}`)
	first, second := c.reopen(t, state, newClock()), c.reopen(t, state, newClock())
	stopFirst := run(t, first)
	stopSecond := run(t, second)
	find(t, first, "a")
	find(t, second, "b")
	stopFirst()
	waitFor(t, "the first has written", func() bool { _, err := os.Stat(state); return err == nil })
	stopSecond()
	// Each wrote what it knew, the second last, unless it was ended while it waited.
	if cache, err := directory.NewCache(c.URL, state); err != nil || cache.Len() != 1 {
		t.Errorf("%v, %d accounts", err, cache.Len())
	}
	if left, err := filepath.Glob(state + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// No more accounts are remembered than allowed, and those in use stay.
func TestCacheMakesRoom(t *testing.T) {
	c := newCenter(t)
	cache, err := directory.NewCache(c.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	l := c.lookupWith(t, cache, func(config *directory.LookupConfig) { config.Entries = 50 })
	for i := range 300 {
		find(t, l, "hot")
		find(t, l, fmt.Sprint("cold-", i))
	}
	if cache.Len() != 50 {
		t.Errorf("%d accounts are remembered", cache.Len())
	}
	if n := c.times("hot"); n > 2 {
		t.Errorf("the account in use was looked up %d times", n)
	}
}

// Readers and writers of a cache meet no other account's record.
func TestCacheRace(t *testing.T) {
	cache, err := directory.NewCache("https://x", "")
	if err != nil {
		t.Fatal(err)
	}
	l, err := directory.NewLookup(directory.LookupConfig{URL: "https://127.0.0.1:1", Timeout: time.Millisecond}, cache)
	if err != nil {
		t.Fatal(err)
	}
	rounds := 5_000
	if testsupport.Race {
		rounds = 2_000
	}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range rounds {
				id := fmt.Sprint("a-", (i*7+g)%200)
				if g < 2 {
					cache.Put(id, time.Now(), &controllers.Account{ID: id, Country: countryOf(id)}, 100)
					continue
				}
				if a, known := cache.Peek(l, id); known && (a.ID != id || a.Country != countryOf(id)) {
					t.Errorf("%s is answered with %+v", id, a)
					return
				}
			}
		})
	}
	all.Wait()
	if cache.Len() > 100 {
		t.Errorf("%d accounts are remembered", cache.Len())
	}
}

func countryOf(id string) string {
	return []string{"BR", "CL", "PE", "TH", "ZA", "FR"}[len(id)%3+int(id[len(id)-1])%3]
}

// A million remembered accounts take less than 200 MB. Only CI remembers so many;
// otherwise it is an eighth, whose table is as empty.
func TestMillionRemembered(t *testing.T) {
	if testing.Short() || testsupport.Race {
		t.Skip("takes seconds")
	}
	n := 125_000
	if testsupport.Full() {
		n = 1_000_000
	}
	before := heap()
	cache := fill(t, n)
	used := heap() - min(before, heap())
	if used > 200*uint64(n) {
		t.Errorf("%d accounts take %d bytes", n, used)
	} else {
		t.Logf("%d accounts take %.1f bytes each", n, float64(used)/float64(n))
	}
	runtime.KeepAlive(cache)
}

// fill returns a cache with accounts whose ids are as long as a UUID.
func fill(t testing.TB, n int) *directory.Cache {
	cache, err := directory.NewCache("https://x", "")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i := range n {
		cache.Fill(&controllers.Account{ID: uuid(i), Country: "BR", Controller: "sparkoo-br"}, now)
	}
	return cache
}

func uuid(i int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(i)*2654435761, i) }

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkFind is a request that finds its account's record: remembered from a
// look-up, or in the table of a feed; and the same in a map of Go's, for comparison.
func BenchmarkFind(b *testing.B) {
	const n = 1_000_000
	ids := make([]string, 4096)
	for i := range ids {
		ids[i] = uuid(i * 7919 % n)
	}
	b.Run("map", func(b *testing.B) {
		plain := make(map[string]controllers.Account, n)
		for i := range n {
			plain[uuid(i)] = controllers.Account{ID: uuid(i), Country: "BR", Controller: "sparkoo-br"}
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if a, ok := plain[ids[i%len(ids)]]; !ok || a.Country != "BR" {
				b.Fatal("not found")
			}
			i++
		}
	})
	b.Run("lookup", func(b *testing.B) {
		l, err := directory.NewLookup(directory.LookupConfig{URL: "https://127.0.0.1:1", Refresh: 24 * time.Hour}, fill(b, n))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if a, err := l.Find(context.Background(), registers, ids[i%len(ids)]); err != nil || a.Country != "BR" {
				b.Fatal(a, err)
			}
			i++
		}
	})
	b.Run("feed", func(b *testing.B) {
		table := newTable(b)
		accounts := make([]controllers.Account, n)
		for i := range accounts {
			accounts[i] = controllers.Account{ID: uuid(i), Country: "BR", Controller: "sparkoo-br"}
		}
		if err := table.ReplaceAccounts(accounts); err != nil {
			b.Fatal(err)
		}
		f := directory.FeedOf(b, table)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if a, err := f.Find(ids[i%len(ids)]); err != nil || a.Country != "BR" {
				b.Fatal(a, err)
			}
			i++
		}
	})
}
