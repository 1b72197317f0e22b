package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
)

// HTML writes the register as a page of its own, which asks for nothing from elsewhere
// and prints well.
func (r *Register) HTML(w io.Writer) error { return page(w, "register.html", r) }

// Text writes the register for a screen.
func (r *Register) Text(w io.Writer) error {
	b := new(strings.Builder)
	fmt.Fprintf(b, "Register of %s: %s and %s", r.Period, times(r.Transfers, "transfer"), times(r.Denials, "denial"))
	if r.Counted > 0 {
		fmt.Fprintf(b, "; %d more denials are only counted", r.Counted)
	}
	b.WriteString("\n")
	for _, c := range r.Controllers {
		fmt.Fprintf(b, "\n%s", shown(c.both()))
		if c.Address != "" {
			fmt.Fprintf(b, ", %s", shown(c.Address))
		}
		fmt.Fprintf(b, "\n   at most %d people; they have another pseudonym in each period of the keys", c.People)
		if len(c.Missing) > 0 {
			fmt.Fprintf(b, "; not filled in: %s", strings.Join(c.Missing, ", "))
		}
		b.WriteString("\n")
		for _, p := range c.Activities {
			p.text(b)
		}
		for _, f := range c.Refusals {
			fmt.Fprintf(b, "   %s: %s", times(f.Records, "denial"), cmp.Or(f.Activity.ID, "no activity"))
			if to := cmp.Or(f.Recipient.ID, f.Destination.ID); to != "" {
				fmt.Fprintf(b, " to %s", to)
			}
			fmt.Fprintf(b, ", %s: %s\n", f.Reason.ID, f.Reason.Name)
		}
	}
	r.Head.text(b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Processing) text(b *strings.Builder) {
	fmt.Fprintf(b, "   %s: %s, %s to %s\n", p.Activity.both(), times(p.Seen.Records, "transfer"), day(p.Seen.First), day(p.Seen.Last))
	var countries []string
	for _, c := range p.Countries {
		countries = append(countries, cmp.Or(c.Country.String(), "a country that is not known"))
	}
	fmt.Fprintf(b, "      people registered in %s; data %s; for %s; basis %s\n",
		strings.Join(countries, ", "), ids(p.Categories), ids(p.Purposes), p.LegalBasis.ID)
	for _, f := range p.Flows {
		fmt.Fprintf(b, "      %-10s  %s to %s  %d\n", f.Step, place(cmp.Or(f.Exporter.ID, "the person"), f.From), place(f.Recipient.ID, f.To), f.Seen.Records)
		for _, l := range f.Laws {
			if l.Safeguard != nil || l.Missing {
				fmt.Fprintf(b, "         %s\n", l.sentence())
			}
		}
	}
}

// times is so many of something.
func times(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// place is who is where.
func place(who string, where Named) string {
	if where.ID == "" {
		return who
	}
	return who + " in " + where.String()
}

// sentence says what a law says of a step.
func (l *Law) sentence() string {
	s := l.Safeguard
	switch {
	case l.Missing:
		return l.Law.ID + ": no safeguard"
	case s == nil:
		return l.Law.ID + ": no transfer, " + l.Because
	}
	text := l.Law.ID + ": " + s.Tag.ID
	if s.Instrument != "" {
		text += ", " + s.Instrument
	}
	if s.Module != "" {
		text += ", module " + s.Module
	}
	if s.Assessment != nil {
		text += ", assessment " + s.Assessment.ID
	}
	if s.Example {
		text += " (example)"
	}
	if s.Confirm {
		text += " (not confirmed)"
	}
	return shown(text)
}

func ids(all []Named) string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = n.ID
	}
	return strings.Join(texts, " ")
}

// text writes what is not known, and of which state of the ledger the report is.
func (h *Head) text(b *strings.Builder) {
	b.WriteString("\n")
	for _, text := range h.Unreadable {
		fmt.Fprintf(b, "Cannot be read, and may belong here: %s\n", shown(text))
	}
	for _, text := range h.NotRuledOut {
		fmt.Fprintf(b, "Not ruled out: %s\n", shown(text))
	}
	fmt.Fprintf(b, "Made of %s of the ledger: %s\n", times(h.Records, "record"), shown(h.Query))
	for _, c := range h.Checkpoints {
		fmt.Fprintf(b, "Checkpoint of class %s: %s, %d entries, root %s\n", c.Class, c.Log, c.Size, c.Root)
	}
}

