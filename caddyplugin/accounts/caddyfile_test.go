package accounts_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/accounts"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// unmarshal reads a source from what stands after "accounts".
func unmarshal(text string) (caddyfile.Unmarshaler, error) {
	var source caddyfile.Unmarshaler
	switch name, _, _ := strings.Cut(text, " "); strings.TrimSpace(name) {
	case "file":
		source = new(accounts.File)
	case "http":
		source = new(accounts.HTTP)
	default:
		source = new(accounts.Feed)
	}
	return source, source.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text))
}

func TestForms(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"file /etc/a.ndjson", `{"path":"/etc/a.ndjson"}`},
		{"file /etc/a.ndjson {\nstrict\nno_copy\n}", `{"path":"/etc/a.ndjson","strict":true,"no_copy":true}`},
		{"http https://a.test/r", `{"url":"https://a.test/r"}`},
		{"feed https://a.test/r", `{"url":"https://a.test/r"}`},
		{`http https://a.test/r {
			token {env.TOKEN}
			certificate c.pem k.pem
			ca ca.pem
			revoked crl.pem
			state /var/s
			timeout 1s500ms
			refresh 30s
			expiry 2m
			stale_limit 1d
			negative 5s
			concurrency 8
			entries 5000
		}`, `{"url":"https://a.test/r","token":"{env.TOKEN}","certificate":"c.pem","key":"k.pem","ca":"ca.pem","revoked":"crl.pem","state":"/var/s",` +
			`"timeout":1500000000,"refresh":30000000000,"expiry":120000000000,"stale_limit":86400000000000,"negative":5000000000,"concurrency":8,"entries":5000}`},
		{`feed https://a.test/r {
			token_file t
			certificate c.pem k.pem
			ca ca.pem
			revoked crl.pem
			state /var/s
			timeout 10s
			changes https://b.test/c
			max_age 15m
			interval 2s
			wait 30s
		}`, `{"url":"https://a.test/r","token_file":"t","certificate":"c.pem","key":"k.pem","ca":"ca.pem","revoked":"crl.pem","state":"/var/s",` +
			`"timeout":10000000000,"changes":"https://b.test/c","max_age":900000000000,"interval":2000000000,"wait":30000000000}`},
	} {
		source, err := unmarshal(test.text)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		got, err := json.Marshal(source)
		if err != nil || string(got) != test.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", test.text, got, err, test.want)
		}
	}
}

func TestFormErrors(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"file", "accounts file takes one path, as in 'accounts file /etc/transfergate/accounts.ndjson', at Testfile:1"},
		{"file a b", "accounts file takes one path, as in 'accounts file /etc/transfergate/accounts.ndjson', at Testfile:1"},
		{"file a {\nlax\n}", "accounts file has two options, 'strict' and 'no_copy', each written alone; here is 'lax', at Testfile:2"},
		{"file a {\nno_copy yes\n}", "accounts file has two options, 'strict' and 'no_copy', each written alone; here is 'yes', at Testfile:2"},
		{"file a {\nstrict\nstrict\n}", "'strict' is written twice, at Testfile:3"},
		{"http", "accounts http takes the URL of a directory, as in 'accounts http https://accounts.internal/records', at Testfile:1"},
		{"http a b", "accounts http takes the URL of a directory, as in 'accounts http https://accounts.internal/records', at Testfile:1"},
		{"feed", "accounts feed takes the URL of a directory, as in 'accounts feed https://accounts.internal/records', at Testfile:1"},
		{"http a {\nmax_age 1h\n}", "unrecognized option 'max_age' of accounts http; use one of token, token_file, certificate, ca, revoked, state, timeout, strict, refresh, expiry, stale_limit, negative, concurrency, entries, at Testfile:2"},
		{"feed a {\nrefresh 1m\n}", "unrecognized option 'refresh' of accounts feed; use one of token, token_file, certificate, ca, revoked, state, timeout, strict, changes, max_age, interval, wait, at Testfile:2"},
		{"http a {\nca x\nca y\n}", "'ca' is written twice, at Testfile:3"},
		{"http a {\ncertificate c\n}", "certificate takes two files, the certificate and its key, at Testfile:2"},
		{"http a {\ntoken\n}", "wrong argument count or unexpected line ending after 'token', at Testfile:2"},
		{"http a {\ntoken_file\n}", "wrong argument count or unexpected line ending after 'token_file', at Testfile:2"},
		{"http a {\nca a b\n}", "wrong argument count or unexpected line ending after 'a', at Testfile:2"},
		{"http a {\nrevoked\n}", "wrong argument count or unexpected line ending after 'revoked', at Testfile:2"},
		{"http a {\nstate\n}", "wrong argument count or unexpected line ending after 'state', at Testfile:2"},
		{"http a {\ntimeout\n}", "wrong argument count or unexpected line ending after 'timeout', at Testfile:2"},
		{"http a {\ntimeout soon\n}", "timeout 'soon' is no duration such as 10s or 5m, at Testfile:2"},
		{"http a {\nrefresh 0\n}", "refresh '0' is no duration such as 10s or 5m, at Testfile:2"},
		{"http a {\nexpiry -1s\n}", "expiry '-1s' is no duration such as 10s or 5m, at Testfile:2"},
		{"http a {\nstale_limit 5\n}", "stale_limit '5' is no duration such as 10s or 5m, at Testfile:2"},
		{"http a {\nnegative x\n}", "negative 'x' is no duration such as 10s or 5m, at Testfile:2"},
		{"http a {\nconcurrency\n}", "wrong argument count or unexpected line ending after 'concurrency', at Testfile:2"},
		{"http a {\nconcurrency 0\n}", "concurrency '0' is no number above 0, at Testfile:2"},
		{"http a {\nentries many\n}", "entries 'many' is no number above 0, at Testfile:2"},
		{"feed a {\nchanges\n}", "wrong argument count or unexpected line ending after 'changes', at Testfile:2"},
		{"feed a {\nmax_age 0s\n}", "max_age '0s' is no duration such as 10s or 5m, at Testfile:2"},
		{"feed a {\ninterval x\n}", "interval 'x' is no duration such as 10s or 5m, at Testfile:2"},
		{"feed a {\nwait x\n}", "wait 'x' is no duration such as 10s or 5m, at Testfile:2"},
	} {
		_, err := unmarshal(test.text)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s:\n got %v\nwant %s", test.text, err, test.want)
		}
	}
}

