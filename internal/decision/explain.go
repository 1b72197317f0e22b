package decision

import (
	"slices"
	"time"
)

// Explanation is a decision with the steps that led to it. It is plain data: it
// names rows, entities and countries of the registers, and no person.
type Explanation struct {
	// Policy is the digest of the policy that decided, At the moment.
	Policy string    `json:"policy"`
	At     time.Time `json:"at"`

	Activity   string `json:"activity,omitempty"`
	Country    string `json:"country,omitempty"` // registered country; empty when unknown
	Controller string `json:"controller,omitempty"`
	Basis      Basis  `json:"basis,omitempty"`
	Statement  string `json:"statement,omitempty"`

	// Outcome is allowed or denied, or preflight for a request about nobody. Reason, Clause, Law and Unlock are set when denied.
	Outcome string `json:"outcome"`
	Reason  Reason `json:"reason,omitempty"`
	Clause  string `json:"clause,omitempty"`
	Law     string `json:"law,omitempty"`
	Unlock  string `json:"unlock,omitempty"`

	// Regions are the declared regions: the lawful ones in the order to be
	// tried, then the others.
	Regions []RegionAnswer `json:"regions,omitempty"`
	// Steps tell how it came to that, in order.
	Steps []Step `json:"steps"`
}

// RegionAnswer is what was decided about one declared region.
type RegionAnswer struct {
	Region    string `json:"region"`
	Country   string `json:"country,omitempty"`
	Recipient string `json:"recipient,omitempty"`
	Allowed   bool   `json:"allowed"`
	// Transfer reports whether a record is owed.
	Transfer bool `json:"transfer,omitempty"`
	// Demo tells that a row leant on is an example or unconfirmed.
	Demo   bool   `json:"demo,omitempty"`
	Reason Reason `json:"reason,omitempty"`
	Law    string `json:"law,omitempty"`
	// Unlock says what would make the region lawful. Lacking says what is
	// missing though nothing may stop the request (§7).
	Unlock  string `json:"unlock,omitempty"`
	Lacking string `json:"lacking,omitempty"`
	// Safeguards are the ids of the rows leant on, Tags their tags, in order of use.
	Safeguards []string `json:"safeguards,omitempty"`
	Tags       []string `json:"tags,omitempty"`
	// Fields are the header fields an upstream there gets.
	Fields []Field `json:"fields,omitempty"`
}

// Step is one thing that was looked at, and what came of it.
type Step struct {
	// Topic is who, controller, statement, activity, access, choices, reference, region, leg, law or outcome.
	Topic  string `json:"topic"`
	Text   string `json:"text"`
	Clause string `json:"clause,omitempty"` // of the statement
	Source string `json:"source,omitempty"` // file:line of the row
	Steps  []Step `json:"steps,omitempty"`
}

// The words of Explanation.Outcome.
const (
	outcomeAllowed = "allowed"
	outcomeDenied  = "denied"
)

// Explain answers as [Decide] does and says why. finish is that of [Compile]: it
// renders the header fields of candidates; nil leaves them out.
func Explain(p *Policy, s *Site, at time.Time, f Facts, finish func(*Decision)) Explanation {
	if f.At.IsZero() {
		f.At = at
	}
	v := newView(p, s, at)
	d := v.decide(f)
	if finish != nil {
		finish(&d)
	}
	e := Explanation{
		Policy: v.policy.Digest, At: at, Country: d.Country, Basis: d.Basis,
		Outcome: outcomeAllowed, Reason: d.Reason, Law: d.Law, Unlock: d.Unlock,
	}
	if d.Outcome == Denied {
		e.Outcome, e.Clause = outcomeDenied, d.Reason.Info().Clause
	}
	if d.Activity != nil {
		e.Activity = d.Activity.ID
	}
	if d.Controller != nil {
		e.Controller = d.Controller.ID
	}
	if d.Statement != nil {
		e.Statement = d.Statement.ID
	}
	e.Steps = append(e.Steps, v.stepWho(&d, &f), stepController(&d), stepStatement(&d), v.stepActivity(&d))
	if step, any := stepAccess(&d, &f); any {
		e.Steps = append(e.Steps, step)
	}
	if step, any := stepChoices(&d, &f); any {
		e.Steps = append(e.Steps, step)
	}
	if step, any := stepReference(&d, &f); any {
		e.Steps = append(e.Steps, step)
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		e.Regions = append(e.Regions, allowedRegion(c))
		e.Steps = append(e.Steps, v.stepCandidate(c, len(d.Candidates) > 1, i))
	}
	for i := range d.Refused {
		e.Regions = append(e.Regions, v.refusedRegion(&d.Refused[i]))
	}
	e.Steps = append(e.Steps, v.stepRefusals(&d, &f)...)
	e.Steps = append(e.Steps, v.stepOutcome(&d))
	return e
}

// allowedRegion is a candidate as plain data.
func allowedRegion(c *Candidate) RegionAnswer {
	r := RegionAnswer{
		Region: c.Region.Code, Country: c.Region.Country, Recipient: c.Recipient.ID, Allowed: true,
		Transfer: c.Transfer, Demo: c.Demo, Lacking: c.Lacking, Tags: c.Tags(), Fields: slices.Clone(c.Fields),
	}
	for _, row := range c.Safeguards {
		r.Safeguards = append(r.Safeguards, row.ID)
	}
	return r
}

// refusedRegion is a refusal as plain data.
func (v *view) refusedRegion(r *Refusal) RegionAnswer {
	answer := RegionAnswer{Region: r.Region, Reason: r.Reason, Law: r.Law, Unlock: r.Unlock}
	if region := v.regions[r.Region]; region != nil {
		answer.Country, answer.Recipient = region.Country, region.Operator
	}
	return answer
}

// judged returns a region's legs with every law's verdict, though the region was
// refused, the one by which data comes back among them. Nil when it was refused before any law was asked.
func (v *view) judged(r *Refusal, d *Decision, f *Facts) []Leg {
	region := v.regions[r.Region]
	if region == nil || r.Reason != NoSafeguard && r.Reason != SafeguardUnproven && r.Reason != LawUnknown && r.Reason != Localised {
		return nil
	}
	stops := v.path(nil, region, d, f.Staff)
	c := Candidate{Transfer: transfers(stops, d)}
	v.judgeAll(&c, stops, d)
	return c.Way()
}

// lawOf returns the stretch of a law that is in force.
func (v *view) lawOf(id string) *Law {
	for i := range v.policy.Laws {
		if law := &v.policy.Laws[i]; law.ID == id && law.Validity.Contains(v.at) {
			return law
		}
	}
	return nil
}
