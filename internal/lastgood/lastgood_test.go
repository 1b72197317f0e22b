package lastgood_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/lastgood"
)

const limit = 1 << 20

func save(slot *lastgood.Slot, body string) error {
	return slot.Save(sha256.Sum256([]byte(body)), strings.NewReader(body))
}

func load(slot *lastgood.Slot) (body string, since time.Time, err error) {
	err = slot.Load(limit, func(r io.Reader, at time.Time) error {
		text, err := io.ReadAll(r)
		body, since = string(text), at
		return err
	})
	return body, since, err
}

// onlyFile is the one file in a folder.
func onlyFile(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("files %q, %v; want one", found, err)
	}
	return found[0]
}

func TestKeptOverRestarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "when needed")
	slot := lastgood.In(dir).Slot("accounts", "/etc/a")
	if _, _, err := load(slot); !errors.Is(err, lastgood.ErrNone) {
		t.Errorf("before: %v", err)
	}
	began := time.Now().Truncate(time.Second)
	for _, body := range []string{"first", "", "second\n"} {
		if err := save(slot, body); err != nil {
			t.Fatal(err)
		}
		got, since, err := load(lastgood.In(dir).Slot("accounts", "/etc/a")) // of another process
		if err != nil || got != body || since.Before(began) || since.After(time.Now()) {
			t.Errorf("%q since %v, %v; want %q", got, since, err, body)
		}
	}
	for _, other := range []*lastgood.Slot{lastgood.In(dir).Slot("accounts", "/etc/b"), lastgood.In(dir).Slot("geoip", "/etc/a"), lastgood.In("").Slot("accounts", "/etc/a")} {
		if _, _, err := load(other); !errors.Is(err, lastgood.ErrNone) {
			t.Errorf("another source's: %v", err)
		}
	}
	if err := save(nil, "x"); err != nil {
		t.Error(err)
	}
}

// What is kept already is not written again: it may be large.
func TestKeptOnce(t *testing.T) {
	dir := t.TempDir()
	slot := lastgood.In(dir).Slot("geoip", "x")
	if err := save(slot, "same"); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(onlyFile(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := slot.Save(sha256.Sum256([]byte("same")), unreadable{}); err != nil {
		t.Error(err)
	}
	after, err := os.Stat(onlyFile(t, dir))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("it was written again: %v", err)
	}
}

// unreadable is a body that cannot be read.
type unreadable struct{}

func (unreadable) Read([]byte) (int, error) { return 0, errors.New("not to be read") }

// What is not as it was written is not used, whatever byte is another one.
func TestDamageIsNotUsed(t *testing.T) {
	for name, slot := range map[string]func(dir string) *lastgood.Slot{
		"plain":  func(dir string) *lastgood.Slot { return lastgood.In(dir).Slot("keys", "x") },
		"sealed": func(dir string) *lastgood.Slot { return sealed(dir, "of the ledger") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			damageIsNotUsed(t, dir, slot(dir), name == "plain")
		})
	}
}

func damageIsNotUsed(t *testing.T, dir string, slot *lastgood.Slot, plain bool) {
	t.Helper()
	if err := save(slot, "the body"); err != nil {
		t.Fatal(err)
	}
	file := onlyFile(t, dir)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, content []byte) {
		t.Helper()
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if body, _, err := load(slot); err == nil {
			t.Errorf("%s: %q is used", what, body)
		}
	}
	digits := "0123456789"
	for i := range good {
		if plain && bytes.IndexByte(good, ' ') < i && i < 45 && strings.IndexByte(digits, good[i]) >= 0 {
			continue // another time is a time
		}
		changed := bytes.Clone(good)
		changed[i] ^= 1
		refused("a changed byte", changed)
		refused("cut off", good[:i])
	}
	refused("longer", append(bytes.Clone(good), 'x'))
}

// sealed is the place of what is about people, in a room with a secret.
func sealed(dir, secret string) *lastgood.Slot {
	room := lastgood.In(dir)
	room.SealWith(func() ([]byte, error) { return []byte(secret), nil })
	return room.Sealed("accounts", "/etc/a")
}

