package console_test

import (
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/console"
	"github.com/sparkoo/transfergate/internal/console/consoletest"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// hostile are texts that somebody may have got into a record, each in every member.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`, `{{.Node}}`, `</title></style></textarea><script>`,
	"\u202egnp.exe\u2066", "\u200b\u0007\x1b[31m", `=HYPERLINK("https://evil.test")`, "../../../x?y#z%00", strings.Repeat("long", 2500),
}

// Whatever a record says is shown as text: nothing of it is an element, an attribute or
// an address of its own, turns the text round, or leads elsewhere.
func TestHostileValues(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "ledger")
	l := ledger.New(folder, ledger.Options{Node: consoletest.Node, Now: func() time.Time { return now }})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for _, text := range hostile {
		for _, kind := range []string{record.TypeAccepted, record.TypeRefused} {
			r := hostileRecord(text)
			r.Type = kind
			id, err := l.Append(r.Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, record.Name{Node: consoletest.Node, ID: id}.String())
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var columns []string
	for _, k := range query.Keys() {
		if k.Kind != query.Part && k.In(record.TypeAccepted) {
			columns = append(columns, k.Name)
		}
	}
	addresses := []string{"transfers", "transfers?columns=" + url.QueryEscape(strings.Join(columns, ","))}
	for _, n := range numbers {
		addresses = append(addresses, "record?n="+url.QueryEscape(n))
	}
	for _, text := range hostile {
		addresses = append(addresses, "transfers?q="+url.QueryEscape(text), "record?n="+url.QueryEscape(text),
			"transfers?q="+url.QueryEscape("controller:"+`"`+strings.ReplaceAll(text, `"`, `\"`)+`"`), "export?q="+url.QueryEscape(text), "transfers?columns="+url.QueryEscape(text))
	}
	c := over(t, folder)
	for _, address := range addresses {
		body := get(c, address, console.Officer).Body.String()
		if body == "" {
			t.Errorf("%.80s: an empty page", address)
		}
		for _, bad := range []string{"<script", "<img", "onerror=alert(1)>", "onmouseover='", `href="javascript:`, "\u202e", "\u2066", "\u200b", "\x1b", "ZgotmplZ"} {
			if strings.Contains(strings.ReplaceAll(body, "&#39;", "’"), bad) {
				t.Errorf("%.80s: the page has %.40q", address, bad)
			}
		}
	}
}

// hostileRecord is a record whose texts are all that one.
func hostileRecord(text string) *record.Transfer {
	r := &record.Transfer{Header: record.Header{Node: consoletest.Node, Time: now.Add(-time.Hour)}}
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Kind() == reflect.String && len(text) < 1000 || v.Type().Field(i).Name == "Ticket":
			f.SetString(text)
		case f.Type() == reflect.TypeFor[[]string]():
			f.Set(reflect.ValueOf([]string{text}))
		}
	}
	r.RetainUntil = "2027-01-01"
	text = text[:min(len(text), 100)] // an entry has at most 64 KiB
	r.Legs = record.AppendLegs(nil, []record.Leg{{Kind: text, Exporter: text, From: "BR", Recipient: text, To: text, Laws: []record.Verdict{
		{Law: text, Safeguard: text, Row: text, Instrument: text, Assessment: text}, {Law: text, Missing: true, Lacks: []string{text}}, {Law: text, Because: text},
	}}})
	return r
}
