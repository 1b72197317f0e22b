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
)

// A record is found by its number as people are shown it, with the folder or
// without, in the class that the number names.
func TestFindRecord(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "led#ger")
	for _, dir := range []string{folder, ledger.ClassFolder(folder, "support")} {
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

	class := ledger.ClassFolder(folder, "support")
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
		if err != nil || dir != want || id != (ledger.ID{Epoch: 1, Index: 42}) {
			t.Errorf("%s is %s in %s: %v", text, id, dir, err)
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
			t.Errorf("%s is %s in %s: %v, want %s", text, id, dir, err, why)
		}
	}
}
