package gateway_test

import (
	"net/http"
	"strings"
	"testing"
)

// clientPaths are paths that real programs send: an encoded slash in a name, an
// encoded percent sign, parameters, two slashes, a dot at the end. However they
// are read, none is a storage path of site.
var clientPaths = []string{
	"/npm/@types%2fnode", "/npm/@types%2Fnode/-/node-22.0.0.tgz", // npm
	"/api/v4/projects/group%2Fsub%2Fproject/repository/files/src%2Fmain.go/raw", // GitLab
	"/api/queues/%2F/q", "/api/exchanges/%2f/amq.direct", // RabbitMQ
	"/odata/Customers('A%2FB')/Orders(1)", "/odata/Products(Name='100%25')", // OData
	"/app;jsessionid=1A2B/home", "/matrix;a=1;b/x", // servlets
	"/_matrix/client/v3/rooms/!a:example.org/state/m.room.member/@ana%3Aexample.org", // Matrix
	"/_matrix/media/v3/download/example.org/a%2Fb",
	"/remote.php/dav/files/ana/100%25%20sure.txt", "/remote.php/dav/files/ana/a%3Bb", // Nextcloud
	"/group/project.git/info/lfs/objects/batch", "/v2/library/alpine/blobs/sha256:0a", // git-lfs, docker
	"/bucket/photos//2026/a.", "/bucket/a%20b%20", "/bucket/tilde%7E", "/bucket/dash%2Ddash", "/bucket/back%5Cslash", // S3 keys
	"/~ana", "/%7Eana", "/search/100%25", "/wiki/C%23", "/wiki/What%3F", "/wiki/etc.", "/a//b", "/a;b",
}

// TestPathsOfRealClients: a path that is the same activity in every reading
// passes unchanged, though the site tells storage apart by path.
func TestPathsOfRealClients(t *testing.T) {
	g, r := startSite(t, "")
	for _, path := range clientPaths {
		a := g.h1("GET "+path+" HTTP/1.1", "Host: "+g.addr, "Registered-Country: BR", "")
		if a.StatusCode != http.StatusOK || a.Text != "br" {
			t.Errorf("%s: status %d: %s", path, a.StatusCode, a.Text)
			continue
		}
		if got := r.br.last(t).URI; got != path {
			t.Errorf("%s arrived as %s", path, got)
		}
	}
}

// TestPathsOfTwoActivities: a path that some server reads as another activity is
// refused, not only where that is storage.
func TestPathsOfTwoActivities(t *testing.T) {
	g, r := startSite(t, "")
	for _, path := range []string{
		"/v1%2Fsupport/x", "/v1%252Fsupport/x", "/v1/support;a/x", "/v1;/support/x", `/v1\support/x`, "/v1./support/x",
		"/v1/rights%2fx", "/community%2fx", "/v1/support%2ftraining/x", "/v1%2fobjects/x", "//v1//objects;a//", "/V1%2FOBJECTS%2Fx",
	} {
		a := g.h1("GET "+path+" HTTP/1.1", "Host: "+g.addr, "Registered-Country: BR", "")
		if a.StatusCode == http.StatusOK && a.Text == "sg" && strings.Contains(r.sg.last(t).Header.Get("Data-Transfer"), "activity=storage;") {
			continue // every reading of it is storage
		}
		if a.StatusCode != http.StatusBadRequest || problemOf(t, a)["reason"] != "path_ambiguous" {
			t.Errorf("%s: status %d: %s", path, a.StatusCode, a.Text)
		}
	}
	if n := len(r.br.requests()) + len(r.cn.requests()); n != 0 {
		t.Errorf("%d of them went on", n)
	}
}