// What is about people does not lie there in plain; without the secret nobody reads it, or
// makes what would be used in its place.
func TestSealed(t *testing.T) {
	dir := t.TempDir()
	body := strings.Repeat(`{"account":"ana@people.example"}`+"\n", 10_000)
	for range 2 { // the second time it is there already
		if err := save(sealed(dir, "of the ledger"), body); err != nil {
			t.Fatal(err)
		}
	}
	file := onlyFile(t, dir)
	first, err := os.ReadFile(file)
	if err != nil || bytes.Contains(first, []byte("people.example")) {
		t.Errorf("it lies there in plain, %v", err)
	}
	if got, since, err := load(sealed(dir, "of the ledger")); err != nil || got != body || since.IsZero() {
		t.Errorf("%d bytes since %v, %v", len(got), since, err)
	}
	if _, _, err := load(sealed(dir, "another")); err == nil {
		t.Error("read with another secret")
	}
	if _, _, err := load(lastgood.In(dir).Slot("accounts", "/etc/a")); err == nil {
		t.Error("what is sealed is taken for plain")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := save(sealed(dir, "of the ledger"), body); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(file); err != nil || bytes.Equal(again[len(again)-len(body):], first[len(first)-len(body):]) {
		t.Errorf("two files are sealed alike, %v", err)
	}
	for _, forge := range []*lastgood.Slot{lastgood.In(dir).Slot("accounts", "/etc/a"), sealed(dir, "another")} {
		if err := save(forge, `{"account":"ana@people.example","restricted":false}`); err != nil {
			t.Fatal(err)
		}
		if got, _, err := load(sealed(dir, "of the ledger")); err == nil {
			t.Errorf("what somebody made without the secret is used: %q", got)
		}
		if err := save(sealed(dir, "of the ledger"), body); err != nil { // it is put right
			t.Fatal(err)
		}
	}
}

// Without a secret nothing is sealed, and nothing is kept in its place.
func TestSealedWithoutASecret(t *testing.T) {
	dir := t.TempDir()
	missing := lastgood.In(dir)
	missing.SealWith(func() ([]byte, error) { return nil, fmt.Errorf("the secret: %w", fs.ErrNotExist) })
	for _, room := range []*lastgood.Room{lastgood.In(dir), missing} {
		slot := room.Sealed("accounts", "/etc/a")
		if err := save(slot, "x"); err == nil {
			t.Error("it was kept")
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
	if err := save(sealed(dir, "of the ledger"), "x"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := load(missing.Sealed("accounts", "/etc/a")); err == nil || errors.Is(err, lastgood.ErrNone) {
		t.Errorf("there is something, and nobody can read it: %v", err)
	}
}

// A file that others may have written is not used; what is made is its owner's alone.
func TestOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "room")
	slot := lastgood.In(dir).Slot("accounts", "x")
	if err := save(slot, "body"); err != nil {
		t.Fatal(err)
	}
	file := onlyFile(t, dir)
	for path, want := range map[string]fs.FileMode{dir: 0o700, file: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	for _, mode := range []fs.FileMode{0o620, 0o602, 0o666} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if _, _, err := load(slot); err == nil || !strings.Contains(err.Error(), "others than its owner may write to it") {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

// What could not be kept is not left in its older state, which is not what was good last.
func TestWhatCannotBeKeptIsRemoved(t *testing.T) {
	dir := t.TempDir()
	slot := lastgood.In(dir).Slot("accounts", "x")
	if err := save(slot, "with the salt of ana"); err != nil {
		t.Fatal(err)
	}
	for _, body := range []io.Reader{strings.NewReader("another"), unreadable{}} {
		if err := slot.Save(sha256.Sum256([]byte("without")), body); err == nil {
			t.Error("it was kept")
		}
		if _, _, err := load(slot); !errors.Is(err, lastgood.ErrNone) {
			t.Errorf("what was kept before is used: %v", err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// A ledger's folder that is missing is not made: somebody has to find it missing.
func TestNoLedgerIsMade(t *testing.T) {
	ledger := filepath.Join(t.TempDir(), "ledger")
	slot := lastgood.Within(ledger).Slot("keys", "x")
	if err := save(slot, "body"); err == nil {
		t.Error("it was kept")
	}
	if _, err := os.Stat(ledger); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}

// What no source needs any more, and what a crash left, is removed: it may be about people.
func TestTidy(t *testing.T) {
	dir := t.TempDir()
	room := lastgood.In(dir)
	if err := save(room.Slot("accounts", "/etc/a"), "kept"); err != nil {
		t.Fatal(err)
	}
	kept := onlyFile(t, dir)
	if err := save(lastgood.In(dir).Slot("accounts", "/etc/old"), "of a source that is gone"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kept+".tmp-abcdefgh", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := room.Tidy(); err != nil {
		t.Fatal(err)
	}
	if left := onlyFile(t, dir); left != kept {
		t.Errorf("%s is left", left)
	}
	for _, none := range []*lastgood.Room{nil, lastgood.In(filepath.Join(dir, "nothing"))} {
		if err := none.Tidy(); err != nil {
			t.Error(err)
		}
	}
}

// Instead says both why the original cannot be taken and why what was kept cannot.
func TestInstead(t *testing.T) {
	cause, worse := errors.New("the original is broken"), fmt.Errorf("what it names: %w", fs.ErrNotExist)
	slot := lastgood.In(t.TempDir()).Slot("geoip", "x")
	take := func(err error) func(io.Reader, time.Time) error {
		return func(io.Reader, time.Time) error { return err }
	}
	if err := slot.Instead(cause, limit, take(nil)); !errors.Is(err, cause) || err.Error() != cause.Error() {
		t.Errorf("nothing is kept: %v", err)
	}
	if err := save(slot, "body"); err != nil {
		t.Fatal(err)
	}
	if err := slot.Instead(cause, limit, take(nil)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{"unfit": slot.Instead(cause, limit, take(worse)), "too long": slot.Instead(cause, 3, take(nil))} {
		if !errors.Is(err, cause) || err.Error() == cause.Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
}
