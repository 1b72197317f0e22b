package controllers_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
)

func TestControllersRefused(t *testing.T) {
	fallback := decision.Controller{ID: "sg", Default: true}
	for want, controllersGiven := range map[string][]decision.Controller{
		"none of 0 controllers is the default; mark the one that answers for every other country (§11)": nil,
		"none of 1 controllers is the default; mark the one that answers for every other country (§11)": {{ID: "br", Serves: []string{"BR"}}},
		"controller 2 of 2 has no id": {fallback, {}},
		"controller \"unlisted\": 'unlisted' stands for parties outside the registers; give it another id":                 {fallback, {ID: "unlisted"}},
		"controller \"x\": 'unlisted' stands for parties outside the registers; give it another id":                        {fallback, {ID: "x", Unlisted: true}},
		`controller "sg" is given twice; remove one`:                                                                       {fallback, {ID: "sg"}},
		`controllers "sg" and "br" are both the default; keep one`:                                                         {fallback, {ID: "br", Default: true}},
		`controller "gb" serves "UK", which is not an ISO 3166-1 alpha-2 code; write GB`:                                   {fallback, {ID: "gb", Serves: []string{"UK"}}},
		`controller "gb" serves "", which is not an ISO 3166-1 alpha-2 code; use the two capital letters of that standard`: {fallback, {ID: "gb", Serves: []string{""}}},
		`country BR is served by "br" and by "br2"; keep one`: {fallback, {ID: "br", Serves: []string{"BR"}},
			{ID: "br2", Serves: []string{"BR"}}},
	} {
		_, err := controllers.New(controllersGiven)
		wantError(t, err, want)
	}
}

func TestSetControllers(t *testing.T) {
	table := newTable(t, controllers.Account{ID: "a-1", Country: "BR", Controller: "sparkoo-hk"})
	before := table.Snapshot()

	without := section11()
	without[5].ID = "sparkoo-hk2"
	wantError(t, table.SetControllers(without),
		`controller "sparkoo-hk" is still the contracting party of an account; replace the accounts first`)
	wantError(t, table.SetControllers(without[:1]),
		"none of 1 controllers is the default; mark the one that answers for every other country (§11)")
	if table.Snapshot() != before {
		t.Fatal("a refused change has published a snapshot")
	}

	// Brazil moves to the default; the account keeps its party.
	changed := section11()
	changed[3].Serves = nil
	wantError(t, table.SetControllers(changed), "")
	changed[5].Name = "changed by the caller" // the table has its own copy
	for _, test := range []struct {
		snapshot                     *controllers.Snapshot
		account, country, controller string
	}{
		{before, "", "BR", "sparkoo-br"},
		{table.Snapshot(), "", "BR", "sparkoo-sg"},
		{table.Snapshot(), "a-1", "BR", "sparkoo-hk"},
	} {
		if c, _ := test.snapshot.Resolve(test.account, test.country); idOf(c) != test.controller || c.Name == changed[5].Name {
			t.Errorf("%+v: got %+v", test, c)
		}
	}
}

