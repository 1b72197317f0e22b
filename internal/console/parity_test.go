package console_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/net/html"

	"github.com/sparkoo/transfergate/internal/console"
	"github.com/sparkoo/transfergate/internal/console/consoletest"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// parityValues are values of the ledger of manyEpochs by the keys that ask for them.
var parityValues = map[string][]string{
	"country": {"BR", "CL", "SG", "none"}, "activity": {"storage", "serving", "support", "s*"}, "outcome": {"denied", "pending", "complete", "unknown"},
	"reason": {"no_safeguard", "minor", "none"}, "class": {"default", "support"}, "statement": {"2023-11-21", "2026-01-01"}, "recipient": {"sparkoo-*", "huawei-cloud-cn"},
	"safeguard": {"tag-a", "tag-b", "none"}, "demo": {"true", "false"}, "bytes": {">500", "<=20"}, "status": {"200", ">300"},
	"at": {">2026-11-20", "<2026-11-25", "2026-11-18..2026-11-22"}, "type": {"transfer.accepted", "transfer.outcome", "*"},
}

// manyEpochs writes a ledger of two classes and several epochs: transfers under two
// statements, denials and outcomes.
func manyEpochs(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "ledger")
	random := rand.New(rand.NewPCG(5, 6))
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	for _, class := range []string{record.DefaultClass, "support"} {
		at := now.AddDate(0, 0, -14)
		var clock atomic.Int64 // the ledger looks at it on its own, too
		clock.Store(at.UnixMicro())
		l := ledger.New(ledger.At(folder).Of(class).Path, ledger.Options{Node: consoletest.Node, SegmentEntries: 32, EpochEntries: 50, Now: func() time.Time { return time.UnixMicro(clock.Load()) }})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		for range 130 {
			at = at.Add(time.Duration(random.IntN(8000)) * time.Second)
			clock.Store(at.UnixMicro())
			r := &record.Transfer{
				Header: record.Header{Type: record.TypeAccepted, Node: consoletest.Node, Time: at}, Decision: record.Allowed, Enforced: true, Demo: random.IntN(3) == 0,
				Country: pick("BR", "CL", "SG", ""), Activity: pick("storage", "serving", "support"), Recipient: pick("sparkoo-sg", "sparkoo-br", "huawei-cloud-cn"),
				Statement: pick("2023-11-21", "2026-01-01"), Bytes: int64(random.IntN(1000)), RetainUntil: "2027-01-01",
			}
			r.Legs = record.AppendLegs(nil, []record.Leg{{Kind: "serving", To: "SG", Laws: []record.Verdict{{Law: "br", Safeguard: pick("tag-a", "tag-b", "")}}}})
			if random.IntN(4) == 0 {
				r.Type, r.Decision, r.Reason, r.Recipient, r.Legs = record.TypeRefused, record.Denied, pick("no_safeguard", "minor"), "", nil
			}
			id, err := l.Append(r.Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			if r.Type == record.TypeAccepted && random.IntN(3) > 0 {
				told := record.Outcomes{Header: record.Header{Node: consoletest.Node, Time: at}, Outcomes: []record.Outcome{{Record: id, State: pick("complete", "complete", "unknown"), Status: int64(200 + 100*random.IntN(4))}}}
				if _, err := l.Append(told.Append(nil)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// randomQueries are such of the values above, the same each time.
func randomQueries(n int) (all []string) {
	random := rand.New(rand.NewPCG(7, 8))
	var keys []string
	for key := range parityValues {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for range n {
		var terms []string
		for range random.IntN(4) {
			key := keys[random.IntN(len(keys))]
			value := parityValues[key][random.IntN(len(parityValues[key]))]
			terms = append(terms, []string{"", "", "-"}[random.IntN(3)]+key+":"+value)
		}
		all = append(all, strings.Join(terms, " "))
	}
	return all
}

// browser asks a console over HTTP, as a reviewer.
type browser struct {
	t  *testing.T
	at string
}

func serve(t *testing.T, c *console.Console) *browser {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.Serve(w, r, strings.TrimPrefix(r.URL.Path, "/"), console.Visitor{Name: "ron", Role: console.Reviewer})
	}))
	t.Cleanup(s.Close)
	return &browser{t, s.URL + "/"}
}

// rows are the numbers of the records that a query finds, from all pages of its table, and
// how many the first page says there are.
func (b *browser) rows(text string) (numbers []string, said string) {
	b.t.Helper()
	for address := "transfers?q=" + url.QueryEscape(text); address != ""; {
		res, err := http.Get(b.at + address)
		if err != nil {
			b.t.Fatal(err)
		}
		page, err := html.Parse(res.Body)
		res.Body.Close()
		if err == nil && res.StatusCode == http.StatusBadRequest && numbers == nil {
			return nil, "0 records" // it names what no entry of the type has, and the page says so
		}
		if err != nil || res.StatusCode != http.StatusOK {
			b.t.Fatalf("%q: %d, %v", address, res.StatusCode, err)
		}
		address = ""
		for n := range page.Descendants() {
			switch {
			case n.Data == "a" && attribute(n, "rel") == "next":
				address = attribute(n, "href")
			case n.Data == "th" && attribute(n, "scope") == "row" && attribute(n.Parent.Parent.Parent, "class") == "rows":
				numbers = append(numbers, words(n))
			case n.Data == "p" && attribute(n, "class") == "count" && said == "":
				said = strings.ReplaceAll(words(n.FirstChild), ",", "")
			}
		}
	}
	return numbers, said
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// words are the text within an element.
func words(of *html.Node) string {
	var b strings.Builder
	for n := range of.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// export is a file of what a query finds.
func (b *browser) export(text, format string) []byte {
	b.t.Helper()
	res, err := http.PostForm(b.at+"export", url.Values{"q": {text}, "reason": {"case 7"}, "format": {format}})
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		b.t.Fatalf("%q as %s: %d, %v", text, format, res.StatusCode, err)
	}
	return data
}

// The rows that a reader of each kind of file finds, by their numbers.
func csvNumbers(t *testing.T, file []byte) (all []string) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("reading CSV: %d rows, %v", len(rows), err)
	}
	for _, row := range rows[1:] {
		all = append(all, row[slices.Index(rows[0], "record")])
	}
	return all
}

func jsonNumbers(t *testing.T, file []byte) (all []string) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(file))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row struct{ Number string }
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		all = append(all, row.Number)
	}
	return all
}

