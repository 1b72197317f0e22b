package anchor_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/anchor"
	"github.com/sparkoo/transfergate/internal/evidence"
	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
	"github.com/sparkoo/transfergate/internal/tiles/tilestest"
)

const origin = "transfergate/gw-1/0123456789abcdef/epoch-000002"

// Witnesses sign as the log grows, and the witnessed checkpoint satisfies a
// policy of torchwood's that asks for the log and both witnesses.
func TestWitnessesSign(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, origin)
	one, two := startWitness(t, "witness.example/one", log), startWitness(t, "witness.example/two", log)
	k, file := publishing(t, log, anchor.Options{Witnesses: []*anchor.Witness{client(t, one), client(t, two)}})

	policy, err := testsupport.TorchwoodPolicy(log.Public)
	if err != nil {
		t.Fatal(err)
	}
	policy = torchwood.ThresholdPolicy(3, policy, one.Policy(), two.Policy())
	for _, size := range []int{1, 2, 2, 300, 700, 1000} {
		offer(t, k, log, size)
		var witnessed []byte
		eventually(t, "both witnesses sign", func() bool {
			witnessed, _ = os.ReadFile(file)
			c, _, err := torchwood.VerifyCheckpoint(witnessed, policy)
			return err == nil && c.N == int64(size)
		})
		if _, err := tiles.OpenTreeAt(log, witnessed, log.Key()); err != nil {
			t.Errorf("at %d entries our own reader: %v", size, err)
		}
	}
	witnessedBundle(t, log, file, one.Key, two.Key)
}

// A bundle at a witnessed checkpoint needs the keys of all who signed.
func witnessedBundle(t *testing.T, log *tilestest.Log, file string, vkeys ...string) {
	t.Helper()
	signed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := tiles.OpenTreeAt(log, signed, log.Key())
	if err != nil {
		t.Fatal(err)
	}
	var witnesses []note.Verifier
	for _, vkey := range vkeys {
		v, err := anchor.NewVerifier(vkey)
		if err != nil {
			t.Fatal(err)
		}
		witnesses = append(witnesses, v)
	}
	bundle, err := evidence.Make(tree, 7, log.Public, witnesses, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := evidence.Verify(bundle, log.Public, witnesses...)
	if err != nil || len(f.Witnesses) != 2 {
		t.Errorf("finding %+v, %v", f, err)
	}
	if _, err := evidence.Verify(bundle, log.Public, witnesses[0]); err == nil || !strings.Contains(err.Error(), "witness.example/two+") {
		t.Errorf("with the key of one of two witnesses: %v", err)
	}
	for i := 0; i < len(bundle); i += 7 {
		flipped := bytes.Clone(bundle)
		flipped[i] ^= 1
		if _, err := evidence.Verify(flipped, log.Public, witnesses...); err == nil {
			t.Errorf("byte %d changed, and the witnessed bundle verifies", i)
		}
	}
	third := tilestest.New(t, "another")
	if _, err := evidence.Verify(bundle, log.Public, append(witnesses, third.Key())...); err == nil {
		t.Error("a witness that did not sign is not missed")
	}
}

// A publisher that knows nothing learns the witness's size from its conflict.
func TestConflictIsResolved(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, origin)
	w := startWitness(t, "witness.example/w", log)
	first, _ := publishing(t, log, anchor.Options{Witnesses: []*anchor.Witness{client(t, w)}})
	offer(t, first, log, 300)
	first.Close()
	if w.Size(origin) != 300 {
		t.Fatalf("Close did not wait: the witness has %d entries", w.Size(origin))
	}
	second, _ := publishing(t, log, anchor.Options{Witnesses: []*anchor.Witness{client(t, w)}})
	offer(t, second, log, 500)
	second.Close()
	if w.Size(origin) != 500 {
		t.Errorf("after a restart the witness stays at %d entries", w.Size(origin))
	}
	second.Offer(nil) // after Close it does nothing
}

// rolledBack is a log with the same key that has fewer, or other, entries.
func rolledBack(t *testing.T, log *tilestest.Log, size int, first string) *tilestest.Log {
	t.Helper()
	other := tilestest.New(t, log.Origin)
	other.Secret, other.Public = log.Secret, log.Public
	if first != "" {
		other.Add([]byte(first))
	}
	other.Fill(size)
	return other
}

