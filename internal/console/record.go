package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/review"
)

// recordPage is one entry, or several of one trace.
type recordPage struct {
	Which   string
	Unknown string // why there is none
	Records []recordShown
}

// recordShown is an entry with what belongs to it.
type recordShown struct {
	*review.Shown
	Lead   string // what happened
	Facts  []fact
	Legs   []leg
	Pretty string // the entry, for those who may see it
	Hidden bool   // it is not shown to this visitor
	Before string // number of the entry before it; empty for the first
	After  string
}

// fact is a member with a link to all records that share it.
type fact struct {
	Name, Text, Link string
}

// leg is a step of the data.
type leg struct {
	Kind, From, To string
	Verdicts       []verdict
}

type verdict struct {
	Law, Text  string
	Link       string
	Instrument string
	Assessment string
	Assessed   string // its link
	Missing    bool
}

// record serves the page.
func (v *visit) record() error {
	p := &recordPage{Which: strings.TrimSpace(v.form.Get("n"))}
	if p.Which == "" {
		return v.render(http.StatusOK, "record", p)
	}
	all, err := review.Show(v.ctx, v.Dir, p.Which)
	switch {
	case errors.Is(err, review.ErrNoName), errors.Is(err, review.ErrNone), errors.Is(err, ledger.ErrNoEntry):
		p.Unknown = "The ledger has no such record."
		if errors.Is(err, review.ErrNoName) {
			p.Unknown = review.ErrNoName.Error()
		}
		return v.render(http.StatusNotFound, "record", p)
	case err != nil:
		return err
	}
	for _, s := range all {
		p.Records = append(p.Records, v.recordShown(s))
	}
	v.page.title = "Record " + all[0].Number
	return v.render(http.StatusOK, "record", p)
}

func (v *visit) recordShown(s *review.Shown) recordShown {
	lead := *s
	if v.who.Role < Reviewer {
		lead.Record = nil // nor what it says
	}
	shown := recordShown{Shown: s, Lead: strings.ReplaceAll(lead.Sentence(), s.Time.Format(time.RFC3339), moment(s.Time)+" UTC")}
	shown.Before, shown.After = beside(s.Number)
	if v.who.Role < Reviewer {
		shown.Hidden, shown.Person = s.Record != nil, nil
		masked := *s
		masked.Person = nil
		shown.Shown = &masked
	} else if s.Record != nil {
		var b bytes.Buffer
		if json.Indent(&b, s.Record, "", "  ") != nil {
			b.Reset()
			b.Write(s.Record)
		}
		shown.Pretty = b.String()
	}
	var t record.Transfer
	if t.Parse(s.Record) != nil {
		return shown
	}
	shown.Facts = factsOf(&t, s)
	if legs, err := record.ParseLegs(t.Legs); err == nil {
		shown.Legs = legsOf(legs)
	}
	return shown
}

// beside are the numbers of the entries before and after one.
func beside(number string) (before, after string) {
	n, err := record.ParseName(number)
	if err != nil {
		return "", ""
	}
	if n.Index > 0 {
		n.Index--
		before = n.String()
		n.Index++
	}
	n.Index++
	return before, n.String()
}

// factsOf are what a record says, in the order of a question: who, where to, what, why.
func factsOf(t *record.Transfer, s *review.Shown) (all []fact) {
	add := func(name, key, value string) {
		if value == "" {
			return
		}
		f := fact{Name: name, Text: value}
		if key != "" {
			f.Link = to("transfers", "q", term(key, value))
		}
		all = append(all, f)
	}
	add("Registered country", "country", t.Country)
	add("Vouched for by", "country_source", t.CountrySource)
	add("Controller", "controller", t.Controller)
	add("Controller's name", "", t.ControllerName)
	add("Basis", "basis", t.Basis)
	add("Asked by", "requester", t.Requester)
	add("Ticket", "ticket", t.Ticket)
	add("Recipient", "recipient", t.Recipient)
	add("Region", "region", t.Region)
	add("Destination", "destination", t.Destination)
	add("Activity", "activity", t.Activity)
	add("Purposes", "", strings.Join(t.Purposes, ", "))
	add("Categories", "", strings.Join(t.Categories, ", "))
	add("Legal basis", "", t.LegalBasis)
	add("Reference", "", t.Reference)
	add("Withheld", "", strings.Join(t.Withheld, ", "))
	add("Reason", "reason", t.Reason)
	add("Clause", "clause", t.Clause)
	add("Law", "", t.Law)
	add("Conflicts", "", strings.Join(t.Conflicts, ", "))
	add("Site", "site", t.Site)
	add("Route", "", strings.TrimSpace(t.Method+" "+t.Route))
	add("Status", "", s.Status)
	add("Statement", "statement", t.Statement)
	add("Policy", "", t.Policy)
	add("Kept until", "", t.RetainUntil)
	add("Trace", "", t.Trace)
	if t.Bytes > 0 {
		add("Bytes announced", "", number(uint64(t.Bytes)))
	}
	if t.Demo {
		add("Demonstration", "", "leans on an example or unconfirmed safeguard")
	}
	if !t.Enforced {
		add("Enforced", "enforced", strconv.FormatBool(t.Enforced))
	}
	return all
}

func legsOf(legs []record.Leg) (all []leg) {
	for i := range legs {
		l := &legs[i]
		shown := leg{Kind: l.Kind, From: place(cmp.Or(l.Exporter, "the person"), l.From), To: place(l.Recipient, l.To)}
		for j := range l.Laws {
			w := &l.Laws[j]
			one := verdict{Law: w.Law, Instrument: w.Instrument, Assessment: w.Assessment, Assessed: to("safeguards") + "#" + assessmentAnchor + escape(w.Assessment)}
			switch {
			case w.Missing:
				one.Text, one.Missing = "no safeguard", true
				if len(w.Lacks) > 0 {
					one.Text += ": " + strings.Join(w.Lacks, ", ")
				}
			case w.Because != "":
				one.Text = "no transfer under it: " + strings.ReplaceAll(w.Because, "-", " ")
			default:
				one.Text, one.Link = w.Safeguard, to("safeguards")+"#"+escape(w.Row)
			}
			shown.Verdicts = append(shown.Verdicts, one)
		}
		all = append(all, shown)
	}
	return all
}

// place is an entity in a country.
func place(entity, country string) string {
	if country == "" {
		return entity
	}
	return entity + " · " + country
}
