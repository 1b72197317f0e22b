package review

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/whatif"
)

// Print writes an entry for people: what happened, why, what vouches for it, and what
// else there is of the person.
func (s *Shown) Print(w io.Writer) error {
	b := new(strings.Builder)
	fmt.Fprintf(b, "%s\n", s.Sentence())
	if err := s.why(b); err != nil {
		return err
	}
	fmt.Fprintf(b, "\n%s\n", s.Proof.Sentence())
	if s.Person != nil {
		s.Person.print(b)
	}
	if s.Explanation == nil && s.Record != nil {
		fmt.Fprintf(b, "\n%s\n", query.Visible(string(s.Record)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// PrintWhy writes for people why an entry was decided as it was, and by which rows; it
// writes nothing of what was not decided.
func (s *Shown) PrintWhy(w io.Writer) error {
	b := new(strings.Builder)
	if err := s.why(b); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *Shown) why(b *strings.Builder) error {
	if s.Explanation != nil {
		b.WriteByte('\n')
		if err := whatif.Print(b, s.Explanation); err != nil {
			return err
		}
	}
	if s.NotExplained != "" {
		fmt.Fprintf(b, "\nIt cannot be explained: %s\n", query.Visible(s.NotExplained))
	}
	if len(s.Rows) > 0 {
		b.WriteString("\nRows of the policy that decided:\n")
		kind, id := 0, 0
		for _, r := range s.Rows {
			kind, id = max(kind, len(r.Kind)), max(id, len(r.ID))
		}
		for _, r := range s.Rows {
			fmt.Fprintf(b, "   %-*s  %-*s  %s\n", kind, r.Kind, id, r.ID, r.At)
		}
	}
	return nil
}

// Sentence says what happened.
func (s *Shown) Sentence() string {
	at := s.Time.Format(time.RFC3339)
	switch {
	case s.Damage != "":
		return fmt.Sprintf("Record %s cannot be read: %s.", s.Number, query.Visible(s.Damage))
	case s.Type == record.TypeRefused:
		return fmt.Sprintf("Record %s: denied at %s. Nothing was transferred.", s.Number, at)
	case s.Type != record.TypeAccepted:
		return fmt.Sprintf("Record %s, of %s: %s [%s]", s.Number, at, query.Visible(cmp.Or(said(s.Record), meaning(s.Type))), s.Type)
	}
	ended := map[string]string{
		query.Pending:   "how it ended no entry tells yet, which counts as transferred",
		record.NotSent:  "not one byte of the request was sent",
		record.Partial:  "the region answered before it had all of the request",
		record.Complete: "the region had all of the request and answered",
		record.Unclear:  "no answer came, which counts as transferred",
	}[s.Outcome]
	text := fmt.Sprintf("Record %s: let pass at %s; %s", s.Number, at, cmp.Or(ended, s.Outcome))
	if s.Status != "" && s.Status != "0" {
		text += ", with status " + s.Status
	}
	return text + "."
}

// meaning is what entries of a type say.
func meaning(kind string) string {
	for _, t := range record.Types() {
		if t.Name == kind {
			return t.Means
		}
	}
	return "this program does not know it."
}

// Sentence says what vouches for the entry.
func (p *Proof) Sentence() string {
	place := fmt.Sprintf("entry %d of %s", p.Index, p.Log)
	sealed := "Its segment is still written to."
	if p.Sealed {
		sealed = "Its segment is sealed and never changes again."
	}
	switch {
	case p.Problem != "":
		return fmt.Sprintf("NOT proven: it is %s, and %s", place, query.Visible(p.Problem))
	case p.Proven:
		return fmt.Sprintf("Proven: it is %s, and leads to the root of the signed checkpoint of %d entries. %s\n"+
			"'transfer ledger prove' writes that for others; whether all of the log is there, 'transfer ledger verify' says.", place, p.Size, sealed)
	case p.Size == 0:
		return fmt.Sprintf("Not proven yet: it is %s, which has no checkpoint. A gateway at work signs one within a second.", place)
	}
	return fmt.Sprintf("Not proven yet: it is %s, whose latest checkpoint covers the %d entries before it. A gateway at work signs one within a second.", place, p.Size)
}

// print shows the person's other records.
func (p *Person) print(b *strings.Builder) {
	fmt.Fprintf(b, "\nThe person is %s in this period and class.", query.Visible(p.Subject))
	if len(p.Before)+len(p.After) == 0 {
		b.WriteString(" The ledger has no other record of them by that name.\n")
		return
	}
	b.WriteByte('\n')
	for _, side := range []struct {
		title string
		of    []Neighbour
	}{{"Their records before this one:", p.Before}, {"And after it:", p.After}} {
		if len(side.of) == 0 {
			continue
		}
		fmt.Fprintf(b, "%s\n", side.title)
		for _, n := range side.of {
			fmt.Fprintf(b, "   %s  %s  %s, by %s", n.Number, n.Time.Format(time.RFC3339), cmp.Or(n.Activity, "no activity"), query.Visible(n.Role))
			if n.Recipient != "" {
				fmt.Fprintf(b, ", to %s", n.Recipient)
			}
			fmt.Fprintf(b, ": %s\n", n.Outcome)
		}
	}
}
