package gateway_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// withLog is the usual site with the ledger served, to whoever has the password.
func withLog(password string) string {
	return strings.Replace(site, "\ttransfer_health\n", `	transfer_health
	basic_auth /transfer-log/* {
		auditor `+password+`
	}
	transfer_log /transfer-log
`, 1)
}

// epochs asks for the epochs that are served: origin and verifier key of each.
func (g *gate) epochs(prefix string, fields ...string) (origins, keys []string) {
	g.t.Helper()
	a := g.get(prefix+"/epochs", fields...)
	var list []struct {
		Epoch        int
		Origin, VKey string
	}
	if err := json.Unmarshal([]byte(a.Text), &list); err != nil || a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/json" {
		g.t.Fatalf("epochs: %d %q: %v", a.StatusCode, a.Text, err)
	}
	for i, e := range list {
		if e.Epoch != i+1 {
			g.t.Errorf("epoch %d is listed as number %d", e.Epoch, i)
		}
		origins, keys = append(origins, e.Origin), append(keys, e.VKey)
	}
	return origins, keys
}

// The log that a running gateway serves, and the tiles exported from its folder,
// are read and checked whole by torchwood and by Tessera; each record has a
// receipt that torchwood takes.
func TestTransferLog(t *testing.T) {
	g, _ := startLogged(t)
	const auth = "Basic YXVkaXRvcjpzZWNyZXQ=" // auditor:secret
	if a := g.get("/transfer-log/latest/checkpoint"); a.StatusCode != 401 {
		t.Errorf("without the password: %d", a.StatusCode)
	}
	_, keys := g.epochs("/transfer-log", "Authorization", auth)
	if len(keys) != 1 {
		t.Fatalf("%d epochs", len(keys))
	}
	for i := range 300 {
		if a := g.get(fmt.Sprintf("/v1/support/ticket/%d", i), "Account-Id", "br"); a.StatusCode != 200 {
			t.Fatalf("request %d: %d %s", i, a.StatusCode, a.Text)
		}
	}
	records := g.records()
	last := records[len(records)-1]["#"].(record.ID)
	proof := ""
	waitFor(t, "a checkpoint covers the last record", func() bool {
		a := g.get(fmt.Sprintf("/transfer-log/epoch-000001/proof/%d", last.Index), "Authorization", auth)
		proof = a.Text
		return a.StatusCode == 200
	})
	if err := testsupport.TorchwoodProof([]byte(proof), g.entry(last), keys[0]); err != nil {
		t.Errorf("torchwood on the receipt of %v: %v\n%s", last, err, proof)
	}
	url := fmt.Sprintf("http://auditor:secret@%s/transfer-log/latest/", g.addr)
	if n, err := testsupport.TorchwoodURL(url, keys[0]); err != nil || n <= int64(last.Index) {
		t.Errorf("torchwood read %d entries: %v", n, err)
	}
	for path, want := range map[string]int{
		"/transfer-log/latest/tile/entries/000":       200,
		"/transfer-log/epoch-000001/tile/0/000":       200,
		"/transfer-log/epoch-000002/checkpoint":       404,
		"/transfer-log/epoch-1/checkpoint":            404,
		"/transfer-log/epoch-000000/checkpoint":       404,
		"/transfer-log/epoch-000001/EPOCH":            404,
		"/transfer-log/epoch-000001":                  404,
		"/transfer-log/checkpoint.key":                404,
		"/transfer-log/latest/witnessed/checkpoint":   404, // there are no witnesses
		"/transfer-log/latest/../../checkpoint.key":   404,
		"/transfer-log/..%2f..%2fcheckpoint.key":      404,
		"/transfer-log/latest/proof/1000000":          404,
		"/transfer-log/latest/tile/entries/000/x":     404,
		"/transfer-log/latest/proof/%31":              200,
		"/transfer-log/latest/seg/000000.log":         404,
		"/transfer-log/latest/tile/0/000.p/255":       200,
		"/transfer-log/latest/tile/entries/x999/000":  404,
		"/transfer-log/latest/tile/entries/000.p/256": 404,
	} {
		if a := g.get(path, "Authorization", auth); a.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
		}
	}
	if a := g.do("POST", "/transfer-log/epochs", "", "Authorization", auth); a.StatusCode != 405 {
		t.Errorf("POST: %d", a.StatusCode)
	}
	g.exported(keys[0])
}

