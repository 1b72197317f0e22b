package gateway_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// A grammar case is a Caddyfile with one thing wrong. Options and lines of the
// site's transfer block that a case leaves empty are good ones.
type grammarCase struct {
	name    string
	options string // of the global option
	block   string // of the directive
	site    string // the whole site, instead of block
	want    string // the message's end or a telling part
}

const (
	goodOptions = "demo\nnode gw-sg-1 SG sparkoo-sg\nledger {ledger}"
	goodBlock   = "activity serving\nregion ap-southeast-3 127.0.0.1:1"
)

// caddyfile writes the case out. Line numbers in messages count from here: the
// options begin on line 4, and with good options the block on line 11.
func (c grammarCase) caddyfile(t *testing.T) string {
	options, block := c.options, c.block
	if options == "" {
		options = goodOptions
	}
	if block == "" {
		block = goodBlock
	}
	site := c.site
	if site == "" {
		site = "http://gw.test {\ntransfer {\n" + block + "\n}\n}"
	}
	text := "{\nadmin off\ntransfer {\n" + options + "\n}\n}\n" + site + "\n"
	return strings.ReplaceAll(text, "{ledger}", filepath.Join(t.TempDir(), "ledger"))
}

func TestGrammarErrors(t *testing.T) {
	cases := []grammarCase{
		// the global option
		{name: "status to nobody", block: "status_to\n" + goodBlock,
			want: "status_to needs networks, as in 'status_to 10.0.0.0/8', at Caddyfile:11"},
		{name: "status to no network", block: "status_to here\n" + goodBlock,
			want: "status_to 'here' is no network: write address/length, such as 10.0.0.0/8"},
		{name: "unknown option", options: "nodes gw SG sparkoo-sg",
			want: "parsing caddyfile tokens for 'transfer': unrecognized option 'nodes'; did you mean 'node'?, at Caddyfile:4"},
		{name: "far option", options: "quux",
			want: "unrecognized option 'quux'; use one of node, policy, ledger, geoip, accept_ledger_outside, demo, identity, accounts, assertion, log_transfers, mode, operators, require_approvals, shadow, at Caddyfile:4"},
		{name: "argument of the option", site: "{\n}", options: "demo\n}\ntransfer extra {\ndemo",
			want: "at Caddyfile:"},
		{name: "option twice", options: "demo\ndemo",
			want: "'demo' is written twice, at Caddyfile:5"},
		{name: "block twice", options: goodOptions + "\n}\ntransfer {\ndemo",
			want: "the transfer option is written twice: keep all of it in one block, at Caddyfile:8"},
		{name: "node too short", options: "node gw-sg-1 SG",
			want: "2 arguments where 'node NAME COUNTRY ENTITY' is meant, at Caddyfile:4"},
		{name: "ledger without a folder", options: "ledger",
			want: "0 arguments where 'ledger FOLDER' is meant, at Caddyfile:4"},
		{name: "ledger option unknown", options: "ledger x {\nkeys y\n}",
			want: "unrecognized ledger option 'keys'; did you mean 'key'?, at Caddyfile:5"},
		{name: "ledger option twice", options: "ledger x {\nkey y\nkey z\n}",
			want: "'key' is written twice, at Caddyfile:6"},
		{name: "ledger key without a file", options: "ledger x {\nkey\n}",
			want: "0 arguments where 'key FILE' is meant, at Caddyfile:5"},
		{name: "ledger min_free", options: "ledger x {\nmin_free lots\n}",
			want: "'lots' is not a size such as 512MiB, at Caddyfile:5"},
		{name: "ledger reserve", options: "ledger x {\nreserve 0\n}",
			want: "'0' is not a size such as 512MiB, at Caddyfile:5"},
		{name: "ledger master without a secret", options: "ledger x {\nmaster\n}",
			want: "0 arguments where 'master [value] SECRET [[value] OLD]' is meant, at Caddyfile:5"},
		{name: "ledger master with three secrets", options: "ledger x {\nmaster a b c\n}",
			want: "3 arguments where 'master [value] SECRET [[value] OLD]' is meant, at Caddyfile:5"},
		{name: "ledger key_months", options: "ledger x {\nkey_months 13\n}",
			want: "'13' is not a number of months from 1 to 12, at Caddyfile:5"},
		{name: "ledger epoch_entries", options: "ledger x {\nepoch_entries 1e6\n}",
			want: "'1e6' is not a number of entries, at Caddyfile:5"},
		{name: "ledger retain without a unit", options: "ledger x {\nretain 5\n}",
			want: "1 arguments where 'retain NUMBER days|months|years' is meant, at Caddyfile:5"},
		{name: "ledger retain in another unit", options: "ledger x {\nretain 5 weeks\n}",
			want: "'5 weeks' is not a length of time such as '5 years', '18 months' or '90 days', at Caddyfile:5"},
		{name: "ledger retain for nothing", options: "ledger x {\nretain 0 days\n}",
			want: "'0 days' is not a length of time such as '5 years', '18 months' or '90 days', at Caddyfile:5"},
		{name: "ledger retain for ever", options: "ledger x {\nretain 101 years\n}",
			want: "'101 years' is more than 100 years, at Caddyfile:5"},
		{name: "ledger retain twice", options: "ledger x {\nretain 5 years\nretain 6 years\n}",
			want: "'retain' is written twice, at Caddyfile:6"},
		{name: "ledger class without a name", options: "ledger x {\nclass {\nretain 1 years\n}\n}",
			want: "0 arguments where 'class NAME' is meant, at Caddyfile:5"},
		{name: "ledger class badly named", options: "ledger x {\nclass ../up {\nretain 1 years\n}\n}",
			want: "'../up' cannot name a class: a letter and at most 31 small letters, digits and hyphens, at Caddyfile:5"},
		{name: "ledger class named as the default one", options: "ledger x {\nclass default {\nretain 1 years\n}\n}",
			want: "'default' is the class of what belongs to no other, at Caddyfile:5"},
		{name: "ledger class without a time", options: "ledger x {\nclass help {\nactivities support\n}\n}",
			want: "the class 'help' says nothing else than the ledger: write how long it keeps records, as in 'retain 18 months', at Caddyfile:7"},
		{name: "ledger class without activities", options: "ledger x {\nclass help {\nactivities\n}\n}",
			want: "wrong argument count or unexpected line ending after 'activities', at Caddyfile:6"},
		{name: "ledger class option twice", options: "ledger x {\nclass help {\nretain 1 years\nretain 2 years\n}\n}",
			want: "'retain' is written twice, at Caddyfile:7"},
		{name: "ledger class option unknown", options: "ledger x {\nclass help {\nactivity support\n}\n}",
			want: "unrecognized option 'activity' of a ledger's class; did you mean 'activities'?, at Caddyfile:6"},
		{name: "ledger class with another time", options: "ledger x {\nclass help {\nretain 1 day or two\n}\n}",
			want: "4 arguments where 'retain NUMBER days|months|years' is meant, at Caddyfile:6"},
		{name: "ledger class twice", options: goodOptions + " {\nclass help {\nretain 1 years\n}\nclass help {\nretain 2 years\n}\n}",
			want: "the ledger's class 'help' is written twice"},
		{name: "activity in two classes", options: goodOptions + " {\nclass a {\nactivities support\nretain 1 years\n}\nclass b {\nactivities support\nretain 2 years\n}\n}",
			want: "activity 'support' belongs to the ledger's classes 'a' and 'b': its records can lie in one only"},
		{name: "unknown activity in a class", options: goodOptions + " {\nclass a {\nactivities suport\nretain 1 years\n}\n}",
			want: "activity 'suport' of the ledger's class 'a' is not in the policy; did you mean 'support'?"},
		{name: "policy with two folders", options: "policy a b",
			want: "2 arguments where 'policy FOLDER' is meant, at Caddyfile:4"},
		{name: "geoip without a file", options: "geoip",
			want: "0 arguments where 'geoip embedded|FILE' is meant, at Caddyfile:4"},
		{name: "demo with an argument", options: "demo yes",
			want: "1 arguments where 'demo' is meant, at Caddyfile:4"},
		{name: "accept with an argument", options: "accept_ledger_outside yes",
			want: "1 arguments where 'accept_ledger_outside' is meant, at Caddyfile:4"},
		{name: "mode without an end", options: "mode report dpo@example.test",
			want: "mode is 'enforce', or 'report OWNER YYYY-MM-DD' with who answers for it and the day it ends, at Caddyfile:4"},
		{name: "mode unknown", options: "mode audit",
			want: "mode is 'enforce', or 'report OWNER YYYY-MM-DD' with who answers for it and the day it ends, at Caddyfile:4"},
		{name: "identity without a source", options: "identity",
			want: "identity needs a source, as in 'identity file accounts.ndjson' or 'identity header', at Caddyfile:4"},
		{name: "identity unknown", options: "identity telepathy",
			want: "getting module named 'transfer.identity.telepathy': module not registered: transfer.identity.telepathy, at Caddyfile:4"},
		{name: "accounts unknown", options: "accounts ldap",
			want: "getting module named 'transfer.accounts.ldap': module not registered: transfer.accounts.ldap, at Caddyfile:4"},
		{name: "accounts without a path", options: "accounts file",
			want: "accounts file takes one path, as in 'accounts file /etc/transfergate/accounts.ndjson', at Caddyfile:4"},
		{name: "identity header unknown word", options: "identity header {\nfields X\n}",
			want: "unrecognized option 'fields' of identity header; use one of from, country_field, account_field, staff_entity_field, staff_country_field, staff_id_field, ticket_field, access_reason_field, approval_field, reference_field, at Caddyfile:5"},
		{name: "identity header field twice", options: "identity header {\ncountry_field A\ncountry_field B\n}",
			want: "'country_field' is written twice, at Caddyfile:6"},
		{name: "identity header field without a name", options: "identity header {\ncountry_field\n}",
			want: "wrong argument count or unexpected line ending after 'country_field', at Caddyfile:5"},
		{name: "identity auth unknown word", options: "identity auth {\nname x\n}",
			want: "unrecognized option 'name' of identity auth; use one of country, account, staff_entity, staff_country, ticket, access_reason, approval, at Caddyfile:5"},
		{name: "identity auth twice", options: "identity auth {\naccount a\naccount b\n}",
			want: "'account' is written twice, at Caddyfile:6"},

		{name: "assertion with an argument", options: "assertion https://gw.test",
			want: "wrong argument count or unexpected line ending after 'https://gw.test', at Caddyfile:4"},
		{name: "assertion unknown word", options: "assertion {\nissuers x\n}",
			want: "unrecognized option 'issuers' of assertion; did you mean 'issuer'?, at Caddyfile:5"},
		{name: "assertion word twice", options: "assertion {\nper_request\nper_request\n}",
			want: "'per_request' is written twice, at Caddyfile:6"},
		{name: "assertion twice", options: "assertion {\nissuer https://gw.test\n}\nassertion {\nissuer https://gw.test\n}",
			want: "'assertion' is written twice, at Caddyfile:7"},
		{name: "assertion issuer missing", options: "assertion {\nissuer\n}",
			want: "0 arguments where 'issuer URL' is meant, at Caddyfile:5"},
		{name: "assertion key missing", options: "assertion {\nkey\n}",
			want: "0 arguments where 'key [value] SECRET' is meant, at Caddyfile:5"},
		{name: "assertion subject key missing", options: "assertion {\nsubject_key\n}",
			want: "0 arguments where 'subject_key [value] SECRET' is meant, at Caddyfile:5"},
		{name: "assertion algorithm missing", options: "assertion {\nalgorithm\n}",
			want: "0 arguments where 'algorithm EdDSA|ES256' is meant, at Caddyfile:5"},
		{name: "assertion algorithm unknown", options: "assertion {\nalgorithm HS256\n}",
			want: "algorithm 'HS256' cannot sign assertions; use one of EdDSA, ES256, at Caddyfile:5"},
		{name: "assertion lifetime missing", options: "assertion {\nlifetime\n}",
			want: "0 arguments where 'lifetime DURATION' is meant, at Caddyfile:5"},
		{name: "assertion lifetime too long", options: "assertion {\nlifetime 61s\n}",
			want: "lifetime '61s' is not in whole seconds from 1s to 60s, at Caddyfile:5"},
		{name: "assertion lifetime not whole", options: "assertion {\nlifetime 1500ms\n}",
			want: "lifetime '1500ms' is not in whole seconds from 1s to 60s, at Caddyfile:5"},
		{name: "assertion lifetime no duration", options: "assertion {\nlifetime soon\n}",
			want: "lifetime 'soon' is not in whole seconds from 1s to 60s, at Caddyfile:5"},
		{name: "assertion per request with an argument", options: "assertion {\nper_request yes\n}",
			want: "1 arguments where 'per_request' is meant, at Caddyfile:5"},
		{name: "key set with a wildcard", site: "http://gw.test {\ntransfer_jwks /keys/*\n}",
			want: "transfer_jwks takes one path without wildcards, as in 'transfer_jwks /.well-known/transfergate/jwks.json', not '/keys/*', at Caddyfile:10"},
		{name: "key set with a matcher", site: "http://gw.test {\n@k path /k\ntransfer_jwks @k\n}",
			want: "transfer_jwks takes one path without wildcards, as in 'transfer_jwks /.well-known/transfergate/jwks.json', not '@k', at Caddyfile:11"},
		{name: "key set with two paths", site: "http://gw.test {\ntransfer_jwks /a /b\n}",
			want: "wrong argument count or unexpected line ending after '/b', at Caddyfile:10"},
		{name: "key set with a block", site: "http://gw.test {\ntransfer_jwks {\nx\n}\n}",
			want: "wrong argument count or unexpected line ending after 'x', at Caddyfile:11"},
		{name: "key set without assertion", site: "http://gw.test {\ntransfer_jwks\n}",
			want: "transfer_jwks has no keys to serve: the global option 'transfer' has no 'assertion'"},

		// the directive
		{name: "unknown subdirective", block: "activty serving",
			want: "unrecognized subdirective 'activty'; did you mean 'activity'?, at Caddyfile:11"},
		{name: "matcher inside the directive", block: "@objects path /v1/objects/*\nactivity storage @objects",
			want: "the matcher '@objects' stands inside 'transfer': define it in the site, outside of this block, and name it here, as in 'activity storage @objects', at Caddyfile:11"},
		{name: "argument of the directive", site: "http://gw.test {\ntransfer now {\n" + goodBlock + "\n}\n}",
			want: "wrong argument count or unexpected line ending after 'now', at Caddyfile:10"},
		{name: "activity without a name", block: "activity",
			want: "activity needs a name of the policy, as in 'activity storage @objects', at Caddyfile:11"},
		{name: "activity with a word for a matcher", block: "activity serving objects",
			want: "'objects' is no matcher: write @name, /path or *, at Caddyfile:11"},
		{name: "activity with an unknown matcher", block: "activity serving @objects",
			want: "unrecognized matcher name: @objects, at Caddyfile:11"},
		{name: "activity with two matchers", block: "activity serving /a /b",
			want: "wrong argument count or unexpected line ending after '/b', at Caddyfile:11"},
		{name: "activity with an unknown option", block: "activity serving {\nsockets\n}",
			want: "unrecognized option 'sockets' of an activity; there is only 'websocket', at Caddyfile:12"},
		{name: "region without a code", block: "region",
			want: "region needs a code of the policy, as in 'region ap-southeast-3 https://sg-1.internal', at Caddyfile:11"},
		{name: "region without upstreams", block: "region ap-southeast-3",
			want: "region 'ap-southeast-3' is empty: name upstreams, or write a block with a reverse_proxy, at Caddyfile:11"},
		{name: "region with an empty block", block: "region ap-southeast-3 {\n}",
			want: "region 'ap-southeast-3' is empty: name upstreams, or write a block with a reverse_proxy, at Caddyfile:11"},
		{name: "region with both", block: "region ap-southeast-3 127.0.0.1:1 {\nreverse_proxy 127.0.0.1:1\n}",
			want: "region 'ap-southeast-3' has upstreams and a block: write one of the two, at Caddyfile:11"},
		{name: "other_upstreams without a reason", block: "other_upstreams 127.0.0.1:1",
			want: `other_upstreams needs addresses and a reason, as in 'other_upstreams auth.internal:9091 "forward_auth sees no body"', at Caddyfile:11`},

		// what only the policy or the machine can tell
		{name: "no node", options: "ledger {ledger}\ndemo",
			want: "no node: say where this gateway stands, as in 'node gw-sg-1 SG sparkoo-sg'"},
		{name: "node name", options: "demo\nledger {ledger}\nnode gw_1 SG sparkoo-sg",
			want: "node name 'gw_1' is not a token of letters, digits and '-': it stands in header fields"},
		{name: "node country", options: "demo\nledger {ledger}\nnode gw-1 sg sparkoo-sg",
			want: "node country 'sg' is not an ISO 3166-1 alpha-2 code"},
		{name: "node entity", options: "demo\nledger {ledger}\nnode gw-1 SG sparkoo",
			want: "node entity 'sparkoo' is neither a controller nor a recipient of the policy"},
		{name: "no ledger", options: "demo\nnode gw-sg-1 SG sparkoo-sg",
			want: "no ledger: name the folder transfers are recorded in, as in 'ledger /var/lib/transfergate/ledger'"},
		{name: "ledger outside Singapore", options: "demo\nnode gw-za-1 ZA sparkoo-za\nledger {ledger}",
			want: "the ledger of node 'gw-za-1' would stand in ZA, but records are stored in SG (§9); write 'ship s3 URL BUCKET' in the ledger's block to bring them there, or 'accept_ledger_outside' if it is only a buffer"},
		{name: "report mode without a date", options: goodOptions + "\nmode report dpo soon",
			want: "report mode needs the day it ends as YYYY-MM-DD, not 'soon'"},
		{name: "policy folder missing", options: goodOptions + "\npolicy /nonexistent",
			want: "loading the policy: "},
		{name: "geoip file missing", options: goodOptions + "\ngeoip /nonexistent.mmdb",
			want: "geoip: "},
		{name: "accounts file missing", options: goodOptions + "\naccounts file /nonexistent.ndjson",
			want: "/nonexistent.ndjson"},
		{name: "identity header believes nobody", options: goodOptions + "\nidentity header",
			want: "identity header believes nobody: name the proxies in front, as in 'from 10.0.0.0/8'"},
		{name: "identity header peer", options: goodOptions + "\nidentity header {\nfrom everywhere\n}",
			want: "identity header: 'everywhere' is neither an address nor a CIDR block"},
		{name: "identity header field name", options: goodOptions + "\nidentity header {\nfrom ::1\ncountry_field Registered_Country\n}",
			want: "identity header: 'Registered_Country' is no field name that reaches the gateway; use letters, digits and '-'"},
		{name: "no activity", block: "region ap-southeast-3 127.0.0.1:1",
			want: "a site without an activity answers nothing: map requests to activities, as in 'activity serving'"},
		{name: "activity not in the policy", block: "activity servng\nregion ap-southeast-3 127.0.0.1:1",
			want: "activity 'servng' is not in the policy; did you mean 'serving'?, at Caddyfile:11"},
		{name: "activity never reached", block: "activity serving\nactivity storage /o/*\nregion ap-southeast-3 127.0.0.1:1",
			want: "activity 'storage' is never reached: one before it matches every request, at Caddyfile:12"},
		{name: "region not in the policy", block: "activity serving\nregion ap-southeast-33 127.0.0.1:1",
			want: "region 'ap-southeast-33': not in the policy; did you mean 'ap-southeast-3'?, at Caddyfile:12"},
		{name: "region twice", block: goodBlock + "\nregion ap-southeast-3 127.0.0.1:2",
			want: "region 'ap-southeast-3': declared twice: name all its upstreams in one place, at Caddyfile:13"},
		{name: "storage without its region", block: "activity storage\nregion sa-brazil-1 127.0.0.1:1",
			want: "activity 'storage' stores in ap-southeast-3 (§9), and no region block says how to reach it, at Caddyfile:11"},
		{name: "no region", block: "activity serving",
			want: "a site without a region answers nothing: say how to reach one, as in 'region ap-southeast-3 https://sg-1.example.com'"},
		{name: "health with an argument", site: "http://gw.test {\ntransfer_health now\n}",
			want: "wrong argument count or unexpected line ending after 'now', at Caddyfile:10"},
		{name: "matcher without words", site: "http://gw.test {\n@m transfer_country\nrespond @m ok\n}",
			want: "wrong argument count or unexpected line ending after 'transfer_country', at Caddyfile:10"},
		{name: "matcher with an unknown country", site: "http://gw.test {\n@m transfer_country UK\nrespond @m ok\n}",
			want: "country 'UK' is not an ISO 3166-1 alpha-2 code"},
		{name: "matcher with an unknown controller", site: "http://gw.test {\n@m transfer_controller sparkoo\nrespond @m ok\n}",
			want: "controller 'sparkoo' is not in the policy"},
		{name: "matcher with an unknown region", site: "http://gw.test {\nintercept {\nhandle_response {\n@m transfer_region moon\nrespond @m ok\n}\n}\n}",
			want: "region 'moon' is not in the policy"},
		{name: "matcher with an unknown outcome", site: "http://gw.test {\nintercept {\nhandle_response {\n@m transfer_outcome maybe\nrespond @m ok\n}\n}\n}",
			want: "unknown outcome 'maybe'; use one of allowed, denied, failed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := validate(c.caddyfile(t))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestGoodGrammar(t *testing.T) {
	for name, c := range map[string]grammarCase{
		"shortest":                 {},
		"region block":             {block: "activity storage /o/* {\nwebsocket\n}\nactivity serving *\nregion ap-southeast-3 {\nreverse_proxy 127.0.0.1:1 127.0.0.1:2 {\nhealth_uri /healthz\nhealth_fails 100\n}\n}"},
		"region block with a name": {block: "@r path /r/*\nactivity serving\nregion ap-southeast-3 {\n@h header X y\nreverse_proxy @h 127.0.0.1:1\nreverse_proxy 127.0.0.1:2\n}"},
		"enforce":                  {options: goodOptions + "\nmode enforce"},
		"report":                   {options: goodOptions + "\nmode report dpo@example.test 2027-01-31"},
		"two identity sources":     {options: goodOptions + "\nidentity auth\nidentity header {\nfrom 10.0.0.0/8 ::1\n}"},
		"private networks":         {options: goodOptions + "\nidentity header {\nfrom private_ranges 192.0.2.7\n}", block: goodBlock + "\nstatus_to private_ranges 192.0.2.7"},
		"assertion":                {options: goodOptions + "\nassertion {\nissuer https://gw.test\nalgorithm ES256\nlifetime 1m\nper_request\n}"},
		"ledger options":           {options: "demo\nnode gw-sg-1 SG sparkoo-sg\nledger {ledger} {\nmin_free 1MiB\nreserve 2GiB\nepoch_entries 1000000\nkey_months 3\n}"},
		"buffer outside":           {options: "demo\nnode gw-za-1 ZA sparkoo-za\nledger {ledger}\naccept_ledger_outside"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "region block with a name" {
				c.site = "http://gw.test {\ntransfer {\nactivity serving\nregion ap-southeast-3 {\n@h header X y\nreverse_proxy @h 127.0.0.1:1\nreverse_proxy 127.0.0.1:2\n}\n}\n}"
			}
			if err := validate(c.caddyfile(t)); err != nil {
				t.Error(err)
			}
		})
	}
}
