package ledger_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// november is a moment in the middle of a period.
var november = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// clockAt returns a clock that can be set.
func clockAt(t time.Time) (now func() time.Time, set func(time.Time)) {
	var mu sync.Mutex
	return func() time.Time { mu.Lock(); defer mu.Unlock(); return t },
		func(to time.Time) { mu.Lock(); defer mu.Unlock(); t = to }
}

// unwrapped takes a period's key out of its file by the format's description
// alone.
func unwrapped(t *testing.T, master []byte, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f map[string]any
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	sealed, err := base64.StdEncoding.DecodeString(f["wrapped"].(string))
	if err != nil {
		t.Fatal(err)
	}
	f["wrapped"] = nil
	bound, err := json.Marshal(f) // in the order of the names
	if err != nil {
		t.Fatal(err)
	}
	wrap, err := hkdf.Key(sha256.New, master, nil, "transfergate ledger: wrap period keys", 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(wrap)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	key, err := aead.Open(nil, sealed[:12], sealed[12:], bound)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// pseudonym computes a subject by the description of the format alone.
func pseudonym(key []byte, period, account, salt string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("h1:" + period + ":"))
	mac.Write(binary.BigEndian.AppendUint16(nil, uint16(len(account))))
	mac.Write([]byte(account + salt))
	return "h1:" + period + ":" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

//clause:tests §5(d) §5(h).2
func TestSubject(t *testing.T) {
	dir := t.TempDir()
	master := bytes.Repeat([]byte("m"), 32)
	now, _ := clockAt(november)
	o := ledger.Options{Master: master, Now: now}
	l := open(t, dir, o)
	keys := l.Keys()
	if len(keys) != 1 || !keys[0].Current || !regexp.MustCompile(`^2026-11-[0-9a-f]{4}$`).MatchString(keys[0].Period) {
		t.Fatalf("keys %+v", keys)
	}
	period := keys[0].Period
	key := unwrapped(t, master, filepath.Join(dir, "keys", period+".key"))
	for _, account := range []string{"a", "0123456789", strings.Repeat("é", 500)} {
		for _, salt := range []string{"", "0123456789abcdef"} {
			want := pseudonym(key, period, account, salt)
			if got := l.Subject(account, salt, now()); got != want {
				t.Errorf("%q: %s, want %s", account, got, want)
			}
			if got := l.Subjects(account, salt); len(got) != 1 || got[0] != want {
				t.Errorf("%q: %s, want %s alone", account, got, want)
			}
		}
	}
	if l.Subject("ab", "c", now()) == l.Subject("a", "bc", now()) {
		t.Error("account and salt run together")
	}
	if got := l.Subject("", "0123456789abcdef", now()); got != "" {
		t.Errorf("nobody: %q", got)
	}
	before := l.Subject("a", "", now())
	shut(t, l)
	if got := open(t, dir, o).Subject("a", "", now()); got != before {
		t.Errorf("after reopening %s, before %s", got, before)
	}
	other := strings.TrimPrefix(open(t, t.TempDir(), o).Subject("a", "", now()), "h1:")
	if strings.HasSuffix(before, other[strings.IndexByte(other, ':'):]) {
		t.Error("two ledgers share a key")
	}
}

func TestSubjectConcurrently(t *testing.T) {
	l := open(t, t.TempDir(), ledger.Options{})
	now := time.Now()
	want := map[string]string{"a": l.Subject("a", "", now), "b": l.Subject("b", "", now)}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				for account, subject := range want {
					if got := l.Subject(account, "", now); got != subject {
						t.Errorf("%s: %s, want %s", account, got, subject)
					}
				}
			}
		})
	}
	wg.Wait()
}