// startLogged runs the site with its log behind a password.
func startLogged(t *testing.T) (*gate, regions) {
	t.Helper()
	r := regions{newUpstream(t, "sg", nil), newUpstream(t, "br", nil), newUpstream(t, "cn", nil)}
	g := startGate(t, withLog(bcryptOf(t, "secret")), map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"br","country":"BR"}`+"\n"),
		"sg":       r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	})
	return g, r
}

// entry reads an entry's bytes.
func (g *gate) entry(id record.ID) (data []byte) {
	g.t.Helper()
	e, err := ledger.At(g.ledger).Entry(id)
	if err != nil {
		g.t.Fatal(err)
	}
	return e.Data
}

// exported exports the running gateway's tiles and has both oracles read them.
func (g *gate) exported(vkey string) {
	g.t.Helper()
	dir := g.t.TempDir()
	key, err := note.NewVerifier(vkey)
	if err != nil {
		g.t.Fatal(err)
	}
	view, err := ledger.At(g.ledger).View(1)
	if err != nil {
		g.t.Fatal(err)
	}
	e, err := tiles.Export(view, key, dir)
	if err != nil {
		g.t.Fatal(err)
	}
	if n, err := testsupport.TorchwoodFolder(os.DirFS(dir), vkey); err != nil || n != e.N {
		g.t.Errorf("torchwood read %d of %d entries: %v", n, e.N, err)
	}
	if err := testsupport.TesseraFolder(dir, vkey); err != nil {
		g.t.Errorf("tessera's fsck: %v", err)
	}
}

func TestTransferLogGrammar(t *testing.T) {
	for _, c := range []grammarCase{
		{name: "log without a path", site: "http://gw.test {\ntransfer_log\n}",
			want: "transfer_log needs the path to serve the ledger under, as in 'transfer_log /transfer-log': whoever reaches it reads every record, at Caddyfile:10"},
		{name: "log with a wildcard", site: "http://gw.test {\ntransfer_log /log/*\n}",
			want: "transfer_log takes one path without wildcards, as in 'transfer_log /transfer-log', not '/log/*', at Caddyfile:10"},
		{name: "log with two paths", site: "http://gw.test {\ntransfer_log /a /b\n}",
			want: "wrong argument count or unexpected line ending after '/b', at Caddyfile:10"},
		{name: "log in a region", block: "activity serving\nregion ap-southeast-3 {\ntransfer_log /log\nreverse_proxy 127.0.0.1:1\n}",
			want: "handler 'transfer_log' may not stand in a region"},
		{name: "witness without a key", options: "ledger x {\nwitness https://w.example\n}",
			want: "1 arguments where 'witness URL KEY' is meant, at Caddyfile:5"},
		{name: "witness without https", options: "ledger x {\nwitness http://w.example " + witnessKey + "\n}",
			want: "the witness w.example/w at w.example would be asked in plain text, and anybody on the way could read and replace what is said: use https, at Caddyfile:5"},
		{name: "witness with a log's key", options: "ledger x {\nwitness https://w.example PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n}",
			want: "is not a key for cosignatures (type 4, Ed25519); a log's own key is none, at Caddyfile:5"},
		{name: "copy without a place", options: "ledger x {\ncopy\n}",
			want: "0 arguments where 'copy FILE|URL' is meant, at Caddyfile:5"},
		{name: "copy to a relative file", options: "ledger x {\ncopy checkpoint\n}",
			want: "the copy 'checkpoint' is neither an absolute path nor a URL, at Caddyfile:5"},
		{name: "copy in the ledger's folder", options: "demo\nnode gw-sg-1 SG sparkoo-sg\nledger /srv/ledger {\ncopy /srv/ledger/copy\n}",
			want: "the copy '/srv/ledger/copy' lies in the ledger's own folder"},
	} {
		if err := validate(c.caddyfile(t)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", c.name, err, c.want)
		}
	}
	good := grammarCase{options: "demo\nnode gw-sg-1 SG sparkoo-sg\nledger {ledger} {\nwitness https://w.example " + witnessKey + "\nwitness https://v.example/x " + witnessKey +
		"\ncopy /mnt/a/checkpoint\ncopy https://second.example/gw-1\n}",
		site: "http://gw.test {\ntransfer_log /log/\ntransfer {\n" + goodBlock + "\n}\n}"}
	if err := validate(good.caddyfile(t)); err != nil {
		t.Errorf("witnesses, copies and the log: %v", err)
	}
}

// witnessKey is a key for cosignatures: that of RFC 8032, test 1.
const witnessKey = "w.example/w+118893fd+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea"
