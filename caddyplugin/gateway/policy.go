package gateway

import (
	"slices"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
)

// This file looks things up in a policy. Its rows are few.

// regionOf returns the policy's row of a region, or nil.
func regionOf(p *decision.Policy, code string) *decision.Region {
	return rowOf(p.Regions, func(r *decision.Region) bool { return r.Code == code })
}

// storageRegion returns the row of the region in which data is stored (§9), or nil.
func storageRegion(p *decision.Policy) *decision.Region {
	return rowOf(p.Regions, func(r *decision.Region) bool { return r.Storage })
}

// activityOf returns the policy's row of an activity, or nil.
func activityOf(p *decision.Policy, name string) *decision.Activity {
	return rowOf(p.Activities, func(a *decision.Activity) bool { return a.ID == name })
}

// rowOf returns the first row that is meant, or nil.
func rowOf[T any](rows []T, meant func(*T) bool) *T {
	for i := range rows {
		if meant(&rows[i]) {
			return &rows[i]
		}
	}
	return nil
}

// statementAt is the version in force at t of the statement that covers what
// names no other; empty if there is none.
func statementAt(p *decision.Policy, t time.Time) string {
	var current *decision.Statement
	for i := range p.Statements {
		s := &p.Statements[i]
		if s.Name == p.Statement && s.Validity.Contains(t) && (current == nil || !s.Validity.From.Before(current.Validity.From)) {
			current = s
		}
	}
	if current == nil {
		return ""
	}
	return current.ID
}

// knows reports whether the policy names the entity.
func knows(p *decision.Policy, entity string) bool {
	return slices.ContainsFunc(p.Controllers, func(c decision.Controller) bool { return c.ID == entity }) ||
		slices.ContainsFunc(p.Recipients, func(r decision.Recipient) bool { return r.ID == entity })
}

// entities are the ids of all that the policy names.
func entities(p *decision.Policy) []string {
	all := ids(p.Controllers, func(c decision.Controller) string { return c.ID })
	all = append(all, ids(p.Recipients, func(r decision.Recipient) string { return r.ID })...)
	slices.Sort(all)
	return slices.Compact(all)
}

// withheldFrom lists what the region's operator must not get.
func withheldFrom(p *decision.Policy, region *decision.Region) []string {
	operator := rowOf(p.Recipients, func(r *decision.Recipient) bool { return r.ID == region.Operator })
	if operator == nil {
		return []string{guard.WithholdClientAddress} // nobody knows
	}
	return operator.Withhold
}
