package query

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// Format is how rows and counts are written.
type Format string

// The formats. Screen is a table for people, shortened and free of what a terminal
// would act on; CSV is RFC 4180, whose cells no spreadsheet takes for a formula; JSON
// has an object a line, in which the entry stands byte for byte; Parquet is what data
// warehouses read.
const (
	Screen  Format = "screen"
	CSV     Format = "csv"
	JSON    Format = "json"
	Parquet Format = "parquet"
)

// Columns are the keys by whose values the rows of a query are shown: a few on a
// screen, else all that its types of entries have.
func (q *Query) Columns(f Format) []*Key {
	var all []*Key
	for _, name := range []string{"record", "time", "type", "outcome"} {
		all = append(all, KeyNamed(name))
	}
	kinds := q.types()
	if f == Screen && slices.ContainsFunc(kinds, transferred) {
		for _, name := range []string{"country", "controller", "activity", "recipient", "region", "requester", "reason"} {
			all = append(all, KeyNamed(name))
		}
		if len(kinds) == 2 { // transfers and denials, which the outcome tells apart
			all = slices.Delete(all, 2, 3)
		}
		return all
	}
	if f == Screen {
		return slices.Delete(all, 3, 4)
	}
	for _, k := range Keys() {
		if !k.hidden && k.Kind != Part && !slices.Contains(all, k) && slices.ContainsFunc(kinds, k.In) {
			all = append(all, k)
		}
	}
	return all
}

// ParseColumns reads keys with commas between them.
func ParseColumns(text string) (all []*Key, err error) {
	for name := range strings.SplitSeq(text, ",") {
		k := KeyNamed(strings.TrimSpace(name))
		if k == nil || k.Kind == Part {
			return nil, fmt.Errorf("columns '%s': there is no '%s'; %s", text, name, suggest.For(name, groupNames()))
		}
		all = append(all, k)
	}
	return all, nil
}

// Sentence says how many rows there are.
func (c *Counts) Sentence(said string) string {
	text := fmt.Sprintf("%d records: %s", c.Total.Rows, said)
	if c.Total.Rows == 1 {
		text = "1 record: " + said
	}
	if c.Uncounted > 0 {
		text += fmt.Sprintf("\nBeside them %d denials are only counted, without a record of their own (type:refusals.counted)", c.Uncounted)
	}
	var sum uint64
	for _, g := range c.Groups {
		sum += g.Rows
	}
	if sum > c.Total.Rows {
		text += "\nA record with several values counts once for each of them"
	}
	return text
}

// Writer writes rows in a format. It is for one goroutine. Close writes what is left.
type Writer struct {
	format  Format
	to      io.Writer
	reader  *reader
	columns []*Key
	table   table
	parquet *parquetWriter
}

// NewWriter returns a writer of rows with such columns; JSON has none.
func NewWriter(to io.Writer, f Format, columns []*Key) (*Writer, error) {
	w := &Writer{format: f, to: to, columns: columns, reader: newReader(columns)}
	var names []string
	for i, k := range columns {
		names = append(names, k.Name)
		if k.Kind == Number || k.Name == "record" {
			w.table.right = append(w.table.right, i)
		}
	}
	switch f {
	case CSV:
		return w, WriteCSV(to, append(names, "damage"))
	case Screen:
		w.table.row(names)
	case Parquet:
		w.parquet = newParquetWriter(to, columns)
	case JSON: // each row names what it has
	}
	return w, nil
}

// Row writes a row.
func (w *Writer) Row(row *Row) error {
	if w.format == JSON {
		line, err := row.json()
		if err == nil {
			_, err = w.to.Write(append(line, '\n'))
		}
		return err
	}
	cells, damage := make([]string, len(w.columns)), ""
	if row.Damage == nil {
		row.Damage = w.reader.read(row)
	}
	if w.parquet != nil {
		return w.parquet.write(row, w.reader.values)
	}
	if row.Damage != nil {
		damage = row.Damage.Error()
	}
	for i, k := range w.columns {
		switch {
		case k.Name == "record":
			cells[i] = row.Name.String()
		case row.Damage != nil:
		case k.Name == "time":
			cells[i] = moment(row.Time, w.format)
		default:
			cells[i] = strings.Join(w.reader.values[i], " | ")
		}
	}
	if w.format == Screen {
		if damage != "" {
			cells = append(cells[:1], "cannot be read: "+damage)
		}
		w.table.row(cells)
		return nil
	}
	return WriteCSV(w.to, append(cells, damage))
}

