package gateway_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong with an option says where it stands, whichever option it is, and nothing
// of how Caddy came to it.
func TestErrorsHavePlaces(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "broken.ndjson"), []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []grammarCase{
		{name: "node name", options: "demo\nledger {ledger}\nnode gw_1 SG sparkoo-sg", want: "it stands in header fields, at Caddyfile:6"},
		{name: "node country", options: "demo\nledger {ledger}\nnode gw-1 UK sparkoo-sg", want: "node country 'UK' is not an ISO 3166-1 alpha-2 code; write GB, at Caddyfile:6"},
		{name: "node entity", options: "demo\nledger {ledger}\nnode gw-1 SG huawei-clou", want: "did you mean 'huawei-cloud-cn'?, at Caddyfile:6"},
		{name: "no node", options: "demo\nledger {ledger}", want: "as in 'node gw-sg-1 SG sparkoo-sg', at Caddyfile:3"},
		{name: "no ledger", options: "demo\nnode gw-sg-1 SG sparkoo-sg", want: "as in 'ledger /var/lib/transfergate/ledger', at Caddyfile:3"},
		{name: "ledger outside", options: "demo\nnode gw-za-1 ZA sparkoo-za\nledger {ledger}", want: "if it is only a buffer, at Caddyfile:6"},
		{name: "activity of a class", options: goodOptions + " {\nclass a {\nactivities suport\nretain 1 years\n}\n}", want: "did you mean 'support'?, at Caddyfile:6"},
		{name: "accounts", options: goodOptions + "\naccounts file " + folder + "/nobody.ndjson", want: "no such file or directory, at Caddyfile:7"},
		{name: "accounts by url", options: goodOptions + "\naccounts http http://a.test/r", want: "use https, at Caddyfile:7"},
		{name: "policy", options: goodOptions + "\npolicy /nonexistent", want: ", at Caddyfile:7"},
		{name: "shadow", options: goodOptions + "\nshadow /nonexistent", want: ", at Caddyfile:7"},
		{name: "geoip", options: goodOptions + "\ngeoip /nonexistent.mmdb", want: "no such file or directory, at Caddyfile:7"},
		{name: "mode", options: goodOptions + "\nmode report dpo soon", want: "not 'soon', at Caddyfile:7"},
		{name: "assertion", options: goodOptions + "\nassertion {\nkey /nonexistent\n}", want: ", at Caddyfile:7"},
		{name: "identity header", options: goodOptions + "\nidentity auth\nidentity header", want: "as in 'from 10.0.0.0/8', at Caddyfile:8"},
		{name: "identity jwt", options: goodOptions + "\nidentity jwt http://a.test/jwks {\nissuer https://a.test\naudience a\n}", want: "use https, at Caddyfile:7"},
		{name: "approvals", options: goodOptions + "\nrequire_approvals 1 /nonexistent", want: ", at Caddyfile:7"},
		{name: "status", block: "status_to here\n" + goodBlock, want: "such as 10.0.0.0/8, at Caddyfile:11"},
		{name: "statement", block: "statement none\n" + goodBlock, want: ", at Caddyfile:11"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.site = "http://gw.test {\ntransfer_health\ntransfer {\n" + goodBlock + "\n}\n}"
			if c.block != "" {
				c.site = ""
			}
			text := c.caddyfile(t)
			first := validate(text)
			if first == nil || !strings.HasSuffix(first.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", first, c.want)
			}
			for range 5 {
				if err := validate(text); err == nil || err.Error() != first.Error() {
					t.Fatalf("once\n%v\nand once\n%v", first, err)
				}
			}
			if c.block == "" && strings.Contains(first.Error(), "http") && strings.Contains(first.Error(), "position") {
				t.Errorf("it says how Caddy came to it: %v", first)
			}
		})
	}
}

// All that is wrong is told at once, in one order.
func TestAllProblemsAtOnce(t *testing.T) {
	c := grammarCase{options: "demo\nnode gw_1 UK sparkoo-sg\nidentity header\nledger {ledger}\nidentity jwt http://a.test/k {\nissuer https://a.test\naudience a\n}\ngeoip /nonexistent.mmdb\npolicy /nonexistent"}
	err := validate(c.caddyfile(t))
	if err == nil {
		t.Fatal("it loads")
	}
	var at []string
	for line := range strings.Lines(err.Error()) {
		_, where, _ := strings.Cut(strings.TrimSpace(line), ", at ")
		at = append(at, where)
	}
	if got := strings.Join(at, " "); got != "Caddyfile:13 Caddyfile:5 Caddyfile:5 Caddyfile:6 Caddyfile:8 Caddyfile:12" {
		t.Errorf("places %s in\n%v", got, err)
	}

	c = grammarCase{options: "demo yes\nnodes a\nledger x {\nmin_free lots\n}\ngeoip"}
	if err := validate(c.caddyfile(t)); err == nil || strings.Count(err.Error(), ", at Caddyfile:") != 4 {
		t.Errorf("of four misspelt options: %v", err)
	}
}
