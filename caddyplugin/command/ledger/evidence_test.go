package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/anchor"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// evidenceLedger is a closed ledger with a policy snapshot and a record decided
// by it, and its node's verifier key.
type evidenceLedger struct {
	folder, node string
	record       record.ID
}

func newEvidenceLedger(t *testing.T) evidenceLedger {
	t.Helper()
	registers, err := config.DefaultRegisters()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	l := evidenceLedger{folder: filepath.Join(dir, "ledger")}
	key := filepath.Join(dir, "checkpoint.key")
	if l.node, err = ledger.GenerateKey(key, "transfergate/gw-1"); err != nil {
		t.Fatal(err)
	}
	log := ledger.New(l.folder, ledger.Options{Node: "gw-1", Key: key})
	if err := log.Open(); err != nil {
		t.Fatal(err)
	}
	digest := registers.Policy.Digest
	if err := log.Snapshot(digest, registers.Archive()); err != nil {
		t.Fatal(err)
	}
	r := record.Transfer{Header: record.Header{Type: record.TypeAccepted, Node: "gw-1"}, Policy: digest, Decision: "allowed", Enforced: true}
	index, err := log.Append(r.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	l.record = record.ID{Epoch: 1, Index: index.Index}
	return l
}

// prove writes the record's bundle and returns its file.
func (l evidenceLedger) prove(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bundle.tar")
	var out bytes.Buffer
	p := prover{folder: l.folder, record: "gw-1#" + l.record.String(), file: file}
	if err := p.prove(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "wrote "+file) || !strings.Contains(out.String(), "verify "+file+" --key KEY") {
		t.Errorf("prove says %q", &out)
	}
	return file
}

// A record's bundle verifies by the node's key, given itself or as a file, and by
// nothing else.
func TestProveAndVerify(t *testing.T) {
	t.Parallel()
	l := newEvidenceLedger(t)
	file := l.prove(t)
	keyFile := filepath.Join(t.TempDir(), "node.vkey")
	if err := os.WriteFile(keyFile, []byte(l.node+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{l.node, keyFile} {
		var out bytes.Buffer
		v := bundleVerifier{file: file, key: key}
		if code, err := v.verify(&out); code != cli.Fine || err != nil {
			t.Fatalf("verify with %s: %d, %v", key, code, err)
		}
		for _, want := range []string{fmt.Sprintf("ok: this is entry %d of transfergate/gw-1/", l.record.Index), "decided by the policy", `"decision":"allowed"`} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("verify says %q, want %q", &out, want)
			}
		}
	}
	var out bytes.Buffer
	asJSON := bundleVerifier{file: file, key: l.node, json: true}
	code, err := asJSON.verify(&out)
	var found struct {
		OK     bool
		Index  uint64
		Policy string
		Record map[string]any
	}
	if e := json.Unmarshal(out.Bytes(), &found); code != cli.Fine || err != nil || e != nil || !found.OK || found.Index != l.record.Index || found.Record["policy"] != found.Policy {
		t.Errorf("verify --json: %d, %v, %v: %s", code, err, e, &out)
	}
}

// What does not hold is a finding, exit code 2; what cannot be read is an error.
func TestVerifyExitCodes(t *testing.T) {
	t.Parallel()
	l := newEvidenceLedger(t)
	file := l.prove(t)
	bundle, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	bundle[len(bundle)/2] ^= 1
	changed := filepath.Join(t.TempDir(), "changed.tar")
	if err := os.WriteFile(changed, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	_, other, err := note.GenerateKey(nil, "transfergate/gw-1")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		v    bundleVerifier
		code int
		want string
	}{
		"changed":       {bundleVerifier{file: changed, key: l.node}, cli.Findings, "changed.tar does not hold: "},
		"another key":   {bundleVerifier{file: file, key: other}, cli.Findings, "by the key given it is"},
		"no key":        {bundleVerifier{file: file}, cli.Error, "needs the verifier key"},
		"no such key":   {bundleVerifier{file: file, key: "/nowhere"}, cli.Error, "neither a verifier key"},
		"a broken key":  {bundleVerifier{file: file, key: "a+b+c"}, cli.Error, "not a verifier key of the form"},
		"a log witness": {bundleVerifier{file: file, key: l.node, witnesses: []string{l.node}}, cli.Error, "not a key for cosignatures"},
		"no bundle":     {bundleVerifier{file: "/nowhere", key: l.node}, cli.Error, "reading the bundle"},
		"no witness":    {bundleVerifier{file: file, key: l.node, witnesses: []string{witnessKey(t)}}, cli.Findings, "0 of 1 witnesses signed"},
	} {
		for _, asJSON := range []bool{false, true} {
			var out bytes.Buffer
			c.v.json = asJSON
			code, err := c.v.verify(&out)
			if code != c.code || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %d, %v, want %d, %q", name, code, err, c.code, c.want)
			}
			if asJSON && code == cli.Findings && !strings.Contains(out.String(), `"ok": false`) {
				t.Errorf("%s as JSON: %s", name, &out)
			}
		}
	}
}

func witnessKey(t *testing.T) string {
	t.Helper()
	return testsupport.StartWitness(t, "w.example/w", func(string) (note.Verifier, error) { return nil, errors.New("no log") }).Key
}

func TestProveRefuses(t *testing.T) {
	t.Parallel()
	l := newEvidenceLedger(t)
	for want, p := range map[string]prover{
		"is not the number of a record":  {folder: l.folder, record: "seventeen"},
		"not in the log at this checkpo": {folder: l.folder, record: "1.1000"},
		"epoch-000007":                   {folder: l.folder, record: "7.0"},
		"no witness has signed":          {folder: l.folder, record: l.record.String(), witnesses: []string{witnessKey(t)}},
	} {
		p.file = filepath.Join(t.TempDir(), "bundle")
		if err := p.prove(new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("prove %s: %v, want %q", p.record, err, want)
		}
		if _, err := os.Stat(p.file); err == nil {
			t.Errorf("prove %s wrote a file", p.record)
		}
	}
}

