package decision

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Clocks are the times a law sets for what reports are about: telling of a breach,
// answering a person, keeping records. They decide nothing. What is nil was found in no
// source, which is not to say that the law asks for nothing: then it says None.
type Clocks struct {
	Law      string // id of a law
	Breach   *Breach
	Rights   *Rights
	Records  *RecordKeeping
	Validity Validity
	Position string // file:line of the row
}

// Breach is who must be told of a personal data breach.
type Breach struct {
	None      string        // why nobody must be told; empty if somebody must
	Doubt     string        // what is not certain about None
	Authority *Notification // nil: no source says
	Persons   *Notification // nil: no source says
}

// Notification is by when one of them must be told.
type Notification struct {
	None    string // why they need not be told; empty if they must
	To      string // the authority's name; empty for the persons themselves
	Within  Term
	From    Moment
	When    string // in which cases, in words; empty for always
	Off     []time.Weekday
	Source  string
	Doubt   string // what is not certain about it
	Confirm bool   // counsel has yet to confirm it, or to answer the doubt
}

// Due is when a notification has to be made of which the time began at start, and
// whether the law names a figure at all. Days are those of start's location, holidays
// count as business days: both may only make it too early.
func (n *Notification) Due(start time.Time) (due time.Time, named bool) {
	return n.Within.After(start, n.Off), n.Within.N > 0
}

// Rights is by when a person's request must be answered, from its receipt on.
type Rights struct {
	None      string // why there is no such right; empty if there is
	Answer    Term
	Extension Term // by how much longer the answer may take; none if N is 0
	Notice    Term // within which an extension must be told; without a figure if N is 0
	Off       []time.Weekday
	Source    string
	Doubt     string // what is not certain about it
	Confirm   bool
}

// RecordKeeping is what a law wants kept about processing.
type RecordKeeping struct {
	None    string // why nothing must be kept; empty if something must
	What    string
	Keep    Term // for how long; without a figure if N is 0
	Source  string
	Doubt   string // what is not certain about it
	Confirm bool
}

// Moment is when a time begins to run.
type Moment string

// The moments.
const (
	FromAwareness  Moment = "awareness"         // the controller knows of the breach
	FromOccurrence Moment = "occurrence"        // it happened
	FromAssessment Moment = "assessment"        // it was found to be one that must be told
	FromAuthority  Moment = "authority-told"    // the authority was told
	FromClosed     Moment = "account-closed"    // the person closed the account
	FromWithdrawal Moment = "consent-withdrawn" // the person withdrew consent
	FromAnswered   Moment = "answered"          // the request or ticket was closed
	FromCollected  Moment = "collected"         // the data came in
)

// Words is the moment as a sentence goes on with it: "72 hours after ...".
func (m Moment) Words() string {
	switch m {
	case FromAwareness:
		return "the controller knows of it"
	case FromOccurrence:
		return "it happened"
	case FromAssessment:
		return "it was found to be one that must be told"
	case FromAuthority:
		return "the authority was told"
	case FromClosed:
		return "the account was closed"
	case FromWithdrawal:
		return "consent was withdrawn"
	case FromAnswered:
		return "the request was closed"
	case FromCollected:
		return "the data was collected"
	}
	return string(m)
}

// ClocksAt returns the times a law sets at a moment; nil if the registers say none.
func (p *Policy) ClocksAt(law string, at time.Time) *Clocks {
	for i := range p.Clocks {
		if c := &p.Clocks[i]; c.Law == law && c.Validity.Contains(at) {
			return c
		}
	}
	return nil
}

// Term is a length of time as laws write it. The zero Term names no figure: without
// delay.
type Term struct {
	N    int
	Unit Unit
}

// Unit is what a term is counted in.
type Unit string

// The units.
const (
	Hours        Unit = "hour"
	Days         Unit = "day"
	BusinessDays Unit = "business day"
	Months       Unit = "month"
	Years        Unit = "year"
)

// WithoutDelay is how the zero Term is written.
const WithoutDelay = "without delay"

// maxTerm is more than any law says, in any unit.
const maxTerm = 9999

// ParseTerm reads a term as [Term.String] writes it: "72 hours", "3 business days",
// "1 month", or "without delay".
func ParseTerm(text string) (Term, bool) {
	if text == WithoutDelay {
		return Term{}, true
	}
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > maxTerm {
		return Term{}, false
	}
	t := Term{N: n, Unit: Unit(strings.TrimSuffix(unit, "s"))}
	known := slices.Contains([]Unit{Hours, Days, BusinessDays, Months, Years}, t.Unit)
	return t, known && t.String() == text
}

// String is the term in words.
func (t Term) String() string {
	switch t.N {
	case 0:
		return WithoutDelay
	case 1:
		return "1 " + string(t.Unit)
	}
	return strconv.Itoa(t.N) + " " + string(t.Unit) + "s"
}

// After is the moment at which the term ends that began at start, at the same time of
// the day. A month ends on the day of the same number, or on its last if it has none
// (Regulation (EEC) 1182/71 Art 3). Days off are those on which no business day falls.
func (t Term) After(start time.Time, off []time.Weekday) time.Time {
	switch t.Unit {
	case Hours:
		return start.Add(time.Duration(t.N) * time.Hour)
	case Days:
		return start.AddDate(0, 0, t.N)
	case BusinessDays:
		return businessDays(start, t.N, off)
	case Months:
		return months(start, t.N)
	case Years:
		return months(start, 12*t.N)
	}
	return start
}

func businessDays(start time.Time, n int, off []time.Weekday) time.Time {
	if len(off) > 6 {
		return start // no day would ever count
	}
	for n > 0 {
		if start = start.AddDate(0, 0, 1); !slices.Contains(off, start.Weekday()) {
			n--
		}
	}
	return start
}

// months adds months and stays in the last of them.
func months(start time.Time, n int) time.Time {
	end := start.AddDate(0, n, 0)
	if end.Day() != start.Day() {
		return end.AddDate(0, 0, -end.Day())
	}
	return end
}

// Erasure is by when data of an activity is erased.
type Erasure struct {
	Within  Term
	From    Moment
	Source  string
	Confirm bool
}

// Representative stands for a controller where a law asks for somebody there.
type Representative struct {
	Law     string // whose law asks
	Name    string
	Address string
	Email   string
}
