package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
)

// HTML writes the report as a page of its own, which asks for nothing from elsewhere and
// prints well.
func (r *Incident) HTML(w io.Writer) error { return page(w, "incident.html", r) }

// Text writes the report for a screen: whom to tell first.
func (r *Incident) Text(w io.Writer) error {
	b := new(strings.Builder)
	fmt.Fprintf(b, "Incident at %s %s: %s", r.What, shown(r.Place.both()), times(r.Transfers, "transfer"))
	if r.Denials > 0 {
		fmt.Fprintf(b, " and %s", times(r.Denials, "denial"))
	}
	fmt.Fprintf(b, " of at most %d people, %s\n", r.People, r.Period)
	if r.Aware == "" && len(r.Laws) > 0 {
		b.WriteString("Say when the controller got to know of it (--aware), and the days are counted\n")
	}
	for _, l := range r.Laws {
		fmt.Fprintf(b, "\n%s: %s of at most %d people registered in %s\n", shown(l.Law.both()), times(l.Records, "record"), l.People, strings.Join(l.Countries, ", "))
		if l.None != "" {
			fmt.Fprintf(b, "   nobody must be told: %s\n", shown(l.None))
		}
		for _, t := range l.Clocks {
			fmt.Fprintf(b, "   %s\n", shown(t.sentence()))
		}
	}
	b.WriteString("\n")
	for _, a := range r.Affected {
		fmt.Fprintf(b, "%s, registered in %s: at most %d people, %s, %s to %s, for %s\n", shown(a.Controller.String()), cmp.Or(a.Country.String(), "a country that is not known"),
			a.People, times(a.Records, "record"), day(a.First), day(a.Last), ids(a.Activities))
	}
	for _, c := range r.Categories {
		fmt.Fprintf(b, "data %s: at most %d people, %s\n", shown(c.Category.both()), c.People, times(c.Records, "record"))
	}
	if r.Hold != "" {
		fmt.Fprintf(b, "The hold %s keeps the records\n", r.Hold)
	}
	r.Head.text(b)
	_, err := io.WriteString(w, b.String())
	return err
}

// sentence says whom to tell by when.
func (t *Told) sentence() string {
	text := "tell " + cmp.Or(t.To, "the "+t.Who)
	switch {
	case t.None != "":
		text = "the " + t.Who + " need not be told: " + t.None
	case t.Due == "":
		text += " " + t.Within
		if t.Within != "without delay" {
			text += " after " + t.After
		}
	case t.Earliest:
		text += " by " + t.Due + " at the earliest, " + t.Within + " after " + t.After
	default:
		text += " by " + t.Due + ", " + t.Within + " after " + t.After
	}
	if t.When != "" {
		text += ", if: " + t.When
	}
	return text + bracketed(unsure(t.Doubt, t.Confirmed))
}

// unsure says what counsel has yet to answer; nothing if that is nothing.
func unsure(doubt string, confirmed bool) string {
	switch {
	case confirmed:
		return ""
	case doubt == "":
		return "not confirmed by counsel"
	}
	return "not certain: " + doubt
}

func bracketed(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// CSV writes the report as a table: lines of people, of categories, and of whom to tell.
func (r *Incident) CSV(w io.Writer) error {
	rows := [][]string{{
		"place", "period", "row", "controller", "controller_name", "registered_in", "category", "law", "law_title", "people_at_most", "records", "first", "last",
		"tell", "to", "within", "after", "due", "at_the_earliest", "when", "source", "confirmed", "doubt",
	}}
	line := func(row string, cells map[string]string) {
		cells["place"], cells["period"], cells["row"] = r.What+" "+r.Place.ID, r.Period, row
		all := make([]string, len(rows[0]))
		for i, name := range rows[0] {
			all[i] = cells[name]
		}
		rows = append(rows, all)
	}
	for _, a := range r.Affected {
		cells := a.cells()
		cells["controller"], cells["controller_name"], cells["registered_in"] = a.Controller.ID, a.Controller.Name, a.Country.String()
		line("people", cells)
	}
	for _, c := range r.Categories {
		cells := c.cells()
		cells["category"] = c.Category.both()
		line("category", cells)
	}
	for _, l := range r.Laws {
		cells := l.cells()
		cells["law"], cells["law_title"], cells["registered_in"] = l.Law.ID, l.Law.Name, strings.Join(l.Countries, "; ")
		cells["tell"], cells["source"] = "", l.None
		if l.None != "" {
			cells["tell"] = "nobody"
		}
		line("law", cells)
		for _, t := range l.Clocks {
			line("clock", map[string]string{
				"law": l.Law.ID, "law_title": l.Law.Name, "tell": t.tell(), "to": t.To, "within": t.Within, "after": t.After, "due": t.Due,
				"at_the_earliest": fmt.Sprint(t.Earliest), "when": t.When, "source": cmp.Or(t.None, t.Source), "confirmed": fmt.Sprint(t.Confirmed), "doubt": t.Doubt,
			})
		}
	}
	return table(w, rows)
}

// tell is whom to tell, in a cell.
func (t *Told) tell() string {
	if t.None != "" {
		return "not the " + t.Who
	}
	return t.Who
}

// Unsure is what counsel has yet to answer, for the page.
func (t *Told) Unsure() string { return unsure(t.Doubt, t.Confirmed) }

func (c *AffectedCount) cells() map[string]string {
	return map[string]string{
		"people_at_most": number(c.People), "records": number(c.Records), "first": c.First.UTC().Format(time.RFC3339), "last": c.Last.UTC().Format(time.RFC3339),
	}
}
