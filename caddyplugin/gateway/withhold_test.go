package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// underPolicy is site under a policy's folder.
func underPolicy(t *testing.T, dir string) string {
	return replaced(t, site, "\t\tdemo\n", "\t\tdemo\n\t\tpolicy "+dir+"\n")
}

// What a recipient's row withholds is not on the wire to it, whatever its spelling,
// and the rest arrives byte by byte; the record names what was really removed. An
// operator gets everything.
//
//clause:tests §3 §4(c).3 §5(d)
func TestWithheldOnTheWire(t *testing.T) {
	dir := copyPolicy(t)
	edit(t, dir, "recipients.yaml", "    supports: [services-support, technical-support, security-support]\n",
		"    supports: [services-support, technical-support, security-support]\n"+
			"    withhold: [cookies, authorization, client-address, referer, user-agent, identity-fields, field:X-Ticket, field:X-Absent, query:token, query:absent]\n")
	f := startFront(t, underPolicy(t, dir), "", nil)
	ask := func(path string) {
		t.Helper()
		a := f.h1("GET "+path+"?b=%7e+1&Tok%65n=sekret&a=%C3%A9&&token[]=sekret HTTP/1.1", "Host: gw.test",
			"Registered-Country: BR", "Account-Id: sekret", "X-Ticket: sekret", "x_ticket: sekret", "X-Other: kept", "Cookie: a=sekret",
			"Authorization: Bearer sekret", "X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "Referer: http://sekret.test/", "User-Agent: sekret", "")
		if a.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %d: %s", path, a.StatusCode, a.Text)
		}
	}

	ask("/v1/support/1")
	heard := strings.Join(f.cn.heard(), "\n")
	if !strings.HasPrefix(heard, "GET /v1/support/1?b=%7e+1&a=%C3%A9& HTTP/1.1\r\n") || !strings.Contains(heard, "X-Other: kept") {
		t.Errorf("the affiliate heard\n%s", heard)
	}
	for _, gone := range []string{"sekret", "192.0.2.1", "127.0.0.1\r\n", "icket", "oken", "\nForwarded", "Forwarded-For"} {
		if strings.Contains(strings.ReplaceAll(heard, "Host: ", ""), gone) {
			t.Errorf("the affiliate heard %q:\n%s", gone, heard)
		}
	}
	rec := ofType(f.records(), "transfer.accepted")[0]
	want := []any{"authorization", "client-address", "cookies", "field:X-Ticket", "query:token", "referer", "user-agent"}
	if got, _ := rec["withheld"].([]any); !slices.Equal(got, want) {
		t.Errorf("withheld %v, want %v", got, want)
	}

	ask("/") // Brazil, the controller's own region
	heard = strings.Join(f.br.heard(), "\n")
	for _, kept := range []string{"GET /?b=%7e+1&Tok%65n=sekret&a=%C3%A9&&token[]=sekret HTTP/1.1\r\n", "X-Ticket: sekret", "Cookie: a=sekret"} {
		if !strings.Contains(heard, kept) {
			t.Errorf("the operator did not hear %q:\n%s", kept, heard)
		}
	}
}

// Where a parameter is withheld a region cannot bring it back by a placeholder.
func TestWithheldQueryByPlaceholder(t *testing.T) {
	dir := copyPolicy(t)
	edit(t, dir, "recipients.yaml", "    supports: [services", "    withhold: [cookies, authorization, client-address, referer, user-agent, identity-fields, query:token]\n    supports: [services")
	for block, want := range map[string]string{
		"rewrite * /x{uri}\nreverse_proxy {br}":                                                   "{http.request.uri}",
		"rewrite * /x?{query}\nreverse_proxy {br}":                                                "{http.request.uri.query}",
		"reverse_proxy {br} {\nheader_up X-U {http.request.orig_uri}\n}":                          "{http.request.orig_uri}",
		"reverse_proxy {br} {\nheader_up X-U {http.request.orig_uri.query}\n}":                    "{http.request.orig_uri.query}",
		"reverse_proxy {br} {\nheader_up X-U {http.request.uri.prefixed_query}\n}":                "{http.request.uri.prefixed_query}",
		"rewrite * /x{path}\nreverse_proxy {br} {\nheader_up X-U {http.request.orig_uri.path}\n}": "",
	} {
		config := strings.NewReplacer("{demo}", "demo", "{policy}", "policy "+dir, "{ledger}", t.TempDir(), "{region}", "cn-north-4",
			"{block}", strings.ReplaceAll(block, "{br}", "127.0.0.1:1")).Replace(oneRegion)
		err := validate(config)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", block, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), "placeholder '"+want+"' could give huawei-cloud-cn what is withheld from it")):
			t.Errorf("%s: %v", block, err)
		}
	}
}
