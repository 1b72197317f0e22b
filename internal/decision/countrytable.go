package decision

import "github.com/sparkoo/transfergate/internal/country"

// CountryTable is that of §11: which controller answers for people who registered
// in a country. It points to the rows it was made of and never changes. The zero
// CountryTable has no controllers.
type CountryTable struct {
	served   [country.Count]*Controller // by country.Index; nil where the default answers
	fallback *Controller                // the default
}

// NewCountryTable makes the table of the rows' controllers. Of two that serve
// one country the last counts, of two defaults the first; package config lets
// neither pass.
func NewCountryTable(rows ...*Controller) *CountryTable {
	t := new(CountryTable)
	for _, c := range rows {
		for _, code := range c.Serves {
			if i := country.Index(code); i >= 0 {
				t.served[i] = c
			}
		}
		if c.Default && t.fallback == nil {
			t.fallback = c
		}
	}
	return t
}

// CountryTable is the table of the policy's controllers.
func (p *Policy) CountryTable() *CountryTable {
	rows := make([]*Controller, len(p.Controllers))
	for i := range p.Controllers {
		rows[i] = &p.Controllers[i]
	}
	return NewCountryTable(rows...)
}

// Controller answers for people who registered in the country, an ISO 3166-1 alpha-2
// code: who serves it, else the default. The default answers for those who are not
// registered, "", too, and for what is no code. It is nil where no row does.
//
//clause:enforces §11.1; record controller basis country; header Data-Controller Data-Subject-Country; off return t.fallback
//clause:enforces §11.2; record controller basis country; header Data-Controller Data-Subject-Country
func (t *CountryTable) Controller(code string) *Controller {
	if i := country.Index(code); i >= 0 && t.served[i] != nil {
		return t.served[i]
	}
	return t.fallback
}
