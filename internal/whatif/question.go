// Package whatif answers questions about a policy as people ask them: what
// happens to somebody from this country who does that, on that day? It turns the
// question into facts the way the gateway turns a request into them, and prints
// the explanation.
package whatif

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// Site is where a question is asked. The policy gives what it leaves open.
func Site(p *decision.Policy, q *question.Question) decision.Site {
	s := decision.Site{Node: q.Node, Regions: q.Regions, Demo: q.Demo, Statement: q.Statement}
	for i := range p.Regions {
		r := &p.Regions[i]
		if q.Regions == nil {
			s.Regions = append(s.Regions, r.Code)
		}
		if r.Storage && q.Node == (decision.Place{}) {
			s.Node = decision.Place{Entity: r.Operator, Country: r.Country}
		}
	}
	return s
}

// Facts are a question as a decision sees it at a moment. accounts are the
// account records; nil for none. It fails when the question names what the policy
// does not have, because its answer would be about a typing mistake.
func Facts(p *decision.Policy, accounts *controllers.Snapshot, q *question.Question, at time.Time) (decision.Facts, error) {
	if err := check(p, q); err != nil {
		return decision.Facts{}, err
	}
	subject, err := subjectOf(p, accounts, q)
	if err != nil {
		return decision.Facts{}, err
	}
	f := decision.Facts{
		Activity:   q.Activity,
		Identified: q.Identified || q.Country != "" || q.Party != "" || q.Account != "" || q.Staff != nil,
		Country:    subject.Country,
		Controller: subject.Controller,
		Basis:      subject.Basis,
		Staff:      q.Staff,
		Access:     decision.StaffAccess{Named: q.Staff != nil && !q.Unnamed, Ticket: q.Ticket, Reason: q.AccessReason, Approval: q.Approval},
		Subject:    subject.Country != "" && !q.NoSubject,
		Deletes:    q.Deletes,
		Reference:  q.Reference,
		At:         at,
	}
	ofAge := subject.ChoicesAt(p, q.Born, at) // and what the record says
	if q.Account == "" {
		f.Choices = q.Choices
		f.Choices.Minor = f.Choices.Minor || ofAge.Minor
	} else {
		f.Choices = ofAge
		f.Choices.OptOut = q.Choices.OptOut
		if f.Reference.ID == "" {
			f.Reference = subject.Account.Reference(q.Activity)
		}
	}
	return f, nil
}

// subjectOf is whom the question is about.
func subjectOf(p *decision.Policy, accounts *controllers.Snapshot, q *question.Question) (controllers.Subject, error) {
	if q.Account != "" && q.Party != "" {
		return controllers.Subject{}, errors.New("an account and a contracting party: the account's record names the party, so give one of them")
	}
	if q.Account != "" {
		if accounts == nil {
			return controllers.Subject{}, errors.New("an account, and no account records: name the file they are in")
		}
		if _, known := accounts.Account(q.Account); !known {
			return controllers.Subject{}, errors.New("the account records have no such account")
		}
		return accounts.Subject(q.Account, q.Country, q.Claim), nil
	}
	alone, err := controllers.ForPolicy(p)
	if err != nil {
		return controllers.Subject{}, fmt.Errorf("reading the controllers: %w", err)
	}
	const somebody = "somebody"
	if q.Party != "" {
		if err := alone.ReplaceAccounts([]controllers.Account{{ID: somebody, Controller: q.Party}}); err != nil {
			return controllers.Subject{}, fmt.Errorf("contracting party '%s': %w", q.Party, err)
		}
	}
	return alone.Snapshot().Subject(somebody, q.Country, q.Claim), nil
}

// check finds what the question names that the policy does not have. Staff may be
// anybody: that they are unknown is an answer.
func check(p *decision.Policy, q *question.Question) error {
	if q.Activity == "" {
		return fmt.Errorf("no activity; %s", suggest.OneOf(ids(p.Activities, activityID)))
	}
	if err := oneOf("activity", q.Activity, ids(p.Activities, activityID)); err != nil {
		return err
	}
	for _, code := range q.Regions {
		if err := oneOf("region", code, ids(p.Regions, func(r *decision.Region) string { return r.Code })); err != nil {
			return err
		}
	}
	known := ids(p.Controllers, func(c *decision.Controller) string { return c.ID })
	for _, party := range []string{q.Party, q.Claim} {
		if party == "" {
			continue
		}
		if err := oneOf("controller", party, known); err != nil {
			return err
		}
	}
	for _, code := range []string{q.Country, q.Node.Country} {
		if code != "" && !country.Valid(code) {
			return fmt.Errorf("'%s' is not an ISO 3166-1 alpha-2 code; %s", code, country.Advice(code))
		}
	}
	if q.Node.Entity == "" {
		return nil
	}
	known = append(known, ids(p.Recipients, func(r *decision.Recipient) string { return r.ID })...)
	return oneOf("node entity", q.Node.Entity, known)
}

func activityID(a *decision.Activity) string { return a.ID }

func ids[T any](rows []T, id func(*T) string) []string {
	list := make([]string, len(rows))
	for i := range rows {
		list[i] = id(&rows[i])
	}
	return list
}

// oneOf fails for a word that is none of the known ones.
func oneOf(what, word string, known []string) error {
	if slices.Contains(known, word) {
		return nil
	}
	return fmt.Errorf("%s '%s' is not in the policy; %s", what, word, suggest.For(word, known))
}

// Explain answers the question under a policy. now is the moment of a question
// that names none. accounts are the account records; nil for none.
func Explain(p *decision.Policy, accounts *controllers.Snapshot, q question.Question, now time.Time) (decision.Explanation, error) {
	at := q.At
	if at.IsZero() {
		at = now
	}
	f, err := Facts(p, accounts, &q, at)
	if err != nil {
		return decision.Explanation{}, err
	}
	site := Site(p, &q)
	return decision.Explain(p, &site, at, f, fields.Finish), nil
}
