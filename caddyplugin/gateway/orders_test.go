package gateway_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// orders are all that the admin API does beside answering questions.
var orders = map[string]string{
	"/transfer/policy/reload":                "",
	"/transfer/candidate/reload":             "",
	"/transfer/ledger/holds":                 `{"ref":"case-7","by":"legal-sg","because":"an order"}`,
	"/transfer/ledger/holds/case-7/lift":     `{"by":"legal-sg","because":"over"}`,
	"/transfer/ledger/keys/rotate":           "",
	"/transfer/ledger/keys/2020-01/destroy":  "",
	"/transfer/ledger/keys/2020%2F1/destroy": "",
}

// order sends a request to the admin API and returns its status and answer.
func order(t *testing.T, client *http.Client, base, path, body string, change func(*http.Request)) (status int, text string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(all)
}

// Whoever can open the admin port is anybody on the machine: what changes something
// asks for an operator's signature of this very order, or for a socket of one's own.
func TestOrdersAreNotForEverybody(t *testing.T) {
	p := startPolicy(t, "", "")
	base := "http://" + p.admin
	sign := func(path, body, key string) func(*http.Request) {
		name, value, err := adminapi.Client{Address: p.admin, Key: key}.Sign(http.MethodPost, path, []byte(body))
		if err != nil {
			t.Fatal(err)
		}
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	stranger, _, err := note.GenerateKey(rand.Reader, "ops")
	if err != nil {
		t.Fatal(err)
	}
	for path, body := range orders {
		if status, text := order(t, http.DefaultClient, base, path, body, nil); status != http.StatusForbidden || !strings.Contains(text, "operators") {
			t.Errorf("%s without a signature: %d %s", path, status, text)
		}
		signed := sign(path, body, operatorSecret)
		if status, text := order(t, http.DefaultClient, base, path, body+" ", signed); status != http.StatusForbidden || !strings.Contains(text, "another order") {
			t.Errorf("%s with another body: %d %s", path, status, text)
		}
		if status, text := order(t, http.DefaultClient, base, path, body, signed); status == http.StatusForbidden {
			t.Errorf("%s signed: %d %s", path, status, text)
		}
		if status, text := order(t, http.DefaultClient, base, path, body, signed); status != http.StatusForbidden || !strings.Contains(text, "already") {
			t.Errorf("%s a second time: %d %s", path, status, text)
		}
		if status, text := order(t, http.DefaultClient, base, "/transfer/ledger/keys/rotate", "", sign(path+"x", "", operatorSecret)); status != http.StatusForbidden {
			t.Errorf("what is signed for %sx, elsewhere: %d %s", path, status, text)
		}
	}
	for what, value := range map[string]string{"no base64": "?", "no note": "eA=="} {
		status, text := order(t, http.DefaultClient, base, "/transfer/ledger/keys/rotate", "", func(r *http.Request) { r.Header.Set("Transfer-Order", value) })
		if status != http.StatusForbidden {
			t.Errorf("%s: %d %s", what, status, text)
		}
	}
	if status, text := order(t, http.DefaultClient, base, "/transfer/ledger/keys/rotate", "", sign("/transfer/ledger/keys/rotate", "", stranger)); status != http.StatusForbidden {
		t.Errorf("a stranger of the same name: %d %s", status, text)
	}
}

// Over a unix socket that only its owner may open, orders need no signature; over one
// that everybody may open they do.
func TestOrdersOverASocket(t *testing.T) {
	testsupport.LogTo(t)
	for mode, want := range map[string]int{"0600": http.StatusOK, "0200": http.StatusOK, "0220": http.StatusOK, "0222": http.StatusForbidden, "0666": http.StatusForbidden} {
		t.Run(mode, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "admin") // a socket's path is short
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			socket := filepath.Join(dir, "s")
			startGate(t, strings.Replace(site, "admin off", "admin unix/"+socket+"|"+mode, 1), map[string]string{
				"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "sg": "127.0.0.1:1", "br": "127.0.0.1:1", "cn": "127.0.0.1:1",
			})
			client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) }}}
			defer client.CloseIdleConnections()
			status, text := order(t, client, "http://localhost", "/transfer/ledger/holds", orders["/transfer/ledger/holds"], nil)
			if status != want {
				t.Errorf("got %d, want %d: %s", status, want, text)
			}
		})
	}
}

// Whoever can change the configuration can take away who must approve policies, or add
// themselves to those who are obeyed: it stands in the ledger before it holds.
func TestOversightIsNotWeakenedWithoutAnEntry(t *testing.T) {
	s := newSigners(t)
	dir := copyPolicy(t)
	sign(t, dir, 1, s.ana, s.bea)
	admin := freeAddr(t)
	g := startGate(t, policySite, map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "admin": admin, "policy": dir,
		"more": "require_approvals 1 " + s.file, "sg": "127.0.0.1:1", "br": "127.0.0.1:1", "cn": "127.0.0.1:1",
	})
	said := func() (list []string) {
		for _, r := range ofType(g.records(), "oversight.changed") {
			list = append(list, fmt.Sprint(r["approvals"], " ", r["operators"]))
		}
		return list
	}
	want := []string{"1 [3bddef1d]"}
	for _, change := range []struct{ method, path, body, entry string }{
		{http.MethodPatch, "/config/apps/transfer/operators", `["` + operatorKey + `"]`, ""}, // as it is
		{http.MethodDelete, "/config/apps/transfer/approvals", "", "0 [3bddef1d]"},
		{http.MethodDelete, "/config/apps/transfer/operators", "", "0 <nil>"},
	} {
		r, err := http.NewRequest(change.method, "http://"+admin+change.path, strings.NewReader(change.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Cache-Control", "must-revalidate")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %d", change.method, change.path, res.StatusCode)
		}
		if change.entry != "" {
			want = append(want, change.entry)
		}
		if got := said(); strings.Join(got, "; ") != strings.Join(want, "; ") {
			t.Errorf("after %s %s the ledger says %q, want %q", change.method, change.path, got, want)
		}
	}
}
