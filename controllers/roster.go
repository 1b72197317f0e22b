package controllers

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/go-memdb"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
)

// Roster is what a table has from the registers of one policy. It never changes,
// and any number of goroutines may use it.
//
// It is derived from the database, because a look-up there costs more than all
// else that is done to find a request's controller.
type Roster struct {
	byID      map[string]*decision.Controller
	byCountry [country.Count]*decision.Controller // by country.Index; the default where no other serves
	fallback  *decision.Controller                // the default
	known     Known                               // what accounts may name
}

// compile derives a roster from the rows txn sees. Accounts may name what known
// lists, and the controllers.
func compile(txn *memdb.Txn, known Known) (*Roster, error) {
	r := &Roster{byID: make(map[string]*decision.Controller), known: known}
	rows, err := txn.Get(tableControllers, indexID)
	if err != nil {
		return nil, fmt.Errorf("reading controllers: %w", err)
	}
	for row := rows.Next(); row != nil; row = rows.Next() {
		c := row.(*decision.Controller)
		r.byID[c.ID] = c
		if c.Default {
			r.fallback = c
		}
	}
	r.known.Controllers = slices.Sorted(maps.Keys(r.byID))
	for i, code := range country.All() {
		row, err := txn.First(tableControllers, indexCountry, code)
		if err != nil {
			return nil, fmt.Errorf("reading the controller of %s: %w", code, err)
		}
		r.byCountry[i] = r.fallback
		if row != nil {
			r.byCountry[i] = row.(*decision.Controller)
		}
	}
	return r, nil
}
