package ledger

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// withClass adds a class 'help' with one record that report mode let pass to a
// ledger, and returns the record's name.
func withClass(t *testing.T, folder string) string {
	t.Helper()
	l := ledger.New(ledger.At(folder).Of("help").Path, ledger.Options{Node: "gw-1"})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	r := record.Transfer{Header: record.Header{Type: record.TypeAccepted}, Activity: "support", Decision: "denied", Reason: "no_safeguard", Region: "sg"}
	id, err := l.Append(r.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return "gw-1/help#" + id.String()
}

// Commands on a ledger's folder reach the classes in it too.
func TestClasses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	main := ledger.New(folder, ledger.Options{Node: "gw-1"})
	if err := main.Open(); err != nil {
		t.Fatal(err)
	}
	record := withClass(t, folder) // beside the writer
	if err := main.Close(); err != nil {
		t.Fatal(err)
	}

	var out bytes.Buffer
	if code, err := verifyLedger(&out, folder, verify.Options{}, false); code != cli.Fine || err != nil || strings.Count(out.String(), "ok: ") != 2 || !strings.Contains(out.String(), "class help:\nok: 2 entries, ") {
		t.Errorf("verify: %d, %v: %s", code, err, &out)
	}
	var known [][]byte
	for _, dir := range []string{folder, ledger.At(folder).Of("help").Path} {
		signed, err := os.ReadFile(filepath.Join(dir, "epoch-000001", "checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, signed)
	}
	if code, err := verifyLedger(&out, folder, verify.Options{Known: known}, false); code != cli.Fine || err != nil {
		t.Errorf("verify with the checkpoints of both: %d, %v", code, err)
	}
	found, err := inspectClasses(folder)
	if err != nil || len(found.Classes) != 1 || found.Classes[0].Entries != 2 {
		t.Errorf("inspect: %+v, %v", found, err)
	}
	out.Reset()
	if err := found.print(&out); err != nil || !strings.Contains(out.String(), "ledger "+folder+"/class-help: 1 epochs, 2 entries") {
		t.Errorf("inspect: %v: %s", err, &out)
	}
	out.Reset()
	if code, err := wouldDeny(&out, folder, found.Epochs[0].Created.AddDate(-9999, 0, 0), true); code != cli.Findings || err != nil || !strings.Contains(out.String(), `"total": 1`) {
		t.Errorf("would-deny: %d, %v: %s", code, err, &out)
	}
	exportedTo := t.TempDir()
	if err := exportTiles(&out, folder, exportedTo, 0, "", false); err != nil {
		t.Error(err)
	}
	files := os.DirFS(filepath.Join(exportedTo, "class-help", "epoch-000001"))
	if n, err := testsupport.TorchwoodFolder(files, found.Classes[0].Epochs[0].Key); err != nil || n != 2 {
		t.Errorf("torchwood read %d entries: %v", n, err)
	}
	p := prover{folder: folder, record: record, file: filepath.Join(t.TempDir(), "e.tar")}
	if err := p.prove(&out); err != nil {
		t.Errorf("prove: %v", err)
	}
	for _, wrong := range []string{"gw-1/sales#1.1", "gw-1/../help#1.1"} {
		p.record = wrong
		if err := p.prove(&out); err == nil {
			t.Errorf("%s was proven", wrong)
		}
	}

	// Damage of a class is damage, and said to be the class's.
	if err := os.Remove(filepath.Join(folder, "class-help", "epoch-000001", "EPOCH")); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	code, err := verifyLedger(&out, folder, verify.Options{}, true)
	var result verifyJSON
	if e := json.Unmarshal(out.Bytes(), &result); e != nil || code != cli.Findings || err == nil || result.OK || len(result.Classes) != 1 || result.Classes[0].Class != "help" || result.Classes[0].Problem == nil {
		t.Errorf("verify: %d, %v, %v: %s", code, err, e, &out)
	}
}

// Offline, holds are set on all classes or on the one that is named.
func TestLedgerHoldOfClass(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	main := ledger.New(folder, ledger.Options{Node: "gw-1"})
	if err := main.Open(); err != nil {
		t.Fatal(err)
	}
	withClass(t, folder)
	if err := main.Close(); err != nil {
		t.Fatal(err)
	}
	order := ledger.Hold{Ref: "case-7", By: "legal-sg", Because: "order of a court"}
	change := func(class string, do func(holdTender, ledger.ClassHold) ([]ledger.ClassHold, error)) (refs []string, err error) {
		t.Helper()
		f := holds(folder, "", order)
		f.hold.Class = class
		if err := f.change(new(bytes.Buffer), do); err != nil {
			return nil, err
		}
		rows, err := localHolds{f}.list()
		for _, h := range rows {
			refs = append(refs, h.Class)
		}
		return refs, err
	}
	for _, c := range []struct {
		class, want string
		do          func(holdTender, ledger.ClassHold) ([]ledger.ClassHold, error)
	}{
		{"help", "help", holdTender.SetHold},
		{"", "default help", holdTender.SetHold},
		{"default", "help", holdTender.LiftHold},
		{"", "", holdTender.LiftHold},
	} {
		if got, err := change(c.class, c.do); err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("class '%s': %v are held, want %s: %v", c.class, got, c.want, err)
		}
	}
	if _, err := change("sales", holdTender.SetHold); err == nil || !strings.Contains(err.Error(), "the ledger has no class 'sales'") {
		t.Errorf("no such class: %v", err)
	}
	if _, err := change("", holdTender.LiftHold); err == nil || !strings.Contains(err.Error(), "no hold of that reference: 'case-7'") {
		t.Errorf("no such hold: %v", err)
	}
	if list, err := keys(t, ledger.At(folder).Of("help").Path, "list"); err != nil || len(list) != 1 {
		t.Errorf("keys of the class: %v, %v", list, err)
	}
}