// keyEvents lists what a ledger says of its keys, as "type period"; of those it
// began with the genesis says so.
func keyEvents(t *testing.T, dir string) (events []string) {
	t.Helper()
	if err := each(ledger.At(dir), record.ID{}, func(entry ledger.Entry) error {
		var e struct {
			Type, Period string
			Keys         []string
		}
		if err := json.Unmarshal(entry.Data, &e); err != nil {
			return err
		}
		for _, period := range e.Keys {
			events = append(events, "genesis "+period)
		}
		if strings.HasPrefix(e.Type, "key") {
			events = append(events, strings.TrimSpace(e.Type+" "+e.Period))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return events
}

// equalLists compares what was found with what must be.
func equalLists(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// When a period ends another key is made, by a request of the new period; no
// request waits for it or goes without a subject.
func TestPeriodEnds(t *testing.T) {
	dir := t.TempDir()
	now, set := clockAt(november)
	l := open(t, dir, ledger.Options{Now: now})
	old := l.Keys()[0]
	if !old.Until.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the period ends at %v", old.Until)
	}
	subject := l.Subject("a", "", now())
	set(old.Until)
	within(t, 3*time.Minute, "the next period's key is used", func() bool { return l.Subject("a", "", now()) != subject })
	keys := l.Keys()
	if len(keys) != 2 || !keys[1].Current || !strings.HasPrefix(keys[1].Period, "2026-12-") {
		t.Fatalf("keys %+v", keys)
	}
	if got := l.Subjects("a", ""); len(got) != 2 || got[0] != subject || got[1] != l.Subject("a", "", now()) {
		t.Errorf("subjects %q, first %s", got, subject)
	}
	set(november) // a clock that goes back does not go back to the old key
	if got := l.Subject("a", "", now()); got == subject {
		t.Error("the old key is used again")
	}
	shut(t, l)
	equalLists(t, "entries", keyEvents(t, dir), []string{"genesis " + old.Period, "key.created " + keys[1].Period})
}

// A destroyed key is gone: with the ledger's whole folder and the master secret
// nobody computes the period's subjects again.
//
//clause:tests §6.1 7-right(c)
func TestDestroyedKeyIsGone(t *testing.T) {
	dir := t.TempDir()
	master := bytes.Repeat([]byte("m"), 32)
	now, _ := clockAt(november)
	o := ledger.Options{Master: master, Now: now}
	l := open(t, dir, o)
	period := l.Keys()[0].Period
	path := filepath.Join(dir, "keys", period+".key")
	key := unwrapped(t, master, path)
	wrapped, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	subject := l.Subject("ana", "", now())
	if err := l.DestroyKey(period); err != nil {
		t.Fatal(err)
	}
	if err := l.DestroyKey(period); err == nil {
		t.Error("destroyed twice")
	}
	next := l.Keys()
	if len(next) != 1 || !next[0].Current || next[0].Period == period {
		t.Errorf("keys %+v", next)
	}
	for _, s := range l.Subjects("ana", "") {
		if s == subject {
			t.Error("the subject is still found")
		}
	}
	shut(t, l)
	equalLists(t, "entries", keyEvents(t, dir), []string{"genesis " + period, "key.created " + next[0].Period, "key.destroyed " + period})
	var f struct{ Wrapped string }
	if err := json.Unmarshal(wrapped, &f); err != nil {
		t.Fatal(err)
	}
	eachFile(t, dir, func(path string, data []byte) {
		for what, secret := range map[string][]byte{"the key": key, "the wrapped key": []byte(f.Wrapped)} {
			if bytes.Contains(data, secret) {
				t.Errorf("%s holds %s", path, what)
			}
		}
		if strings.HasSuffix(path, ".key") && filepath.Base(path) != "checkpoint.key" && pseudonym(unwrapped(t, master, path), period, "ana", "") == subject {
			t.Errorf("%s gives the subject back", path)
		}
	})
	l = open(t, dir, o)
	if got := l.Keys(); len(got) != 1 || got[0].Period != next[0].Period {
		t.Errorf("after reopening: keys %+v", got)
	}
}

// A person's salt that is gone takes the person's records with it, and nobody else's.
func TestPersonWithoutSalt(t *testing.T) {
	l := open(t, t.TempDir(), ledger.Options{})
	now := time.Now()
	with := l.Subject("ana", "the salt of ana, random", now)
	for _, guess := range []string{"", "the salt of ana, guess"} {
		for _, s := range l.Subjects("ana", guess) {
			if s == with {
				t.Errorf("found with salt %q", guess)
			}
		}
	}
}

// eachFile hands on every file below a folder.
func eachFile(t *testing.T, dir string, f func(path string, data []byte)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			f(path, data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A new master secret wraps the keys anew, and the old one is needed no more.
func TestMasterChanges(t *testing.T) {
	dir := t.TempDir()
	one, two := bytes.Repeat([]byte("1"), 32), bytes.Repeat([]byte("2"), 32)
	now, _ := clockAt(november)
	l := open(t, dir, ledger.Options{Now: now}) // the secret is made in the folder
	own := filepath.Join(dir, "master.key")
	if data, err := os.ReadFile(own); err != nil || len(data) != base64.StdEncoding.EncodedLen(32)+len("\n") {
		t.Fatalf("a master secret of %d bytes, %v", len(data), err)
	}
	subject := l.Subject("a", "", now())
	shut(t, l)
	steps := []struct {
		name string
		o    ledger.Options
		want string // of the error
	}{
		{"to one kept elsewhere", ledger.Options{Master: one}, ""},
		{"again", ledger.Options{Master: one}, ""},
		{"without it", ledger.Options{}, own + " is missing, and the pseudonyms' keys cannot be read without it"},
		{"to another, without the old", ledger.Options{Master: two}, "wrapped with another master secret"},
		{"to another", ledger.Options{Master: two, OldMaster: one}, ""},
		{"which alone serves", ledger.Options{Master: two}, ""},
		{"back by mistake", ledger.Options{Master: one}, "wrapped with another master secret"},
		{"too short", ledger.Options{Master: one[:31]}, "the master secret has 31 bytes; at least 32 are needed"},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			step.o.Now = now
			if step.want != "" {
				err := ledger.New(dir, step.o).Open()
				if err == nil || !strings.Contains(err.Error(), step.want) {
					t.Errorf("got %v", err)
				}
				return
			}
			l := open(t, dir, step.o)
			if got := l.Subject("a", "", now()); got != subject {
				t.Errorf("subject %s, before %s", got, subject)
			}
			shut(t, l)
			if _, err := os.Stat(own); !os.IsNotExist(err) {
				t.Errorf("the secret of the folder is still there: %v", err)
			}
		})
	}
	events := keyEvents(t, dir)
	equalLists(t, "entries", events[1:], []string{"keys.rewrapped", "keys.rewrapped"})
}

// A ledger with entries does not open when its keys are lost or changed, unless
// the operator says to go on without them.
func TestKeysAreMissing(t *testing.T) {
	damage := func(change func(data []byte) []byte) func(path string) error {
		return func(path string) error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, change(data), 0o600)
		}
	}
	tests := []struct {
		name   string
		damage func(path string) error
		want   string
	}{
		{"missing", os.Remove, "is empty, but the ledger has entries"},
		{"cut off", damage(func(d []byte) []byte { return d[:len(d)/2] }), "not the JSON of a key"},
		{"of another period", damage(func(d []byte) []byte { return bytes.Replace(d, []byte("2026-12-01"), []byte("2027-12-01"), 1) }), "the wrapped key was changed"},
		{"of another format", damage(func(d []byte) []byte { return bytes.Replace(d, []byte("key/1"), []byte("key/2"), 1) }), `format "transfergate-key/2"; this program reads "transfergate-key/1"`},
	}
	now, _ := clockAt(november)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir, ledger.Options{Now: now})
			period := l.Keys()[0].Period
			shut(t, l)
			path := filepath.Join(dir, "keys", period+".key")
			if err := test.damage(path); err != nil {
				t.Fatal(err)
			}
			err := ledger.New(dir, ledger.Options{Now: now}).Open()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v", err)
			}
			if test.name == "missing" {
				l := open(t, dir, ledger.Options{Now: now, NewKey: true})
				if l.Keys()[0].Period == period {
					t.Error("the new key passes for the lost one")
				}
			}
		})
	}
}

