package decision

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Recorded is a decision as a record keeps it: what was decided and what it leant
// on, and not all that was known then. Its rows are those of the policy that decided.
type Recorded struct {
	At time.Time
	// Decision has no candidates: the record names one region.
	Decision
	// Facts are those that the record says; it does not hold the person's choices.
	Facts Facts
	// Early tells that the request was refused before anybody was asked for.
	Early bool
	// Enforced is false where a denial was only reported, and Reporting tells that a
	// missing safeguard was not to deny.
	Enforced  bool
	Reporting bool
	Demo      bool

	// Region is the one that was chosen, or of a denial the one that would have
	// answered; nil where the record names none. Recipient, Legs and Withheld are as
	// recorded.
	Region    *Region
	Recipient string
	Legs      []Leg
	Withheld  []string
	// Missing are rows that the record names and its policy does not have.
	Missing []string
}

// ExplainRecorded tells a recorded decision in the words of [Explain]. It decides
// nothing again: what the record does not say is said to be unknown.
func ExplainRecorded(p *Policy, r *Recorded) Explanation {
	v := newView(p, nil, r.At)
	e := Explanation{
		Policy: v.policy.Digest, At: r.At, Country: r.Country, Basis: r.Basis,
		Outcome: outcomeAllowed, Reason: r.Reason, Law: r.Law,
	}
	if r.Outcome == Denied {
		info := r.Reason.Info()
		e.Outcome, e.Clause, e.Unlock = outcomeDenied, info.Clause, info.Unlock
	}
	if r.Activity != nil {
		e.Activity = r.Activity.ID
	}
	if r.Controller != nil {
		e.Controller = r.Controller.ID
	}
	if r.Statement != nil {
		e.Statement = r.Statement.ID
	}
	if !r.Early {
		e.Steps = append(e.Steps, v.stepWho(&r.Decision, &r.Facts), r.controller(), r.statement(), r.activity(v))
	}
	if step, any := stepAccess(&r.Decision, &r.Facts); any && r.Facts.Access.Named {
		e.Steps = append(e.Steps, step)
	}
	if step, any := stepReference(&r.Decision, &r.Facts); any {
		e.Steps = append(e.Steps, step)
	}
	if r.Region != nil {
		e.Regions = []RegionAnswer{r.region()}
		e.Steps = append(e.Steps, v.stepRecordedRegion(r))
	}
	if len(r.Missing) > 0 {
		e.Steps = append(e.Steps, Step{Topic: "policy", Text: "The record names what its policy does not have: " + strings.Join(r.Missing, ", ") + "."})
	}
	if r.Law != "" && !r.tells(r.Law) {
		e.Steps = append(e.Steps, v.stepVerdict(&Verdict{Law: r.Law}))
	}
	e.Steps = append(e.Steps, r.outcome(v))
	if unknown := r.unknown(); len(unknown) > 0 {
		e.Steps = append(e.Steps, Step{Topic: "unknown", Text: "The record does not say: " + strings.Join(unknown, "; ") + "."})
	}
	return e
}

// tells reports whether a leg has a law's verdict.
func (r *Recorded) tells(law string) bool {
	return slices.ContainsFunc(r.Legs, func(l Leg) bool {
		return slices.ContainsFunc(l.Laws, func(v Verdict) bool { return v.Law == law })
	})
}

// barred reports whether the request was stopped.
func (r *Recorded) barred() bool { return r.Outcome == Denied && r.Enforced }

func (r *Recorded) controller() Step {
	if r.Controller == nil && r.Reason != NoController {
		return Step{Topic: "controller", Clause: "§11", Text: "No controller is told."}
	}
	return stepController(&r.Decision)
}

func (r *Recorded) statement() Step {
	if r.Statement == nil && r.Reason != NoStatement {
		return Step{Topic: "statement", Clause: "§10", Text: "No version of the privacy statement is told."}
	}
	return stepStatement(&r.Decision)
}

func (r *Recorded) activity(v *view) Step {
	if r.Activity == nil && r.Reason != NoActivity {
		return Step{Topic: "activity", Clause: "§2", Text: "No activity is told."}
	}
	return v.stepActivity(&r.Decision)
}

// region is the region that was chosen, as plain data.
func (r *Recorded) region() RegionAnswer {
	a := RegionAnswer{
		Region: r.Region.Code, Country: r.Region.Country, Recipient: r.Recipient,
		Allowed: r.Outcome == Allowed, Transfer: true, Demo: r.Demo,
	}
	for _, leg := range r.Legs {
		for _, verdict := range leg.Laws {
			if row := verdict.Safeguard; row != nil && !slices.Contains(a.Tags, row.Tag) {
				a.Tags = append(a.Tags, row.Tag)
			}
		}
	}
	return a
}

func (v *view) stepRecordedRegion(r *Recorded) Step {
	step := Step{Topic: "region", Clause: "§9", Source: r.Region.Position, Steps: v.stepLegs(r.Legs)}
	if r.barred() {
		step.Clause = r.Reason.Info().Clause
		step.Text = fmt.Sprintf("Region %s (%s, run by %s) would have answered.", r.Region.Code, r.Region.Country, r.Recipient)
		return step
	}
	step.Text = fmt.Sprintf("Region %s (%s, run by %s) was chosen.", r.Region.Code, r.Region.Country, r.Recipient)
	if r.Demo {
		step.Text += " It leant on rows that are examples or unconfirmed, under demo."
	}
	if len(r.Withheld) > 0 {
		step.Text += " Removed from the request: " + strings.Join(r.Withheld, ", ") + "."
	}
	return step
}

// outcome says what came of it.
func (r *Recorded) outcome(v *view) Step {
	step := Step{Topic: "outcome"}
	if r.Outcome == Allowed {
		step.Text = "Allowed."
		if r.Region != nil {
			step.Text = fmt.Sprintf("Allowed: %s in %s answers from region %s.", r.Recipient, r.Region.Country, r.Region.Code)
		}
		return step
	}
	info := r.Reason.Info()
	step.Clause = info.Clause
	step.Text = fmt.Sprintf("Denied: %s, because %s. To pass, such a request needs %s.", r.Reason, v.whyDenied(r.Reason, r.Law), info.Unlock)
	switch {
	case !r.Enforced:
		step.Text += " The denial was only reported, and the request passed."
	case r.Reporting:
		step.Text += " Missing safeguards were only reported then; this is none that report mode waives."
	}
	if r.Demo && r.barred() {
		step.Text += " Rows that are examples or unconfirmed counted, under demo."
	}
	return step
}

// unknown lists what a record of this kind leaves out and a reader might ask for.
func (r *Recorded) unknown() (list []string) {
	if r.Early {
		return []string{"who asked, and for what: the request was refused before that was found out"}
	}
	if c := r.Controller; c != nil && c.Unlisted && c.Country == "" {
		list = append(list, "the country of the contracting party")
	}
	if r.Facts.Staff != nil && !r.Facts.Access.Named {
		list = append(list, "which member of staff asked, and under which ticket")
	}
	switch r.Reason {
	case RecipientObjected:
		list = append(list, "which recipient the person objects to")
	case PurposeObjected:
		if a := r.Activity; a != nil && len(a.Purposes) > 1 {
			list = append(list, "which of the purposes "+strings.Join(a.Purposes, ", ")+" the person objects to")
		}
	default: // the reason says it all
	}
	switch {
	case r.Region == nil:
		list = append(list, "which regions the site declared and where its gateway stood")
	case r.barred():
		list = append(list, "why the other regions that the site declared could not answer")
	default:
		list = append(list, "which other regions were lawful")
	}
	return append(list, "what the person chose beside that")
}
