package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sparkoo/transfergate/config"
)

// small reads testdata/small, a policy without fault, into memory.
func small(t testing.TB) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{}
	names, err := filepath.Glob("testdata/small/*.yaml")
	if err != nil || len(names) != 8 {
		t.Fatalf("testdata/small has %d registers (%v), want 8", len(names), err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fsys[filepath.Base(name)] = &fstest.MapFile{Data: data}
	}
	return fsys
}

// edit replaces the first old in a file, or the whole file when old is empty.
func edit(t testing.TB, fsys fstest.MapFS, file, old, new string) {
	t.Helper()
	text := string(fsys[file].Data)
	if old == "" {
		text, old = "", ""
	} else if !strings.Contains(text, old) {
		t.Fatalf("%s does not hold %q", file, old)
	}
	fsys[file] = &fstest.MapFile{Data: []byte(strings.Replace(text, old, new, 1))}
}

// TestProblems spoils the small policy in one way each and compares the whole
// error. Lines and columns count from 1 in testdata/small.
func TestProblems(t *testing.T) {
	const (
		st = "statement.yaml"
		co = "controllers.yaml"
		la = "laws.yaml"
		re = "regions.yaml"
		rc = "recipients.yaml"
		ac = "activities.yaml"
		sa = "safeguards.yaml"
	)
	for _, test := range []struct {
		name, file, old, new string
		want                 string // lines of the error, without "p/"
	}{
		// The file.
		{"empty file", la, "", "",
			"laws.yaml:1:1: the file is empty; write the register, or take the default one"},
		{"only comments", la, "", "# nothing\n",
			"laws.yaml:1:1: the file is empty; write the register, or take the default one"},
		{"second document", ac, "", "activities: []\n---\nactivities: []\n",
			"activities.yaml:2:1: the file holds a second document; keep one document in a file"},
		{"anchor", co, "serves: [BR, PT]", "serves: &s [BR, PT]",
			"controllers.yaml:6:13: anchor &s is not read; leave it out"},
		{"alias", co, "serves: [BR, PT]", "serves: [&s BR, *s]",
			"controllers.yaml:6:14: anchor &s is not read; leave it out\n" +
				"controllers.yaml:6:21: alias *s is not read; write the value out"},
		{"tag", co, "name: One", "name: !secret One",
			"controllers.yaml:3:11: tag !secret is not read; leave it out"},
		{"enormous text", co, "name: One", "name: " + strings.Repeat("x", 4097),
			"controllers.yaml:3:11: a text of 4097 bytes is too long; write at most 4096"},
		{"enormous name", sa, "id: br-group", "id: " + strings.Repeat("x", 129),
			"safeguards.yaml:2:9: a name of 129 bytes is too long; write at most 128"},

		// Keys.
		{"unknown key, one near", co, "    rights_portal:", "    right_portal:",
			`controllers.yaml:7:5: unknown key "right_portal" in controller; did you mean 'rights_portal'?`},
		{"unknown key, none near", co, "    rights_portal:", "    zzz:",
			`controllers.yaml:7:5: unknown key "zzz" in controller; use one of id, name, address, country, serves, default, role, owned_by, dpo, rights_portal, email, representatives, authority`},
		{"unknown key of a register", re, "regions:", "extra: 1\nregions:",
			`regions.yaml:1:1: unknown key "extra" in register; there is only 'regions'`},
		{"unknown category", st, "  1l:", "  1m: {title: M, dpv: [pd:Name]}\n  1l:",
			`statement.yaml:38:3: unknown key "1m" in category list; use one of 1a, 1b, 1c, 1d, 1e, 1f, 1g, 1h, 1i, 1j, 1k, 1l`},
		{"duplicate key", co, "    country: BR", "    country: BR\n    country: BR",
			`controllers.yaml:6:5: key "country" stands twice in controller, first on line 5; keep one`},
		{"missing key", co, "    name: One\n", "",
			`controllers.yaml:2:5: controller without "name"; add it`},
		{"missing key of a register", re, "", "{}",
			`regions.yaml:1:1: register without "regions"; add it`},
		{"missing default statement", st, "default: main\n", "",
			`statement.yaml:1:1: register without "default"; add it`},
		{"missing clauses", st, "clauses:\n  §1:", "claws:\n  §1:",
			`statement.yaml:1:1: register without "clauses"; add it` + "\n" +
				`statement.yaml:52:1: unknown key "claws" in register; use one of precedence, default, versions, prefixes, categories, purposes, legal_bases, clauses, sentences, digest_of, digests`},
		{"missing date of a version", st, "    valid_from: 2026-01-01\n", "",
			`statement.yaml:10:5: version without "valid_from"; add it` + "\n" +
				`statement.yaml:10:9: statement versions "2023-11-21" and "2026-01-01" are in force at one time; end the earlier with valid_until where the later begins`},
		{"missing purpose", st, "  2g: {title: G, dpv: [dpv:Purpose]}\n", "",
			`statement.yaml:40:3: purpose list without "2g"; add it`},

		// Shapes and texts.
		{"empty text", co, "name: One", `name: ""`,
			`controllers.yaml:3:11: "name" of controller is empty; fill it in`},
		{"null", co, "name: One", "name:",
			`controllers.yaml:3:10: "name" of controller is empty; fill it in`},
		{"blank text", co, "name: One", `name: "  "`,
			`controllers.yaml:3:11: "name" of controller is empty; fill it in`},
		{"empty entry", la, "countries: [BR]", `countries: [BR, ""]`,
			`laws.yaml:9:21: "countries" of law is empty; fill it in`},
		{"empty list", la, "countries: [BR]", "countries: []",
			`laws.yaml:9:16: "countries" of law is empty; fill it in`},
		{"list for a text", co, "name: One", "name: [One]",
			`controllers.yaml:3:11: "name" must be one value, not a list or mapping; write name: text`},
		{"number for a text", co, "name: One", "name: 12",
			`controllers.yaml:3:11: "name" must be text, not 12; put it in quotes`},
		{"line break in a text", co, "name: One", `name: "One\r\nTwo"`,
			`controllers.yaml:3:11: "name" holds "One\r\nTwo", which has blanks around it or letters that do not print; write one plain line`},
		{"blanks around a text", co, "name: One", `name: " One"`,
			`controllers.yaml:3:11: "name" holds " One", which has blanks around it or letters that do not print; write one plain line`},
		{"right-to-left override in a text", co, "name: One", `name: "One\u202E"`,
			`controllers.yaml:3:11: "name" holds "One\u202e", which has blanks around it or letters that do not print; write one plain line`},
		{"text for a list", co, "serves: [BR, PT]", "serves: BR",
			`controllers.yaml:6:13: "serves" must be a list; write serves: [A, B]`},
		{"text for a register", re, "", "regions",
			"regions.yaml:1:1: register must be a mapping; write key: value lines"},
		{"text for a row", la, "", "laws: [br]",
			"laws.yaml:1:8: law must be a mapping; write key: value lines"},
		{"mapping for rows", la, "", "laws: {}",
			`laws.yaml:1:7: "laws" must be a list with at least one law; start each with a dash`},
		{"duplicate item", la, "countries: [BR]", "countries: [BR, BR]",
			`laws.yaml:9:21: "BR" stands twice in "countries", first on line 9; keep one`},
		{"flag", sa, "example: true", "example: yes",
			`safeguards.yaml:28:14: "example" is "yes", neither true nor false; write true or false`},
		{"quoted flag", co, "default: true", `default: "true"`,
			`controllers.yaml:13:14: "default" is "true", neither true nor false; write true or false`},

		// Sets.
		{"omitted set", sa, "    countries: [SG]\n", "",
			`safeguards.yaml:2:5: safeguard with no "countries" matches nothing; list them, or say any if you mean it`},
		{"empty set", sa, "countries: [SG]", "countries: []",
			`safeguards.yaml:7:16: safeguard with no "countries" matches nothing; list them, or say any if you mean it`},
		{"null set", sa, "countries: [SG]", "countries:",
			`safeguards.yaml:7:15: safeguard with no "countries" matches nothing; list them, or say any if you mean it`},
		{"text for a set", sa, "countries: [SG]", "countries: SG",
			`safeguards.yaml:7:16: "countries" must be a list or the word any, not "SG"; write countries: [A, B]`},
		{"any in a list", sa, "countries: [SG]", "countries: [SG, any]",
			`safeguards.yaml:7:21: the word any stands in the list "countries"; write countries: any, without brackets`},

		// Values.
		{"id that is no token", ac, "id: storage", "id: 1st",
			`activities.yaml:2:9: "1st" is not an RFC 9651 token; use letters, digits and hyphens, and begin with a letter`},
		{"id with a blank", re, "code: west-1", "code: west 1",
			`regions.yaml:10:11: "west 1" is not an RFC 9651 token; use letters, digits and hyphens, and begin with a letter`},
		{"kept id", rc, "id: help-cn", "id: unlisted",
			`recipients.yaml:7:9: id "unlisted" is kept for contracting parties the registers do not know; take another` + "\n" +
				`safeguards.yaml:21:18: unknown controller or recipient "help-cn"; use one of one-br, one-sg, unlisted`},
		{"unknown word, one near", la, "default: prohibited", "default: prohibted",
			`laws.yaml:10:14: "default" has the unknown value "prohibted"; did you mean 'prohibited'?`},
		{"unknown word, none near", ac, "categories: [1a]", "categories: [1m]",
			`activities.yaml:6:18: "categories" has the unknown value "1m"; use one of 1a, 1b, 1c, 1d, 1e, 1f, 1g, 1h, 1i, 1j, 1k, 1l`},
		{"unknown purpose", ac, "purposes: [2a]", "purposes: [2h]",
			`activities.yaml:5:16: "purposes" has the unknown value "2h"; use one of 2a, 2b, 2c, 2d, 2e, 2f, 2g`},
		{"any for an activity's purposes", ac, "purposes: [2a]", "purposes: any",
			`activities.yaml:5:15: "purposes" must be a list; write purposes: [A, B]`},
		{"unknown legal basis", ac, "legal_basis: 2-basis(a)", "legal_basis: 2-basis(e)",
			`activities.yaml:7:18: "legal_basis" has the unknown value "2-basis(e)"; use one of 2-basis(a), 2-basis(b), 2-basis(c), 2-basis(d)`},
		{"unknown kind in a set", sa, "kinds: [9-operator]", "kinds: [4e]",
			`safeguards.yaml:10:13: "kinds" has the unknown value "4e"; use one of 9-operator, 9-partner, 4a, 4b, 4c, 4d`},
		{"country UK", la, "countries: [BR]", "countries: [UK]",
			`laws.yaml:9:17: "UK" is not an ISO 3166-1 alpha-2 code; write GB`},
		{"country EL", sa, "countries: [SG]", "countries: [EL]",
			`safeguards.yaml:7:17: "EL" is not an ISO 3166-1 alpha-2 code; write GR`},
		{"country in lower case", re, "near: [BR]", "near: [br]",
			`regions.yaml:14:12: "br" is not an ISO 3166-1 alpha-2 code; write BR`},
		{"country alpha-3", co, "country: BR", "country: BRA",
			`controllers.yaml:5:14: "BRA" is not an ISO 3166-1 alpha-2 code; use the two capital letters of that standard`},
		{"country user-assigned", rc, "country: CN", "country: XX",
			`recipients.yaml:9:14: "XX" is not an ISO 3166-1 alpha-2 code; use the two capital letters of that standard`},
		{"served country", co, "serves: [BR, PT]", "serves: [BR, EU]",
			`controllers.yaml:6:18: "EU" is not an ISO 3166-1 alpha-2 code; use the two capital letters of that standard`},
		{"link", co, "https://example.com/rights", "http://example.com/rights",
			`controllers.yaml:7:20: "rights_portal" is "http://example.com/rights", not an https address; write https://host/path`},
		{"link with a password", st, "url: https://", "url: https://a:b@",
			`statement.yaml:7:10: "url" holds an @, so perhaps a password; write https://host/path`},
		{"e-mail", co, "dpo@example.com", "Dpo <dpo@example.com>",
			`controllers.yaml:8:12: "email" is "Dpo <dpo@example.com>", not an e-mail address; write name@host`},
		{"host with a wildcard", re, "[.west.example.com]", `["*.west.example.com"]`,
			`regions.yaml:15:13: "*.west.example.com" is no host name or suffix; write host.example, or .host.example for every name below it, in lower case`},
		{"host with a port", re, "[.west.example.com]", `["west.example.com:443"]`,
			`regions.yaml:15:13: "west.example.com:443" is no host name or suffix; write host.example, or .host.example for every name below it, in lower case`},
		{"network without a length", re, "10.0.0.0/8", "10.0.0.0",
			`regions.yaml:9:16: "10.0.0.0" is not a network; write address/length, such as 10.0.0.0/8`},
		{"network with host bits", re, "10.0.0.0/8", "10.1.2.3/8",
			`regions.yaml:9:16: network "10.1.2.3/8" has address bits beyond its length; write 10.0.0.0/8`},
		{"digest", st, "sha256: e3b0", "sha256: E3B0",
			`statement.yaml:15:13: "E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" is not a SHA-256; write 64 lower-case hexadecimal digits`},
		{"clause", st, "  §9: Storage", "  §9: Storage\n  9: Storage",
			`statement.yaml:57:3: "9" is not a clause; write it as §9 or §4(c)`},
		{"clause twice", st, "  §9: Storage", "  §9: Storage\n  §9: Storage",
			`statement.yaml:57:3: key "§9" stands twice in clause list, first on line 56; keep one`},

		// Dates.
		{"date", sa, "valid_from: 2026-01-01", "valid_from: 2026-02-30",
			`safeguards.yaml:13:17: "2026-02-30" is not a date; write 2026-12-01, 2026-12-01 America/Santiago, or RFC 3339`},
		{"inverted dates", sa, "valid_until: 2027-01-01", "valid_until: 2025-01-01",
			`safeguards.yaml:14:18: valid_until 2025-01-01 is not after valid_from 2026-01-01; swap or mend them`},
		{"equal dates", sa, "valid_until: 2027-01-01", "valid_until: 2026-01-01",
			`safeguards.yaml:14:18: valid_until 2026-01-01 is not after valid_from 2026-01-01; swap or mend them`},
		{"zone behind a date", sa, "valid_from: 2026-01-01", "valid_from: 2026-01-01 America/Nowhere",
			`safeguards.yaml:13:17: unknown time zone "America/Nowhere"; use a name of the tz database, such as America/Santiago`},
		{"zone of a row", sa, "zone: America/Sao_Paulo", "zone: Local",
			`safeguards.yaml:15:11: unknown time zone "Local"; use a name of the tz database, such as America/Santiago`},
		{"midnight that is skipped", sa, "valid_from: 2026-01-01", "valid_from: 2026-09-06 America/Santiago",
			`safeguards.yaml:13:17: 2026-09-06 has no single 00:00 in America/Santiago; write the moment in RFC 3339`},
		{"midnight that comes twice", sa, "valid_from: 2026-01-01", "valid_from: 2025-11-02 America/Havana",
			`safeguards.yaml:13:17: 2025-11-02 has no single 00:00 in America/Havana; write the moment in RFC 3339`},

		// Rows against each other.
		{"duplicate controller", co, "id: one-sg", "id: one-br",
			`controllers.yaml:9:9: controller "one-br" stands twice, first on line 2; give each its own id` + "\n" +
				`recipients.yaml:2:5: recipient without "country"; add it` + "\n" +
				`recipients.yaml:2:5: recipient without "name"; add it`},
		{"duplicate region", re, "code: west-1", "code: east-1",
			`regions.yaml:10:11: region "east-1" stands twice, first on line 2; give each its own id`},
		{"duplicate recipient", rc, "id: one-br", "id: one-sg",
			`recipients.yaml:4:9: recipient "one-sg" stands twice, first on line 2; give each its own id` + "\n" +
				`regions.yaml:13:15: unknown recipient "one-br"; did you mean 'one-sg'?`},
		{"duplicate activity", ac, "id: support", "id: storage",
			`activities.yaml:10:9: activity "storage" stands twice, first on line 2; give each its own id`},
		{"duplicate safeguard", sa, "id: sg-support", "id: br-group",
			`safeguards.yaml:17:9: safeguard "br-group" stands twice, first on line 2; give each its own id`},
		{"duplicate version", st, "- id: 2026-01-01", "- id: 2023-11-21",
			`statement.yaml:10:9: statement version "2023-11-21" stands twice, first on line 3; give each its own id`},
		{"overlapping law", la, "valid_until: 2026-06-01", "valid_until: 2026-06-02",
			`laws.yaml:17:9: law "br" is in force twice at one time, also on line 6; end the earlier row with valid_until where the later begins`},
		{"law without an end", la, "    valid_until: 2026-06-01\n", "",
			`laws.yaml:16:9: law "br" is in force twice at one time, also on line 6; end the earlier row with valid_until where the later begins`},
		{"overlapping versions", st, "valid_until: 2026-01-01", "valid_until: 2026-01-02",
			`statement.yaml:10:9: statement versions "2023-11-21" and "2026-01-01" are in force at one time; end the earlier with valid_until where the later begins`},
		{"unknown law", sa, "law: br\n", "law: brr\n",
			`safeguards.yaml:4:10: unknown law "brr"; did you mean 'br'?`},
		{"unknown exporter", sa, "exporters: [one-br, one-sg]", "exporters: [one-br, one-sq]",
			`safeguards.yaml:5:25: unknown controller or recipient "one-sq"; did you mean 'one-sg'?`},
		{"unknown operator", re, "operator: one-br", "operator: nobody-at-all",
			`regions.yaml:13:15: unknown recipient "nobody-at-all"; use one of one-sg, one-br, help-cn`},
		{"unknown clause", sa, "clause: §9", "clause: §8",
			`safeguards.yaml:12:13: unknown clause "§8"; use one of §1, 1a, 1b, 1c, 1d, 1e, 1f, 1g, 1h, 1i, 1j, 1k, 1l, §2, 2a, 2b, 2c, 2d, 2e, 2f, 2g, 2-basis(a), 2-basis(b), 2-basis(c), 2-basis(d), §4(c), §9`},

		// What the statement fixes.
		{"precedence", st, "[account-center, token-claim,", "[token-claim, account-center,",
			"statement.yaml:1:13: precedence differs from §11, by which the Account Center prevails; write [account-center, token-claim, registered-country, not-registered]"},
		{"serves nobody", co, "    serves: [BR, PT]\n", "",
			`controllers.yaml:2:5: controller "one-br" serves nobody; list countries under serves, or write default: true`},
		{"served twice", co, "default: true", "default: true\n    serves: [PT]",
			`controllers.yaml:14:14: country PT is served by "one-br" already; keep it with one controller`},
		{"no default", co, "default: true", "serves: [SG]",
			"controllers.yaml:2:5: no controller is the default, so other countries have none (§11); write default: true in one row"},
		{"two defaults", co, "serves: [BR, PT]", "default: true",
			"controllers.yaml:6:14: 2 controllers are the default (one-br, one-sg); keep one (§11)\n" +
				"controllers.yaml:13:14: 2 controllers are the default (one-br, one-sg); keep one (§11)"},
		{"near twice", re, "near: [BR]", "near: [BR, MY]",
			`regions.yaml:14:16: country MY is near "east-1" already; keep it with one region`},
		{"no storage", re, "    storage: true\n", "",
			"regions.yaml:2:5: no region in Singapore stores personal data (§9); write storage: true in one"},
		{"second storage", re, "country: BR", "country: SG\n    storage: true",
			`regions.yaml:13:14: region "west-1" stores besides "east-1"; keep storage: true in one region (§9)`},
		{"storage outside Singapore", re, "country: BR", "country: BR\n    storage: true",
			`regions.yaml:13:14: region "west-1" stores in BR, but personal data is stored in Singapore (§9); take storage: true away`},
		{"affiliate without support", rc, "    supports: [technical-support]\n", "",
			`recipients.yaml:7:5: recipient without "supports"; add it`},
		{"affiliate with other support", rc, "supports: [technical-support]", "supports: [sales-support]",
			`recipients.yaml:11:16: "supports" has the unknown value "sales-support"; did you mean 'services-support'?`},
		{"operator with support", rc, "kinds: [9-operator]", "kinds: [9-operator]\n    supports: [technical-support]",
			`recipients.yaml:4:15: "supports" is only for recipients of kind 4c; take it away, or add the kind`},
		{"activity with support", ac, "kind: 9-operator", "kind: 9-operator\n    support: technical-support",
			`activities.yaml:5:14: "support" is only for activities of kind 4c; take it away, or change the kind`},
		{"support activity without support", ac, "    support: technical-support\n", "",
			`activities.yaml:10:5: activity without "support"; add it`},
		{"an approval of nobody", ac, "order: home", "approval: required",
			`activities.yaml:10:5: activity with no "approval_for" matches nothing; list them, or say any if you mean it`},
		{"an approval that nobody asks for", ac, "order: home", "approval_for: [CN]",
			`activities.yaml:18:19: "approval_for" says whose access needs an approval, and nothing asks for one; write approval: required beside it`},
		{"an approval that is optional", ac, "order: home", "approval: optional\n    approval_for: [CN]",
			`activities.yaml:18:15: "approval" has the unknown value "optional"; there is only 'required'`},
		{"an approval of no country", ac, "order: home", "approval: required\n    approval_for: [UK]",
			`activities.yaml:19:20: "UK" is not an ISO 3166-1 alpha-2 code; write GB`},
		{"rights anywhere", ac, "order: home", "rights: true",
			`activities.yaml:18:13: activity "support" is for rights requests, which the store answers (§7); write kind: 9-operator and storage_only: true`},
		{"rights outside the store", ac, "storage_only: true", "rights: true",
			`activities.yaml:9:13: activity "storage" is for rights requests, which the store answers (§7); write kind: 9-operator and storage_only: true`},
		{"withheld word", rc, "cookies]", "cookie]",
			`recipients.yaml:6:33: "withhold" has the unknown value "cookie"; did you mean 'cookies'?`},
		{"withheld field", rc, "field:X-Trace", "field:X Trace",
			`recipients.yaml:6:16: "field:X Trace" names no header field; write field:Name`},
		{"name that differs", rc, "  - id: one-sg", "  - id: one-sg\n    name: Other",
			`recipients.yaml:3:11: "name" differs from the controller of the same id in controllers.yaml; leave it out here`},
		{"recipient without a name", rc, "    name: Help\n", "",
			`recipients.yaml:7:5: recipient without "name"; add it`},

		// What the laws ask.
		{"tag in capitals", sa, "br-lgpd-art33-iib-scc", "BR-LGPD-Art33",
			`safeguards.yaml:3:10: "BR-LGPD-Art33" is not a tag; write law-act-article-mechanism in lower case, such as br-lgpd-art33-iib-scc`},
		{"short tag", sa, "br-lgpd-art33-iib-scc", "br-lgpd",
			`safeguards.yaml:3:10: "br-lgpd" is not a tag; write law-act-article-mechanism in lower case, such as br-lgpd-art33-iib-scc`},
		{"tag of another law", sa, "br-lgpd-art33-iib-scc", "eu-gdpr-art46-2c-scc",
			`safeguards.yaml:3:10: tag "eu-gdpr-art46-2c-scc" is no mechanism of law "br"; use one of br-lgpd-art33-iib-scc, br-lgpd-art33-viii-consent`},
		{"contract without countries", sa, "countries: [CN]", "countries: any",
			"safeguards.yaml:22:16: sg-pdpa-s26-contract must name the destination countries; list them"},
		{"certificate without what its law asks for", sa, "tag: sg-pdpa-s26-contract", "tag: sg-pdpa-s26-cert",
			"safeguards.yaml:17:5: law \"sg\" asks for a duty beside sg-pdpa-s26-cert: the certificate; write its reference and date under evidence: approval\n" +
				"safeguards.yaml:17:5: sg-pdpa-s26-cert asks for an assessment (a risk assessment); name its row under assessment"},
		{"tag no mechanism, one near", sa, "tag: br-lgpd-art33-iib-scc", "tag: br-lgpd-art33-iib-scs",
			`safeguards.yaml:3:10: tag "br-lgpd-art33-iib-scs" is no mechanism of law "br"; did you mean 'br-lgpd-art33-iib-scc'?`},
		{"mechanism before its time", sa, "tag: br-lgpd-art33-iib-scc", "occasional: true\n    tag: br-lgpd-art33-viii-consent",
			`safeguards.yaml:4:10: tag "br-lgpd-art33-viii-consent" is no mechanism of law "br" as it stands on line 6 of laws.yaml; begin or end this row where the law changes, with valid_from and valid_until`},
		{"derogation for routine transfers", sa, "tag: br-lgpd-art33-iib-scc\n    law: br", "tag: br-lgpd-art33-viii-consent\n    law: br", // and from June, below
			"safeguards.yaml:3:10: br-lgpd-art33-viii-consent is for occasional transfers by its law; write occasional: true"},
		{"mechanism of another law", la, "{tag: sg-pdpa-s26-cert", "{tag: hk-pdpo-s26-cert",
			`laws.yaml:40:15: tag "hk-pdpo-s26-cert" is not one of law "sg"; begin it with sg-` + "\n" +
				`laws.yaml:42:64: unknown mechanism "sg-pdpa-s26-cert"; did you mean 'hk-pdpo-s26-cert'?` + "\n" +
				`laws.yaml:43:60: unknown mechanism "sg-pdpa-s26-cert"; did you mean 'hk-pdpo-s26-cert'?`},
		{"mechanism twice", la, "{tag: sg-pdpa-s26-cert", "{tag: sg-pdpa-s26-contract",
			`laws.yaml:40:15: mechanism "sg-pdpa-s26-contract" stands twice in law "sg"; keep one` + "\n" +
				`laws.yaml:42:64: unknown mechanism "sg-pdpa-s26-cert"; did you mean 'sg-pdpa-s26-contract'?` + "\n" +
				`laws.yaml:43:60: unknown mechanism "sg-pdpa-s26-cert"; did you mean 'sg-pdpa-s26-contract'?`},
		{"mechanism with another need", la, "needs: [countries]", "needs: [notified]",
			`laws.yaml:39:97: "needs" has the unknown value "notified"; there is only 'countries'`},
		{"law without mechanisms", la, "    mechanisms:\n      - {tag: br-lgpd-art33-iib-scc, title: Clauses, dpv: [dpv:DataTransferLegalBasis]}\n  - id: br", "  - id: br",
			`laws.yaml:6:5: law without "mechanisms"; add it` + "\n" +
				`safeguards.yaml:3:10: tag "br-lgpd-art33-iib-scc" is no mechanism of law "br" as it stands on line 6 of laws.yaml; begin or end this row where the law changes, with valid_from and valid_until`},
		{"law without countries", la, "    countries: [SG]\n    members: [north]\n", "",
			`laws.yaml:4:7: no law governs SG, so the alias of GF leads nowhere; name the country whose law holds there` + "\n" +
				`laws.yaml:29:5: law without "countries"; add it, or memberships under members`},
		{"unknown membership", la, "members: [north]", "members: [nort]",
			`laws.yaml:33:15: unknown membership "nort"; did you mean 'north'?`},
		{"membership of no countries", la, `north: ["NO"]`, `north: ["NOR"]`,
			`laws.yaml:2:11: "NOR" is not an ISO 3166-1 alpha-2 code; use the two capital letters of that standard`},
		{"alias of a country that has a law", la, "GF: SG", "BR: SG",
			`laws.yaml:4:3: territory BR stands in a law's own list; take it away there, or this alias`},
		{"alias of no country", la, "GF: SG", "guiana: SG",
			`laws.yaml:4:3: "guiana" is not an ISO 3166-1 alpha-2 code; use the two capital letters of that standard`},
		{"ages of no country", la, "laws:\n", "ages:\n  - {countries: [], of_age: 20, source: x}\nlaws:\n",
			`laws.yaml:6:17: "countries" of age is empty; fill it in`},
		{"age nobody waits for", la, "laws:\n", "ages:\n  - {countries: [TH], of_age: 18, source: x}\nlaws:\n",
			`laws.yaml:6:31: "of_age" is 18; write an age from 19 to 25, or take the row away: without one it is 18`},
		{"age nobody reaches", la, "laws:\n", "ages:\n  - {countries: [TH], of_age: 99, source: x}\nlaws:\n",
			`laws.yaml:6:31: "of_age" is 99; write an age from 19 to 25, or take the row away: without one it is 18`},
		{"age in words", la, "laws:\n", "ages:\n  - {countries: [TH], of_age: twenty, source: x}\nlaws:\n",
			`laws.yaml:6:31: "of_age" is "twenty", not a whole number from 1; write of_age: 12`},
		{"two ages", la, "laws:\n", "ages:\n  - {countries: [TH], of_age: 20, source: x}\n  - {countries: [TH], of_age: 21, source: x}\nlaws:\n",
			`laws.yaml:7:18: TH has an age already, on line 6; keep one`},
		{"age without a source", la, "laws:\n", "ages:\n  - {countries: [TH], of_age: 20}\nlaws:\n",
			`laws.yaml:6:5: age without "source"; add it`},
		{"aliases as a list", la, "\n  GF: SG", " [GF]",
			`laws.yaml:3:10: alias list must be a mapping; write key: value lines`},

		// Reviews, attributes, references.
		{"no review", sa, "    review: {every_months: 6, owner: counsel, last: 2026-03-01}\n", "",
			`safeguards.yaml:2:5: safeguard without "review"; add it`},
		{"review without an owner", sa, "owner: counsel, ", "",
			`safeguards.yaml:16:13: review without "owner"; add it`},
		{"review every zero months", sa, "every_months: 6", "every_months: 0",
			`safeguards.yaml:16:28: "every_months" is "0", not a whole number from 1; write every_months: 12`},
		{"review every six months", sa, "every_months: 6", "every_months: six",
			`safeguards.yaml:16:28: "every_months" is "six", not a whole number from 1; write every_months: 12`},
		{"unknown evidence", sa, "notification:", "notificatoin:",
			`safeguards.yaml:30:16: unknown key "notificatoin" in evidence; did you mean 'notification'?`},
		{"evidence that is yet to be made", sa, ", date: 2026-01-05", "",
			`safeguards.yaml:30:30: evidence without "date"; add it`},
		{"evidence of no day", sa, "date: 2026-01-05", "date: yesterday",
			`safeguards.yaml:30:56: "yesterday" is not a date; write 2026-12-01, 2026-12-01 America/Santiago, or RFC 3339`},

		// What laws say of flows.
		{"law that does not say how it sees direct collection", la, "    direct_collection: {as: none, source: a book}\n    returns: {as: none, source: a book}\n    valid_until", "    returns: {as: none, source: a book}\n    valid_until",
			`laws.yaml:6:5: law without "direct_collection"; add it`},
		{"direct collection seen some other way", la, "direct_collection: {as: none", "direct_collection: {as: maybe",
			`laws.yaml:11:29: "as" has the unknown value "maybe"; use one of transfer, none`},
		{"localisation that lets nothing leave, with a tag", la, "    returns: {as: none, source: a book}\n", "    returns: {as: none, source: a book}\n    localisation: {categories: any, form: only-here, persons: citizens, tag: br-l1-copy, source: x}\n",
			`laws.yaml:13:78: form only-here lets nothing leave, so no safeguard can say otherwise; take tag away, or write first-here or copy-here`},
		{"localisation that lets a copy leave, without a tag", la, "    returns: {as: none, source: a book}\n", "    returns: {as: none, source: a book}\n    localisation: {categories: any, form: copy-here, persons: citizens, source: x}\n",
			`laws.yaml:13:19: form copy-here lets data leave once it is kept in the country; write under tag which safeguards say where`},
		{"setting for unknown laws", la, "laws:\n", "unknown_law: allow\nlaws:\n",
			`laws.yaml:5:14: "unknown_law" has the unknown value "allow"; use one of singapore, deny`},
		{"owner of more than all", rc, "    country: CN\n", "    country: CN\n    owned_by: {name: Parent, country: CN, share: 101}\n",
			`recipients.yaml:10:50: "share" is 101 percent; write 1 to 100`},

		// Clocks.
		{"time that is none", la, "within: 3 business days", "within: 3 working days",
			`laws.yaml:47:37: "within" is "3 working days", no length of time; write 72 hours, 30 days, 3 business days, 1 month or without delay`},
		{"time of nothing", la, "answer: 15 days", "answer: 0 days",
			`laws.yaml:49:22: "answer" is "0 days", no length of time; write 72 hours, 30 days, 3 business days, 1 month or without delay`},
		{"moment that is none", la, "from: awareness", "from: knowledge",
			`laws.yaml:47:60: "from" has the unknown value "knowledge"; use one of awareness, occurrence, assessment, authority-told`},
		{"authority without a name", la, "{to: ANPD, within", "{within",
			`laws.yaml:47:18: authority without "to"; add it`},
		{"nothing asked for, and something", la, `breach: {none: "nobody, a book"}`, `breach: {none: "nobody, a book", persons: {within: 1 month, from: occurrence, source: a book}}`,
			`laws.yaml:53:20: "none" says that the law asks for nothing, and other keys of breach say what it asks for; keep one`},
		{"breach of which nothing is said", la, `breach: {none: "nobody, a book"}`, `breach: {}`,
			`laws.yaml:53:13: breach says nothing; write authority or persons, or none with the reason, or leave it out`},
		{"rights without a time", la, "rights: {answer: 15 days, source: a book}", "rights: {source: a book}",
			`laws.yaml:49:13: rights without "answer"; add it`},
		{"notice of no extension", la, "extension: 2 months, ", "",
			`laws.yaml:54:39: "notice" is when an extension is told, and there is none; write extension beside it`},
		{"records of nothing", la, "{what: operations, source", "{source",
			`laws.yaml:50:21: record_keeping without "what"; add it`},
		{"authority without a name", la, "authority: {to: ANPD, within", "authority: {within",
			`laws.yaml:47:18: authority without "to"; add it`},
		{"persons without a time", la, "persons: {within: without delay, from", "persons: {from",
			`laws.yaml:48:16: persons without "within"; add it`},
		{"persons by no clock and by one", la, "persons: {within", "persons: {none: nobody, within",
			`laws.yaml:48:23: "none" says that the law asks for nothing, and other keys of persons say what it asks for; keep one`},
		{"week without business", la, "weekend: [friday, saturday]", "weekend: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]",
			`laws.yaml:56:14: "weekend" is the whole week, so no business day ever comes; leave the days of business out`},
		{"clocks of an unknown law", la, "  - law: sg", "  - law: sh",
			`laws.yaml:52:10: unknown law "sh"; use one of br, sg`},
		{"clocks twice", la, "  - law: sg", "  - law: br",
			`laws.yaml:52:5: clocks of law "br" is in force twice at one time, also on line 45; end the earlier row with valid_until where the later begins`},
		{"representative for an unknown law", co, "default: true", "default: true\n    representatives:\n      - {law: bf, name: Somebody, address: Rua 2}",
			`controllers.yaml:15:9: unknown law "bf"; use one of br, sg`},
		{"erasure from no moment", ac, "storage_only: true", "storage_only: true\n    erasure: [{within: 1 month, from: occurrence, source: a book}]",
			`activities.yaml:10:39: "from" has the unknown value "occurrence"; use one of account-closed, consent-withdrawn, answered, collected`},

		// Statements.
		{"unknown default statement", st, "default: main", "default: maim",
			`statement.yaml:24:10: unknown statement "maim"; did you mean 'main'?`},
		{"version of no statement", st, "    statement: events\n", "",
			`statement.yaml:17:5: version without "statement"; add it`},
		{"version with a clause that is not there", st, "clauses: [1a,", "clauses: [1z,",
			`statement.yaml:23:15: unknown clause "1z"; use one of §1, 1a, 1b, 1c, 1d, 1e, 1f, 1g, 1h, 1i, 1j, 1k, 1l, §2, 2a, 2b, 2c, 2d, 2e, 2f, 2g, 2-basis(a), 2-basis(b), 2-basis(c), 2-basis(d), §4(c), §9`},
		{"clauses without §1", st, "  §1: Data\n", "",
			`statement.yaml:23:15: unknown clause "1a"; use one of §2, 2a, 2b, 2c, 2d, 2e, 2f, 2g, 2-basis(a), 2-basis(b), 2-basis(c), 2-basis(d), §4(c), §9` + "\n" +
				`statement.yaml:53:3: clause list without "§1"; add it`},
		{"digest of other words", st, "  §9: Storage\n", "  §9: Storage\nsentences: {§9.1: Stored}\ndigest_of: own\ndigests: {§9: abababababababababababababababababababababababababababababababab}\n",
			`statement.yaml:59:15: the digest of §9 is not that of its title and sentences here, which is dfc0e85760e7dc2f23f58e7501c0d89213d28288fa177ad56597dda2efbc1c63; write that, or digest_of: published if it is of the published text`},
		{"digests of nobody knows what", st, "  §9: Storage\n", "  §9: Storage\ndigests: {§9: 72c1d984e3ca060d3069e60bc3496cc438cdc0129926bd6d77b6606ffcda47c1}\n",
			`statement.yaml:57:10: digests without "digest_of"; say whether they are of our own words or of the published text`},
		{"sentence of no clause", st, "  §9: Storage\n", "  §9: Storage\nsentences: {§8.1: Minors, §9: Stored}\n",
			`statement.yaml:57:13: unknown clause "§8"; use one of §1, 1a, 1b, 1c, 1d, 1e, 1f, 1g, 1h, 1i, 1j, 1k, 1l, §2, 2a, 2b, 2c, 2d, 2e, 2f, 2g, 2-basis(a), 2-basis(b), 2-basis(c), 2-basis(d), §4(c), §9` + "\n" +
				`statement.yaml:57:27: "§9" is not a sentence of a clause; write it as §9.1 or §4(c).2`},
		{"digest of no clause", st, "  §9: Storage\n", "  §9: Storage\ndigest_of: published\ndigests: {§8: abababababababababababababababababababababababababababababababab, all: abababababababababababababababababababababababababababababababab}\n",
			`statement.yaml:58:11: unknown clause "§8"; use one of §1, 1a, 1b, 1c, 1d, 1e, 1f, 1g, 1h, 1i, 1j, 1k, 1l, §2, 2a, 2b, 2c, 2d, 2e, 2f, 2g, 2-basis(a), 2-basis(b), 2-basis(c), 2-basis(d), §4(c), §9` + "\n" +
				`statement.yaml:58:81: "all" is not a clause; write it as §9 or §4(c)`},
		{"activity of an unknown statement", ac, "storage_only: true", "storage_only: true\n    statement: event",
			`activities.yaml:10:16: unknown statement "event"; did you mean 'events'?`},

		// Terms.
		{"term without a prefix", st, "dpv: [pd:Name]", "dpv: [Name]",
			`statement.yaml:27:24: "Name" is not a term; write it as prefix:Name, such as pd:Username`},
		{"term with another prefix", la, "dpv:Consent", "dvp:Consent",
			`laws.yaml:28:65: unknown prefix "dvp"; use one of dpv, pd`},
		{"namespace in http", st, "pd: https:", "pd: http:",
			`statement.yaml:25:44: "prefixes" is "http://w3id.org/dpv/pd#", not an https address; write https://host/path`},
		{"namespace cut short", st, "dpv/pd#", "dpv/pd",
			`statement.yaml:25:44: namespace "https://w3id.org/dpv/pd" ends in neither # nor /; write it whole, such as https://w3id.org/dpv#`},
		{"prefix in capitals", st, " pd: https://w3id.org/dpv/pd#", " pd: https://w3id.org/dpv/pd#, PD: https://w3id.org/dpv/pd#",
			`statement.yaml:25:70: "PD" is not a prefix; use lower-case letters and hyphens, such as eu-gdpr`},

		// Activities.
		{"report of storage", ac, "storage_only: true", "storage_only: true\n    report: {owner: privacy, until: 2026-12-31}",
			`activities.yaml:10:13: activity "storage" stores, and storage in Singapore is always enforced (§9); take report away`},
		{"report without an end", ac, "order: home", "report: {owner: privacy}",
			`activities.yaml:18:13: report without "until"; add it`},
		{"public with other data", ac, "order: home", "public: true",
			`activities.yaml:15:17: activity "support" is public with category "1a", but only community data (1i) is public by nature (§4(d)); take the category away, or public`},
		{"for the public but not public", ac, "kind: 4c\n    support: technical-support\n    purposes: [2c]\n    categories: [1a, 1h]", "kind: 4d\n    purposes: [2c]\n    categories: [1i]",
			`activities.yaml:12:11: activity "support" hands data to the public (§4(d)); write public: true, or another kind`},
		{"withheld parameter", rc, "field:X-Trace", "query:a b",
			`recipients.yaml:6:16: "query:a b" names no query parameter; write query:name, as it reads without percent-encoding`},
	} {
		t.Run(test.name, func(t *testing.T) {
			fsys := small(t)
			edit(t, fsys, test.file, test.old, test.new)
			if test.name == "derogation for routine transfers" {
				edit(t, fsys, sa, "valid_from: 2026-01-01", "valid_from: 2026-06-02")
			}
			if test.old == "" {
				fsys[test.file].Data = []byte(test.new)
			}
			_, err := config.LoadFS(fsys, "p")
			var problems config.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got %v, want problems", err)
			}
			want := "p/" + strings.ReplaceAll(test.want, "\n", "\np/")
			if err.Error() != want {
				t.Errorf("got\n%s\nwant\n%s", err, want)
			}
			for _, p := range problems {
				if p.Code == "" {
					t.Errorf("no code: %s", p)
				}
			}
		})
	}
}

