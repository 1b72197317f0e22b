package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// removeAll removes a folder of the file system, or a file.
func (m *memFS) removeAll(t *testing.T, name string) {
	t.Helper()
	if names, err := m.Names(name); err == nil {
		for _, below := range names {
			m.removeAll(t, name+"/"+below)
		}
	}
	if err := m.Remove(name); err != nil {
		t.Fatal(err)
	}
}

// twoEpochs is a closed ledger at /l of two epochs, and the same with the first only.
func twoEpochs(t *testing.T) (m, before *memFS) {
	t.Helper()
	m = newMemFS()
	for range 2 {
		l := ledger.New("/l", ledger.Options{FS: m, Node: "gw-sg-1", EpochEntries: 6})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			add(t, l, fmt.Sprint("entry ", i))
		}
		shut(t, l)
		if before == nil {
			before = m.clone()
		}
	}
	return m, before
}

// What is gone of a ledger is missed by what is beside its folder, or by what is left
// in it: nothing is begun in its place without a reason, and nothing is changed.
func TestTotalLossIsRefused(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, m, before *memFS){
		"the folder":       func(t *testing.T, m, _ *memFS) { m.removeAll(t, "/l") },
		"all epochs":       func(t *testing.T, m, _ *memFS) { m.removeAll(t, "/l/epoch-000001"); m.removeAll(t, "/l/epoch-000002") },
		"the newest epoch": func(t *testing.T, m, _ *memFS) { m.removeAll(t, "/l/epoch-000002") },
		"all epochs, and what is beside": func(t *testing.T, m, _ *memFS) {
			m.removeAll(t, "/l/epoch-000001")
			m.removeAll(t, "/l/epoch-000002")
			m.removeAll(t, "/l.begun")
		},
		"another ledger": func(t *testing.T, m, _ *memFS) {
			m.set("/l.begun", []byte("transfergate/gw-sg-1/0123456789abcdef/epoch-000002\n"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, before := twoEpochs(t)
			lose(t, m, before)
			o := ledger.Options{FS: m, Node: "gw-sg-1"}
			for range 2 { // it stays closed
				err := ledger.New("/l", o).Open()
				if !errors.Is(err, ledger.ErrLost) || !strings.Contains(err.Error(), "ledger epoch new /l --because") {
					t.Fatalf("opened with %v", err)
				}
			}
			if err := ledger.NewEpoch("/l", o, "lost, case 7", ""); err != nil {
				t.Fatal(err)
			}
			l := ledger.New("/l", o)
			if err := l.Open(); err != nil {
				t.Fatal(err)
			}
			id, err := l.Append([]byte("entry"))
			if want := uint32(3); err != nil || id.Epoch != want && !strings.Contains(name, "beside") {
				t.Errorf("goes on with %v, %v", id, err)
			}
			shut(t, l)
		})
	}
}

// Before a ledger is begun, those who may know an earlier one are asked by what does
// not come from the folder: two ledgers of one node and key have one name, and nothing
// is written if somebody knows entries of it.
func TestKnownBeforeItBegins(t *testing.T) {
	m := newMemFS()
	if _, err := ledger.GenerateKeyFS(m, "/key", "transfergate/gw-sg-1"); err != nil {
		t.Fatal(err)
	}
	asked := make(map[string]int)
	var answer error
	open := func(dir string) error {
		l := ledger.New(dir, ledger.Options{FS: m, Node: "gw-sg-1", Key: "/key", KnownBefore: func(_ context.Context, empty []byte, vkey string) error {
			key, err := note.NewVerifier(vkey)
			if err != nil {
				t.Error(err)
			}
			c, err := tiles.OpenCheckpoint(empty, key)
			if err != nil || c.N != 0 {
				t.Errorf("asked with %s: %v", empty, err)
			}
			asked[c.Origin]++
			return answer
		}})
		err := l.Open()
		if err == nil {
			shut(t, l)
		}
		return err
	}
	answer = fmt.Errorf("%w: the witness has 300 entries", ledger.ErrKnownMore)
	if err := open("/a"); !errors.Is(err, ledger.ErrLost) || !strings.Contains(err.Error(), "the witness has 300 entries") {
		t.Errorf("opened with %v", err)
	}
	if m.exists("/a/epoch-000001") || m.exists("/a.begun") {
		t.Error("something was begun")
	}
	answer = errors.New("no route")
	for _, dir := range []string{"/a", "/b"} {
		if err := open(dir); err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) != 1 {
		t.Errorf("asked for %v", asked)
	}
	n := asked[ledgerOrigin(t, m, "/a")]
	if err := open("/a"); err != nil || n == 0 || asked[ledgerOrigin(t, m, "/a")] != n {
		t.Errorf("a ledger that is there is asked about as one that begins: %v, %v", asked, err)
	}
}

// ledgerOrigin is the origin of a ledger's first epoch.
func ledgerOrigin(t *testing.T, m *memFS, dir string) string {
	t.Helper()
	c, err := tiles.ReadCheckpoint(m.get(dir + "/epoch-000001/checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	return c.Origin
}

// A ledger belongs to the node that began it: under another name it does not open,
// and nothing is changed, until an operator has it go on, with a reason that is an entry.
func TestLedgerOfAnotherNode(t *testing.T) {
	m, _ := twoEpochs(t)
	before := m.clone()
	other := ledger.Options{FS: m, Node: "gw-sg-2"}
	err := ledger.New("/l", other).Open()
	if !errors.Is(err, ledger.ErrOtherNode) || !strings.Contains(err.Error(), "the ledger of node 'gw-sg-1'") ||
		!strings.Contains(err.Error(), "name another folder") || !strings.Contains(err.Error(), "ledger adopt /l --node gw-sg-2 --because") {
		t.Fatalf("opened with %v", err)
	}
	m.wantSame(t, before)
	if err := ledger.NewEpoch("/l", other, "renamed", ""); err != nil {
		t.Fatal(err)
	}
	for node, opens := range map[string]bool{"gw-sg-1": false, "gw-sg-2": true, "": true} {
		l := ledger.New("/l", ledger.Options{FS: m, Node: node})
		err := l.Open()
		if (err == nil) != opens {
			t.Errorf("node '%s': %v", node, err)
		}
		if err == nil {
			shut(t, l)
		}
	}
	verified(t, m)
	entries := inEpochs(t, m)
	if last := entries[1][len(entries[1])-1]; !strings.Contains(last, `"because":"renamed"`) || !strings.Contains(entries[2][0], `"because":"renamed"`) {
		t.Errorf("the epoch ends with %s", last)
	}
}

// Each ledger has a random instance id, which its later epochs do not repeat.
func TestInstanceID(t *testing.T) {
	seen := make(map[string]bool)
	for range 3 {
		m, _ := twoEpochs(t)
		for i, entries := range inEpochs(t, m) {
			var g record.Genesis
			if err := g.Parse([]byte(entries[0])); err != nil {
				t.Fatal(err)
			}
			if (i == 0) != (len(g.Instance) == 16) || seen[g.Instance] && i == 0 {
				t.Errorf("epoch %d has the instance id '%s'", i+1, g.Instance)
			}
			seen[g.Instance] = true
		}
	}
}
