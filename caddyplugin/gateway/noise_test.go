package gateway_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// quietGate is a gateway whose log is a file.
type quietGate struct {
	*gate
	log       string
	caddyfile string
	vars      map[string]string
}

// startQuiet runs a Caddyfile, changed, with its log in a file. Its upstreams answer.
func startQuiet(t *testing.T, caddyfile string) *quietGate {
	t.Helper()
	q := &quietGate{log: filepath.Join(t.TempDir(), "log")}
	up := newUpstream(t, "up", nil)
	q.caddyfile = replaced(t, caddyfile, "admin off", "admin off\n\tlog {\n\t\toutput file "+q.log+"\n\t}")
	q.vars = map[string]string{
		"accounts": writeFile(t, "accounts.ndjson", `{"account":"nobody"}`+"\n"), "sg": up.addr, "br": up.addr, "cn": up.addr,
	}
	q.gate = startGate(t, q.caddyfile, q.vars)
	return q
}

// said counts the lines of the log so far that have all the parts.
func (q *quietGate) said(parts ...string) (n int) {
	q.t.Helper()
	text, err := os.ReadFile(q.log)
	if err != nil {
		q.t.Fatal(err)
	}
line:
	for line := range strings.Lines(string(text)) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue line
			}
		}
		n++
	}
	return n
}

// What is right, and stays so, is not warned of.
func TestNoWarningOfWhatIsRight(t *testing.T) {
	site := replaced(t, site, "\t\tactivity storage @objects", "\t\tother_upstreams rate_limit \"it counts in this process\"\n\t\tactivity storage @objects")
	q := startQuiet(t, site+"\nhttp://log.test:{port} {\n\tbasic_auth {\n\t\tauditor "+bcryptOf(t, "x")+"\n\t}\n\ttransfer_log /gw-sg-1\n}\n")
	for _, never := range []string{"the transfer ledger is served", "may go to upstreams", "foreign file"} {
		if n := q.said(never); n > 0 {
			t.Errorf("%q: %d times", never, n)
		}
	}
}

// What is wrong beside it still is.
func TestWarningsOfWhatIsOpen(t *testing.T) {
	site := replaced(t, site, "\t\tactivity storage @objects", "\t\tother_upstreams auth.test:9091 \"it logs people in\"\n\t\tactivity storage @objects")
	q := startQuiet(t, site+"\nhttp://log.test:{port} {\n\ttransfer_log /gw-sg-1\n}\n")
	for _, once := range []string{"the transfer ledger is served", "may go to upstreams"} {
		if n := q.said(`"level":"warn"`, once); n != 1 {
			t.Errorf("%q: %d times, want 1", once, n)
		}
	}
}

// A transfer logs a line where the operator wants it: the ledger has a record of each.
func TestTransfersLogOnlyIfAsked(t *testing.T) {
	for _, c := range []struct {
		option string
		want   int
	}{{"", 0}, {"log_transfers\n\t\t", 5}} {
		q := startQuiet(t, replaced(t, site, "\t\tdemo\n", "\t\tdemo\n\t\t"+c.option+"\n"))
		for range 5 {
			if a := q.get("/", "Registered-Country", "BR"); a.StatusCode != 200 {
				t.Fatalf("status %d", a.StatusCode)
			}
		}
		if n := q.said(`"msg":"transfer"`); n != c.want {
			t.Errorf("with %q: %d lines of 5 transfers, want %d", c.option, n, c.want)
		}
	}
}

// Denials are logged once a reason, and then counted.
func TestDenialsAreSampled(t *testing.T) {
	q := startQuiet(t, site)
	for range 20 {
		if a := q.get("/v1/support/training/1", "Registered-Country", "BR"); a.StatusCode != 403 {
			t.Fatalf("status %d", a.StatusCode)
		}
		if a := q.get("/v1/support/x"); a.StatusCode != 403 {
			t.Fatalf("status %d", a.StatusCode)
		}
	}
	if a, b := q.said("denied", `"reason":"no_safeguard"`), q.said("denied"); a != 1 || b != 2 {
		t.Errorf("20 denials each of two reasons made %d lines of the one and %d in all, want 1 and 2", a, b)
	}
}

// The first run ends with what to open and what to try.
func TestFirstRunSaysWhatToTry(t *testing.T) {
	q := startQuiet(t, site)
	waitFor(t, "it says what to try", func() bool { return q.said("http://"+q.addr+"/", "curl -s -H 'Registered-Country: BR'") == 1 })
}

// The demo that comes with the program warns of being one, and of nothing else that it
// does on purpose.
func TestFirstRunIsQuiet(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "Caddyfile"))
	if err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer(":8080 {", "http://{addr} {", "data/ledger", "{ledger}", "config/demo/accounts.ndjson", "{accounts}",
		"http://:8101", "http://:"+portOf(t), "http://:8102", "http://:"+portOf(t), "http://:8103", "http://:"+portOf(t), "http://:8090", "http://:"+portOf(t),
		"\tservers {", "\tadmin off\n\tservers {").Replace(string(text))
	q := startQuiet(t, config)
	if n := q.said("HTTP/2 skipped") + q.said("HTTP/3 skipped"); n > 0 {
		t.Errorf("%d warnings that a protocol was skipped", n)
	}
}

// portOf is a port that nobody listens on.
func portOf(t *testing.T) string {
	_, port, _ := strings.Cut(freeAddr(t), ":")
	return port
}
