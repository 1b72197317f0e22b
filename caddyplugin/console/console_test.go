package console_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"golang.org/x/crypto/bcrypt"

	_ "github.com/sparkoo/transfergate/caddyplugin"
	"github.com/sparkoo/transfergate/internal/console/consoletest"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// Caddy is global to a process: tests of this package never run in parallel.

func init() { testsupport.TakeStderr() }

// site runs a gateway with its console. {port} stands for the port, {ledger} for the
// ledger's folder, {beside} for a copy of it in which a byte is altered, {hash} for that
// of everybody's password, which is "secret".
const site = `{
	admin off
	servers {
		protocols h1
	}
	transfer {
		demo
		node gw-sg-1 SG sparkoo-sg
		ledger {ledger}
	}
}
http://localhost:{port} {
	bind 127.0.0.1
	@given not path /open/* /open
	basic_auth @given {
		eve {hash}
		vera {hash}
		ron {hash}
		oscar {hash}
	}
	route /compliance* {
		transfer_console /compliance {
			viewer vera ron
			reviewer ron
			officer oscar
			ledger copy {beside}
		}
		respond "beside" 418
	}
	handle_path /everybody/* {
		transfer_console {
			viewer *
		}
	}
	handle_path /told/* {
		transfer_console {
			user {http.request.header.X-User}
			role {http.request.header.X-Role}
		}
	}
	transfer_console /open {
		allow_anonymous reviewer
	}
}
http://root.localhost:{port} {
	bind 127.0.0.1
	basic_auth {
		oscar {hash}
	}
	transfer_console {
		officer oscar
	}
}
`

// start runs Caddy with the site, and returns its port.
func start(t *testing.T, caddyfile string) (port string) {
	t.Helper()
	port, _ = startOver(t, caddyfile, fill)
	return port
}

// fill writes a ledger of two days.
func fill(folder string) error { return consoletest.Fill(folder, 40, time.Hour, time.Now()) }

