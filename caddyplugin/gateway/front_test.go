package gateway_test

import (
	"bufio"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// front is a running gateway before raw upstreams.
type front struct {
	*gate
	sg, br, cn *rawUpstream

	// of a configuration over every protocol
	tls    string // address
	client *tls.Config
}

// overEvery is a configuration also over HTTP/2 with and without TLS, and over
// HTTP/3: the same site at a second address, {tls}, with {cert} and {key}.
func overEvery(t testing.TB, config string) string {
	t.Helper()
	config = replaced(t, config, "admin off", "admin off\n\tauto_https disable_redirects\n\tdefault_sni gw.test\n\tservers {\n\t\tprotocols h1 h2 h2c h3\n\t}")
	options, body, found := strings.Cut(config, "http://{addr} {\n")
	if !found {
		t.Fatal("the configuration lacks the site")
	}
	return options + "(everywhere) {\n" + body + "\nhttp://{addr} {\n\timport everywhere\n}\nhttps://:{tls} {\n\tbind 127.0.0.1\n\ttls {cert} {key}\n\timport everywhere\n}\n"
}

// stream is a way to send requests in frames.
type stream struct {
	how  string
	send func(header []hpack.HeaderField, data string, trailer []hpack.HeaderField) answer
}

// streams are the ways to send requests in frames over a configuration of overEvery.
func (f *front) streams() []stream {
	return []stream{
		{"h2c", f.h2},
		{"HTTP/2", func(header []hpack.HeaderField, data string, trailer []hpack.HeaderField) answer {
			f.t.Helper()
			config := f.client.Clone()
			config.NextProtos = []string{"h2"}
			return h2On(f.t, tls.Client(f.dialTo(f.tls), config), withScheme(header), data, trailer)
		}},
		{"HTTP/3", func(header []hpack.HeaderField, data string, trailer []hpack.HeaderField) answer {
			f.t.Helper()
			return f.h3(withScheme(header), data, trailer)
		}},
	}
}

// replaced replaces text that must be there.
func replaced(t testing.TB, config, old, text string) string {
	t.Helper()
	if !strings.Contains(config, old) {
		t.Fatalf("the configuration lacks %q", old)
	}
	return strings.Replace(config, old, text, 1)
}

// startFront runs a site with raw upstreams, which answer by way of talk.
func startFront(t testing.TB, config, accounts string, talk func(net.Conn, *bufio.Reader, *http.Request)) *front {
	t.Helper()
	f := &front{sg: newRawUpstream(t, "sg", talk), br: newRawUpstream(t, "br", talk), cn: newRawUpstream(t, "cn", talk)}
	if accounts == "" {
		accounts = `{"account":"nobody"}`
	}
	config = replaced(t, config, "http://{addr} {", "http://:{port} {\n\tbind 127.0.0.1") // every host name
	vars := map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", accounts+"\n"),
		"sg":       f.sg.addr, "br": f.br.addr, "cn": f.cn.addr,
	}
	if strings.Contains(config, "{tls}") {
		f.tls = freeAddr(t)
		ca := testsupport.CA(t)
		certify(t, ca, vars)
		_, vars["tls"], _ = strings.Cut(f.tls, ":")
		f.client = &tls.Config{RootCAs: ca.Pool(), ServerName: "gw.test"}
	}
	f.gate = startGate(t, config, vars)
	return f
}

// forget makes every upstream forget what it heard.
func (f *front) forget() {
	for _, u := range []*rawUpstream{f.sg, f.br, f.cn} {
		u.forget()
	}
}

// nothing fails the test if any upstream was spoken to.
func (f *front) nothing(t testing.TB) {
	t.Helper()
	for name, u := range map[string]*rawUpstream{"sg": f.sg, "br": f.br, "cn": f.cn} {
		if said := u.heard(); len(said) != 0 {
			t.Errorf("the upstream %s heard %q", name, said)
		}
	}
}

// ours are the fields of design.md a region gets, folded.
var ours = []string{
	"datacontroller", "datacontrollername", "datacontrolleraddress", "datacontrollerbasis",
	"datasubjectcountry", "dataregion", "datatransfer", "privacystatement", "transferassertion", "transferstatus",
}

// folded is a field name as the most careless upstream reads it.
func folded(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, strings.ToLower(name))
}

// onlyOurs fails the test unless one request reached the Brazilian region and
// said each thing once, in our words, in its header and trailers. It returns
// what was heard.
func (f *front) onlyOurs(t testing.TB) string {
	t.Helper()
	said := f.br.heard()
	if len(said) != 1 {
		t.Fatalf("the upstream heard %d connections, want 1", len(said))
	}
	if strings.Contains(strings.ToLower(said[0]), "evil") {
		t.Errorf("the upstream heard the attacker:\n%s", said[0])
	}
	values := make(map[string][]string)
	for line := range strings.SplitSeq(said[0], "\r\n") {
		name, value, isField := strings.Cut(line, ":")
		if name = folded(name); isField && (slices.Contains(ours, name) || strings.HasPrefix(name, "datacontroller")) {
			values[name] = append(values[name], strings.TrimSpace(value))
		}
	}
	for name, got := range values {
		if len(got) != 1 {
			t.Errorf("the upstream heard %s %d times: %q", name, len(got), got)
		}
	}
	for name, want := range map[string]string{"datacontroller": "sparkoo-br", "datasubjectcountry": "BR", "dataregion": "sa-brazil-1"} {
		if !slices.Equal(values[name], []string{want}) {
			t.Errorf("the upstream heard %s %q, want %q", name, values[name], want)
		}
	}
	return said[0]
}

// served fails the test unless the request passed.
func served(t testing.TB, a answer) {
	t.Helper()
	if a.StatusCode != http.StatusOK || a.Text != "br" {
		t.Fatalf("status %d, body %q, want 200 from br", a.StatusCode, a.Text)
	}
}

// refused fails the test unless the answer is a problem document with that
// status and reason and no upstream was spoken to.
func (f *front) refused(t testing.TB, a answer, status int, reason string) {
	t.Helper()
	if a.StatusCode != status || !strings.Contains(a.Text, `"reason":"`+reason+`"`) {
		t.Errorf("status %d, body %q, want %d %s", a.StatusCode, a.Text, status, reason)
	}
	f.nothing(t)
}

// asBrazil begins a request of a person registered in Brazil.
func asBrazil(request string, more ...string) []string {
	return append([]string{request, "Host: gw.test", "Registered-Country: BR"}, more...)
}

// asBrazilH2 is asBrazil over HTTP/2, with the rest as name, value pairs.
var asBrazilH2 = []string{"registered-country", "BR"}
