package ledger_test

import (
	"errors"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
)

// A ledger whose signing key is missing, or is another one, does not open and
// stays as it is. The message names the file and the two lawful ways on, and both
// of them work.
func TestSigningKeyIsNotThere(t *testing.T) {
	const file = "/l/checkpoint.key"
	base := memLedger(t, 5, 64, true)
	key := base.get(file)
	tests := []struct {
		name   string
		damage func(m *memFS)
		want   string
	}{
		{"missing", func(m *memFS) { m.Remove(file) }, "open /l/checkpoint.key: file does not exist"},
		{"another", func(m *memFS) { m.set(file, memLedger(t, 1, 64, true).get(file)) },
			"/l/checkpoint.key holds the key transfergate/node/*, but the epoch was begun with transfergate/node/*"},
		{"no key", func(m *memFS) { m.set(file, []byte("x")) },
			"/l/checkpoint.key holds no signing key of the form PRIVATE+KEY+<name>+<hash>+<key>"},
		{"empty", func(m *memFS) { m.set(file, nil) },
			"/l/checkpoint.key holds no signing key of the form PRIVATE+KEY+<name>+<hash>+<key>"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := base.clone()
			test.damage(m)
			before := m.clone()
			err := ledger.New("/l", ledger.Options{FS: m}).Open()
			want := "the key that signs the ledger's checkpoints is not there: " + test.want + "; nothing was changed; " +
				"either put the key back, or begin a new epoch with another one by " +
				"'transfergate transfer ledger epoch new FOLDER --because REASON --next-key FILE'"
			if !errors.Is(err, ledger.ErrNoSigningKey) || !like(err.Error(), want) {
				t.Fatalf("got  %v\nwant %s", err, want)
			}
			m.wantSame(t, before)

			restored := m.clone()
			restored.set(file, key)
			if got := reopen(t, restored); len(got) != 6 {
				t.Errorf("with the key put back: %q", got)
			}

			m.set("/new.key", memLedger(t, 1, 64, true).get(file))
			if err := ledger.NewEpoch("/l", ledger.Options{FS: m}, "the key is lost", "/new.key"); err != nil {
				t.Fatal(err)
			}
			l := ledger.New("/l", ledger.Options{FS: m, Key: "/new.key"})
			if err := l.Open(); err != nil {
				t.Fatal(err)
			}
			add(t, l, "entry")
			shut(t, l)
			if r, err := verifyWith(m, "/l", verify.Options{From: 2}); err != nil || r.Entries != 2 {
				t.Errorf("verify: %+v, %v", r, err)
			}
		})
	}
}
