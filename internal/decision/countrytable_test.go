package decision_test

import (
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Who serves a country answers for it, the default for everybody else (§11).
//
//clause:tests §11.1 §11.2
func TestCountryTable(t *testing.T) {
	table := policy().CountryTable()
	for code, want := range map[string]string{
		"ZA": "sparkoo-za", "BR": "sparkoo-br", "SA": "sparkoo-sa", "FR": "sparkoo-sg", "SG": "sparkoo-sg", "": "sparkoo-sg", "XX": "sparkoo-sg",
	} {
		if c := table.Controller(code); c == nil || c.ID != want {
			t.Errorf("%q: %+v, want %s", code, c, want)
		}
	}
	if c := new(decision.CountryTable).Controller("BR"); c != nil {
		t.Errorf("the zero table has %+v", c)
	}
	alone := &decision.Controller{ID: "br", Serves: []string{"BR", "no code"}}
	if table := decision.NewCountryTable(alone); table.Controller("BR") != alone || table.Controller("FR") != nil || table.Controller("") != nil {
		t.Error("without a default somebody answers for the rest")
	}
}
