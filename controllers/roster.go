package controllers

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/go-memdb"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Roster is what a table has from the registers of one policy. It never changes,
// and any number of goroutines may use it.
//
// It is derived from the database, because a look-up there costs more than all
// else that is done to find a request's controller.
type Roster struct {
	byID      map[string]*decision.Controller
	byCountry *decision.CountryTable
	known     Known // what accounts may name
}

// compile derives a roster from the rows txn sees. Accounts may name what known
// lists, and the controllers.
func compile(txn *memdb.Txn, known Known) (*Roster, error) {
	r := &Roster{byID: make(map[string]*decision.Controller), known: known}
	rows, err := txn.Get(tableControllers, indexID)
	if err != nil {
		return nil, fmt.Errorf("reading controllers: %w", err)
	}
	var list []*decision.Controller
	for row := rows.Next(); row != nil; row = rows.Next() {
		c := row.(*decision.Controller)
		r.byID[c.ID] = c
		list = append(list, c)
	}
	r.known.Controllers = slices.Sorted(maps.Keys(r.byID))
	r.byCountry = decision.NewCountryTable(list...)
	return r, nil
}
