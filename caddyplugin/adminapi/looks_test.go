package adminapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

// A look at the running gateway's ledger is an entry of it before anybody sees anything:
// one that names no person, of whoever may give orders, and of this ledger.
func TestLooks(t *testing.T) {
	a := &answers{}
	address := "unix/" + socketPath(t) + "|0600"
	folder := run(t, a, address)
	c := adminapi.Client{Address: address}
	log, err := report.NewestLog(ledger.At(folder))
	if err != nil {
		t.Fatal(err)
	}
	look := report.Look{
		What: record.LookPerson, Office: "dpo", Because: "access request", Reference: "DSR-7", Log: log,
		Subject: "h1:2026-11-2b55:5QxZEaC2FRglENhKYG8f6A", Query: "at:2026-10", Form: "html", Records: 12,
	}
	before := looked(t)
	number, err := c.Look(look)
	if err != nil {
		t.Fatal(err)
	}
	name, err := record.ParseName(number)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ledger.At(folder).Entry(name.ID)
	var got record.Look
	if err == nil {
		err = got.Parse(e.Data)
	}
	if err != nil || got.Because != "access request" || got.Reference != "DSR-7" || got.Subject != look.Subject || got.Records != 12 || got.Node != "gw-sg-1" || got.Time.IsZero() {
		t.Errorf("%s: %+v, %v", number, got, err)
	}
	for what, change := range map[string]func(*report.Look){
		"of another ledger": func(l *report.Look) { l.Log = strings.Replace(l.Log, "gw-sg-1", "gw-sg-2", 1) },
		"of no ledger":      func(l *report.Look) { l.Log = "" },
		"of an account":     func(l *report.Look) { l.Subject = "acct-4711" },
		"without a reason":  func(l *report.Look) { l.Because = "" },
	} {
		bad := look
		change(&bad)
		_, err := c.Look(bad)
		fails(t, what, err, "HTTP 422", "")
		if strings.Contains(err.Error(), "4711") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := looked(t) - before; n != 1 {
		t.Errorf("one look, of those that were asked for, is in the ledger; %v were counted", n)
	}
	if obeyed := a.obeyed(); !strings.HasPrefix(obeyed, "POST /transfer/ledger/looks by the admin socket") {
		t.Errorf("obeyed %s", obeyed)
	}
}

// looked is how many looks at persons were counted.
func looked(t *testing.T) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	for _, c := range new(recorder.Recorder).Collectors() { // the process has one set of them
		if counter, ok := c.(*prometheus.CounterVec); ok {
			registry.MustRegister(counter)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "caddy_transfer_ledger_looks_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == record.LookPerson {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatal("looks are not counted")
	return 0
}

// On a port, where anybody may ask, nobody puts entries into the ledger.
func TestLooksAreOrders(t *testing.T) {
	a := &answers{}
	address := onPort(t, a)
	status, text := send(t, http.MethodPost, address, "/transfer/ledger/looks", `{"what":"export"}`)
	says(t, "unsigned", status, text, http.StatusForbidden, "operators")
}
