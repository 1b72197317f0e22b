package policy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/world"
)

// lawlessBack is how far back records of countries without a law are counted.
const lawlessBack = 30 * 24 * time.Hour

// lawless lists the countries that no law of the policy governs: those with records in
// the ledger one by one, the others together.
func (c *check) lawless(p *decision.Policy) (problems config.Problems, err error) {
	counts := map[string]int{}
	err = cli.ReadTransfers(c.ledger, func(_ ledger.Entry, t *record.Transfer) error {
		if !t.Time.Before(c.at.Add(-lawlessBack)) && !t.Time.After(c.at) {
			counts[t.Country]++
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("counting the records of countries without a law: %w", err)
	}
	what := "its people are served in Singapore alone (unknown_law: singapore)"
	if p.UnknownLaw != decision.SingaporeUnknown {
		what = "nothing of its people is processed (unknown_law: deny)"
	}
	add := func(text string) {
		problems = append(problems, config.Problem{File: c.ledger, Code: "country-without-law", Text: text})
	}
	var with, without []string
	for _, code := range country.All() {
		governed := slices.ContainsFunc(p.Laws, func(l decision.Law) bool { return l.Validity.Contains(c.at) && slices.Contains(l.Countries, code) })
		switch {
		case governed:
		case counts[code] > 0:
			with = append(with, code)
		default:
			without = append(without, code)
		}
	}
	slices.SortStableFunc(with, func(a, b string) int { return cmp.Compare(counts[b], counts[a]) })
	for _, code := range with {
		add(fmt.Sprintf("no law is registered for %s, which is no permission; %s of the last 30 days, and %s; add its law to the register of laws", world.Name(code), plural(counts[code], "record"), what))
	}
	if len(without) > 0 {
		add(fmt.Sprintf("no law is registered for %s, which is no permission; none has a record of the last 30 days", world.List(without, country.All())))
	}
	return problems, nil
}
