package cli

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// An entry that cannot be read may be a transfer, so it is never passed over.
func TestReadTransfers(t *testing.T) {
	const rest = `"id":"01000000-0000-0000-0000-000000000000","node":"gw-1","salt":"AgAAAAAAAAAAAAAAAAAAAA","time":"2026-12-01T00:00:00.000000Z",`
	for entry, why := range map[string]string{
		`{` + rest + `"type":"later.type","v":"xfer/1"}`:                          "",
		`{"bytes":-1,` + rest + `"type":"policy.snapshot","v":"xfer/1"}`:          "record 1.1: the entry is malformed at byte 9, in its member bytes",
		`{` + rest + `"type":"transfer.accepted","v":"xfer/1"`:                    "record 1.1: the entry is malformed",
		`{` + rest + `"type":"transfer.accepted","v":"xfer/3"}`:                   `record 1.1: it is of version "xfer/3", and this program reads ["xfer/1" "xfer/2"]`,
		`{"enforced":true,` + rest + `"type":"transfer.accepted","v":"xfer/1"}, `: "record 1.1: the entry is malformed",
		`transfer`: "record 1.1: the entry is malformed",
	} {
		dir := filepath.Join(t.TempDir(), "ledger")
		l := ledger.New(dir, ledger.Options{Node: "gw-1"})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		usual := record.Transfer{Header: record.Header{Type: record.TypeAccepted, Node: "gw-1"}, Decision: record.Allowed}
		for _, data := range [][]byte{[]byte(entry), usual.Append(nil)} {
			if _, err := l.Append(data); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		found := 0
		err := ReadTransfers(dir, func(ledger.Entry, *record.Transfer) error { found++; return nil })
		if why == "" && (err != nil || found != 1) {
			t.Errorf("%s: %d transfers, %v", entry, found, err)
		}
		if why != "" && (err == nil || !strings.Contains(err.Error(), why)) {
			t.Errorf("%s: %v, want %s", entry, err, why)
		}
	}
}

// A record is found by its number as people are shown it, with the folder or
// without, in the class that the number names.
func TestFindRecord(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "led#ger")
	for _, dir := range []string{folder, ledger.At(folder).Of("support").Path} {
		l := ledger.New(dir, ledger.Options{Node: "gw-1"})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/config/apps/transfer/ledger/folder" {
			t.Errorf("%s %s", r.Method, r.URL.Path)
		}
		if _, err := w.Write([]byte(strconv.Quote(folder))); err != nil {
			t.Error(err)
		}
	}))
	defer admin.Close()
	before := caddy.DefaultAdminListen
	caddy.DefaultAdminListen = admin.Listener.Addr().String()
	defer func() { caddy.DefaultAdminListen = before }()

	class := ledger.At(folder).Of("support").Path
	for text, want := range map[string]string{
		"gw-1#1.42":                   folder,
		"gw-1/support#1.42":           class,
		folder + "#1.42":              folder,
		folder + "#gw-1#1.42":         folder,
		folder + "#gw-1/support#1.42": class,
		folder + "#42":                folder, // of the newest epoch
		folder + "#gw-1/support#42":   class,
		class + "#1.42":               class,
	} {
		dir, id, err := FindRecord(text)
		if err != nil || dir.Path != want || id != (record.ID{Epoch: 1, Index: 42}) {
			t.Errorf("%s is %s in %s: %v", text, id, dir.Path, err)
		}
	}
	for text, why := range map[string]string{
		"1.42":                   "is not FOLDER#NUMBER with a folder that is there",
		"nowhere/else#x":         "is not FOLDER#NUMBER with a folder that is there",
		folder + "#x":            "'x' is not the number of a record",
		folder + "#gw-1/Big#1.1": "'Big' cannot name a class",
		"gw-2#1.42":              "of the running gateway is that of node gw-1",
	} {
		if dir, id, err := FindRecord(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s is %s in %s: %v, want %s", text, id, dir.Path, err, why)
		}
	}
}
