package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/query"
)

//go:embed *.html
var pageFiles embed.FS

// pages are the reports as pages of their own, which ask for nothing from elsewhere and
// print on A4.
var pages = template.Must(template.New("").Funcs(template.FuncMap{"day": day, "named": named, "join": strings.Join}).ParseFS(pageFiles, "*.html"))

// page writes one of them. What is not seen in a text, or turns others round, is shown as
// on a screen: somebody else wrote what stands in records.
func page(w io.Writer, name string, content any) error {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, content); err != nil {
		return err
	}
	_, err := w.Write(query.VisibleLines(b.Bytes()))
	return err
}

// day is when something was written, for people.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// named are names with their ids, for people.
func named(all []Named) string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = n.both()
	}
	return strings.Join(texts, "; ")
}

// both is the name with the id, which a country's name has already.
func (n Named) both() string {
	if n.Name == "" || strings.HasSuffix(n.Name, "("+n.ID+")") {
		return n.String()
	}
	return n.ID + " " + n.Name
}

// table writes a CSV.
func table(w io.Writer, rows [][]string) error {
	for _, row := range rows {
		if err := query.WriteCSV(w, row); err != nil {
			return err
		}
	}
	return nil
}

// HTML writes the report as a page of its own, which asks for nothing from elsewhere and
// prints on one sheet of paper for each few classes.
func (c *Completeness) HTML(w io.Writer) error {
	return page(w, "completeness.html", c)
}

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
	rows := [][]string{{"period", "from", "to", "class", "complete", "first", "last", "entries", "transfers", "denials", "counted_denials", "sentence", "not_ruled_out", "damage", "gaps"}}
	for _, class := range c.Classes {
		rows = append(rows, []string{
			c.Period, c.From, c.To, class.Class, strconv.FormatBool(class.Complete), class.First, class.Last,
			number(class.Entries), number(class.Transfers), number(class.Denials), number(class.Counted),
			class.Sentence, strings.Join(class.NotRuledOut, " "), class.Damage, number(uint64(len(class.Gaps))),
		})
	}
	return table(w, rows)
}

func number(n uint64) string { return strconv.FormatUint(n, 10) }

// shown is a text as it may stand on a screen.
func shown(text string) string { return query.Visible(text) }