// A place that remembers more, or something else, is an *AheadError before the
// log is opened, and never overwritten afterwards.
func TestAnotherHistory(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, origin)
	w := startWitness(t, "witness.example/w", log)
	file := filepath.Join(t.TempDir(), "copy")
	copied, err := anchor.NewCopy(file)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := publishing(t, log, anchor.Options{Witnesses: []*anchor.Witness{client(t, w)}, Copies: []*anchor.Copy{copied}})
	if err := k.Known(t.Context(), origin); err != nil {
		t.Errorf("a new log: %v", err)
	}
	offer(t, k, log, 300)
	k.Close()
	if err := k.Known(t.Context(), origin); err != nil {
		t.Errorf("the log as it was left: %v", err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		log           *tilestest.Log
		witness, copy string
	}{
		"cut":                {rolledBack(t, log, 299, ""), "it signed 300 entries, and here are 299", "its 300 entries are more than the 299"},
		"rewritten":          {rolledBack(t, log, 300, "x"), "the 300 entries it signed are not the first 300 of the 300 here", "the log was rewritten"},
		"rewritten, longer":  {rolledBack(t, log, 400, "x"), "the 300 entries it signed are not the first 300 of the 400 here", "are not the beginning of the log"},
		"without checkpoint": {unsigned(t, log), "", "it has a checkpoint of 300 entries, and here is none"},
	} {
		var mu sync.Mutex
		failed, told := map[string]error{}, 0
		again, err := anchor.NewCopy(file)
		if err != nil {
			t.Fatal(err)
		}
		k, _ := publishing(t, c.log, anchor.Options{
			Witnesses: []*anchor.Witness{client(t, w)}, Copies: []*anchor.Copy{again},
			OnPush: func(place string, _ int64, err error) {
				mu.Lock()
				defer mu.Unlock()
				failed[place] = err
			},
			OnAhead: func(*anchor.AheadError) {
				mu.Lock()
				defer mu.Unlock()
				told++
			},
		})
		err = k.Known(t.Context(), origin)
		var ahead *anchor.AheadError
		if !errors.As(err, &ahead) || !strings.Contains(err.Error(), c.witness) || !strings.Contains(err.Error(), c.copy) {
			t.Errorf("%s: %v, want %q and %q", name, err, c.witness, c.copy)
		}
		if c.witness != "" {
			signed, err := c.log.Checkpoint()
			if err != nil {
				t.Fatal(err)
			}
			k.Offer(signed)
			k.Close()
			for place, err := range failed {
				if !errors.As(err, &ahead) {
					t.Errorf("%s, pushed to %s: %v", name, place, err)
				}
			}
			if len(failed) != 2 || told < 2 {
				t.Errorf("%s: pushed to %d places, told of %d", name, len(failed), told)
			}
		}
		if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, before) {
			t.Errorf("%s: the copy was overwritten: %v", name, err)
		}
		if w.Size(origin) != 300 {
			t.Errorf("%s: the witness has %d entries", name, w.Size(origin))
		}
	}
}

// A place that has a later checkpoint of this very log, from somebody else who
// follows it, is not ahead of the log.
func TestLaterCheckpointOfTheSameLog(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, origin)
	w := startWitness(t, "witness.example/w", log)
	file := filepath.Join(t.TempDir(), "copy")
	copied := func() *anchor.Copy {
		c, err := anchor.NewCopy(file)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	log.Fill(300)
	older, err := log.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	one, _ := publishing(t, log, anchor.Options{Witnesses: []*anchor.Witness{client(t, w)}, Copies: []*anchor.Copy{copied()}})
	offer(t, one, log, 400)
	one.Close()
	var mu sync.Mutex
	sizes := map[string]int64{}
	other, _ := publishing(t, log, anchor.Options{
		Witnesses: []*anchor.Witness{client(t, w)}, Copies: []*anchor.Copy{copied()},
		OnPush: func(place string, size int64, err error) {
			mu.Lock()
			defer mu.Unlock()
			sizes[place] = size
			if err != nil {
				t.Errorf("%s: %v", place, err)
			}
		},
		OnAhead: func(ahead *anchor.AheadError) { t.Error(ahead) },
	})
	other.Offer(older)
	other.Close()
	if len(sizes) != 2 || sizes["witness witness.example/w"] != 400 || w.Size(origin) != 400 {
		t.Errorf("pushed %v; the witness has %d entries", sizes, w.Size(origin))
	}
}

