package ledger

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// Only what was decided as denied and not enforced is counted, and only since then.
func TestWouldDeny(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	log := ledger.New(dir, ledger.Options{Node: "gw"})
	if err := log.Open(); err != nil {
		t.Fatal(err)
	}
	day := func(d int) time.Time { return time.Date(2026, 11, d, 12, 0, 0, 0, time.UTC) }
	for _, r := range []record.Transfer{
		{Header: record.Header{Type: record.TypeAccepted, Time: day(1)}, Activity: "support", Law: "br", Reason: "no_safeguard", Region: "cn-north-4", Decision: "denied"},
		{Header: record.Header{Type: record.TypeAccepted, Time: day(2)}, Activity: "support", Law: "br", Reason: "no_safeguard", Region: "cn-north-4", Decision: "denied"},
		{Header: record.Header{Type: record.TypeAccepted, Time: day(3)}, Activity: "serving", Law: "th", Reason: "safeguard_unproven", Region: "sa-brazil-1", Decision: "denied"},
		{Header: record.Header{Type: record.TypeRefused, Time: day(4)}, Activity: "support", Law: "br", Reason: "no_safeguard", Decision: "denied", Enforced: true},
		{Header: record.Header{Type: record.TypeAccepted, Time: day(4)}, Activity: "serving", Region: "sa-brazil-1", Decision: "allowed", Enforced: true},
	} {
		if _, err := log.Append(r.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		from time.Time
		code int
		want string
	}{
		"all": {time.Time{}, cli.Findings, `3 transfers were let pass that enforce mode would have denied
     2  support              br       no_safeguard         2026-11-01 to 2026-11-02, to cn-north-4
     1  serving              th       safeguard_unproven   2026-11-03 to 2026-11-03, to sa-brazil-1
`},
		"since the second": {day(2), cli.Findings, `2 transfers were let pass that enforce mode would have denied
     1  serving              th       safeguard_unproven   2026-11-03 to 2026-11-03, to sa-brazil-1
     1  support              br       no_safeguard         2026-11-02 to 2026-11-02, to cn-north-4
`},
		"since the fourth": {day(4), cli.Fine, "0 transfers were let pass that enforce mode would have denied\n"},
	} {
		var out bytes.Buffer
		if code, err := wouldDeny(&out, dir, c.from, false); code != c.code || err != nil || out.String() != c.want {
			t.Errorf("%s: exit code %d, %v, want %d:\n%s", name, code, err, c.code, out.String())
		}
	}
	var out bytes.Buffer
	if _, err := wouldDeny(&out, dir, time.Time{}, true); err != nil {
		t.Fatal(err)
	}
	var found struct {
		Total  int
		Groups []waived
	}
	if err := json.Unmarshal(out.Bytes(), &found); err != nil || found.Total != 3 || len(found.Groups) != 2 || found.Groups[0].Count != 2 {
		t.Errorf("%v: %s", err, out.String())
	}
	if _, err := wouldDeny(&out, filepath.Join(dir, "nowhere"), time.Time{}, false); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("a ledger that is not there: %v", err)
	}
}