// TestLooseMatchers: what is stored, or rests on consent, is told apart only by
// what every upstream reads alike.
func TestLooseMatchers(t *testing.T) {
	const remedy = "; tell it apart by host, path or method, at Caddyfile:12"
	loose := func(activity, matcher, taken, why string) string {
		return "activity '" + activity + "' is told apart by '" + matcher + "', which an upstream may read differently: such a request would be '" + taken + "', " + why + remedy
	}
	abroad, consent := "which may leave Singapore (§9)", "which goes on when consent is withdrawn (§7)"
	for _, c := range []struct{ matcher, activities, want string }{
		{"path /v1/objects/*", "storage @m, serving", ""},
		{"path /v1/objects", "storage @m, serving", ""},
		{"host s3.test", "storage @m, serving", ""},
		{"method PUT POST", "storage @m, serving", ""},
		{"not path /public/*", "storage @m, serving", ""},
		{"query action=upload", "storage @m, serving", loose("storage", "query", "serving", abroad)},
		{"header Content-Type multipart/form-data*", "storage @m, serving", loose("storage", "header", "serving", abroad)},
		{"path_regexp ^/v2/objects/", "storage @m, serving", loose("storage", "path_regexp", "serving", abroad)},
		{"path /v1/a%2Fb/*", "storage @m, serving", loose("storage", "path with %", "serving", abroad)},
		{"path /v1/{env.FOLDER}/*", "storage @m, serving", ""}, // the same for every request
		{"path /v1/{http.request.header.Folder}/*", "storage @m, serving", loose("storage", "path with a placeholder", "serving", abroad)},
		{"path /a/* {path}", "storage @m, serving", loose("storage", "path with a placeholder", "serving", abroad)},
		{"path {env.A}{http.vars.x}", "storage @m, serving", loose("storage", "path with a placeholder", "serving", abroad)},
		{"host s3.test {http.request.uri.query.bucket}.test", "storage @m, serving", loose("storage", "host with a placeholder", "serving", abroad)},
		{"not host {http.request.header.Via}", "storage @m, serving", loose("storage", "host with a placeholder", "serving", abroad)},
		{"expression path('/x')", "storage @m, serving", loose("storage", "expression", "serving", abroad)},
		{"vars {http.request.uri.query} x", "storage @m, serving", loose("storage", "vars", "serving", abroad)},
		{"not query action=list", "storage @m, serving", loose("storage", "query", "serving", abroad)},
		{"query a=b", "marketing @m, serving", loose("marketing", "query", "serving", consent)},
		{"query a=b", "support-identity @m, serving", loose("support-identity", "query", "serving", "whose safeguards need not cover category 1b")},
		{"query a=b", "support @m, serving", ""},
		{"query action=download", "serving @m, storage", ""}, // the strictest takes what is left
		{"header Accept text/html*", "public @m, storage", ""},
	} {
		var lines strings.Builder
		for line := range strings.SplitSeq(c.activities, ", ") {
			lines.WriteString("\t\tactivity " + line + "\n")
		}
		err := validate(strings.NewReplacer("{matcher}", c.matcher, "{activities}", lines.String(), "{ledger}", t.TempDir()).Replace(looseSite))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if c.want == "" && got != "" || !strings.HasSuffix(got, c.want) {
			t.Errorf("%s; %s\ngot  %s\nwant %s", c.matcher, c.activities, got, c.want)
		}
	}
}

const looseSite = `{
	admin off
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}/ledger
	}
}
http://gw.test {
	@m {matcher}
	transfer {
{activities}		region ap-southeast-3 127.0.0.1:1
		region sa-brazil-1 127.0.0.1:1
	}
}
`

// TestRequestsOfTwoReadings: where activities are told apart by method or query,
// a request with two methods or an ambiguous query is refused.
func TestRequestsOfTwoReadings(t *testing.T) {
	sg, br := newUpstream(t, "sg", nil), newUpstream(t, "br", nil)
	g := startGate(t, strings.NewReplacer(
		"@objects path /v1/objects/*", "@objects method PUT\n@rest query action=list", "activity serving\n", "activity serving @rest\nactivity storage\n",
		"{cn}", "127.0.0.1:1").Replace(site), map[string]string{
		"accounts": writeFile(t, "a.ndjson", `{"account":"nobody"}`), "sg": sg.addr, "br": br.addr,
	})
	for _, c := range []struct {
		target, field string
		status        int
	}{
		{"/x?action=list", "", 200},
		{"/x?action=list", "X-HTTP-Method-Override: PUT", 400},
		{"/x?action=list", "x-method-override: PUT", 400},
		{"/x?action=list&_method=PUT", "", 400},
		{"/x?action=list&action=upload", "", 400},
		{"/x?action=list&Action=upload", "", 400},
		{"/x?action=list&%zz", "", 400},
		{"/x?action=list;action=upload", "", 400},
	} {
		lines := []string{"POST " + c.target + " HTTP/1.1", "Host: " + g.addr, "Registered-Country: BR", "Content-Length: 0"}
		if c.field != "" {
			lines = append(lines, c.field)
		}
		a := g.h1(append(lines, "")...)
		if a.StatusCode != c.status || c.status == 400 && problemOf(t, a)["reason"] != "request_ambiguous" {
			t.Errorf("%s %s: status %d: %s", c.target, c.field, a.StatusCode, a.Text)
		}
	}
	if n := len(br.requests()); n != 1 {
		t.Errorf("Brazil saw %d requests, want 1", n)
	}
}

// TestTargetsInFields: no upstream is told of another target than the one that
// was judged, nor of another person.
func TestTargetsInFields(t *testing.T) {
	g, r := startSite(t, "")
	a := g.h1("POST / HTTP/1.1", "Host: "+g.addr, "Registered-Country: BR", "X-Original-URL: /v1/objects/x", "X-Rewrite-URL: /v1/objects/x",
		"Registered~Country: SG", "Transfer-Encoding: chunked", "Trailer: Registered-Country, Account-Id", "", "0", "Registered-Country: SG", "Account-Id: bea", "", "")
	if a.StatusCode != http.StatusOK || a.Text != "br" {
		t.Fatalf("status %d: %s", a.StatusCode, a.Text)
	}
	got := r.br.last(t)
	for _, name := range []string{"X-Original-Url", "X-Rewrite-Url", "Registered~Country"} {
		if _, there := got.Header[name]; there {
			t.Errorf("%s reached the region", name)
		}
	}
	if len(got.Trailer) != 0 {
		t.Errorf("trailers %v reached the region", got.Trailer)
	}
}
