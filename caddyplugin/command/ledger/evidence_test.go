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
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/anchor"
	"github.com/sparkoo/transfergate/internal/decision"
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
	return evidenceOf(t, func(p *decision.Policy, _ *ledger.Log) record.Transfer {
		return record.Transfer{Header: record.Header{Type: record.TypeAccepted, Node: "gw-1"}, Policy: p.Digest, Decision: "allowed", Enforced: true}
	})
}

// evidenceOf is such a ledger of a record that is given.
func evidenceOf(t *testing.T, made func(*decision.Policy, *ledger.Log) record.Transfer) evidenceLedger {
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
	r := made(registers.Policy, log)
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

// accessBy is what the gateway records of staff of the affiliate who look into an
// incident of a Brazilian.
func accessBy(t *testing.T, p *decision.Policy, log *ledger.Log, demo bool, access decision.StaffAccess) record.Transfer {
	t.Helper()
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	site := decision.Site{Node: decision.Place{Entity: "sparkoo-sg", Country: "SG"}, Regions: []string{"ap-southeast-3", "cn-north-4"}, Demo: demo}
	d := decision.Decide(p, &site, at, decision.Facts{
		Activity: "security", Country: "BR", Identified: true, Subject: true, At: at,
		Controller: p.CountryTable().Controller("BR"), Basis: decision.BasisRegisteredCountry,
		Staff: &decision.Place{Entity: "huawei-cloud-cn", Country: "CN"}, Access: access,
	})
	r := record.Transfer{
		Header: record.Header{Type: record.TypeRefused, Time: at, Node: "gw-1"}, Site: "developer.example.com", Policy: p.Digest, Statement: d.Statement.ID,
		Controller: d.Controller.ID, Basis: string(d.Basis), Country: d.Country, CountrySource: "jwt",
		Activity: "security", Purposes: d.Activity.Purposes, Categories: d.Activity.Categories, LegalBasis: d.Activity.LegalBasis,
		Requester: "huawei-cloud-cn@CN", Staff: log.Staff("agent-7", at), Subject: log.Subject("issuer", "account-1", at),
		Ticket: access.Ticket, AccessReason: string(access.Reason), Enforced: true, Mode: record.Enforce, Demo: demo,
		Decision: record.Denied, Reason: string(d.Reason), Clause: d.Reason.Info().Clause, Law: d.Law,
	}
	c := d.Barred
	if d.Outcome == decision.Allowed {
		c, r.Type, r.Decision = &d.Candidates[0], record.TypeAccepted, record.Allowed
	}
	if access.Approval.ID != "" {
		r.Approval = access.Approval.String()
	}
	r.Region, r.Recipient, r.Destination, r.Legs = c.Region.Code, c.Recipient.ID, c.Region.Country, c.LegsJSON
	return r
}

// The bundle of a refusal and of an access by staff tells who, what, where, why, under
// which law and by which row, to who has the bundle and the key and nothing else.
func TestBundlesTellTheirStory(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	access := decision.StaffAccess{
		Named: true, Ticket: "INC-7", Reason: decision.Securing,
		Approval: decision.Reference{Kind: decision.Approval, ID: "A-7", Approver: "duty-manager", Until: until},
	}
	for name, c := range map[string]struct {
		demo bool
		want []string
	}{
		"an access by staff": {true, []string{
			`"staff":"h1:`, `"subject":"h1:`, `"requester":"huawei-cloud-cn@CN"`, `"ticket":"INC-7"`, // who, in the record
			"huawei-cloud-cn in CN", "ticket INC-7", "duty-manager", // who, and who let them
			"security", "1a", "2e", // what
			"cn-north-4", "SG", // where
			"LGPD", "br-support-cn", "PDPA", "sg-support-cn", // under which law, by which row
			"/safeguards.yaml:", // and where that stands
		}},
		"a refusal": {false, []string{
			`"decision":"denied"`, `"staff":"h1:`, "huawei-cloud-cn in CN", "ticket INC-7",
			"security", "cn-north-4", "safeguard_unproven", "§9", "LGPD", "br-support-cn", "not satisfied; missing",
			"To pass, such a request needs", "/laws.yaml:",
		}},
	} {
		l := evidenceOf(t, func(p *decision.Policy, log *ledger.Log) record.Transfer { return accessBy(t, p, log, c.demo, access) })
		file := l.prove(t)
		if err := os.RemoveAll(l.folder); err != nil { // nothing of it is asked for
			t.Fatal(err)
		}
		var out, asJSON bytes.Buffer
		for _, v := range []struct {
			bundleVerifier
			to *bytes.Buffer
		}{{bundleVerifier{file: file, key: l.node}, &out}, {bundleVerifier{file: file, key: l.node, json: true}, &asJSON}} {
			if code, err := v.verify(v.to); code != cli.Fine || err != nil {
				t.Fatalf("%s: %d, %v", name, code, err)
			}
		}
		for _, want := range c.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s does not say %q:\n%s", name, want, &out)
			}
		}
		var told struct {
			Explanation *decision.Explanation
			Rows        []struct{ Kind, ID string }
		}
		if err := json.Unmarshal(asJSON.Bytes(), &told); err != nil || told.Explanation == nil || len(told.Rows) == 0 {
			t.Errorf("%s: --json says %s (%v)", name, &asJSON, err)
		}
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