var registerColumns = []string{
	"period", "from", "to", "row", "controller", "controller_name", "controller_address", "controller_country", "controller_role", "dpo", "rights_portal", "email", "authority", "representatives",
	"activity", "activity_title", "purposes", "legal_basis", "categories", "data_subjects", "registered_in", "erasure", "measures", "withheld", "records_kept_until",
	"step", "exporter", "exporter_name", "from_country", "recipient", "recipient_name", "recipient_role", "recipient_kind", "to_country",
	"law", "law_title", "no_transfer_because", "safeguard", "safeguard_title", "instrument", "module", "version", "valid_until",
	"assessment", "assessment_date", "assessment_conclusion", "evidence", "confirmed", "reason", "reason_title", "clause",
	"records", "not_sent", "only_reported", "first", "last",
}

// CSV writes the register as a table: a line for each law of each step, so that the
// records of a step with several laws stand in several lines, and one for each denial.
func (r *Register) CSV(w io.Writer) error { return table(w, r.table()) }

// table are the rows of the CSV, the heads first.
func (r *Register) table() [][]string {
	rows := [][]string{registerColumns}
	for _, c := range r.Controllers {
		head := []string{r.Period, r.From, r.To}
		who := []string{c.ID, c.Name, c.Address, c.Country.String(), c.Role, c.DPO, c.Portal, c.Email, c.Authority, c.representatives()}
		for _, p := range c.Activities {
			for _, f := range p.Flows {
				for i := range max(1, len(f.Laws)) {
					law := make([]string, 14)
					if i < len(f.Laws) {
						law = f.Laws[i].cells()
					}
					row := append(append(append([]string{}, head...), "transfer"), who...)
					row = append(append(append(row, p.cells()...), f.cells()...), law...)
					rows = append(rows, append(append(row, "", "", ""), f.Seen.cells()...))
				}
			}
		}
		for _, f := range c.Refusals {
			row := append(append(append([]string{}, head...), "denial"), who...)
			row = append(row, f.Activity.ID, f.Activity.Name, "", "", "", "", "", "", "", "", "", "", "", "", "", f.Recipient.ID, f.Recipient.Name, "", "", f.Destination.String(), f.Law.ID, f.Law.Name)
			row = append(append(row, make([]string, 12)...), f.Reason.ID, f.Reason.Name, f.Clause)
			seen := Seen{Count: f.Count}
			rows = append(rows, append(row, seen.cells()...))
		}
	}
	return rows
}

// representatives are in one cell.
func (c *Controller) representatives() string {
	var all []string
	for _, r := range c.Representatives {
		all = append(all, strings.TrimSpace(r.Law+": "+r.Name+", "+r.Address+" "+r.Email))
	}
	return strings.Join(all, "; ")
}

func (p *Processing) cells() []string {
	var countries []string
	for _, c := range p.Countries {
		countries = append(countries, c.Country.String())
	}
	return []string{
		p.Activity.ID, p.Activity.Name, named(p.Purposes), p.LegalBasis.both(), named(p.Categories), strings.Join(p.People, "; "),
		strings.Join(countries, "; "), strings.Join(p.Erasure, "; "), strings.Join(p.Measures, "; "), strings.Join(p.Withheld, "; "), p.RecordsUntil,
	}
}

func (f *Flow) cells() []string {
	return []string{
		f.Step, f.Exporter.ID, f.Exporter.Name, f.From.String(), f.Recipient.ID, f.Recipient.Name, f.Role, f.RecipientKind.both(), f.To.String(),
	}
}

func (l *Law) cells() []string {
	cells := make([]string, 14)
	cells[0], cells[1], cells[2] = l.Law.ID, l.Law.Name, l.Because
	if l.Missing {
		cells[3] = "none"
	}
	s := l.Safeguard
	if s == nil {
		return cells
	}
	copy(cells[3:], []string{s.Tag.ID, s.Tag.Name, s.Instrument, s.Module, s.Version, s.Until})
	if a := s.Assessment; a != nil {
		cells[9], cells[10], cells[11] = a.ID, a.Date, a.Conclusion
	}
	var shown []string
	for _, e := range s.Evidence {
		shown = append(shown, strings.TrimSpace(e.Duty+": "+e.Reference+" "+e.Date))
	}
	cells[12], cells[13] = strings.Join(shown, "; "), "yes"
	if s.Example || s.Confirm {
		cells[13] = "no"
	}
	return cells
}

func (s *Seen) cells() []string {
	return []string{number(s.Records), number(s.NotSent), number(s.Reported), s.First.UTC().Format(time.RFC3339), s.Last.UTC().Format(time.RFC3339)}
}
