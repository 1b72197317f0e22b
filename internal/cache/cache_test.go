package cache_test

import (
	"fmt"
	"maps"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/cache"
)

// Whatever is done in whatever order: no more is kept than the limit, a key has what was
// put last or nothing, and what is there, is listed, and counts are one thing.
func TestAgainstAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := cache.New[int, int](rapid.IntRange(0, 1000).Draw(t, "expected"))
		last := map[int]int{}
		for key := range rapid.IntRange(0, 5).Draw(t, "filled") {
			c.Fill(key, key)
			last[key] = key
		}
		key, limit := rapid.IntRange(0, 20), rapid.IntRange(-1, 12)
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, v, most := key.Draw(t, "key"), rapid.Int().Draw(t, "value"), limit.Draw(t, "limit")
				_, again := c.Get(k)
				c.Put(k, v, most)
				last[k] = v
				if got, ok := c.Get(k); !ok || got != v {
					t.Fatalf("put %d, got %d, %t", v, got, ok)
				}
				if n := c.Len(); !again && n > max(1, most) {
					t.Fatalf("%d kept, at most %d", n, most)
				}
			},
			"delete": func(t *rapid.T) {
				k := key.Draw(t, "key")
				c.Delete(k)
				if _, ok := c.Get(k); ok {
					t.Fatalf("%d is still there", k)
				}
			},
			"delete odd ones": func(t *rapid.T) {
				odd := func(k, _ int) bool { return k%2 == 1 }
				some := false
				for k := range c.All() {
					some = some || odd(k, 0)
				}
				if c.DeleteFunc(odd) != some || c.DeleteFunc(odd) {
					t.Fatal("it is not said whether there were any")
				}
			},
			"": func(t *rapid.T) {
				all := maps.Collect(c.All())
				if len(all) != c.Len() {
					t.Fatalf("%d listed, %d counted", len(all), c.Len())
				}
				for k, v := range all {
					if got, ok := c.Get(k); !ok || got != v || v != last[k] {
						t.Fatalf("%d is listed as %d, read as %d, %t, and was put as %d", k, v, got, ok, last[k])
					}
				}
			},
		})
	})
}

// What is read between two others that come stays, however many come.
func TestWhatIsUsedStays(t *testing.T) {
	c := cache.New[string, int](10)
	c.Put("used", 1, 10)
	for i := range 1000 {
		c.Put(fmt.Sprint(i), i, 10)
		if _, ok := c.Get("used"); !ok {
			t.Fatalf("forgotten after %d others", i+1)
		}
	}
}

func TestConcurrently(t *testing.T) {
	c := cache.New[int, int](64)
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 5000 {
				k := i * (g + 1) % 200
				if v, ok := c.Get(k); ok && v != k {
					t.Errorf("%d has %d", k, v)
				}
				c.Put(k, k, 100)
				if i%97 == 0 {
					c.Delete(k)
					c.DeleteFunc(func(k, _ int) bool { return k%50 == 0 })
					for k, v := range c.All() {
						if k != v {
							t.Errorf("%d is listed with %d", k, v)
						}
					}
				}
			}
		})
	}
	all.Wait()
	if n := c.Len(); n > 100 {
		t.Errorf("%d kept, at most 100", n)
	}
}

// BenchmarkGet reads by the keys that the gateway has: the hash of a token, and an id.
func BenchmarkGet(b *testing.B) {
	b.Run("hash", func(b *testing.B) {
		c := cache.New[[32]byte, *int](10_000)
		key := [32]byte{1}
		c.Put(key, new(int), 10_000)
		b.ReportAllocs()
		for b.Loop() {
			c.Get(key)
		}
	})
	b.Run("text", func(b *testing.B) {
		c := cache.New[string, *int](10_000)
		c.Put("account", new(int), 10_000)
		b.ReportAllocs()
		for b.Loop() {
			c.Get("account")
		}
	})
}
