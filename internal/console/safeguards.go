package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// safeguardsPage is the register of safeguards as it stands, and what has none.
type safeguardsPage struct {
	*recent
	Rows    []safeguardRow
	Lacks   []lacking
	Derogat []safeguardRow
	Judged  []assessmentRow
}

// safeguardRow is a row of the register.
type safeguardRow struct {
	*decision.Safeguard
	State  string // bad, soon, idle or good
	Status string
	Until  string // the day of its end; empty for none
	Due    string // of its next review
	Where  string // recipients and countries
	Used   change
	Link   string
}

// assessmentRow is an assessment that safeguards lean on.
type assessmentRow struct {
	*decision.Assessment
	Conclusion, Where, Holds, RestsOn, Document string
	Bad                                         bool // nothing may lean on it now
}

// assessmentAnchor begins the name of an assessment's place on the page.
const assessmentAnchor = "assessment-"

// Anchor is the row's place on the page.
func (r *assessmentRow) Anchor() string { return assessmentAnchor + r.ID }

// lacking are denials for want of a safeguard.
type lacking struct {
	lack
	change
	Link string
}

// soon is how long before something ends it is told of.
const soon = 90 * 24 * time.Hour

// safeguards serves the page.
func (v *visit) safeguards() error {
	n, err := v.recent(exceptionDays)
	if err != nil {
		return err
	}
	p := &safeguardsPage{recent: n}
	for _, row := range v.safeguardRows(n) {
		if row.Occasional {
			p.Derogat = append(p.Derogat, row)
		} else {
			p.Rows = append(p.Rows, row)
		}
	}
	for _, l := range ranked(n.Lacking) {
		terms := []string{"outcome:denied", "reason:no_safeguard", "reason:safeguard_unproven", term("country", l.Country), term("activity", l.Activity), term("law", l.Law)}
		p.Lacks = append(p.Lacks, lacking{l, *n.Lacking[l], n.find(terms...)})
	}
	p.Judged = v.assessments()
	return v.render(http.StatusOK, "safeguards", p)
}

// assessments are those of the policy.
func (v *visit) assessments() (all []assessmentRow) {
	policy := v.Policy()
	for i := range policy.Assessments {
		a := &policy.Assessments[i]
		row := assessmentRow{Assessment: a, Conclusion: "acceptable", Where: setText(a.Countries), Holds: day(a.Until), RestsOn: strings.Join(a.Measures, ", "), Document: a.Digest[:min(12, len(a.Digest))]}
		switch {
		case !a.Acceptable:
			row.Conclusion, row.Bad = "not acceptable", true
		case a.Conditions != "":
			row.Conclusion = "acceptable: " + a.Conditions
		}
		if !a.Until.IsZero() && !v.now.Before(a.Until) {
			row.Holds, row.Bad = "ended "+row.Holds, true
		}
		if a.Example {
			row.Document = "an example: it does not exist yet"
		}
		all = append(all, row)
	}
	return all
}

// safeguardRows are all rows, what has to be looked at first.
func (v *visit) safeguardRows(n *recent) (all []safeguardRow) {
	policy := v.Policy()
	for i := range policy.Safeguards {
		s := &policy.Safeguards[i]
		row := safeguardRow{Safeguard: s, Until: day(s.Validity.Until), Due: day(s.Review.Due()), Where: setText(s.Recipients) + " · " + setText(s.Countries)}
		row.State, row.Status = stateOf(s, v.now)
		if used := n.Rows[s.ID]; used != nil {
			row.Used = *used
		}
		row.Link = n.find("-outcome:denied", term("row", s.ID))
		all = append(all, row)
	}
	order := []string{"bad", "soon", "good", "idle"}
	slices.SortStableFunc(all, func(a, b safeguardRow) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.State), slices.Index(order, b.State)), cmp.Compare(a.Law, b.Law), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// stateOf says how a safeguard stands at a moment.
func stateOf(s *decision.Safeguard, now time.Time) (state, status string) {
	due := s.Review.Due()
	switch {
	case now.Before(s.Validity.From):
		return "idle", "from " + day(s.Validity.From)
	case !s.Validity.Until.IsZero() && !now.Before(s.Validity.Until):
		if now.Sub(s.Validity.Until) > soon {
			return "idle", "ended " + day(s.Validity.Until)
		}
		return "bad", "ended " + day(s.Validity.Until)
	case !due.IsZero() && !now.Before(due):
		return "bad", "review overdue since " + day(due)
	case !s.Validity.Until.IsZero() && s.Validity.Until.Sub(now) < soon:
		return "soon", "ends " + day(s.Validity.Until)
	case !due.IsZero() && due.Sub(now) < soon:
		return "soon", "review due " + day(due)
	case s.Example:
		return "idle", "example"
	case s.Confirm:
		return "idle", "not confirmed"
	}
	return "good", "in force"
}

// setText is what stands in a set.
func setText(s decision.Set) string {
	switch {
	case s.Any:
		return "any"
	case len(s.Of) > 5:
		return strings.Join(s.Of[:4], ", ") + " and " + number(len(s.Of)-4) + " more"
	}
	return strings.Join(s.Of, ", ")
}
