package report_test

import (
	"archive/zip"
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

// hostileRegister is a register in which others chose a name.
func hostileRegister(t *testing.T, name string) *report.Register {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "ledger")
	at := time.Date(2026, 10, 3, 12, 0, 0, 0, time.UTC)
	l := ledger.New(folder, ledger.Options{Node: "gw-1", Now: func() time.Time { return at }})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	e := &record.Transfer{
		Header: record.Header{Type: record.TypeAccepted, Node: "gw-1", Time: at}, Controller: "unlisted", ControllerName: name, Activity: "serving",
		Legs: record.AppendLegs(nil, []record.Leg{{Kind: "serving", Recipient: "+1", To: "SG", Laws: []record.Verdict{{Law: "br", Safeguard: "tag", Instrument: "@x"}, {Law: "sg", Because: "inside-territory"}}}}),
	}
	for range 3 {
		if _, err := l.Append(e.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return registerOf(t, ledger.At(folder), "2026-10-01", "2026-10-31")
}

// The workbook has what the CSV has, its numbers as numbers, and no formula, whatever
// somebody else chose as a name.
func TestRegisterWorkbook(t *testing.T) {
	const hostile = `=HYPERLINK("http://x","<script>alert(1)</script>")` + "\u202e\x01"
	r := hostileRegister(t, hostile)
	var b bytes.Buffer
	if err := r.XLSX(&b); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	sheets := 0
	for _, f := range archive.File {
		if !strings.HasPrefix(f.Name, "xl/worksheets/sheet") {
			continue
		}
		sheets++
		file, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "<f>") || strings.Contains(string(text), "<hyperlink") {
			t.Errorf("%s has a formula or a link", f.Name)
		}
	}
	if sheets != 2 {
		t.Errorf("%d sheets, not 2", sheets)
	}
	book, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := book.GetRows("Register")
	if err != nil || len(rows) != 3 {
		t.Fatal(len(rows), err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	want := `=HYPERLINK("http://x","<script>alert(1)</script>")??`
	if got := rows[1][column["controller_name"]]; got != want {
		t.Errorf("the name is %q, not %q", got, want)
	}
	name, err := excelize.CoordinatesToCellName(column["records"]+1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if kind, err := book.GetCellType("Register", name); err != nil || kind != excelize.CellTypeUnset && kind != excelize.CellTypeNumber || rows[1][column["records"]] != "3" {
		t.Errorf("the number of records is %q, of type %v, %v", rows[1][column["records"]], kind, err)
	}
	about, err := book.GetRows("About")
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for _, row := range about {
		said.WriteString(strings.Join(row, ": ") + "\n")
	}
	for _, want := range []string{"first day: 2026-10-01", "records: 3", "checkpoint of class default: ", "verify the ledger by: transfergate transfer ledger verify "} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the sheet About lacks %q:\n%s", want, &said)
		}
	}
}

// A text that a cell has no room for says that it is cut, and no letter is cut in two.
func TestWorkbookCellLimit(t *testing.T) {
	for _, before := range []string{"", "a"} {
		long := before + strings.Repeat("a", 32_600) + strings.Repeat("\U0001F512", 200) // two units each
		var b bytes.Buffer
		if err := hostileRegister(t, long).XLSX(&b); err != nil {
			t.Fatal(err)
		}
		book, err := excelize.OpenReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := book.GetRows("Register")
		if err != nil {
			t.Fatal(err)
		}
		got := rows[1][slices.Index(rows[0], "controller_name")]
		if units := len(utf16.Encode([]rune(got))); !strings.HasSuffix(got, "the CSV has all of it)") || units > 32767 || units < 32766 || strings.ContainsRune(got, '\uFFFD') {
			t.Errorf("the cell has %d units and ends in %q", units, got[len(got)-80:])
		}
	}
}