// startOver is start, over a ledger that is filled so; it returns the ledger's folder, too.
func startOver(t *testing.T, caddyfile string, fill func(folder string) error) (port, folder string) {
	t.Helper()
	testsupport.LogTo(t)
	folder = filepath.Join(t.TempDir(), "ledger")
	if err := fill(folder); err != nil {
		t.Fatal(err)
	}
	beside := altered(t, folder)
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 { // somebody else may take the port meanwhile
		port = freePort(t)
		err = load(strings.NewReplacer("{port}", port, "{ledger}", folder, "{beside}", beside, "{hash}", string(hash)).Replace(caddyfile))
		if err == nil || !strings.Contains(err.Error(), "address already in use") {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return port, folder
}

// altered is a copy of a ledger in which one record says another country than it did.
func altered(t *testing.T, folder string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(copied, "epoch-*", "seg", "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range logs {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if other := bytes.Replace(data, []byte(`"country":"BR"`), []byte(`"country":"AR"`), 1); !bytes.Equal(other, data) {
			if err := os.WriteFile(file, other, 0o600); err != nil {
				t.Fatal(err)
			}
			return copied
		}
	}
	t.Fatal("no record to alter")
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func adapt(caddyfile string) ([]byte, error) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	return config, err
}

func load(caddyfile string) error {
	config, err := adapt(caddyfile)
	if err != nil {
		return err
	}
	return caddy.Load(config, true)
}

// ask asks as a user, "" for nobody, under a host's name.
func ask(t *testing.T, method, port, path, user, host string, fields ...string) (status int, header http.Header, body string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://127.0.0.1:"+port+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Host = host + ":" + port; user != "" {
		r.SetBasicAuth(user, "secret")
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(data)
}

// Who Caddy says is there has the role that the configuration gives, the highest of
// several, and whoever has none sees nothing.
func TestWhoLooks(t *testing.T) {
	port := start(t, site)
	for _, tt := range []struct {
		path, user string
		fields     []string
		want       int
		role       string
	}{
		{path: "/compliance/transfers", want: 401},
		{path: "/compliance/transfers", user: "eve", want: 403, role: "nobody"},
		{path: "/compliance/transfers", user: "vera", want: 200, role: "viewer"},
		{path: "/compliance/transfers", user: "ron", want: 200, role: "reviewer"},
		{path: "/compliance/transfers", user: "oscar", want: 200, role: "officer"},
		{path: "/compliance/export", user: "vera", want: 403, role: "viewer"},
		{path: "/compliance/export", user: "ron", want: 200, role: "reviewer"},
		{path: "/compliance/nothing", user: "ron", want: 404, role: "reviewer"},
		{path: "/compliancex", user: "ron", want: 418},
		{path: "/everybody/transfers", user: "eve", want: 200, role: "viewer"},
		{path: "/told/transfers", user: "eve", want: 403, role: "nobody"},
		{path: "/told/transfers", user: "eve", fields: []string{"X-User", "jo"}, want: 403, role: "nobody"},
		{path: "/told/transfers", user: "eve", fields: []string{"X-User", "jo", "X-Role", "staff, reviewer,viewer"}, want: 200, role: "reviewer"},
		{path: "/told/transfers", user: "eve", fields: []string{"X-Role", "officer"}, want: 403, role: "nobody"},
		{path: "/told/transfers", user: "eve", fields: []string{"X-User", "jo", "X-Role", "nobody"}, want: 403, role: "nobody"},
	} {
		status, _, body := ask(t, http.MethodGet, port, tt.path, tt.user, "localhost", tt.fields...)
		if status != tt.want || tt.role != "" && !strings.Contains(body, `<span class="role">`+tt.role+`</span>`) {
			t.Errorf("%s as %q %q: %d, want %d and %s", tt.path, tt.user, tt.fields, status, tt.want, tt.role)
		}
	}
	if status, header, _ := ask(t, http.MethodGet, port, "/compliance", "ron", "localhost"); status != 308 || header.Get("Location") != "compliance/" {
		t.Errorf("without the slash: %d to %q", status, header.Get("Location"))
	}
	if status, _, _ := ask(t, http.MethodPost, port, "/compliance/export", "ron", "localhost", "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("a forged order: %d", status)
	}
}

// Who is not authenticated sees the pages of a demonstration on the machine itself, by
// its own name: another name may be one that a page of elsewhere made lead here.
func TestAllowAnonymous(t *testing.T) {
	port := start(t, strings.Replace(site, "http://localhost:{port} {", "http://:{port} {", 1))
	for host, want := range map[string]int{"localhost": 200, "127.0.0.1": 200, "[::1]": 200, "console.evil.test": 403, "127.0.0.1.evil.test": 403} {
		if status, _, _ := ask(t, http.MethodGet, port, "/open/transfers", "", host); status != want {
			t.Errorf("by the name %s: %d, want %d", host, status, want)
		}
	}
}

// An officer's look at a person finds the person's records by their pseudonyms, and is an
// entry of the ledger that says who looked and why, by pseudonyms alone.
func TestPerson(t *testing.T) {
	port := start(t, site)
	form := url.Values{"account": {"acct-1"}, "reason": {"request for access"}, "reference": {"DSR-7"}}
	r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+port+"/compliance/person", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "localhost:" + port
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("oscar", "secret")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	number := regexp.MustCompile(`gw-sg-1#[0-9]+\.[0-9]+`)
	if res.StatusCode != http.StatusOK || len(number.FindAll(body, -1)) < 2 || strings.Contains(string(body), "acct-1") {
		t.Fatalf("%d\n%s", res.StatusCode, body)
	}
	_, _, found := ask(t, http.MethodGet, port, "/compliance/transfers?q=type%3Aledger.look&columns=office,ledger.look.because,reference,subject,records", "oscar", "localhost")
	for _, want := range []string{"request for access", "DSR-7", `data-name="office">h1:`, `data-name="subject">h1:`, "<strong>1 record</strong>"} {
		if !strings.Contains(found, want) {
			t.Errorf("the entry of the look lacks %q in\n%s", want, found)
		}
	}
	if strings.Contains(found, "acct-1") {
		t.Error("the entry names the account")
	}
}

// What is written wrongly is an error that says where.
func TestGrammar(t *testing.T) {
	for block, want := range map[string]string{
		"transfer_console /a /b":                                 "Caddyfile:9",
		"transfer_console {\n\tviewer\n}":                        "viewer needs the names of users",
		"transfer_console {\n\tadmin ana\n}":                     "transfer_console has no option 'admin'",
		"transfer_console {\n\tuser {a}\n\tuser {b}\n}":          "'user' stands twice",
		"transfer_console {\n\tuser ana\n}":                      "user 'ana' is no placeholder of a request",
		"transfer_console {\n\trole {env.NOT_SET}\n}":            "role '{env.NOT_SET}' is no placeholder of a request",
		"transfer_console {\n\trole\n}":                          "0 arguments where 'role <role>' is meant",
		"transfer_console {\n\tledger a\n}":                      "1 arguments where 'ledger <name> <folder>' is meant",
		"transfer_console {\n\tledger a/b /srv/a\n}":             "ledger 'a/b': its name stands in addresses",
		"transfer_console {\n\tledger a /x\n\tledger a /y\n}":    "two ledgers have the name 'a'",
		"transfer_console /log/*":                                "takes one path without wildcards",
		"transfer_console {\n\tallow_anonymous king\n}":          "allow_anonymous 'king' is no role",
		"transfer_console /compliance {\n\tviewer ana\n\tnobody": "Caddyfile",
	} {
		text := fmt.Sprintf("{\n\ttransfer {\n\t\tdemo\n\t\tnode gw-sg-1 SG sparkoo-sg\n\t\tledger %s\n\t}\n}\nhttp://gw.test {\n%s\n}\n", filepath.Join(os.TempDir(), "never-made"), block)
		raw, err := adapt(text)
		if err == nil {
			var config caddy.Config
			if err = json.Unmarshal(raw, &config); err == nil {
				err = caddy.Validate(&config)
			}
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", block, err, want)
		}
	}
}
