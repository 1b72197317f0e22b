package query_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// hostile are values that somebody else chose.
var hostile = []string{
	`=HYPERLINK("http://evil","x")`, "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", `a "b", c`, "<script>alert(1)</script>",
	"\u202egnp.exe", "\x1b[31mred\x1b[0m", strings.Repeat("x", 10_000), "Köln | München", "",
}

// row is the row of a transfer with a route.
func row(t *testing.T, index uint64, route string) query.Row {
	t.Helper()
	e := record.Transfer{
		Header: record.Header{Type: record.TypeAccepted, Node: "gw-1", Time: time.Date(2026, 10, 1, 2, 3, 4, 5000, time.UTC)},
		Route:  route, Categories: []string{"1a", "1c"}, Decision: record.Allowed, Bytes: 7,
	}
	r := query.NewRow("gw-1", "support", record.ID{Epoch: 1, Index: index}, e.Append(nil))
	if r.Damage != nil {
		t.Fatal(r.Damage)
	}
	return r
}

// written are rows in a format.
func written(t *testing.T, f query.Format, rows ...query.Row) string {
	t.Helper()
	var b strings.Builder
	q, err := query.Parse("", now)
	if err != nil {
		t.Fatal(err)
	}
	columns := q.Columns(f)
	if f == query.Screen {
		if columns, err = query.ParseColumns("record,at,route"); err != nil {
			t.Fatal(err)
		}
	}
	w, err := query.NewWriter(&b, f, columns)
	for i := range rows {
		err = errors.Join(err, w.Row(&rows[i]))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A CSV is read back by another reader with the values that were written, but for the
// apostrophe before what a spreadsheet would take for a formula.
func TestCSV(t *testing.T) {
	var rows []query.Row
	for i, value := range hostile {
		rows = append(rows, row(t, uint64(i), value))
	}
	damaged := query.NewRow("gw-1", "", record.ID{Epoch: 1, Index: 99}, []byte("{"))
	text := written(t, query.CSV, append(rows, damaged)...)
	if strings.Count(text, "\r\n") < len(rows)+2 {
		t.Error("lines do not end as RFC 4180 has it")
	}
	table, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(table) != len(rows)+2 {
		t.Fatalf("%d lines: %v", len(table), err)
	}
	column := func(line int, name string) string {
		for i, head := range table[0] {
			if head == name {
				return table[line][i]
			}
		}
		t.Fatalf("no column %s", name)
		return ""
	}
	for i, value := range hostile {
		got := column(i+1, "route")
		if got != "" && strings.ContainsRune("=+-@\t\r\n", rune(got[0])) {
			t.Errorf("%q would be a formula", got)
		}
		// The reader of the standard library makes \n of \r\n, and leaves \r.
		if strings.TrimPrefix(got, "'") != value {
			t.Errorf("%.40q, want %.40q", got, value)
		}
		if column(i+1, "categories") != "1a | 1c" || column(i+1, "bytes") != "7" || column(i+1, "outcome") != query.Pending || column(i+1, "time") != "2026-10-01T02:03:04.000005Z" {
			t.Errorf("%q", table[i+1])
		}
	}
	if last := len(table) - 1; column(last, "record") != "gw-1#1.99" || !strings.Contains(column(last, "damage"), "malformed") {
		t.Errorf("what cannot be read: %q", table[last])
	}
}

// As JSON an entry stands byte for byte, with its number and how it ended.
func TestJSON(t *testing.T) {
	r := row(t, 5, `</script>&"`)
	err := query.ReadOutcomes([]byte(`{"id":"x","outcomes":[["1.5","partial",200,3,0]],"v":"xfer/1"}`), func(of record.ID, e query.Ended) {
		if of == r.Name.ID {
			r.Ended = e
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	text := written(t, query.JSON, r, query.NewRow("gw-1", "", record.ID{Epoch: 2}, []byte("{")))
	want := `{"number":"gw-1/support#1.5","outcome":"partial","ended":{"bytes":3,"response_bytes":0,"state":"partial","status":200},"record":` + string(r.Data) + "}\n"
	if first, rest, _ := strings.Cut(text, "\n"); first+"\n" != want || !strings.HasPrefix(rest, `{"number":"gw-1#2.0","damage":"the entry is malformed`) {
		t.Errorf("%s\nwant %s", text, want)
	}
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

// Nothing that somebody else chose acts on a screen, and numbers stand right.
func TestScreen(t *testing.T) {
	rows := []query.Row{row(t, 7, "short"), row(t, 12345, "x")}
	for _, value := range hostile {
		rows = append(rows, row(t, 1, value))
	}
	text := written(t, query.Screen, rows...)
	want := "              record  time                  route\n" +
		"    gw-1/support#1.7  2026-10-01T02:03:04Z  short\n" +
		"gw-1/support#1.12345  2026-10-01T02:03:04Z  x\n"
	if !strings.HasPrefix(text, want) {
		t.Errorf("%.300s\nwant\n%s", text, want)
	}
	for _, c := range text {
		if c != '\n' && (c < ' ' || c == '\u202e' || c == 0x7f) {
			t.Errorf("%q is on the screen", c)
		}
	}
	if got := strings.Count(text, "\n"); got != len(rows)+1 {
		t.Errorf("%d lines for %d rows", got, len(rows))
	}
}