func TestReplaceAccountsRefused(t *testing.T) {
	const id = "jane.doe@example.com"
	long := strings.Repeat("x", 1025)
	ok := controllers.Party{Name: "N", Address: "A", Country: "FR"}
	party := func(change func(*controllers.Party)) *controllers.Party {
		p := ok
		change(&p)
		return &p
	}
	for _, test := range []struct {
		account controllers.Account
		want    string
	}{
		{controllers.Account{}, "account is missing or empty"},
		{controllers.Account{ID: long[:257]}, "account is longer than 256 bytes"},
		{controllers.Account{ID: "a\xff"}, "account is not valid UTF-8"},
		{controllers.Account{ID: "a\uFFFD"}, "account is not valid UTF-8"},
		{controllers.Account{ID: "a\r\nb"}, "account holds a control character"},
		{controllers.Account{ID: id, Country: "UK"}, `country "UK" is not an ISO 3166-1 alpha-2 code; write GB`},
		{controllers.Account{ID: id, Country: "Brazil"}, "country is not an ISO 3166-1 alpha-2 code"},
		{controllers.Account{ID: id, Country: "B1"}, "country is not an ISO 3166-1 alpha-2 code"},
		{controllers.Account{ID: id, Controller: "sparkoo-sg", Party: &ok}, "two contracting parties, a listed and an unlisted one; keep one"},
		{controllers.Account{ID: id, Controller: "sparko-sg"},
			`contracting_party is not a controller of the registers; did you mean 'sparkoo-sg'? If not, list it there, or give its "name" and "address" instead of an id`},
		{controllers.Account{ID: id, Controller: "Jane Doe"},
			`contracting_party is not a controller of the registers; list it there, or give its "name" and "address" instead of an id`},
		{controllers.Account{ID: id, Party: &controllers.Party{}}, "contracting_party.name is missing or empty"},
		{controllers.Account{ID: id, Party: party(func(p *controllers.Party) { p.Name = long })}, "contracting_party.name is longer than 1024 bytes"},
		{controllers.Account{ID: id, Party: party(func(p *controllers.Party) { p.Address = "" })}, "contracting_party.address is missing or empty"},
		{controllers.Account{ID: id, Party: party(func(p *controllers.Party) { p.Address = "1\nX: y" })}, "contracting_party.address holds a control character"},
		{controllers.Account{ID: id, Party: party(func(p *controllers.Party) { p.Country = "FRA" })}, `contracting_party.country "FRA" is not an ISO 3166-1 alpha-2 code; use the two capital letters of that standard`},
	} {
		table := newTable(t, controllers.Account{ID: "old"})
		before := table.Snapshot()
		err := table.ReplaceAccounts([]controllers.Account{{ID: "new"}, test.account})
		wantError(t, err, "account 2 of 2: "+test.want)
		if table.Snapshot() != before {
			t.Errorf("%s: a refused change has published a snapshot", test.want)
		}
	}

	table := newTable(t)
	wantError(t, table.ReplaceAccounts([]controllers.Account{{ID: id}, {ID: "b"}, {ID: id}}),
		"accounts 1 and 3 of 3 are the same account; keep one")
}

func TestReplaceAccountsCopies(t *testing.T) {
	party := &controllers.Party{Name: "N", Address: "A"}
	accounts := []controllers.Account{{ID: "a-1", Party: party}, {ID: "a-2"}}
	table := newTable(t, accounts...)
	party.Name, accounts[1].ID = "changed", "changed"
	s := table.Snapshot()
	if a, ok := s.Account("a-1"); !ok || a.Party.Name != "N" || s.Subject("a-1", "", "").Controller.Name != "N" {
		t.Error("the caller changed a party in the table")
	}
	if _, ok := s.Account("a-2"); !ok {
		t.Error("the caller changed an account in the table")
	}
	wantError(t, table.ReplaceAccounts([]controllers.Account{{ID: "a-3"}}), "")
	if _, ok := table.Snapshot().Account("a-1"); ok {
		t.Error("a replaced account is still there")
	}
	if _, ok := s.Account("a-1"); !ok {
		t.Error("a snapshot lost an account")
	}
}

// Readers see the old accounts or the new ones, never some of each. It is of
// most use under the race detector.
func TestReadersSeeWhole(t *testing.T) {
	const accounts, writes = 50, 200
	generation := func(n int) []controllers.Account {
		set := make([]controllers.Account, accounts)
		for i := range set {
			set[i] = controllers.Account{ID: fmt.Sprint(i), Controller: ids[n%len(ids)]}
		}
		return set
	}
	table := newTable(t, generation(0)...)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				s := table.Snapshot()
				first, _ := s.Resolve("0", "")
				for i := range accounts {
					if c, basis := s.Resolve(fmt.Sprint(i), ""); c != first || basis != decision.BasisAccountCenter {
						t.Errorf("account %d of one snapshot: %s, %s; account 0: %s", i, idOf(c), basis, idOf(first))
						return
					}
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for n := range writes {
		if err := table.ReplaceAccounts(generation(n)); err != nil {
			t.Error(err)
		}
		if n%10 == 0 {
			if err := table.SetControllers(section11()); err != nil {
				t.Error(err)
			}
		}
	}
	close(done)
	readers.Wait()
}
