package policy

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// TestCheckLedger: countries without a law are listed, with what they had in the last
// thirty days and what happens to their people.
func TestCheckLedger(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	log := ledger.New(dir, ledger.Options{Node: "gw"})
	if err := log.Open(); err != nil {
		t.Fatal(err)
	}
	for days, code := range map[int]string{1: "BT", 29: "BT", 31: "BT", 2: "BR", 3: "", 40: "TD"} {
		r := record.Transfer{Header: record.Header{Type: record.TypeAccepted, Node: "gw", Time: november.AddDate(0, 0, -days)}, Country: code, Bytes: -1, Decision: record.Allowed, Enforced: true}
		if _, err := log.Append(r.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if _, err := (&check{ledger: dir, at: november}).run(&out); err != nil {
		t.Fatal(err)
	}
	var told []string
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, " country-without-law ") {
			told = append(told, line)
		}
	}
	want := "no law is registered for Bhutan (BT), which is no permission; 2 records of the last 30 days, and its people are served in Singapore alone (unknown_law: singapore); add its law"
	if len(told) != 2 || !strings.Contains(told[0], want) || !strings.Contains(told[1], "none has a record of the last 30 days") || strings.Contains(told[1], "more") {
		t.Errorf("told %q", told)
	}
	if _, err := (&check{ledger: filepath.Join(dir, "none"), at: november}).run(&out); err == nil {
		t.Error("no ledger is read as an empty one")
	}
}