// The wording of a syntax error is the library's; where it is and what to do is ours.
func TestNotYAML(t *testing.T) {
	for name, text := range map[string]string{
		"first document":  "laws:\n  - id: br\n   title: x\n",
		"second document": "laws: []\n---\n[",
	} {
		t.Run(name, func(t *testing.T) {
			fsys := small(t)
			fsys["laws.yaml"].Data = []byte(text)
			_, err := config.LoadFS(fsys, "p")
			var problems config.Problems
			if !errors.As(err, &problems) || len(problems) != 1 {
				t.Fatalf("got %v, want one problem", err)
			}
			p := problems[0]
			if p.Code != "not-yaml" || p.File != "p/laws.yaml" || p.Line < 1 || p.Line > 3 ||
				!strings.HasPrefix(p.Text, "not YAML: ") || !strings.HasSuffix(p.Text, "; mend the syntax on this line or the next ones") || strings.Contains(p.Text, "yaml:") {
				t.Errorf("got %+v", p)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	fsys := small(t)
	delete(fsys, "laws.yaml")
	fsys["law.yaml"] = &fstest.MapFile{Data: []byte("laws: []")}
	fsys["extra.yml"] = &fstest.MapFile{}
	fsys["README.md"] = &fstest.MapFile{}
	_, err := config.LoadFS(fsys, "p")
	want := "p/extra.yml: not one of the eight registers; use one of statement.yaml, controllers.yaml, laws.yaml, regions.yaml, recipients.yaml, activities.yaml, safeguards.yaml, assessments.yaml\n" +
		"p/law.yaml: not one of the eight registers; did you mean 'laws.yaml'?\n" +
		"p/laws.yaml: the file is missing; a policy has all eight registers"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// All problems are reported at once, in the order of the files.
func TestAllAtOnce(t *testing.T) {
	fsys := small(t)
	edit(t, fsys, "safeguards.yaml", "law: br\n", "law: sg\n")
	edit(t, fsys, "controllers.yaml", "country: BR", "country: UK")
	edit(t, fsys, "controllers.yaml", "name: One", "nmae: One")
	_, err := config.LoadFS(fsys, "p")
	want := `p/controllers.yaml:2:5: controller without "name"; add it
p/controllers.yaml:3:5: unknown key "nmae" in controller; did you mean 'name'?
p/controllers.yaml:5:14: "UK" is not an ISO 3166-1 alpha-2 code; write GB
p/safeguards.yaml:3:10: tag "br-lgpd-art33-iib-scc" is no mechanism of law "sg"; use one of sg-pdpa-s26-contract, sg-pdpa-s26-cert`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// A file that is there and cannot be read is no fault of the registers.
func TestUnreadable(t *testing.T) {
	fsys := small(t)
	delete(fsys, "laws.yaml")
	fsys["laws.yaml/inside"] = &fstest.MapFile{}
	_, err := config.LoadFS(fsys, "p")
	want := "reading register p/laws.yaml: read laws.yaml: invalid argument"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
	_, err = config.LoadFS(fstest.MapFS{".": &fstest.MapFile{}}, "p")
	want = "reading the registers in p: readdir .: not implemented"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestMissingFolder(t *testing.T) {
	_, err := config.Load(filepath.Join("testdata", "nowhere"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v, want a missing folder", err)
	}
	want := "reading the registers: open testdata/nowhere: no such file or directory; name a folder with the eight register files"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}
