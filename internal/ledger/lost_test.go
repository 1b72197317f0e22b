package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
)

// threeEpochs is a closed ledger at /l of three epochs, the last of 5 entries, and the
// same before the third was begun.
func threeEpochs(t *testing.T) (m, before *memFS) {
	t.Helper()
	m = newMemFS()
	for i := range 3 {
		l := ledger.New("/l", ledger.Options{FS: m, Node: "gw-sg-1", EpochEntries: 6})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		for j := range 5 {
			add(t, l, fmt.Sprint("entry ", i, " ", j))
		}
		shut(t, l)
		if i == 1 {
			before = m.clone()
		}
	}
	return m, before
}

// What an operator has given up for lost, in a reason that the next epoch signs, is told
// in a sentence and is no damage any more; what goes wrong before that place, or after
// it, still is.
func TestAcknowledgedLoss(t *testing.T) {
	const damagedFile, soundFile = "/l/epoch-000003/seg/000000.log", "/l/epoch-000001/seg/000000.log"
	flip := func(m *memFS, file string, at int) {
		data := append([]byte(nil), m.get(file)...)
		data[at] ^= 1
		m.set(file, data)
	}
	for name, c := range map[string]struct {
		lose  func(t *testing.T, m, before *memFS)
		known bool // a copy has the last checkpoint
		from  string
	}{
		"entries that were cut off":  {func(_ *testing.T, m, _ *memFS) { m.set(damagedFile, m.get(damagedFile)[:1100]) }, false, "3."},
		"an entry that was changed":  {func(_ *testing.T, m, _ *memFS) { flip(m, damagedFile, 1100) }, false, "3."},
		"the settings of the newest": {func(t *testing.T, m, _ *memFS) { m.removeAll(t, "/l/epoch-000003/EPOCH") }, false, "3.0"},
		"the newest epoch":           {func(t *testing.T, m, _ *memFS) { m.removeAll(t, "/l/epoch-000003") }, false, "3.0"},
		"the folder":                 {func(t *testing.T, m, _ *memFS) { m.removeAll(t, "/l") }, false, "1.0"},
		"the newest epoch, which a copy knows": {func(t *testing.T, m, before *memFS) {
			m.removeAll(t, "/l.begun")
			m.removeAll(t, "/l/epoch-000003")
		}, true, "3.0"},
		"the end, which a copy knows": {func(t *testing.T, m, before *memFS) {
			m.removeAll(t, "/l.begun")
			m.removeAll(t, "/l/epoch-000003")
			m.set("/l/epoch-000002/seg/000000.log", before.get("/l/epoch-000002/seg/000000.log"))
			m.set("/l/epoch-000002/checkpoint", before.get("/l/epoch-000002/checkpoint"))
		}, true, "3.0"},
	} {
		t.Run(name, func(t *testing.T) {
			m, before := threeEpochs(t)
			signed := m.get("/l/epoch-000003/checkpoint")
			c.lose(t, m, before)
			o := ledger.Options{FS: m, Node: "gw-sg-1", EpochEntries: 1000}
			begin := func() error { return ledger.NewEpoch("/l", o, "lost, case 7", "") }
			if c.known {
				begin = func() error { return ledger.NewEpochAfter("/l", o, "lost, case 7", "", signed) }
			} else if r, err := verifyFS(m, "/l"); err == nil {
				t.Fatalf("nothing is lost: %+v", r)
			}
			if err := begin(); err != nil {
				t.Fatal(err)
			}
			l := ledger.New("/l", o)
			if err := l.Open(); err != nil {
				t.Fatal(err)
			}
			add(t, l, "after")
			shut(t, l)
			check := func(m *memFS) (verify.Report, error) {
				return verifyWith(m, "/l", verify.Options{Known: [][]byte{signed}})
			}
			r, err := check(m)
			if err != nil || r.Epoch != 4 || len(r.Losses) != 1 {
				t.Fatalf("%+v, %v", r, err)
			}
			loss := r.Losses[0]
			if loss.Until != 4 || loss.Because != "lost, case 7" || !strings.HasPrefix(loss.From.String(), c.from) || loss.Found == nil {
				t.Errorf("%+v", loss)
			}
			// What comes on top is damage.
			for what, spoil := range map[string]func(m *memFS) bool{
				"an epoch before": func(m *memFS) bool {
					if m.get(soundFile) == nil {
						return false
					}
					flip(m, soundFile, 600)
					return true
				},
				"the epoch that says so": func(m *memFS) bool { flip(m, "/l/epoch-000004/seg/000000.log", 600); return true },
				"its settings": func(m *memFS) bool {
					m.set("/l/epoch-000004/EPOCH", []byte(strings.Replace(string(m.get("/l/epoch-000004/EPOCH")), `"lost":"`, `"lost":"1.0`, 1)))
					return true
				},
			} {
				spoilt := m.clone()
				if !spoil(spoilt) {
					continue
				}
				bad := new(ledger.CorruptError)
				if r, err := check(spoilt); !errors.As(err, &bad) {
					t.Errorf("%s is damaged, too: %+v, %v", what, r, err)
				}
			}
		})
	}
}

