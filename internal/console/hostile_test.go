package console_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"path/filepath"
	"regexp"
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

// hostileLedger has entries of every type in which each member that is a text is each of
// the hostile ones.
func hostileLedger(t *testing.T) (folder string, numbers []string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "ledger")
	l := ledger.New(folder, ledger.Options{Node: consoletest.Node, Now: func() time.Time { return now }})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	add := func(entry []byte) {
		id, err := l.Append(entry)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, record.Name{Node: consoletest.Node, ID: id}.String())
	}
	for _, kind := range record.Types() {
		for _, text := range hostile {
			if len(text) < 1000 {
				add(hostileEntry(t, kind, kind.Members, text))
				continue
			}
			for i := range kind.Members { // all of them in one would be too long for an entry
				if kind.Name == record.TypeRefused {
					continue // it has the members of those that pass
				}
				if k := kind.Members[i].Kind; k == record.Text || k == record.Texts {
					add(hostileEntry(t, kind, kind.Members[i:i+1], text))
				}
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return folder, numbers
}

// hostileEntry is an entry of a type in which each of some members is a text, if texts
// are what it has.
func hostileEntry(t *testing.T, kind record.Type, of []record.Member, text string) []byte {
	t.Helper()
	values := hostileObject(of, text)
	for _, m := range kind.Members { // what no entry is without
		if _, has := values[m.Name]; m.Always && !has {
			values[m.Name] = hostileValue(m, "x")
		}
	}
	values["type"], values["v"], values["node"] = kind.Name, record.Versions()[len(record.Versions())-1], consoletest.Node
	values["id"], values["time"] = "01a22a1d-a191-71ba-84c1-83a3ecf2f233", now.Add(-time.Hour).Format("2006-01-02T15:04:05.000000Z")
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(values); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

func hostileObject(of []record.Member, text string) map[string]any {
	values := make(map[string]any)
	for _, m := range of {
		values[m.Name] = hostileValue(m, text)
	}
	return values
}

// hostileValue is a value of a member.
func hostileValue(m record.Member, text string) any {
	switch m.Kind {
	case record.Text:
		return text
	case record.Texts:
		return []string{text, text}
	case record.Number:
		return 7
	case record.Truth:
		return true
	case record.Instant:
		return now.Add(-time.Hour).Format("2006-01-02T15:04:05.000000Z")
	case record.Day:
		return "2027-01-01"
	case record.UUID:
		return "01a22a1d-a191-71ba-84c1-83a3ecf2f233"
	case record.Random:
		return "AQEBAQEBAQEBAQEBAQEBAQ"
	case record.Bytes:
		return "AAAA"
	case record.Place:
		return "1.3"
	case record.Object:
		return hostileObject(m.Members, text)
	case record.Objects:
		return []any{hostileObject(m.Members, text)}
	case record.Rows:
		var row []any
		for _, inner := range m.Members {
			row = append(row, hostileValue(inner, text))
		}
		return []any{row}
	}
	return nil
}

// addresses are those of pages on which what a record says may stand.
func hostileAddresses(numbers []string) (addresses []string) {
	var columns, people []string
	for _, k := range query.Keys() {
		if k.Kind == query.Part {
			continue
		}
		if columns = append(columns, k.Name); k.In(record.TypeAccepted) {
			people = append(people, k.Name)
		}
	}
	addresses = []string{
		"", "overview", "safeguards", "policy", "reports", "transfers", "transfers?columns=" + url.QueryEscape(strings.Join(people, ",")),
		"transfers?q=type%3A*&columns=" + url.QueryEscape(strings.Join(columns, ",")),
	}
	for _, kind := range []string{"register", "completeness", "notice", "staff", "incident"} {
		for _, place := range append([]string{"sparkoo-sg"}, hostile...) {
			if kind == "incident" || place == "sparkoo-sg" {
				addresses = append(addresses, "report?kind="+kind+"&from=2026-11-01&to=2026-11-30&recipient="+url.QueryEscape(place))
			}
		}
	}
	for _, n := range numbers {
		addresses = append(addresses, "record?n="+url.QueryEscape(n))
	}
	for _, text := range hostile {
		addresses = append(addresses, "transfers?q="+url.QueryEscape(text), "record?n="+url.QueryEscape(text),
			"transfers?q="+url.QueryEscape("controller:"+`"`+strings.ReplaceAll(text, `"`, `\"`)+`"`), "export?q="+url.QueryEscape(text), "transfers?columns="+url.QueryEscape(text))
	}
	return addresses
}

// Whatever a record of any type says is shown as text: nothing of it is an element, an attribute or
// an address of its own, turns the text round, or leads elsewhere.
func TestHostileValues(t *testing.T) {
	folder, numbers := hostileLedger(t)
	c := over(t, folder)
	next := regexp.MustCompile(`rel="next" href="(transfers[^"]+)"`)
	shown := make(map[string]bool)
	harmless := func(address string, body string) {
		if body == "" {
			t.Errorf("%.80s: an empty page", address)
		}
		for _, text := range hostile {
			if strings.Contains(body, html.EscapeString(text)) {
				shown[text] = true
			}
		}
		for _, bad := range []string{"<script", "<img", "onerror=alert(1)>", "onmouseover='", `href="javascript:`, "\u202e", "\u2066", "\u200b", "\x1b", "ZgotmplZ"} {
			if strings.Contains(strings.ReplaceAll(body, "&#39;", "’"), bad) {
				t.Errorf("%.80s: the page has %.40q", address, bad)
			}
		}
	}
	for _, address := range hostileAddresses(numbers) {
		for address != "" {
			body := get(c, address, console.Officer).Body.String()
			harmless(address, body)
			m := next.FindStringSubmatch(body)
			if address = ""; m != nil {
				address = html.UnescapeString(m[1])
			}
		}
	}
	for _, subject := range hostile { // a person is asked for by what records call them
		c.Subjects = func(string, string) ([]string, string, error) { return []string{subject}, "", nil }
		form := url.Values{"account": {subject}, "reason": {"request for access"}, "reference": {"DSR-7"}}
		harmless("person", post(c, "person", console.Officer, form, "Sec-Fetch-Site", "same-origin").Body.String())
	}
	if len(shown) < len(hostile)/2 {
		t.Errorf("only %d of the texts were seen at all", len(shown))
	}
}

// Entries of every type are read as what they are: none is only shown as damaged.
func TestHostileEntriesAreRead(t *testing.T) {
	folder, numbers := hostileLedger(t)
	seen := make(map[string]int)
	for e, err := range ledger.At(folder).Entries(record.ID{}) {
		if err != nil {
			t.Fatal(err)
		}
		if row := query.NewRow(consoletest.Node, "", e.ID, e.Data); row.Damage == nil {
			seen[row.Type]++
		} else {
			t.Logf("%.300s: %v", e.Data, row.Damage)
		}
	}
	for _, kind := range record.Types() {
		if seen[kind.Name] < len(hostile)-1 { // the long one stands in members alone
			t.Errorf("%s: %d entries can be read", kind.Name, seen[kind.Name])
		}
	}
	fmt.Fprint(t.Output(), len(numbers), " entries\n")
}