func unsigned(t *testing.T, log *tilestest.Log) *tilestest.Log {
	t.Helper()
	other := tilestest.New(t, log.Origin)
	other.Secret, other.Public = log.Secret, log.Public
	return other
}

// A witness that fails in any way holds up neither the log nor another place,
// is told apart in the log, and signs again when it works again.
func TestFailingWitness(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, origin)
	good, bad := startWitness(t, "witness.example/good", log), startWitness(t, "witness.example/bad", log)
	var mu sync.Mutex
	var logged bytes.Buffer
	reasons := map[string]bool{}
	k, file := publishing(t, log, anchor.Options{
		Witnesses: []*anchor.Witness{client(t, good), client(t, bad)},
		Logger:    slog.New(slog.NewTextHandler(&lockedWriter{w: &logged, mu: &mu}, nil)),
		OnPush: func(place string, _ int64, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				reasons[err.Error()] = true
			}
		},
	})
	size := 0
	for want, failure := range map[string]func(){
		"does not know this log":       func() { bad.Fail(404, "") },
		"has another key for this log": func() { bad.Fail(403, "") },
		`answers 500: "oh"`:            func() { bad.Fail(500, "oh") },
		"answers 302":                  func() { bad.Fail(302, "") },
		"but says no size":             func() { bad.Fail(409, "none") },
		"another size of":              func() { bad.Fail(409, "0\n") },
		"or not at all":                func() { bad.Fail(200, "") },
		"with another key":             func() { bad.Fail(200, "— witness.example/bad AAAA\n") },
	} {
		failure()
		size++
		offer(t, k, log, size)
		eventually(t, want, func() bool {
			mu.Lock()
			defer mu.Unlock()
			for reason := range reasons {
				if strings.Contains(reason, want) {
					return true
				}
			}
			return false
		})
		eventually(t, "the good witness signs", func() bool { return good.Size(origin) == int64(size) })
	}
	bad.Fail(0, "")
	eventually(t, "the bad witness signs again", func() bool { return bad.Size(origin) == int64(size) })
	eventually(t, "both signed", func() bool {
		b, _ := os.ReadFile(file)
		return bytes.Count(b, []byte("\n— ")) == 3
	})
	eventually(t, "the log says so", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(logged.String(), "takes checkpoints again")
	})
}

type lockedWriter struct {
	w  io.Writer
	mu *sync.Mutex
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// A witness that never answers is given up when its time is over.
func TestHangingWitness(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, origin)
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	w, err := anchor.NewWitness(server.URL, startWitness(t, "witness.example/w", log).Key)
	if err != nil {
		t.Fatal(err)
	}
	log.Fill(3)
	tree, err := tiles.OpenTree(log, log.Key())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Cosign(ctx, tree); !errors.Is(err, context.Canceled) {
		t.Errorf("Cosign = %v", err)
	}
}

// shelf is a server that keeps what is PUT.
type shelf struct {
	mu      sync.Mutex
	content []byte
	status  int
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.status != 0:
		w.WriteHeader(s.status)
	case r.Method == http.MethodPut:
		s.content, _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
	case s.content == nil:
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.Write(s.content)
	}
}

func (s *shelf) get() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.content
}

