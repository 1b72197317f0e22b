package gateway

import (
	"fmt"
	"slices"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/whatif"
)

// Explain answers a question as this gateway would: by its policy, where its node
// stands, with its account records. Sites that declare other regions may answer
// differently, so that there is one explanation for each of them; a question that
// names regions is answered once. Nothing is recorded.
func (a *App) Explain(q question.Question) ([]decision.Explanation, error) {
	s := a.store.State()
	accounts := a.table.Snapshot().Under(s.Roster)
	q.Node, q.Demo = decision.Place{Entity: a.Node.Entity, Country: a.Node.Country}, a.Demo
	var sites []decision.Site
	if q.Regions != nil {
		sites = append(sites, decision.Site{Regions: q.Regions, Statement: q.Statement})
	}
	for _, h := range a.handlers {
		serves := slices.ContainsFunc(h.Activities, func(x *Activity) bool { return x.Name == q.Activity })
		known := slices.ContainsFunc(sites, func(x decision.Site) bool {
			return slices.Equal(x.Regions, h.site.Regions) && x.Statement == h.site.Statement
		})
		if q.Regions == nil && serves && !known {
			sites = append(sites, h.site.Site)
		}
	}
	if len(sites) == 0 {
		// Either the policy lacks the activity, which the answer says, or no site has it.
		if _, err := whatif.Explain(s.Policy, &accounts, q, now()); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("no site of this gateway serves the activity '%s': map requests to it, or name regions", q.Activity)
	}
	var answers []decision.Explanation
	for _, site := range sites {
		q.Regions, q.Statement = site.Regions, site.Statement
		e, err := whatif.Explain(s.Policy, &accounts, q, now())
		if err != nil {
			return nil, err
		}
		answers = append(answers, e)
	}
	return answers, nil
}
