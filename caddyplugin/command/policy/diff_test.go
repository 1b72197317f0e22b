package policy

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/policydiff"
	"github.com/sparkoo/transfergate/internal/record"
)

// copyPolicy copies the shipped registers and changes them.
func copyPolicy(t *testing.T, change func(name, text string) string) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob("../../../config/policy/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), []byte(change(filepath.Base(path), string(data))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func same(_, text string) string { return text }

// What Chile's law changes on 1 December 2026 reads well.
func TestForecastOfChile(t *testing.T) {
	f := diffFlags{at: []string{"2026-11-30", "2026-12-02"}}
	var out bytes.Buffer
	code, err := f.run(&out, nil)
	if code != cli.Fine || err != nil || strings.Contains(out.String(), "What stops") {
		t.Errorf("exit %d, %v; outside demo nobody was bound before the law changed, so nothing stops:\n%s", code, err, out.String())
	}
	for _, want := range []string{
		"- law cl (Ley 19.628 before Ley 21.719) ends at 2026-12-01 03:00 UTC",
		"- safeguard cl-group begins at 2026-12-01 03:00 UTC",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
	f.demo = true
	out.Reset()
	if code, err := f.run(&out, nil); code != cli.Fine || err != nil {
		t.Errorf("exit %d, %v:\n%s", code, err, out.String())
	}
	if want := "rest on cl-group instead of cl-group-2026, cl-open."; !strings.Contains(out.String(), want) {
		t.Errorf("lacks %q:\n%s", want, out.String())
	}
}

// few keeps tests quick: where data is stored, and the affiliate's.
const few = "ap-southeast-3,cn-north-4"

// Two folders: nothing, a lost safeguard, and where it stands in a ledger.
func TestDiff(t *testing.T) {
	var out bytes.Buffer
	f := diffFlags{demo: true, regions: few}
	if code, err := f.run(&out, []string{"embedded", copyPolicy(t, same)}); code != cli.Fine || err != nil || !strings.HasSuffix(out.String(), "\nNothing changes.\n") {
		t.Errorf("a copy: exit %d, %v:\n%s", code, err, out.String())
	}
	less := copyPolicy(t, func(name, text string) string {
		if name == "safeguards.yaml" {
			return strings.Replace(text, "    law: br\n    exporters: [sparkoo-sg]", "    law: br\n    exporters: [sparkoo-hk]", 1)
		}
		return text
	})
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	f = diffFlags{demo: true, regions: few, markdown: true, ledger: writeLedger(t, now), since: "30d", from: now, at: []string{"2026-11-25"}}
	out.Reset()
	code, err := f.run(&out, []string{"embedded", less})
	if code != cli.Findings || err == nil {
		t.Errorf("exit %d, %v", code, err)
	}
	want := "- **loses its safeguard** People registered in BR: security, support no longer go to cn-north-4 (CN): no_safeguard under law br; it rested on br-support-cn. (2 records in 30d)\n"
	if !strings.Contains(out.String(), want) || !strings.HasPrefix(out.String(), "## Policy ") || !strings.Contains(out.String(), "\n### What stops\n\n") {
		t.Errorf("lacks %q:\n%s", want, out.String())
	}

	f = diffFlags{demo: true, regions: few, json: true}
	out.Reset()
	if code, _ := f.run(&out, []string{"embedded", less}); code != cli.Findings {
		t.Errorf("exit %d", code)
	}
	var c policydiff.Comparison
	if err := json.Unmarshal(out.Bytes(), &c); err != nil || len(c.Changes) == 0 || c.Flows < 10000 || len(c.Rows) != 1 || c.Rows[0].ID != "br-support-cn" {
		t.Errorf("%v: %d flows, rows %v", err, c.Flows, c.Rows)
	}
}

// writeLedger writes four tickets: two of Brazilians, one of a Frenchwoman, and an old one.
func writeLedger(t *testing.T, now time.Time) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	log := ledger.New(dir, ledger.Options{Node: "gw"})
	if err := log.Open(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []record.Transfer{
		{Country: "BR", Controller: "sparkoo-br", Basis: "registered-country", Header: record.Header{Time: now}},
		{Country: "BR", Controller: "sparkoo-br", Basis: "account-center", Header: record.Header{Time: now.Add(-29 * 24 * time.Hour)}},
		{Country: "FR", Controller: "sparkoo-sg", Basis: "registered-country", Header: record.Header{Time: now}},
		{Country: "BR", Controller: "sparkoo-br", Basis: "registered-country", Header: record.Header{Time: now.Add(-31 * 24 * time.Hour)}},
	} {
		r.Type, r.Activity, r.Region, r.Requester, r.Decision = record.TypeAccepted, "support", "cn-north-4", "self", "allowed"
		if _, err := log.Append(r.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDiffErrors(t *testing.T) {
	for want, c := range map[string]struct {
		f    diffFlags
		args []string
	}{
		"1 policies: name two, each a folder or the word 'embedded', or two moments with --at": {diffFlags{}, []string{"embedded"}},
		"'soon' is no moment: ": {diffFlags{at: []string{"soon"}}, []string{"embedded", "embedded"}},
		"the second moment 2026-11-30 lies before the first: swap them": {diffFlags{at: []string{"2026-12-02", "2026-11-30"}}, nil},
		"two moments of two policies: ":                                 {diffFlags{at: []string{"2026-11-30", "2026-12-02"}}, []string{"a", "b"}},
		"3 moments: ":                                                   {diffFlags{at: []string{"2026-11-30", "2026-12-02", "2026-12-03"}}, nil},
		"reading the registers: open nowhere: ":                         {diffFlags{}, []string{"embedded", "nowhere"}},
		"node 'here' is not NAME:COUNTRY:ENTITY, such as ":              {diffFlags{nodes: []string{"here"}}, []string{"embedded", "embedded"}},
		"since 'ever' is no span of time such as 30d":                   {diffFlags{ledger: "x", since: "ever"}, []string{"embedded", "embedded"}},
	} {
		var out bytes.Buffer
		code, err := c.f.run(&out, c.args)
		if code != cli.Error || err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("exit %d, %v; want %s", code, err, want)
		}
	}
}
