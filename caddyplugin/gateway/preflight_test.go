package gateway_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestPreflightsNameNobody: a browser's question before a request of another site's
// page is answered without asking who it is about: nothing is decided or recorded,
// and nothing of it leaves the gateway.
//
//clause:tests §5(d)
func TestPreflightsNameNobody(t *testing.T) {
	login := newIssuer(t)
	r := regions{
		newUpstream(t, "sg", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Access-Control-Allow-Origin", "*") }),
		newUpstream(t, "br", nil), newUpstream(t, "cn", nil),
	}
	config := replaced(t, chain(t, login.source()), "\ttransfer_health\n", "\ttransfer_health\n"+blockOf(t, "deploy/docs/browsers.md", "caddyfile cors"))
	g := startGate(t, config, map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "sg": r.sg.addr, "br": r.br.addr, "cn": r.cn.addr,
	})
	before := len(g.records())
	asked := []string{"Origin", "https://app.example.com", "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization"}
	for _, path := range []string{"/", "/v1/objects/x?name=jane", "/v1/support/1", "/v1/support/training/1", "/v1/rights/1"} {
		for _, more := range [][]string{nil, {"Authorization", "Bearer broken"}, {"Cookie", "a=b"}} {
			a := g.do(http.MethodOptions, path, "", append(asked, more...)...)
			if a.StatusCode != http.StatusNoContent || a.Text != "" || a.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" ||
				a.Header.Get("Access-Control-Allow-Methods") != "GET, POST, PUT, DELETE" || a.Header.Get("Data-Controller") != "" {
				t.Errorf("%s %v: status %d, %v %s", path, more, a.StatusCode, a.Header, a.Text)
			}
		}
	}
	stranger := []string{"Origin", "https://evil.example.com", "Access-Control-Request-Method", "PUT"}
	if a := g.do(http.MethodOptions, "/v1/objects/x", "", stranger...); a.StatusCode != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a stranger's: status %d, %v", a.StatusCode, a.Header)
	}
	if n := len(g.records()); n != before || r.seen() != 0 {
		t.Errorf("%d entries were written, %d requests reached a region", n-before, r.seen())
	}

	// A page can read why it is denied, and what an upstream says itself stands.
	a := g.get("/", append(login.bearer(map[string]any{"country": nil}), asked[:2]...)...)
	if p := problemOf(t, a); p["reason"] != "country_unknown" || a.Header.Get("Access-Control-Allow-Origin") != "https://app.example.com" || !strings.Contains(a.Header.Get("Vary"), "Origin") {
		t.Errorf("a denial: %v %v", p, a.Header)
	}
	a = g.do(http.MethodPut, "/v1/objects/x", "", append(login.bearer(nil), asked[:2]...)...)
	if got := a.Header.Values("Access-Control-Allow-Origin"); a.StatusCode != 200 || len(got) != 1 || got[0] != "*" {
		t.Errorf("an answer: status %d, %q", a.StatusCode, got)
	}

	// Whatever else is asked is somebody's request.
	for name, request := range map[string]struct {
		method, body string
		fields       []string
	}{
		"a body":      {http.MethodOptions, "data", asked},
		"no origin":   {http.MethodOptions, "", asked[2:]},
		"two origins": {http.MethodOptions, "", append(stranger, asked...)},
		"no method":   {http.MethodOptions, "", asked[:2]},
		"a GET":       {http.MethodGet, "", asked},
	} {
		if a := g.do(request.method, "/v1/support/1", request.body, request.fields...); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: status %d, want a denial as for anybody unknown: %s", name, a.StatusCode, a.Text)
		}
	}
}