// With --witness the bundle carries the witness's signature, and nobody else's.
func TestProveWitnessed(t *testing.T) {
	t.Parallel()
	l := newEvidenceLedger(t)
	view, err := ledger.At(l.folder).View(1)
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewVerifier(view.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	keyOf := func(string) (note.Verifier, error) { return key, nil }
	one, two := testsupport.StartWitness(t, "w.example/one", keyOf), testsupport.StartWitness(t, "w.example/two", keyOf)
	tree, err := tiles.OpenTree(view, key)
	if err != nil {
		t.Fatal(err)
	}
	signed := bytes.Clone(tree.Signed)
	for _, w := range []*testsupport.Witness{one, two} {
		client, err := anchor.NewWitness(w.URL, w.Key)
		if err != nil {
			t.Fatal(err)
		}
		line, err := client.Cosign(t.Context(), tree)
		if err != nil {
			t.Fatal(err)
		}
		signed = append(signed, line...)
	}
	if err := os.WriteFile(view.WitnessedFile(), signed, 0o600); err != nil {
		t.Fatal(err)
	}
	p := prover{folder: l.folder, record: l.record.String(), file: filepath.Join(t.TempDir(), "bundle"), witnesses: []string{two.Key}}
	if err := p.prove(new(bytes.Buffer)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	v := bundleVerifier{file: p.file, key: l.node, witnesses: []string{two.Key}}
	if code, err := v.verify(&out); code != cli.Fine || err != nil || !strings.Contains(out.String(), "signed by the witness w.example/two too") {
		t.Errorf("verify: %d, %v: %s", code, err, &out)
	}
	v.witnesses = nil
	if code, err := v.verify(&out); code != cli.Findings || err == nil || !strings.Contains(err.Error(), "give the key of this witness") {
		t.Errorf("verify without the witness's key: %d, %v", code, err)
	}
	found, err := inspectLedger(ledger.At(l.folder))
	if err != nil || found.Epochs[0].Witnessed != tree.N || len(found.Epochs[0].Witnesses) != 2 {
		t.Errorf("inspect: %+v, %v", found, err)
	}
}

func TestExportTiles(t *testing.T) {
	t.Parallel()
	l := newEvidenceLedger(t)
	out := t.TempDir()
	var said bytes.Buffer
	if err := exportTiles(&said, l.folder, out, 0, l.node, false); err != nil {
		t.Fatal(err)
	}
	view, err := ledger.At(l.folder).View(1)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := testsupport.TorchwoodFolder(os.DirFS(filepath.Join(out, "epoch-000001")), view.VerifierKey()); err != nil || n <= int64(l.record.Index) {
		t.Errorf("torchwood read %d entries: %v", n, err)
	}
	said.Reset()
	var done []exported
	if err := exportTiles(&said, l.folder, out, 1, "", true); err != nil || json.Unmarshal(said.Bytes(), &done) != nil || len(done) != 1 || done[0].Files != 0 || done[0].Before != done[0].Entries {
		t.Errorf("again: %v: %s", err, &said)
	}
	_, other, err := note.GenerateKey(nil, "transfergate/gw-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ folder, key string }{{l.folder, other}, {l.folder, "x"}, {t.TempDir(), ""}} {
		if err := exportTiles(&said, c.folder, t.TempDir(), 0, c.key, false); err == nil {
			t.Errorf("export of %v succeeds", c)
		}
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	l := newEvidenceLedger(t)
	found, err := inspectLedger(ledger.At(l.folder))
	if err != nil {
		t.Fatal(err)
	}
	e := found.Epochs[0]
	if len(found.Epochs) != 1 || e.Entries <= int64(l.record.Index) || e.Signed == nil || e.Bytes <= 0 || len(found.Policies) != 1 {
		t.Errorf("inspect: %+v", found)
	}
	var out bytes.Buffer
	if err := found.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 epochs", "1 policy snapshots", "key:  " + e.Key, "root: " + e.Root, "witnesses\n1      "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("inspect says\n%s\nwant %q", &out, want)
		}
	}
	if _, err := inspectLedger(ledger.At(t.TempDir())); err == nil {
		t.Error("an empty folder is a ledger")
	}
}

// What a writer has reserved for more entries is told apart from what it has
// written.
func TestInspectBesideAWriter(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "ledger")
	log := ledger.New(folder, ledger.Options{SegmentEntries: 4096}) // 4 MiB are reserved for them
	if err := log.Open(); err != nil {
		t.Fatal(err)
	}
	written := 0
	for range 20 {
		entry := bytes.Repeat([]byte("x"), 1000)
		if _, err := log.Append(entry); err != nil {
			t.Fatal(err)
		}
		written += len(entry)
	}
	found, err := inspectLedger(ledger.At(folder))
	if err != nil {
		t.Fatal(err)
	}
	for what, bytes := range map[string]int64{"the ledger": found.Bytes, "the epoch": found.Epochs[0].Bytes} {
		if bytes < int64(written) || bytes > int64(written)+10_000 {
			t.Errorf("%s has %d bytes, of which %d are of the entries", what, bytes, written)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := inspectLedger(ledger.At(folder)); err != nil || found.Reserved != 0 {
		t.Errorf("after the writer closed %d bytes are reserved: %v", found.Reserved, err)
	}
}