// A crash at any moment of making or destroying a key, or of wrapping it anew,
// loses no key that a record uses, and finishes what the log says is done.
func TestKeysSurviveCrashes(t *testing.T) {
	master, other := bytes.Repeat([]byte("m"), 32), bytes.Repeat([]byte("o"), 32)
	now, _ := clockAt(november)
	for n := 1; ; n++ {
		fsys := newMemFS()
		o := ledger.Options{Master: master, Now: now, FS: fsys, SegmentEntries: 64}
		l := ledger.New("/l", o)
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		first := l.Keys()[0].Period
		ops, crashed := 0, false
		var mu sync.Mutex
		fsys.setHook(func(op, name string) error {
			mu.Lock()
			defer mu.Unlock()
			if ops++; ops >= n {
				crashed = true
				return errors.New("the machine is gone")
			}
			return nil
		})
		second, rotated := l.RotateKey()
		used := "" // the subject of a record that was acknowledged under the new key
		if rotated == nil {
			if _, err := l.Append([]byte("record")); err == nil {
				used = l.Subject("a", "", now())
			}
		}
		destroyed := l.DestroyKey(first)
		l.Close() // it may fail: the machine is gone
		if !crashed {
			if rotated != nil || destroyed != nil {
				t.Fatalf("%v, %v", rotated, destroyed)
			}
			if n < 10 {
				t.Fatalf("only %d operations", n)
			}
			return
		}
		fsys.setHook(nil)
		o.Master, o.OldMaster = other, master
		o.FS = fsys.crash(rand.New(rand.NewPCG(uint64(n), 1)), 0.5)
		l = ledger.New("/l", o)
		if err := l.Open(); err != nil {
			t.Fatalf("after operation %d: %v", n, err)
		}
		found := map[string]bool{}
		for _, k := range l.Keys() {
			found[k.Period] = true
		}
		if used != "" && !found[second] {
			t.Errorf("after operation %d: the key of a record is lost", n)
		}
		if destroyed == nil && found[first] {
			t.Errorf("after operation %d: a destroyed key is back", n)
		}
		if !found[first] && rotated != nil && !found[second] && len(found) == 0 {
			t.Errorf("after operation %d: no key", n)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// That a key was destroyed stands in the entries. A copy of it that is put back is used by nobody, not even by who reads the folder at
// rest, and goes again with the next start; also when the epoch of the entry has gone.
//
//clause:tests §6.1 7-right(c)
func TestSideFilesOfKeysNeverOverruleTheLog(t *testing.T) {
	for name, putBack := range map[string]func(m *memFS, period string, key []byte){
		"as it was":                 func(m *memFS, period string, key []byte) { m.set("/l/keys/"+period+".key", key) },
		"as one that is being made": func(m *memFS, period string, key []byte) { m.set("/l/keys/"+period+".pending", key) },
		"as the only one": func(m *memFS, period string, key []byte) {
			names, _ := m.Names("/l/keys")
			for _, name := range names {
				m.Remove("/l/keys/" + name)
			}
			m.set("/l/keys/"+period+".key", key)
		},
	} {
		for _, deleted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, epoch deleted: %t", name, deleted), func(t *testing.T) {
				l := newMonthly(t, 1)
				old := l.log.Keys()[0].Period
				key := l.m.get("/l/keys/" + old + ".key")
				subject := l.log.Subject("ana", "", january)
				if err := l.log.DestroyKey(old); err != nil {
					t.Fatal(err)
				}
				for month := range 3 {
					l.set(january.AddDate(0, 1+month, 0))
					l.record()
				}
				if deleted {
					l.expire(day(2026, 5, 1), 3, 4, 5)
				}
				shut(t, l.log)
				putBack(l.m, old, key)
				at := ledger.AtFS(l.m, "/l")
				if found, err := at.Subjects(nil, "ana", ""); err == nil && slices.Contains(found, subject) {
					t.Error("who reads the folder at rest uses it")
				}
				if r, err := verifyWith(l.m, "/l", verify.Options{}); err != nil || len(r.Differences) != 1 || !strings.Contains(r.Differences[0].What, "the key was destroyed") {
					t.Errorf("verify: %+v, %v", r.Differences, err)
				}
				l.open(day(2026, 5, 2))
				if slices.Contains(l.log.Subjects("ana", ""), subject) || l.log.Subject("ana", "", january) == subject {
					t.Error("it is used")
				}
				for _, k := range l.log.Keys() {
					if k.Period == old {
						t.Errorf("it is there: %+v", k)
					}
				}
				if l.m.exists("/l/keys/"+old+".key") || l.m.exists("/l/keys/"+old+".pending") || !strings.Contains(l.out.String(), "put it back") {
					t.Errorf("its file is left, or nothing is said:\n%s", l.out)
				}
				shut(t, l.log)
				verified(t, l.m)
			})
		}
	}
}

