package ledger_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
)

// usualRecord is a record as a support request from Brazil makes one.
func usualRecord() record.Transfer {
	return record.Transfer{
		Header: record.Header{Type: record.TypeAccepted, Time: time.Date(2026, 3, 1, 12, 30, 45, 123456789, time.UTC), Node: "gw-sg-1"},
		Site:   "developer.example.com", Activity: "support", Statement: "2023-11-21",
		Policy:     "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		Controller: "sparkoo-br", Basis: "account-center", Country: "BR", CountrySource: "jwt", Origin: "BR", Requester: "self",
		Legs: []byte(`[{"exporter":"sparkoo-sg","from":"SG","kind":"onward","laws":[{"instrument":"scc-2024","law":"br","safeguard":"br-lgpd-art33-iib-scc"},` +
			`{"instrument":"pdpa-contract","law":"sg","safeguard":"sg-pdpa-s26-contract"}],"recipient":"huawei-cloud-cn","recipient_kind":"4c","to":"CN"}]`),
		Region: "cn-north-4", Recipient: "huawei-cloud-cn", Purposes: []string{"2b", "2c"}, Categories: []string{"1a", "1h"},
		LegalBasis: "2-basis(a)", Withheld: []string{"authorization", "client-address", "cookies", "referer", "user-agent"},
		Subject: "h1:1:AAECAwQFBgcICQoLDA0ODw", Method: "POST", Bytes: 2048, Decision: "allowed", Enforced: true,
	}
}

// sorted re-encodes JSON through encoding/json, which sorts members, as an
// independent oracle of the order.
func sorted(t interface{ Fatalf(string, ...any) }, data []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatalf("%v", err)
	}
	// encoding/json escapes these two although JSON and RFC 8785 do not ask for it.
	text := strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(buf.String())
	return []byte(strings.TrimSuffix(text, "\n"))
}
