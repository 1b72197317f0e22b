package ledger_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
)

func TestSubject(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, ledger.Options{})
	key, err := os.ReadFile(filepath.Join(dir, "subject.key"))
	if err != nil || len(key) != 32 {
		t.Fatalf("key of %d bytes, %v", len(key), err)
	}
	for _, account := range []string{"a", "0123456789", strings.Repeat("é", 500)} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("h1:1:" + account))
		want := "h1:1:" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
		if got := l.Subject(account); got != want {
			t.Errorf("%q: %s, want %s", account, got, want)
		}
		if got := l.Pseudonyms().Subject(account); got != want {
			t.Errorf("%q: %s, want %s", account, got, want)
		}
	}
	if got := l.Subject(""); got != "" {
		t.Errorf("nobody: %q", got)
	}
	before := l.Subject("a")
	shut(t, l)
	if got := open(t, dir, ledger.Options{}).Subject("a"); got != before {
		t.Errorf("after reopening %s, before %s", got, before)
	}
	if got := open(t, t.TempDir(), ledger.Options{}).Subject("a"); got == before {
		t.Error("two ledgers share a key")
	}
}

func TestSubjectConcurrently(t *testing.T) {
	l := open(t, t.TempDir(), ledger.Options{})
	want := map[string]string{"a": l.Subject("a"), "b": l.Subject("b")}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				for account, subject := range want {
					if got := l.Subject(account); got != subject {
						t.Errorf("%s: %s, want %s", account, got, subject)
					}
				}
			}
		})
	}
	wg.Wait()
}

// A ledger with entries does not open with another key than its own.
func TestKeyIsMissing(t *testing.T) {
	tests := []struct {
		name   string
		damage func(path string) error
		want   string
	}{
		{"missing", os.Remove, " is missing, but the ledger has entries: put the key back, or begin a ledger in a new folder"},
		{"short", func(path string) error { return os.Truncate(path, 31) }, " has 31 bytes, not 32: put the key back, or begin a ledger in a new folder"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			shut(t, open(t, dir, ledger.Options{}))
			path := filepath.Join(dir, "subject.key")
			if err := test.damage(path); err != nil {
				t.Fatal(err)
			}
			err := ledger.New(dir, ledger.Options{}).Open()
			if err == nil || err.Error() != path+test.want {
				t.Errorf("got %v", err)
			}
		})
	}
}