func TestCopyBehindURL(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, origin)
	s := &shelf{status: http.StatusServiceUnavailable}
	server := httptest.NewServer(s)
	defer server.Close()
	c, err := anchor.NewCopy(server.URL + "/gw-1")
	if err != nil {
		t.Fatal(err)
	}
	failures := make(chan error, 100)
	k, _ := publishing(t, log, anchor.Options{Copies: []*anchor.Copy{c}, OnPush: func(_ string, _ int64, err error) {
		select {
		case failures <- err:
		default:
		}
	}})
	offer(t, k, log, 5)
	if err := <-failures; err == nil || !strings.Contains(err.Error(), "the answer is 503") {
		t.Errorf("the server was down: %v", err)
	}
	s.mu.Lock()
	s.status = 0
	s.mu.Unlock()
	eventually(t, "the copy is there", func() bool { return s.get() != nil })
	offer(t, k, log, 9)
	want, err := log.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the copy follows", func() bool { return bytes.Equal(s.get(), want) })

	fresh, err := anchor.NewCopy(server.URL + "/gw-1")
	if err != nil {
		t.Fatal(err)
	}
	older, _ := publishing(t, rolledBack(t, log, 8, ""), anchor.Options{Copies: []*anchor.Copy{fresh}})
	var ahead *anchor.AheadError
	if err := older.Known(t.Context(), origin); !errors.As(err, &ahead) {
		t.Errorf("Known = %v", err)
	}
}

// What a copy is not: it stays as it is, with the reason.
func TestForeignCopies(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, origin)
	log.Fill(5)
	signedBy := func(origin string) []byte {
		other := tilestest.New(t, origin)
		other.Fill(3)
		b, err := other.Checkpoint()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
		ahead   bool
	}{
		"something else":       {[]byte("shopping list\n"), "not a tlog-checkpoint", false},
		"another ledger":       {signedBy("transfergate/gw-2/fedcba9876543210/epoch-000001"), "of another ledger", false},
		"a later epoch":        {signedBy("transfergate/gw-1/0123456789abcdef/epoch-000010"), "later epoch epoch-000010", true},
		"another key":          {signedBy(origin), "checking the checkpoint's signature", false},
		"an earlier epoch":     {signedBy("transfergate/gw-1/0123456789abcdef/epoch-000001"), "", false},
		"nothing, but a place": {nil, "", false},
	} {
		file := filepath.Join(t.TempDir(), "copy")
		if c.content != nil {
			if err := os.WriteFile(file, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		place, err := anchor.NewCopy(file)
		if err != nil {
			t.Fatal(err)
		}
		k, _ := publishing(t, log, anchor.Options{Copies: []*anchor.Copy{place}})
		err = k.Known(t.Context(), origin)
		var ahead *anchor.AheadError
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) || errors.As(err, &ahead) != c.ahead {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		offer(t, k, log, 5)
		k.Close()
		after, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if changed := !bytes.Equal(after, c.content); changed != (c.want == "") {
			t.Errorf("%s: the copy was changed: %v", name, changed)
		}
	}
}

func TestPlacesRefused(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, origin)
	good := startWitness(t, "witness.example/w", log).Key
	for _, c := range []struct{ url, vkey, want string }{
		{"http://witness.example", good, "in plain text"},
		{"https://user:secret@witness.example", good, "may have no user"},
		{"https://witness.example?x=y", good, "may have no query"},
		{"witness.example", good, "must begin with https://"},
		{"https://witness.example/%zz", good, "cannot be read"},
		{"https://witness.example", log.Public, "a log's own key is none"},
		{"https://witness.example", "w+zz+AAAA", "no hash of eight"},
		{"https://witness.example", "w", "not of the form"},
		{"https://witness.example", strings.Replace(good, "witness", "Witness", 1), "copied wrongly"},
	} {
		_, err := anchor.NewWitness(c.url, c.vkey)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("NewWitness(%q, %q) = %v, want %q", c.url, c.vkey, err, c.want)
		}
	}
	for target, want := range map[string]string{
		"relative/file":        "neither an absolute path nor a URL",
		"http://copy.example/": "in plain text",
		"ftp://copy.example/":  "must begin with https://",
	} {
		if _, err := anchor.NewCopy(target); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewCopy(%q) = %v, want %q", target, err, want)
		}
	}
	for _, url := range []string{"http://127.0.0.1:1/", "http://[::1]:1", "http://localhost", "https://witness.example/a/b"} {
		if _, err := anchor.NewWitness(url, good); err != nil {
			t.Errorf("NewWitness(%q) = %v", url, err)
		}
	}
}
