package report

import (
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"github.com/sparkoo/transfergate/internal/query"
)

// XLSX writes the register as a workbook: the table of the CSV on the sheet Register, and
// on the sheet About what was asked, of which state of the ledger it is, and how to verify
// that. Every cell is a text or a number, whatever stands in it, and never a formula.
func (r *Register) XLSX(w io.Writer) (err error) {
	book := excelize.NewFile()
	defer func() {
		if closeErr := book.Close(); err == nil {
			err = closeErr
		}
	}()
	const register, about = "Register", "About"
	if err := book.SetSheetName("Sheet1", register); err != nil {
		return err
	}
	if _, err := book.NewSheet(about); err != nil {
		return err
	}
	if err := sheet(book, register, r.table(), registerNumbers); err != nil {
		return err
	}
	if err := sheet(book, about, append([][]string{{"what", "text"}}, r.about()...), nil); err != nil {
		return err
	}
	return book.Write(w)
}

// registerNumbers are the columns of the register that are numbers.
var registerNumbers = map[string]bool{"records": true, "not_sent": true, "only_reported": true}

// cellLimit is how many UTF-16 units a cell of a workbook has room for, and cut what stands at the
// end of one that has more.
const (
	cellLimit = 32767
	cut       = " … (cut here: a cell has no room for more, and the CSV has all of it)"
)

// sheet writes a table, its first row as heads that stay in sight.
func sheet(book *excelize.File, name string, rows [][]string, numbers map[string]bool) error {
	s, err := book.NewStreamWriter(name)
	if err != nil {
		return err
	}
	bold, err := book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	for i := range rows[0] {
		if err := s.SetColWidth(i+1, i+1, widthOf(rows, i)); err != nil {
			return err
		}
	}
	if err := s.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	for i, row := range rows {
		cells := make([]any, len(row))
		for j, text := range row {
			cells[j] = cellOf(text, i > 0 && numbers[rows[0][j]])
			if i == 0 {
				cells[j] = excelize.Cell{StyleID: bold, Value: text}
			}
		}
		if err := s.SetRow("A"+strconv.Itoa(i+1), cells); err != nil {
			return fmt.Errorf("writing row %d of the sheet %s: %w", i+1, name, err)
		}
	}
	return s.Flush()
}

// cellOf is what stands in a cell. A text stays one, whatever it looks like.
func cellOf(text string, number bool) any {
	if n, err := strconv.ParseUint(text, 10, 53); number && err == nil {
		return n
	}
	text = query.Visible(text)
	units := utf16.Encode([]rune(text))
	if len(units) <= cellLimit {
		return text
	}
	end := cellLimit - len(utf16.Encode([]rune(cut)))
	if units[end-1] >= 0xD800 && units[end-1] < 0xDC00 {
		end-- // the other half of the letter would be cut off
	}
	return string(utf16.Decode(units[:end])) + cut
}

// widthOf is how wide a column is drawn, in letters.
func widthOf(rows [][]string, column int) float64 {
	widest := 8
	for _, row := range rows[:min(len(rows), 200)] {
		if column < len(row) {
			widest = max(widest, len(row[column])+2)
		}
	}
	return float64(min(widest, 48))
}

// about are what the head says, a line each.
func (h *Head) about() (rows [][]string) {
	add := func(what, text string) {
		if text != "" {
			rows = append(rows, []string{what, text})
		}
	}
	add("period", h.Period)
	add("first day", h.From)
	add("last day", h.To)
	add("made", h.Made)
	add("asked of the ledger", h.Query)
	add("records", number(h.Records))
	for _, digest := range h.Policies {
		add("decided by the policy", digest)
	}
	for _, c := range h.Checkpoints {
		add("checkpoint of class "+c.Class, fmt.Sprintf("%s, %d entries, root %s", c.Log, c.Size, c.Root))
	}
	for _, text := range h.NotRuledOut {
		add("not ruled out", text)
	}
	for _, text := range h.Unreadable {
		add("cannot be read, and may belong here", text)
	}
	add("verify the ledger by", verifyCommand)
	return rows
}
