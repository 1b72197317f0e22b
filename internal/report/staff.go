package report

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// Staff says who of whose staff read what, and under which ticket (§5(f)).
type Staff struct {
	Head
	Accesses uint64 `json:"accesses"`
	Denials  uint64 `json:"denials"`
	// NoTicket are accesses without one.
	NoTicket uint64        `json:"without_ticket"`
	Places   []*StaffPlace `json:"places"`
}

// StaffPlace are the staff of an entity in a country.
type StaffPlace struct {
	Entity  Named `json:"entity"`
	Country Named `json:"country"`
	// Members is how many pseudonyms they have: they are at most so many.
	Members  uint64         `json:"members_at_most"`
	Accesses []*StaffAccess `json:"accesses"`

	members map[string]struct{}
}

// StaffAccess is what one of them did under one ticket.
type StaffAccess struct {
	Member     string   `json:"member,omitempty"` // pseudonym of the member of staff
	Ticket     string   `json:"ticket,omitempty"`
	Because    string   `json:"access_reason,omitempty"`
	Approval   string   `json:"approval,omitempty"`
	Activity   Named    `json:"activity"`
	Controller Named    `json:"controller"`
	Region     string   `json:"region,omitempty"`
	Denied     string   `json:"denied,omitempty"` // the reason
	Countries  []string `json:"people_registered_in,omitempty"`
	AffectedCount
}

// StaffOf reports the access by staff in a period.
func StaffOf(ctx context.Context, l Ledger, p Period, now time.Time) (*Staff, error) {
	r := &Staff{Head: p.head(now), Places: []*StaffPlace{}}
	registers, seed := l.registers(), maphash.MakeSeed()
	known := make(map[string]*StaffAccess)
	err := l.read(ctx, &r.Head, "requester:*@* "+p.terms(), func(row *query.Row) error {
		var t record.Transfer
		if err := t.Parse(row.Data); err != nil {
			return err
		}
		at := names{registers: registers.of(classOfRow(row), t.Policy, &r.Head), t: &t}
		access := &StaffAccess{
			Member: t.Staff, Ticket: t.Ticket, Because: t.AccessReason, Approval: t.Approval, Activity: at.activity(t.Activity),
			Controller: at.controller().Named, Region: t.Region,
		}
		if t.Type == record.TypeRefused {
			access.Denied, access.Region = t.Reason, ""
			r.Denials++
		} else {
			r.Accesses++
			if t.Ticket == "" {
				r.NoTicket++
			}
		}
		place := r.place(at)
		if t.Staff != "" {
			place.members[t.Staff] = struct{}{}
			place.Members = uint64(len(place.members))
		}
		access = one(known, place.Entity.ID+"@"+place.Country.ID, access, &place.Accesses)
		who := uint64(0)
		if t.Subject != "" {
			who = maphash.String(seed, t.Subject)
		}
		access.count(t.Time, who)
		if t.Country != "" {
			access.Countries = with(access.Countries, country(t.Country).String())
		}
		return nil
	})
	slices.SortFunc(r.Places, func(a, b *StaffPlace) int {
		return cmp.Or(cmp.Compare(a.Entity.ID, b.Entity.ID), cmp.Compare(a.Country.ID, b.Country.ID))
	})
	for _, place := range r.Places {
		slices.SortStableFunc(place.Accesses, func(a, b *StaffAccess) int {
			return cmp.Or(cmp.Compare(a.Ticket, b.Ticket), a.First.Compare(b.First), cmp.Compare(a.Activity.ID, b.Activity.ID))
		})
		for _, a := range place.Accesses {
			slices.Sort(a.Countries)
		}
	}
	return r, err
}

// place is where the record's member of staff is.
func (r *Staff) place(at names) *StaffPlace {
	entity, where, _ := strings.Cut(at.t.Requester, "@")
	i := slices.IndexFunc(r.Places, func(p *StaffPlace) bool { return p.Entity.ID == entity && p.Country.ID == where })
	if i < 0 {
		i = len(r.Places)
		r.Places = append(r.Places, &StaffPlace{Entity: at.entity(entity), Country: country(where), Accesses: []*StaffAccess{}, members: make(map[string]struct{})})
	}
	return r.Places[i]
}

// HTML writes the report as a page of its own, which asks for nothing from elsewhere and
// prints well.
func (r *Staff) HTML(w io.Writer) error { return page(w, "staff.html", r) }

// Text writes the report for a screen.
func (r *Staff) Text(w io.Writer) error {
	b := new(strings.Builder)
	fmt.Fprintf(b, "Access by staff, %s: %s and %s; %d without a ticket\n", r.Period, plural(r.Accesses, "access", "accesses"), times(r.Denials, "denial"), r.NoTicket)
	for _, p := range r.Places {
		fmt.Fprintf(b, "\n%s in %s: at most %d people\n", shown(p.Entity.String()), p.Country, p.Members)
		for _, a := range p.Accesses {
			fmt.Fprintf(b, "   ticket %s: %s", shown(cmp.Or(a.Ticket, "none")), shown(cmp.Or(a.Activity.both(), "no activity")))
			if a.Denied != "" {
				fmt.Fprintf(b, ", denied (%s)", a.Denied)
			}
			fmt.Fprintf(b, ", %s about at most %d people of %s, %s to %s", times(a.Records, "record"), a.People, cmp.Or(strings.Join(a.Countries, ", "), "a country that is not known"), day(a.First), day(a.Last))
			if a.Because != "" {
				fmt.Fprintf(b, "; %s", a.Because)
			}
			if a.Approval != "" {
				fmt.Fprintf(b, "; %s", shown(a.Approval))
			}
			if a.Member != "" {
				fmt.Fprintf(b, "; by %s", shown(a.Member))
			}
			b.WriteString("\n")
		}
	}
	r.Head.text(b)
	_, err := io.WriteString(w, b.String())
	return err
}

// plural is so many of something.
func plural(n uint64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// CSV writes the report as a table.
func (r *Staff) CSV(w io.Writer) error {
	rows := [][]string{{
		"period", "entity", "entity_name", "country", "ticket", "member", "access_reason", "approval", "activity", "activity_title", "controller", "region",
		"denied", "people_registered_in", "people_at_most", "records", "first", "last",
	}}
	for _, p := range r.Places {
		for _, a := range p.Accesses {
			rows = append(rows, []string{
				r.Period, p.Entity.ID, p.Entity.Name, p.Country.String(), a.Ticket, a.Member, a.Because, a.Approval, a.Activity.ID, a.Activity.Name, a.Controller.ID, a.Region,
				a.Denied, strings.Join(a.Countries, "; "), number(a.People), number(a.Records), a.First.UTC().Format(time.RFC3339), a.Last.UTC().Format(time.RFC3339),
			})
		}
	}
	return table(w, rows)
}
