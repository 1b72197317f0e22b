package adminapi_test

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// The running gateway shows a record of any class, to anybody who may ask, by what
// names a record and nothing else.
func TestRecords(t *testing.T) {
	a := &answers{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	folder := run(t, a, address)
	l := ledger.At(folder).Of("support")
	number := ""
	for e, err := range l.Entries(record.ID{}) {
		if err != nil {
			t.Fatal(err)
		}
		number = record.Name{Node: "gw-sg-1", Class: "support", ID: e.ID}.String()
		break
	}
	c := adminapi.Client{Address: address}
	deadline := time.Now().Add(20 * time.Second) // a checkpoint is signed within a second
	for {
		all, err := c.Records(number)
		if err != nil || len(all) != 1 || all[0].Number != number || all[0].Type != record.TypeGenesis || all[0].Proof.Problem != "" {
			t.Fatalf("%+v, %v", all, err)
		}
		if all[0].Proof.Proven {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", all[0].Proof)
		}
		time.Sleep(20 * time.Millisecond)
	}
	_, err = c.Records("gw-sg-1#1.99999")
	fails(t, "a record that is not there", err, "HTTP 404", "no entry 1.99999")
	if _, err := c.Records("acct-4711"); err == nil || strings.Contains(err.Error(), "acct") {
		t.Errorf("what names no record: %v", err)
	}
	status, text := send(t, http.MethodGet, address, "/transfer/ledger/records?which="+url.QueryEscape("acct-4711"), "")
	says(t, "what names no record", status, text, http.StatusBadRequest, "names no record")
	if strings.Contains(text, "4711") {
		t.Errorf("the answer repeats it: %s", text)
	}
	status, text = send(t, http.MethodGet, address, "/transfer/ledger/records?which=4bf92f3577b34da6a3ce929d0e0e4736", "")
	says(t, "a trace without records", status, text, http.StatusNotFound, "no such record")
	if got := a.obeyed(); got != "" {
		t.Errorf("ordered: %s", got)
	}
}
