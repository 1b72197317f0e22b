package gateway_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// classes keeps the records of support apart, for a shorter time.
const classes = `retain 5 years
			class help {
				activities support support-training
				retain 30 days
			}
			copy {copy}`

// Records of a class lie in a ledger of its own, with their retention, pseudonyms,
// receipts, holds and checkpoints; their name says where.
func TestClasses(t *testing.T) {
	p, clock := startRetaining(t, strings.ReplaceAll(classes, "{copy}", filepath.Join(t.TempDir(), "copy")))
	help := filepath.Join(p.ledger, "class-help")
	for month := range 2 { // epochs 1 and 2 of both
		clock.set(time.Date(2027, time.Month(1+month), 10, 12, 0, 0, 0, time.UTC))
		p.transfer("/")
		p.transfer("/v1/support/1")
	}
	denied := p.get("/v1/support/training/1", "Registered-Country", "BR", "Account-Id", "ana")
	if name := problemOf(t, denied)["record"]; !strings.HasPrefix(fmt.Sprint(name), "gw-sg-1/help#2.") {
		t.Errorf("the denial's record is %v", name)
	}
	for dir, want := range map[string]struct{ activities, until string }{
		p.ledger: {"serving serving", "2032-01-10"},
		help:     {"support support support-training", "2027-02-09"},
	} {
		var activities []string
		for _, r := range recordsIn(t, dir) {
			if r["type"] == "transfer.accepted" || r["type"] == "transfer.refused" {
				activities = append(activities, r["activity"].(string))
				if len(activities) == 1 && r["retain_until"] != want.until {
					t.Errorf("%s: retain_until %v, want %s", dir, r["retain_until"], want.until)
				}
			}
		}
		if got := strings.Join(activities, " "); got != want.activities {
			t.Errorf("%s holds records of %s, want %s", dir, got, want.activities)
		}
	}
	clock.set(time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC))
	waitEpochs(t, help, "2 3") // February's ended on April 1
	waitEpochs(t, p.ledger, "1 2 3")

	// A hold on one class.
	if status, text := p.order("/transfer/ledger/holds", `{"ref":"case-7","by":"legal-sg","because":"an order","class":"help"}`); status != http.StatusOK ||
		strings.Count(text, `"ref"`) != 1 || !strings.Contains(text, `"class":"help"`) {
		t.Errorf("a hold on a class: %d %s", status, text)
	}
	if status, text := p.order("/transfer/ledger/holds", `{"ref":"case-8","by":"legal-sg","because":"an order","class":"sales"}`); status != http.StatusUnprocessableEntity ||
		!strings.Contains(text, "the ledger has no class 'sales'") {
		t.Errorf("a hold on no class: %d %s", status, text)
	}
	clock.set(time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC))
	waitFor(t, "the hold is counted", func() bool { return p.metric(`ledger_epochs_overdue{class="help",why="hold"}`) == "1" })
	if status, text := p.order("/transfer/ledger/holds/case-7/lift", `{"by":"legal-sg","because":"over"}`); status != http.StatusOK || strings.Contains(text, "case-7") {
		t.Errorf("lifting it: %d %s", status, text)
	}
	waitEpochs(t, help, "3 4")
	checkRemaining(t, help, 2)
	checkRemaining(t, p.ledger, 0)
	if status, body := p.ask(http.MethodGet, "/transfer/ledger/keys"); status != http.StatusOK || !strings.Contains(fmt.Sprint(body), "class:help") || !strings.Contains(fmt.Sprint(body), "class:default") {
		t.Errorf("keys: %d, %v", status, body)
	}
	stopCaddy(t)
	p.vars["options"] = "retain 5 years"
	wantLoadError(t, p.load(retaining, p.vars), help+" holds records of a class 'help' that the configuration does not know, which nobody would delete when their time is over; "+
		"keep 'class help { retain ... }' in the ledger's block, without activities if it has none any more")
}

// recordsIn reads the records of a ledger's folder.
func recordsIn(t testing.TB, dir string) []map[string]any {
	t.Helper()
	return (&gate{t: t, ledger: dir}).records()
}

// A class is served below its name, with receipts that torchwood takes; its
// outcomes and its copies of checkpoints are its own.
func TestClassIsServed(t *testing.T) {
	copied := filepath.Join(t.TempDir(), "copy")
	options := strings.ReplaceAll(classes, "{copy}", copied)
	p, _ := startRetaining(t, options)
	stopCaddy(t)
	served := strings.Replace(retaining, "\ttransfer_health\n", "\ttransfer_health\n\ttransfer_log /transfer-log\n", 1)
	if err := p.load(served, p.vars); err != nil {
		t.Fatal(err)
	}
	p.transfer("/v1/support/1")
	if a := p.get("/transfer-log/classes"); a.Text != `["default","help"]`+"\n" {
		t.Errorf("classes: %s", a.Text)
	}
	help := filepath.Join(p.ledger, "class-help")
	_, keys := p.epochs("/transfer-log/class-help")
	records := ofType(recordsIn(t, help), "transfer.accepted")
	if len(records) != 1 || len(keys) != 1 {
		t.Fatalf("%d records, %d epochs", len(records), len(keys))
	}
	id := records[0]["#"].(record.ID)
	var proof answer
	waitFor(t, "the record has a receipt", func() bool {
		proof = p.get(fmt.Sprintf("/transfer-log/class-help/epoch-000001/proof/%d", id.Index))
		return proof.StatusCode == http.StatusOK
	})
	inside := &gate{t: t, ledger: help}
	if err := testsupport.TorchwoodProof([]byte(proof.Text), inside.entry(id), keys[0]); err != nil {
		t.Errorf("torchwood on the receipt: %v", err)
	}
	for path, want := range map[string]int{
		"/transfer-log/class-sales/epochs":                         http.StatusNotFound,
		"/transfer-log/class-sales/latest/checkpoint":              http.StatusNotFound,
		"/transfer-log/class-default/epochs":                       http.StatusNotFound,
		"/transfer-log/class-help/class-help/epochs":               http.StatusNotFound,
		"/transfer-log/class-help/latest/checkpoint":               http.StatusOK,
		"/transfer-log/class-help/../checkpoint.key":               http.StatusNotFound,
		"/transfer-log/class-help/epoch-000001/tile/entries/000":   http.StatusNotFound, // it is not full
		"/transfer-log/class-help/epoch-000001/tile/0/000.p/1":     http.StatusOK,
		"/transfer-log/latest/checkpoint":                          http.StatusOK,
		"/transfer-log/class-help/latest/witnessed/tile/0/000.p/1": http.StatusOK,
	} {
		if a := p.get(path); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
		}
	}
	waitFor(t, "both ledgers have a copy of their checkpoint", func() bool {
		own, err := os.ReadFile(copied + "-help")
		whole, err2 := os.ReadFile(copied)
		return err == nil && err2 == nil && !bytes.Equal(own, whole)
	})
	stopCaddy(t)
	if all := inside.outcomes(); len(all) != 1 || all[0].State != "complete" {
		t.Errorf("outcomes of the class: %v", all)
	}
}
