package whatif

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/record"
)

// ExplainRecord explains a record from what it says, with the rows of the policy it
// was decided by. Nothing is decided again and nothing is filled in: the explanation
// says what the record does not. It fails where the record's legs cannot be read.
func ExplainRecord(p *decision.Policy, t *record.Transfer) (decision.Explanation, error) {
	legs, err := record.ParseLegs(t.Legs)
	if err != nil {
		return decision.Explanation{}, err
	}
	r := decision.Recorded{
		At: t.Time, Enforced: t.Enforced, Reporting: t.Mode == record.Report, Demo: t.Demo, Recipient: t.Recipient, Withheld: t.Withheld,
		Decision: decision.Decision{
			Reason: decision.Reason(t.Reason), Law: t.Law, Basis: decision.Basis(t.Basis), Country: t.Country,
			Activity:   find(p.Activities, t.Activity, activityID),
			Controller: find(p.Controllers, t.Controller, func(c *decision.Controller) string { return c.ID }),
			Statement:  find(p.Statements, t.Statement, func(s *decision.Statement) string { return s.ID }),
		},
		Region: find(p.Regions, t.Region, func(r *decision.Region) string { return r.Code }),
		Facts: decision.Facts{
			Activity: t.Activity, Country: t.Country, Subject: t.Subject != "" || t.Country != "",
			Identified: t.Subject != "" || t.Country != "", Reference: parseReference(t.Reference), At: t.Time,
		},
	}
	if t.Decision == record.Allowed {
		r.Outcome = decision.Allowed
	}
	if r.Controller == nil && t.ControllerName != "" { // an account record named it
		r.Controller = &decision.Controller{ID: t.Controller, Name: t.ControllerName, Country: t.ControllerCountry, Unlisted: true}
	}
	for _, row := range []struct {
		what, id string
		there    bool
	}{
		{"controller", t.Controller, r.Controller != nil}, {"activity", t.Activity, r.Activity != nil},
		{"statement", t.Statement, r.Statement != nil}, {"region", t.Region, r.Region != nil},
	} {
		if row.id != "" && !row.there {
			r.Missing = append(r.Missing, row.what+" "+row.id)
		}
	}
	if entity, code, found := strings.Cut(t.Requester, "@"); found {
		r.Facts.Staff = &decision.Place{Entity: entity, Country: code}
	}
	r.Facts.Access = decision.StaffAccess{Named: t.Staff != "", Ticket: t.Ticket, Reason: decision.AccessReason(t.AccessReason), Approval: parseReference(t.Approval)}
	r.Early = t.Activity == "" && t.Country == "" && t.Subject == "" && !decided(r.Reason)
	for i := range legs {
		r.Legs = append(r.Legs, leg(p, &legs[i]))
	}
	return decision.ExplainRecorded(p, &r), nil
}

// decided reports whether a decision can have the reason.
func decided(reason decision.Reason) bool {
	for _, r := range decision.Decided() {
		if r == reason && r != decision.CountryInvalid {
			return true
		}
	}
	return reason == ""
}

// find returns the row of an id; nil if there is none.
func find[T any](rows []T, id string, of func(*T) string) *T {
	for i := range rows {
		if id != "" && of(&rows[i]) == id {
			return &rows[i]
		}
	}
	return nil
}

// leg is a recorded leg with the rows of the policy that its verdicts name.
func leg(p *decision.Policy, l *record.Leg) decision.Leg {
	to := decision.Leg{
		Kind: decision.LegKind(l.Kind), Exporter: l.Exporter, From: l.From,
		Recipient: l.Recipient, RecipientKind: decision.RecipientKind(l.RecipientKind), To: l.To,
	}
	for _, v := range l.Laws {
		verdict := decision.Verdict{Law: v.Law, Because: decision.Because(v.Because), Nearest: nearest(p, &v)}
		for _, lack := range v.Lacks {
			verdict.Lacks = append(verdict.Lacks, decision.Lack(lack))
		}
		switch {
		case v.Because != "":
			verdict.Outcome = decision.NotATransfer
		case !v.Missing && v.Safeguard != "":
			verdict.Outcome, verdict.Safeguard = decision.Satisfied, SafeguardOf(p, &v)
			verdict.Rule = find(p.Safeguards, v.Rule, safeguardID)
			if verdict.Safeguard == nil {
				verdict.Safeguard = &decision.Safeguard{ID: "what the record says, for which there is no such row in its policy", Tag: v.Safeguard, Instrument: v.Instrument}
			}
		}
		to.Laws = append(to.Laws, verdict)
	}
	return to
}

func safeguardID(s *decision.Safeguard) string { return s.ID }

// nearest is the row that comes nearest to what a recorded verdict misses.
func nearest(p *decision.Policy, v *record.Verdict) *decision.Safeguard {
	row := find(p.Safeguards, v.Nearest, safeguardID)
	if row == nil && v.Nearest != "" {
		return &decision.Safeguard{ID: v.Nearest + ", which its policy does not have"}
	}
	return row
}

// SafeguardOf is the row that a recorded verdict names: by its id, or as the first
// version of records did by tag, instrument and assessment; nil if there is none.
func SafeguardOf(p *decision.Policy, v *record.Verdict) *decision.Safeguard {
	if v.Row != "" {
		return find(p.Safeguards, v.Row, safeguardID)
	}
	for i := range p.Safeguards {
		row := &p.Safeguards[i]
		if row.Law == v.Law && row.Tag == v.Safeguard && row.Instrument == v.Instrument && row.Assessment == v.Assessment {
			return row
		}
	}
	return nil
}

// parseReference reads a reference as a record has it, kind:ID with what follows it
// after semicolons.
func parseReference(text string) (r decision.Reference) {
	parts := strings.Split(text, ";")
	kind, id, _ := strings.Cut(parts[0], ":")
	r.Kind, r.ID = decision.ReferenceKind(kind), id
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "approver":
			r.Approver = value
		case "until":
			if seconds, err := strconv.ParseInt(strings.TrimPrefix(value, "@"), 10, 64); err == nil {
				r.Until = time.Unix(seconds, 0).UTC()
			}
		}
	}
	return r
}

// Said is the step that quotes a record before it is explained.
func Said(name string, t *record.Transfer) decision.Step {
	said := t.Decision
	if t.Reason != "" {
		said += " (" + t.Reason + ")"
	}
	if t.Region != "" {
		said += ", region " + t.Region
	}
	return decision.Step{Topic: "record", Text: fmt.Sprintf("Record %s says: %s. It is explained by what it says, with the rows of the policy it names.", name, said)}
}
