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

	// What can be told only once it is provisioned, in one order.
	c = grammarCase{options: goodOptions + "\nidentity header {\nfrom a\ncountry_field \"a b\"\naccount_field \"c d\"\nreference_field \"e f\"\n}"}
	text := c.caddyfile(t)
	first := validate(text)
	if first == nil || strings.Count(first.Error(), "\n") != 3 {
		t.Errorf("of four values: %v", first)
	}
	for range 5 {
		if err := validate(text); err == nil || err.Error() != first.Error() {
			t.Fatalf("once\n%v\nand once\n%v", first, err)
		}
	}

	// Blocks, of guests and of a site.
	for _, c := range []struct {
		text  grammarCase
		lines []string // of what is wrong, in this order
	}{
		{grammarCase{options: goodOptions + "\nidentity header {\nform a\nfrom\ncountry_field\n}\nidentity jwt {\nleeway x\nfrom a\nissuer\nissuer b\n}"}, []string{"8", "9", "10", "13", "14", "15", "16"}},
		{grammarCase{options: goodOptions + "\nidentity auth {\nx\naccount\n}\nidentity certificate {\nca\nstaff a\nsubject a\n}"}, []string{"8", "9", "12", "13", "14"}},
		{grammarCase{options: goodOptions + "\naccounts http https://a.test {\ntimout 1s\nrefresh x\nentries x\nca\n}\nassertion {\nlifetime x\nkeys\n}"}, []string{"8", "9", "10", "11", "14", "15"}},
		{grammarCase{options: "demo {\nfoo\n}\nnode a SG sparkoo-sg {\nx\n}\nledger {ledger} {\nkey\nmin_free x\nclass a {\nretain\nb\n}\nfoo\n}"}, []string{"4", "7", "11", "12", "14", "15", "17"}},
		{grammarCase{block: "activty a\nactivity serving {\nx\n}\nregion\nregion x a {\n}\nstatus_to\nstatement\nstatement a\n@a path /\ndenial_page\nother_upstreams x\nlog_personal_data\nlog_personal_data a b\nregion ap-southeast-3 {\nreverse_proxy {\nx\n}\n}"},
			[]string{"11", "13", "15", "18", "19", "20", "21", "22", "23", "24", "25", "28"}},
	} {
		err := validate(c.text.caddyfile(t))
		if err == nil {
			t.Errorf("it loads:\n%s", c.text.caddyfile(t))
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(c.lines) {
			t.Errorf("%d problems, want those of %v:\n%v", len(lines), c.lines, err)
			continue
		}
		for i, line := range lines {
			if !strings.Contains(line, ", at Caddyfile:"+c.lines[i]) {
				t.Errorf("the problem of line %s: %s", c.lines[i], line)
			}
		}
	}
}

// What the policy and the rules of a site do not allow is told of all sites at once, with
// its place, whichever site Caddy comes to first.
func TestProblemsOfAllSites(t *testing.T) {
	c := grammarCase{site: `http://one.test:8081 {
	@q query a=b
	transfer {
		activity servin
		activity suport @q
		region sa-brazil-9 http://127.0.0.1:1
		region ap-southeast-8 http://127.0.0.1:1
		status_to here
		statement foo
		denial_page /nonexistent
	}
}
http://two.test:8082 {
	transfer {
		activity storge
		region ap-southeast-7 http://127.0.0.1:1
	}
}
http://three.test:8083 {
	transfer {
		` + strings.ReplaceAll(goodBlock, "\n", "\n\t\t") + `
	}
}`}
	text := c.caddyfile(t)
	first := ""
	for range 12 {
		err := validate(text)
		if err == nil {
			t.Fatal("it loads")
		}
		_, problems, _ := strings.Cut(err.Error(), "provision http.handlers.transfer: ") // what stands before it is Caddy's
		if first == "" {
			first = problems
		}
		if problems != first {
			t.Fatalf("once\n%s\nand once\n%s", first, problems)
		}
	}
	var at []string
	for line := range strings.Lines(first) {
		_, where, _ := strings.Cut(strings.TrimSpace(line), ", at Caddyfile:")
		at = append(at, where)
	}
	if got := strings.Join(at, " "); got != "17 16 18 12 13 13 14 15 23 24" {
		t.Errorf("lines %s of\n%s", got, first)
	}
	if strings.Contains(first, "three") {
		t.Errorf("a sound site is told of:\n%s", first)
	}

	// Side doors too: each site with each of its handlers.
	c = grammarCase{site: `http://one.test {
	handle /a {
		reverse_proxy evil.test:80
	}
	handle /b {
		php_fastcgi evil.test:9000
	}
	transfer {
		` + goodBlock + `
	}
}
http://two.test {
	header Data-Controller x
	transfer {
		` + goodBlock + `
	}
}`}
	err := validate(c.caddyfile(t))
	if err == nil {
		t.Fatal("it loads")
	}
	for _, want := range []string{"site 'one.test'", "evil.test:80", "evil.test:9000", "site 'two.test'", "Data-Controller"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in\n%v", want, err)
		}
	}
}
