package report

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
)

//go:embed completeness.html
var completenessPage string

var completenessTemplate = template.Must(template.New("completeness").Parse(completenessPage))

// HTML writes the report as a page of its own, which asks for nothing from elsewhere and
// prints on one sheet of paper for each few classes.
func (c *Completeness) HTML(w io.Writer) error { return completenessTemplate.Execute(w, c) }

// Text writes the report for a screen: the sentences first.
func (c *Completeness) Text(w io.Writer) error {
	var b strings.Builder
	for _, class := range c.Classes {
		if len(c.Classes) > 1 {
			fmt.Fprintf(&b, "Class %s: ", class.Class)
		}
		fmt.Fprintf(&b, "%s\n", class.Sentence)
		if class.First != "" {
			fmt.Fprintf(&b, "   %d records of transfers, %d of denials; %d denials counted without a record of their own\n", class.Transfers, class.Denials, class.Counted)
		}
		if class.Damage != "" {
			fmt.Fprintf(&b, "   %s\n", class.Damage)
		}
		for _, text := range class.NotRuledOut {
			fmt.Fprintf(&b, "   Not ruled out: %s\n", text)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// CSV writes the report as a table, a class a line.
func (c *Completeness) CSV(w io.Writer) error {
	table := csv.NewWriter(w)
	table.UseCRLF = true
	rows := [][]string{{"period", "from", "to", "class", "complete", "first", "last", "entries", "transfers", "denials", "counted_denials", "sentence", "not_ruled_out", "damage"}}
	for _, class := range c.Classes {
		rows = append(rows, []string{
			c.Period, c.From, c.To, class.Class, strconv.FormatBool(class.Complete), class.First, class.Last,
			number(class.Entries), number(class.Transfers), number(class.Denials), number(class.Counted),
			class.Sentence, strings.Join(class.NotRuledOut, " "), class.Damage,
		})
	}
	return table.WriteAll(rows)
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }
