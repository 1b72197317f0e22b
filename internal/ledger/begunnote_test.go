package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// grown is a closed ledger at /l of one epoch, and the same with fewer entries.
func grown(t *testing.T) (m, before *memFS) {
	t.Helper()
	m = newMemFS()
	for range 2 {
		before = m.clone()
		l := ledger.New("/l", ledger.Options{FS: m, Node: "gw-sg-1"})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			add(t, l, fmt.Sprint("entry ", i))
		}
		shut(t, l)
	}
	return m, before
}

// setBack puts the folder of a ledger back as it was before, without the note beside it.
func setBack(t *testing.T, m, before *memFS) {
	t.Helper()
	for _, name := range m.files("/l") {
		if data := before.get(name); data != nil {
			m.set(name, data)
		} else {
			m.removeAll(t, name)
		}
	}
}

// A folder that is set back within an epoch is sound, and so is its checkpoint: the note
// beside it holds a later one. Nothing is changed until an operator gives up what is gone,
// and then the new epoch commits to what the note knows.
func TestFolderSetBackBelowTheNote(t *testing.T) {
	m, before := grown(t)
	latest := m.get("/l/epoch-000001/checkpoint")
	if got := m.get("/l.begun"); string(got) != string(latest) {
		t.Fatalf("the note of a closed ledger is %q, its checkpoint %q", got, latest)
	}
	setBack(t, m, before)
	state := m.clone()
	o := ledger.Options{FS: m, Node: "gw-sg-1"}
	bad := new(ledger.CorruptError)
	for range 2 { // it stays closed
		if err := ledger.New("/l", o).Open(); !errors.As(err, &bad) || bad.File != "/l.begun" || !strings.Contains(bad.What, "entries are lost") {
			t.Fatalf("opened with %v", err)
		}
		m.wantSame(t, state)
	}
	if _, err := verifyFS(m, "/l"); !errors.As(err, &bad) || bad.File != "/l.begun" || !strings.Contains(bad.What, "entries are lost") {
		t.Errorf("verify: %v", err)
	}
	if err := ledger.NewEpoch("/l", o, "set back, case 7", ""); err != nil {
		t.Fatal(err)
	}
	l := ledger.New("/l", o)
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	add(t, l, "after")
	shut(t, l)
	r, err := verifyWith(m, "/l", verify.Options{Known: [][]byte{latest}})
	if err != nil || r.Epoch != 2 || len(r.Losses) != 1 || r.Losses[0].Because != "set back, case 7" {
		t.Errorf("%+v, %v", r, err)
	}
	c, err := tiles.ReadCheckpoint(m.get("/l.begun"))
	if err != nil || !strings.HasSuffix(c.Origin, "/epoch-000002") {
		t.Errorf("the note is of %s, %v", c.Origin, err)
	}
}

// The note never overrules the log: what is not signed with its key keeps nothing from
// being opened, and one of an earlier version, or none, is written anew.
func TestNoteBesideTheFolderIsWrittenAnew(t *testing.T) {
	for name, change := range map[string]func(m *memFS, signed string) string{
		"none":                  func(*memFS, string) string { return "" },
		"of an earlier version": func(_ *memFS, signed string) string { return signed[:strings.Index(signed, "\n")+1] },
		"no checkpoint":         func(_ *memFS, signed string) string { return signed[:strings.Index(signed, "\n")+1] + "x\n" },
		"more entries, and not signed so": func(_ *memFS, signed string) string {
			return strings.Replace(signed, "\n", "\n9", 1)
		},
		"signed by nobody": func(_ *memFS, signed string) string { return signed[:strings.Index(signed, "\n\n")+2] },
		"noise":            func(*memFS, string) string { return "\xff\x00" },
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := grown(t)
			signed := string(m.get("/l.begun"))
			m.removeAll(t, "/l.begun")
			if text := change(m, signed); text != "" {
				m.set("/l.begun", []byte(text))
			}
			l := ledger.New("/l", ledger.Options{FS: m, Node: "gw-sg-1"})
			if err := l.Open(); err != nil {
				t.Fatal(err)
			}
			shut(t, l)
			if got := string(m.get("/l.begun")); got != signed {
				t.Errorf("the note is %q, not %q", got, signed)
			}
		})
	}
}

// Where nothing can be written beside the folder, the ledger does without the note.
func TestNoNoteBesideTheFolder(t *testing.T) {
	for cause, counted := range map[error]uint64{syscall.EROFS: 0, syscall.EACCES: 0, syscall.ENOSPC: 1} {
		m := newMemFS()
		m.setHook(func(op, name string) error {
			if strings.HasPrefix(name, "/l.begun") && op != "open" {
				return pathError(op, name, cause)
			}
			return nil
		})
		l := ledger.New("/l", ledger.Options{FS: m})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		add(t, l, "entry")
		if n := l.Stats().Errors["note"]; min(n, 1) != counted {
			t.Errorf("%v is counted %d times", cause, n)
		}
		shut(t, l)
		m.setHook(nil)
		verified(t, m)
	}
}
