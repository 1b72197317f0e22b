package ledger

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
)

// holds are the flags of a hold command that prints JSON.
func holds(dir, address string, h ledger.Hold) *holdFlags {
	asJSON := true
	return &holdFlags{ledgerFlags: ledgerFlags{dir: dir, running: &cli.Orders{Client: &adminapi.Client{Address: address}}, json: &asJSON}, hold: ledger.ClassHold{Hold: h}}
}

// heldIn reads what a hold command printed.
func heldIn(t *testing.T, out string) (held []ledger.Hold) {
	t.Helper()
	var result struct{ Holds []ledger.Hold }
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return result.Holds
}

func TestLedgerHold(t *testing.T) {
	dir := t.TempDir()
	order := ledger.Hold{Ref: "case-7", By: "legal-sg", Because: "order of a court"}
	if err := holds(dir, "", order).list(io.Discard); err == nil || !strings.Contains(err.Error(), "holds no ledger") {
		t.Errorf("an empty folder: %v", err)
	}
	l := ledger.New(dir, ledger.Options{Node: "gw-1"})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	if err := holds(dir, "", order).change(io.Discard, holdTender.SetHold); err == nil || !strings.Contains(err.Error(), "while a gateway writes it, leave --ledger out") {
		t.Errorf("while it is written: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	f := holds(dir, "", order)
	f.from, f.to = "2026-01-31", "2026-01-31"
	if err := f.change(&out, holdTender.SetHold); err != nil {
		t.Fatal(err)
	}
	held := heldIn(t, out.String())
	if len(held) != 1 || held[0].Ref != "case-7" || held[0].To.Format("2006-01-02T15:04:05.999999") != "2026-01-31T23:59:59.999999" || held[0].Set.IsZero() {
		t.Errorf("held: %+v", held)
	}
	var entries strings.Builder
	if err := tailLedger(&entries, dir, 1, false); err != nil || !strings.Contains(entries.String(), `"node":"gw-1"`) || !strings.Contains(entries.String(), `"type":"hold.set"`) {
		t.Errorf("the entry of it: %v, %s", err, entries.String())
	}
	out.Reset()
	f = holds(dir, "", order)
	*f.json = false
	if err := f.list(&out); err != nil || !strings.HasPrefix(out.String(), "case-7  class default  records 2026-01-31 to 2026-01-31  set ") ||
		!strings.HasSuffix(out.String(), " by legal-sg  order of a court\n") {
		t.Errorf("list: %v, %q", err, out.String())
	}
	if err := holds(dir, "", ledger.Hold{Ref: "case-8", By: "legal", Because: "x"}).change(io.Discard, holdTender.LiftHold); !errors.Is(err, ledger.ErrNoHold) {
		t.Errorf("lifting another: %v", err)
	}
	out.Reset()
	if err := holds(dir, "", order).change(&out, holdTender.LiftHold); err != nil || len(heldIn(t, out.String())) != 0 {
		t.Errorf("lifting: %v, %s", err, out.String())
	}
	for want, change := range map[string]func(*holdFlags){
		"--from 'yesterday' is not a date such as 2026-01-31": func(f *holdFlags) { f.from = "yesterday" },
		"--to '2026-02-30' is not a date":                     func(f *holdFlags) { f.to = "2026-02-30" },
		"before it begins":                                    func(f *holdFlags) { f.from, f.to = "2026-02-02", "2026-02-01" },
		"the office of a hold is not a token":                 func(f *holdFlags) { f.hold.By = "" },
	} {
		f := holds(dir, "", order)
		change(f)
		if err := f.change(io.Discard, holdTender.SetHold); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Without a folder the commands send the running gateway what it is to do.
func TestLedgerHoldAsksGateway(t *testing.T) {
	var asked []string
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.Path+" "+string(body))
		_, _ = io.WriteString(w, `{"holds":[{"ref":"case-9","by":"legal","because":"x","set":"2026-01-01T00:00:00Z"}]}`)
	}))
	defer gateway.Close()
	h := ledger.Hold{Ref: "case-7", By: "legal-sg", Because: "order of a court"}
	for _, do := range []func(*holdFlags, io.Writer) error{
		func(f *holdFlags, w io.Writer) error { return f.change(w, holdTender.SetHold) },
		func(f *holdFlags, w io.Writer) error { return f.change(w, holdTender.LiftHold) },
		func(f *holdFlags, w io.Writer) error { return f.list(w) },
	} {
		var out strings.Builder
		if err := do(holds("", strings.TrimPrefix(gateway.URL, "http://"), h), &out); err != nil || len(heldIn(t, out.String())) != 1 {
			t.Errorf("%v, %s", err, out.String())
		}
	}
	const body = `{"ref":"case-7","because":"order of a court","by":"legal-sg","set":"0001-01-01T00:00:00Z"}`
	for i, want := range []string{"POST /transfer/ledger/holds " + body, "POST /transfer/ledger/holds/case-7/lift " + body, "GET /transfer/ledger/holds "} {
		if asked[i] != want {
			t.Errorf("asked %s, want %s", asked[i], want)
		}
	}
}
