package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
)

// HTML writes the answer as a page of its own, which asks for nothing from elsewhere and
// prints well.
func (r *Person) HTML(w io.Writer) error { return page(w, "person.html", r) }

// Text writes the answer for a screen.
func (r *Person) Text(w io.Writer) error {
	b := new(strings.Builder)
	fmt.Fprintf(b, "Request %s: %s and %s about the person, %s\n", shown(r.Reference), times(r.Transfers, "transfer"), times(r.Denials, "denial"), r.Period)
	if a := r.Answer; a != nil {
		fmt.Fprintf(b, "Received on %s: answer by %s (%s)\n", a.Received, a.By, a.BySays)
		if a.Limit != "" {
			fmt.Fprintf(b, "It may take until %s (%s) if the person is told so by %s (%s)\n", a.Limit, a.LimitSays, a.Notice, a.NoticeSays)
		}
	}
	for _, c := range r.Controllers {
		fmt.Fprintf(b, "Responsible: %s\n", shown(strings.Trim(c.String()+", "+c.Address, ", ")))
	}
	for _, f := range r.Recipients {
		fmt.Fprintf(b, "\n%s\n   %s, %s to %s\n   for %s\n   data %s; purposes %s\n", shown(place(f.Recipient.String(), f.Country)),
			times(f.Records, "time"), day(f.First), day(f.Last), shown(named(f.Activities)), ids(f.Categories), ids(f.Purposes))
		for _, l := range f.Laws {
			fmt.Fprintf(b, "   %s\n", l.sentence())
		}
	}
	for _, f := range r.Refusals {
		fmt.Fprintf(b, "\n%s: %s, %s: %s\n", times(f.Records, "denial"), cmp.Or(f.Activity.ID, "no activity"), f.Reason.ID, f.Reason.Name)
	}
	for _, l := range r.Looks {
		fmt.Fprintf(b, "\nLooked at on %s by %s: %s (%s)", day(l.Time), shown(cmp.Or(l.Office, "somebody who named no office")), shown(l.Because), shown(l.Reference))
	}
	if len(r.Looks) > 0 {
		b.WriteString("\n")
	}
	r.Head.text(b)
	if r.Look != "" {
		fmt.Fprintf(b, "Entry %s tells of this look\n", r.Look)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// CSV writes the answer as a table, a recipient a line.
func (r *Person) CSV(w io.Writer) error {
	rows := [][]string{{
		"reference", "from", "to", "recipient", "recipient_name", "role", "kind", "country", "steps", "activities", "purposes", "legal_bases", "categories",
		"safeguards", "records", "first", "last",
	}}
	for _, f := range r.Recipients {
		var laws []string
		for _, l := range f.Laws {
			laws = append(laws, l.sentence())
		}
		rows = append(rows, []string{
			r.Reference, r.From, r.To, f.Recipient.ID, f.Recipient.Name, f.Role, f.Kind.both(), f.Country.String(), strings.Join(f.Steps, "; "),
			named(f.Activities), named(f.Purposes), named(f.Bases), named(f.Categories), strings.Join(laws, "; "), number(f.Records),
			f.First.UTC().Format(time.RFC3339), f.Last.UTC().Format(time.RFC3339),
		})
	}
	return table(w, rows)
}
