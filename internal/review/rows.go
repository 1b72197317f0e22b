package review

import (
	"slices"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/whatif"
)

// rowsOf are the rows of a policy that a record names, each once: who is responsible
// and what was asked, then who received it, by which laws, under which safeguards.
func rowsOf(p *decision.Policy, t *record.Transfer) ([]PolicyRow, error) {
	legs, err := record.ParseLegs(t.Legs)
	if err != nil {
		return nil, err
	}
	var rows []PolicyRow
	add := func(kind, id, at string) {
		row := PolicyRow{At: at, Kind: kind, ID: id}
		if at != "" && !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
	}
	for _, c := range p.Controllers {
		if c.ID == t.Controller {
			add("controller", c.ID, c.Position)
		}
	}
	for _, s := range p.Statements {
		if s.ID == t.Statement {
			add("statement", s.ID, s.Position)
		}
	}
	for _, a := range p.Activities {
		if a.ID == t.Activity {
			add("activity", a.ID, a.Position)
		}
	}
	for _, r := range p.Regions {
		if r.Code == t.Region {
			add("region", r.Code, r.Position)
		}
	}
	recipients, laws := []string{t.Recipient}, []string{t.Law}
	for _, l := range legs {
		recipients = append(recipients, l.Recipient)
		for _, v := range l.Laws {
			laws = append(laws, v.Law)
		}
	}
	for _, r := range p.Recipients {
		if slices.Contains(recipients, r.ID) {
			add("recipient", r.ID, r.Position)
		}
	}
	for _, l := range p.Laws {
		if slices.Contains(laws, l.ID) && l.Validity.Contains(t.Time) {
			add("law", l.ID, l.Position)
		}
	}
	for _, l := range legs {
		for i := range l.Laws {
			s := whatif.SafeguardOf(p, &l.Laws[i])
			if s == nil {
				continue
			}
			add("safeguard", s.ID, s.Position)
			for _, a := range p.Assessments {
				if a.ID == s.Assessment {
					add("assessment", a.ID, a.Position)
				}
			}
		}
	}
	return rows, nil
}
