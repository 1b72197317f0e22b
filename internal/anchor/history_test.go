package anchor_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/anchor"
	"github.com/sparkoo/transfergate/internal/tiles"
	"github.com/sparkoo/transfergate/internal/tiles/tilestest"
)

// A copy keeps the first checkpoint of each day, whichever it is: a file's beside the
// file, a URL's beside the URL. Nothing that is there already is changed, nor what is
// no history.
func TestHistory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	shelves := &pathShelf{content: make(map[string][]byte)}
	server := httptest.NewServer(shelves)
	defer server.Close()
	for name, c := range map[string]struct {
		target string
		read   func() []byte
		write  func([]byte)
	}{
		"a file": {filepath.Join(dir, "copy"),
			func() []byte { b, _ := os.ReadFile(filepath.Join(dir, "copy.history")); return b },
			func(b []byte) {
				if err := os.WriteFile(filepath.Join(dir, "copy.history"), b, 0o600); err != nil {
					t.Error(err)
				}
			}},
		"a URL": {server.URL + "/gw-1", func() []byte { return shelves.get("/gw-1.history") }, func(b []byte) { shelves.put("/gw-1.history", b) }},
	} {
		log := tilestest.New(t, origin)
		now := time.Date(2026, 10, 30, 23, 0, 0, 0, time.UTC)
		bring := func(size int) {
			t.Helper()
			place, err := anchor.NewCopy(c.target)
			if err != nil {
				t.Fatal(err)
			}
			k, _ := publishing(t, log, anchor.Options{Copies: []*anchor.Copy{place}, Now: func() time.Time { return now }})
			offer(t, k, log, size)
			k.Close()
		}
		bring(3)
		bring(5)
		now = now.Add(2 * time.Hour)
		bring(9)
		now = now.Add(24 * time.Hour)
		bring(9)
		now = now.Add(-24 * time.Hour) // a clock that steps back adds nothing
		bring(12)
		kept := c.read()
		lines := strings.Split(strings.TrimSuffix(string(kept), "\n"), "\n")
		signed, err := anchor.ReadKept(kept)
		if err != nil || len(lines) != 3 || len(signed) != 3 {
			t.Fatalf("%s: %v\n%s", name, err, kept)
		}
		for i, want := range []struct {
			day  string
			size int64
		}{{"2026-10-30 ", 3}, {"2026-10-31 ", 9}, {"2026-11-01 ", 9}} {
			got, err := tiles.OpenCheckpoint(signed[i], log.Key())
			if err != nil || got.N != want.size || !strings.HasPrefix(lines[i], want.day) {
				t.Errorf("%s: line %d is %q, of %d entries: %v", name, i, lines[i], got.N, err)
			}
		}
		for _, foreign := range []string{"shopping list\n", string(kept[:len(kept)-1]), lines[1] + "\n" + lines[0] + "\n"} {
			c.write([]byte(foreign))
			now = now.AddDate(0, 0, 7)
			bring(log.Len() + 1)
			if got := c.read(); !bytes.Equal(got, []byte(foreign)) {
				t.Errorf("%s: %q was changed to %q", name, foreign, got)
			}
		}
	}
	if _, err := anchor.ReadKept([]byte("shopping list\n")); err == nil {
		t.Error("something else was read as what was kept")
	}
}

// Two instances of one node that write to one copy find each other while they run:
// the second to come is told, whatever ledger it has, and overwrites nothing.
func TestTwoInstancesOfOneNode(t *testing.T) {
	t.Parallel()
	one := tilestest.New(t, origin)
	for name, two := range map[string]*tilestest.Log{
		"a golden image":        rolledBack(t, one, 0, "forked"),
		"a ledger of their own": tilestest.New(t, "transfergate/gw-1/fedcba9876543210/epoch-000001"),
	} {
		file := filepath.Join(t.TempDir(), "copy")
		copied := func() *anchor.Copy {
			c, err := anchor.NewCopy(file)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		var told atomic.Int64
		first, _ := publishing(t, one, anchor.Options{Copies: []*anchor.Copy{copied()}})
		second, _ := publishing(t, two, anchor.Options{Copies: []*anchor.Copy{copied()}, OnAhead: func(*anchor.AheadError) { told.Add(1) }})
		if err := second.Known(t.Context(), two.Origin); err != nil { // nobody is there yet
			t.Fatal(err)
		}
		offer(t, first, one, one.Len()+3)
		first.Close()
		kept, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		offer(t, second, two, two.Len()+5)
		second.Close()
		if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, kept) || told.Load() == 0 {
			t.Errorf("%s: told %d times, %v: the copy is\n%s", name, told.Load(), err, after)
		}
	}
}

// pathShelf is a server that keeps what is PUT, by its path.
type pathShelf struct {
	mu      sync.Mutex
	content map[string][]byte
}

func (s *pathShelf) get(path string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.content[path]
}

func (s *pathShelf) put(path string, b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content[path] = b
}

func (s *pathShelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		b, _ := io.ReadAll(r.Body)
		s.put(r.URL.Path, b)
		return
	}
	b := s.get(r.URL.Path)
	if b == nil {
		w.WriteHeader(http.StatusNotFound)
	}
	_, _ = w.Write(b) // the client has gone
}
