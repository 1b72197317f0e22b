package query

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// table is a table for people, its columns as wide as they must be.
type table struct {
	right []int // columns of numbers
	rows  [][]string
	width []int
}

// widest is how many letters of a cell are shown, but for the last of its row.
const widest = 60

// row adds a row. What a terminal would act on is shown as a question mark.
func (t *table) row(cells []string) {
	shown := make([]string, len(cells))
	for i, cell := range cells {
		shown[i] = Visible(cell)
		if n := utf8.RuneCountInString(shown[i]); n > widest && i < len(cells)-1 {
			shown[i] = string([]rune(shown[i])[:widest-1]) + "…"
		}
		if i == len(t.width) {
			t.width = append(t.width, 0)
		}
		if i < len(cells)-1 || len(t.rows) == 0 {
			t.width[i] = max(t.width[i], utf8.RuneCountInString(shown[i]))
		}
	}
	t.rows = append(t.rows, shown)
}

// Visible is a text as it may stand on a screen: whatever is not seen, or turns others
// round, is a question mark.
func Visible(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, text)
}

// VisibleLines is Visible for a text of several lines, which may be a whole page.
func VisibleLines(text []byte) []byte {
	return bytes.Map(func(c rune) rune {
		if c != '\n' && c != '\t' && !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, text)
}

// write writes the table.
func (t *table) write(to io.Writer) error {
	var b strings.Builder
	for _, cells := range t.rows {
		var line strings.Builder
		for i, cell := range cells {
			pad := strings.Repeat(" ", max(0, t.width[i]-utf8.RuneCountInString(cell)))
			if slices.Contains(t.right, i) {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
			line.WriteString("  ")
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	_, err := io.WriteString(to, b.String())
	return err
}
