package controllers_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
)

// A change costs by what it touches, however many births the records have: with each
// kept as a kind of its own, one change among a million people took 150 ms, and
// nothing of who was deleted was ever forgotten.
func TestBirthsCostNoChange(t *testing.T) {
	table, err := controllers.New([]decision.Controller{{ID: "sparkoo-sg", Default: true}})
	if err != nil {
		t.Fatal(err)
	}
	account := func(i int) controllers.Account {
		born, err := decision.ParseBirth(time.Date(1940, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		if err != nil {
			t.Fatal(err)
		}
		return controllers.Account{ID: fmt.Sprint("a-", i), Country: "BR", Born: born}
	}
	all := make([]controllers.Account, 20_000)
	for i := range all {
		all[i] = account(i)
	}
	change := func() float64 {
		return testing.AllocsPerRun(10, func() {
			if err := table.ChangeAccounts(all[:1], nil); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := table.ReplaceAccounts(all[:2]); err != nil {
		t.Fatal(err)
	}
	few := change()
	if err := table.ReplaceAccounts(all); err != nil {
		t.Fatal(err)
	}
	if many := change(); many > 2*few+50 {
		t.Errorf("a change among %d births makes %.0f allocations, among 2 %.0f", len(all), many, few)
	}
	for i := range all {
		if a, ok := table.Snapshot().Account(all[i].ID); !ok || a.Born != all[i].Born {
			t.Fatalf("account %d: %+v", i, a)
		}
	}
}