// moment writes a time: to the second for people, else as records have it.
func moment(at int64, f Format) string {
	if f == Screen {
		return time.UnixMicro(at).UTC().Format(time.RFC3339)
	}
	return time.UnixMicro(at).UTC().Format("2006-01-02T15:04:05.000000Z")
}

// Close writes what is left.
func (w *Writer) Close() error {
	switch w.format {
	case Screen:
		return w.table.write(w.to)
	case Parquet:
		return w.parquet.file.Close()
	default:
		return nil
	}
}

// rowJSON is a row for programs.
type rowJSON struct {
	Number  string          `json:"number"`
	Outcome string          `json:"outcome,omitempty"`
	Ended   map[string]any  `json:"ended,omitempty"`
	Record  json.RawMessage `json:"record,omitempty"`
	Damage  string          `json:"damage,omitempty"`
}

// json is the row as an object. The entry's bytes are put in as they stand: an encoder
// would write them anew.
func (r *Row) json() ([]byte, error) {
	v := rowJSON{Number: r.Name.String()}
	if r.Damage != nil {
		v.Damage = r.Damage.Error()
		return json.Marshal(v)
	}
	v.Outcome = r.Outcome()
	for i, m := range endMembers() {
		value := r.Ended.at(i)
		if value == "" || m.Name == recordMember {
			continue
		}
		if v.Ended == nil {
			v.Ended = make(map[string]any)
		}
		v.Ended[m.Name] = value
		if m.Kind == record.Number {
			v.Ended[m.Name] = json.Number(value)
		}
	}
	line, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(append(append(line[:len(line)-1], `,"record":`...), r.Data...), '}'), nil
}

// WriteCounts writes counts in a format.
func WriteCounts(to io.Writer, f Format, by Grouping, c *Counts) error {
	names := append(by.Names(), "records", "first", "last")
	groups := c.Groups
	if len(names) == 3 {
		groups = []Count{c.Total}
	}
	switch f {
	case JSON:
		return writeCountsJSON(to, by.Names(), groups)
	case CSV:
		err := WriteCSV(to, names)
		for i := 0; i < len(groups) && err == nil; i++ {
			err = WriteCSV(to, groups[i].cells("", time.RFC3339Nano))
		}
		return err
	default:
		t := table{right: []int{len(names) - 3}}
		t.row(names)
		for i := range groups {
			t.row(groups[i].cells("none", time.RFC3339))
		}
		return t.write(to)
	}
}

// cells are the count as a row of a table.
func (c *Count) cells(none, layout string) []string {
	var all []string
	for _, v := range c.Values {
		all = append(all, cmp.Or(v, none))
	}
	first, last := "", ""
	if c.Rows > 0 {
		first, last = c.First.Format(layout), c.Last.Format(layout)
	}
	return append(all, strconv.FormatUint(c.Rows, 10), first, last)
}

func writeCountsJSON(to io.Writer, names []string, groups []Count) error {
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	for _, g := range groups {
		line := map[string]any{"records": g.Rows}
		if g.Rows > 0 {
			line["first"], line["last"] = g.First, g.Last
		}
		for i, name := range names {
			if g.Values[i] != "" {
				line[name] = g.Values[i]
			}
		}
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// WriteCSV writes a line of a CSV (RFC 4180), whose cells no spreadsheet takes for a
// formula. encoding/csv would take each CR out of a
// cell where lines end in CRLF.
func WriteCSV(to io.Writer, cells []string) error {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteByte(',')
		}
		if cell = harmless(cell); strings.ContainsAny(cell, "\",\r\n;\t") {
			cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		b.WriteString(cell)
	}
	b.WriteString("\r\n")
	_, err := io.WriteString(to, b.String())
	return err
}

// harmless keeps a spreadsheet from taking a cell for a formula: an apostrophe before
// it makes it a text.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