// What the README shows is read.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```caddyfile\naccounts ")[1:]
	if len(blocks) != 2 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if _, err := unmarshal(block); err != nil {
			t.Errorf("%s: %v", block, err)
		}
	}
}

// Provision finds what can't work, and shows no secret.
func TestProvisionErrors(t *testing.T) {
	testsupport.LogTo(t)
	t.Setenv("ACCOUNTS_TEST_TOKEN", "two words")
	t.Setenv("ACCOUNTS_TEST_GOOD", "t0ken")
	state := filepath.Join(t.TempDir(), "state")
	for _, test := range []struct{ text, want string }{
		{"http a.test", "accounts http: the URL of the directory must begin with https:// and name a host"},
		{"http http://a.test/r", "accounts http: the directory at a.test would be asked in plain text, and anybody on the way could read and replace what is said: use https"},
		{"feed http://a.test/r", "accounts feed: the directory at a.test would be asked in plain text, and anybody on the way could read and replace what is said: use https"},
		{"http https://a.test {\ntoken {env.ACCOUNTS_TEST_TOKEN}\n}", "accounts http: the bearer token is empty, or holds spaces or control characters"},
		{"http https://a.test {\ntoken {env.ACCOUNTS_TEST_NONE}\n}", "accounts http: token: "},
		{"feed https://a.test {\ntoken {nothing}\n}", "accounts feed: token: "},
		{"feed https://a.test {\ntoken {env.ACCOUNTS_TEST_GOOD}\ntoken_file /x\n}", "accounts feed: two bearer tokens, one from a file; keep one"},
		{"feed https://a.test {\ntoken_file /nonexistent\n}", "accounts feed: reading the bearer token: "},
		{"feed https://a.test {\nca /nonexistent\n}", "accounts feed: reading the certificates for the directory: "},
		{"http https://a.test {\nrefresh 1h\nexpiry 1m\n}", "accounts http: expiry of 1m0s before refresh of 1h0m0s: a record is refreshed while it is still believed"},
		{"feed https://a.test {\nmax_age 1s\n}", "accounts feed: interval of 5s: records would be older than max_age, 1s, before the directory is asked"},
		{"http https://a.test {\ntoken {env.ACCOUNTS_TEST_GOOD}\nstate " + state + "\n}", ""},
		{"feed https://a.test {\ntoken {env.ACCOUNTS_TEST_GOOD}\nstate " + state + "\n}", ""},
	} {
		source, err := unmarshal(test.text)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		err = source.(caddy.Provisioner).Provision(ctx)
		if err == nil != (test.want == "") || err != nil && (!strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "words")) {
			t.Errorf("%s:\n got %v\nwant %s", test.text, err, test.want)
		}
		if err := source.(caddy.CleanerUpper).Cleanup(); err != nil {
			t.Errorf("%s: cleanup: %v", test.text, err)
		}
		cancel()
	}
	if _, err := os.Stat(state); err == nil {
		t.Error("Provision has written a state file")
	}
}