// alone leaves nothing but the note beside a ledger's epochs.
func alone(t *testing.T, m *memFS, note string) {
	t.Helper()
	for _, name := range []string{"/l/policy", "/l/holds", "/l/policy.last"} {
		m.removeAll(t, name)
	}
	m.set("/l.begun", []byte(note))
}

// A ledger that is cut back to its first entries, and has lost its checkpoint, looks like
// one that was just begun; but what is beside it is of one that was open.
func TestCutBackToGenesis(t *testing.T) {
	for name, keep := range map[string]func(t *testing.T, m *memFS){
		"the note is there": func(*testing.T, *memFS) {},
		"only the note is":  func(t *testing.T, m *memFS) { alone(t, m, string(m.get("/l.begun"))) },
		"only a note of an earlier version is": func(t *testing.T, m *memFS) {
			origin, _, _ := strings.Cut(string(m.get("/l.begun")), "\n")
			alone(t, m, origin+"\n")
		},
		"a policy is there": func(t *testing.T, m *memFS) { m.removeAll(t, "/l.begun") },
		"a hold is there":   func(t *testing.T, m *memFS) { m.removeAll(t, "/l.begun"); m.removeAll(t, "/l/policy") },
		"what was in force is": func(t *testing.T, m *memFS) {
			m.removeAll(t, "/l.begun")
			m.removeAll(t, "/l/policy")
			m.removeAll(t, "/l/holds")
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemFS()
			o := ledger.Options{FS: m, Node: "gw-sg-1"}
			l := ledger.New("/l", o)
			if err := l.Open(); err != nil {
				t.Fatal(err)
			}
			shut(t, l)
			genesis := m.get(firstSegment)
			l = ledger.New("/l", o)
			if err := l.Open(); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(l.Snapshot("ab", []byte("policy")), l.SetHold(ledger.Hold{Ref: "case-7", Because: "order", By: "legal-sg"})); err != nil {
				t.Fatal(err)
			}
			add(t, l, "entry")
			shut(t, l)
			m.set("/l/policy.last", []byte("ab\n"))
			m.set(firstSegment, genesis)
			m.removeAll(t, "/l/epoch-000001/checkpoint")
			keep(t, m)
			bad := new(ledger.CorruptError)
			if err := ledger.New("/l", o).Open(); !errors.As(err, &bad) || !strings.Contains(err.Error(), "the checkpoint is missing") {
				t.Errorf("opened with %v", err)
			}
			if _, err := verifyFS(m, "/l"); !errors.As(err, &bad) {
				t.Errorf("verify: %v", err)
			}
		})
	}
}