// No file beside a key says that it was destroyed: only an entry does.
func TestNoFileDestroysAKey(t *testing.T) {
	l := newMonthly(t, 1)
	period := l.log.Keys()[0].Period
	subject := l.log.Subject("ana", "", january)
	shut(t, l.log)
	for _, mark := range []string{".destroying", ".destroyed"} { // earlier versions had them
		l.m.set("/l/keys/"+period+mark, []byte(period+"\n"))
	}
	l.open(january)
	if got := l.log.Subjects("ana", ""); !slices.Equal(got, []string{subject}) {
		t.Errorf("subjects %q, before %s", got, subject)
	}
	shut(t, l.log)
	for _, entry := range inEpoch(t, l.m, 1) {
		if strings.Contains(entry, record.TypeKeyDestroyed) {
			t.Errorf("nobody destroyed it: %s", entry)
		}
	}
}

// A key is never named as another one, nor as one that was destroyed, which would go with
// the next start.
func TestPeriodsHaveNamesOfTheirOwn(t *testing.T) {
	var refused []string
	period := ledger.NewPeriod(november, func(period string) bool {
		if len(refused) < 3 {
			refused = append(refused, period)
			return true
		}
		return false
	})
	if len(refused) != 3 || slices.Contains(refused, period) || !strings.HasPrefix(period, "2026-11-") {
		t.Errorf("%s after %q", period, refused)
	}
}