func parquetNumbers(t *testing.T, file []byte) (all []string) {
	t.Helper()
	rows, err := parquet.Read[struct {
		Record string `parquet:"record,optional"`
	}](bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		all = append(all, row.Record)
	}
	return all
}

// What the table of a query has over all its pages, what its first page counts, and what
// readers that are not ours find in its exports are the same records in the same order,
// over several epochs and classes; of all entries it is what the verifier counts.
func TestEveryFormHasTheSameRows(t *testing.T) {
	folder := manyEpochs(t)
	b := serve(t, over(t, folder))
	asked := 40
	switch {
	case testsupport.Race: // each takes seconds then
		asked = 10
	case testsupport.Full():
		asked = 200
	}
	found := 0
	for _, text := range append(randomQueries(asked), "type:*") {
		rows, said := b.rows(text)
		if want := fmt.Sprintf("%d record", len(rows)); strings.TrimSuffix(said, "s") != want {
			t.Errorf("%q: the page says %q, and has %d", text, said, len(rows))
		}
		for form, got := range map[string][]string{
			"CSV": csvNumbers(t, b.export(text, "csv")), "NDJSON": jsonNumbers(t, b.export(text, "json")), "Parquet": parquetNumbers(t, b.export(text, "parquet")),
		} {
			if !slices.Equal(got, rows) {
				t.Errorf("%q: %s has %d rows, the pages %d", text, form, len(got), len(rows))
			}
		}
		if len(rows) > 0 {
			found++
		}
		if text == "type:*" {
			if n := verified(t, folder); n != len(rows) {
				t.Errorf("the verifier counts %d entries, and the pages have %d", n, len(rows))
			}
		}
	}
	if found < asked/2 {
		t.Errorf("only %d of %d queries find anything", found, asked)
	}
}

// verified is how many entries the verifier counts in all classes.
func verified(t *testing.T, folder string) (n int) {
	t.Helper()
	classes, err := ledger.At(folder).Classes()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range classes {
		report, err := verify.Ledger(dir.Path, verify.Options{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		n += int(report.Entries)
	}
	return n
}
