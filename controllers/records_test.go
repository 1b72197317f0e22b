package controllers_test

import (
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// Whatever is put, removed and replaced, in any order, the table says of every
// account what was last put, and an old snapshot says what it always did.
func TestChangeAccountsLikeAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, err := controllers.New(section11())
		if err != nil {
			t.Fatal(err)
		}
		id := rapid.Custom(func(t *rapid.T) string { return fmt.Sprint("a-", rapid.IntRange(0, 40).Draw(t, "id")) })
		account := rapid.Custom(func(t *rapid.T) controllers.Account {
			a := controllers.Account{ID: id.Draw(t, "put"), Country: rapid.SampledFrom([]string{"", "BR", "FR"}).Draw(t, "country")}
			a.Born = birth(t, rapid.SampledFrom([]string{"", "2010", "2010-05-17"}).Draw(t, "born"))
			a.Salt = rapid.SampledFrom([]string{"", "0123456789abcdef", strings.Repeat("s", 128)}).Draw(t, "salt")
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 1:
				a.Controller = rapid.SampledFrom(ids).Draw(t, "controller")
			case 2:
				a.Party = &controllers.Party{Name: rapid.SampledFrom([]string{"N", "M"}).Draw(t, "name"), Address: "A"}
			case 3:
				a.Choices = &controllers.Choices{Choices: decision.Choices{Restricted: true}}
			}
			return a
		})
		model := map[string]controllers.Account{}
		var oldSnapshot *controllers.Snapshot
		var oldModel map[string]controllers.Account
		for range rapid.IntRange(1, 8).Draw(t, "changes") {
			oldSnapshot, oldModel = table.Snapshot(), maps.Clone(model)
			put := rapid.SliceOfNDistinct(account, 0, 20, func(a controllers.Account) string { return a.ID }).Draw(t, "puts")
			if rapid.IntRange(0, 4).Draw(t, "replace") == 0 {
				model, err = map[string]controllers.Account{}, table.ReplaceAccounts(put)
			} else {
				var remove []string
				for _, gone := range rapid.SliceOfN(id, 0, 10).Draw(t, "removes") {
					if !stands(put, gone) {
						remove = append(remove, gone)
						delete(model, gone)
					}
				}
				err = table.ChangeAccounts(put, remove)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range put {
				model[a.ID] = a
			}
			same(t, table.Snapshot(), model)
			same(t, oldSnapshot, oldModel)
		}
	})
}

func stands(accounts []controllers.Account, id string) bool {
	for _, a := range accounts {
		if a.ID == id {
			return true
		}
	}
	return false
}

// same fails unless the snapshot holds exactly the accounts of the model.
func same(t *rapid.T, s *controllers.Snapshot, model map[string]controllers.Account) {
	for n := range 41 {
		id := fmt.Sprint("a-", n)
		want, known := model[id]
		got, ok := s.Account(id)
		if ok != known || ok && !reflect.DeepEqual(*got, want) {
			t.Fatalf("account %s: got %+v, %t; want %+v, %t", id, got, ok, want, known)
		}
	}
}

func TestChangeAccountsRefused(t *testing.T) {
	const id = "jane.doe@example.com"
	for _, test := range []struct {
		put    []controllers.Account
		remove []string
		want   string
	}{
		{[]controllers.Account{{ID: "b"}, {ID: id, Country: "UK"}}, nil, `account 2 of 2: country "UK" is not an ISO 3166-1 alpha-2 code; write GB`},
		{[]controllers.Account{{ID: id}, {ID: "b"}, {ID: id}}, nil, "accounts 1 and 3 of 3 are the same account; keep one"},
		{[]controllers.Account{{ID: id}}, []string{id}, "an account is both changed and removed; say one of the two"},
		{nil, []string{"never there", "old", "old"}, ""},
	} {
		table := newTable(t, controllers.Account{ID: "old"})
		before := table.Snapshot()
		wantError(t, table.ChangeAccounts(test.put, test.remove), test.want)
		if test.want != "" && table.Snapshot() != before {
			t.Errorf("%s: a refused change has published a snapshot", test.want)
		}
	}
}

// A controller that a change no longer leaves any account with can go; one that
// a full record names can't.
func TestControllersStillNamedAfterChange(t *testing.T) {
	table := newTable(t, controllers.Account{ID: "a", Controller: "sparkoo-hk"}, controllers.Account{ID: "b", Country: "FR"})
	without := section11()
	without = append(without[:5], without[6:]...)
	const still = `controller "sparkoo-hk" is still the contracting party of an account; replace the accounts first`
	wantError(t, table.SetControllers(without), still)
	restricted := &controllers.Choices{Choices: decision.Choices{Restricted: true}}
	wantError(t, table.ChangeAccounts([]controllers.Account{{ID: "a", Controller: "sparkoo-hk", Choices: restricted}}, nil), "")
	wantError(t, table.SetControllers(without), still)
	wantError(t, table.ChangeAccounts(nil, []string{"a"}), "")
	wantError(t, table.SetControllers(without), "")
	if _, ok := table.Snapshot().Account("b"); !ok {
		t.Error("new controllers lost an account")
	}
}

// Readers go on while accounts change, and each snapshot is one state: all
// accounts have the same party. It is of most use under the race detector.
func TestReadersSeeWholeChanges(t *testing.T) {
	const accounts = 50
	table := newTable(t)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for {
				s := table.Snapshot()
				first, _ := s.Resolve("0", "")
				for i := range accounts {
					if c, _ := s.Resolve(fmt.Sprint(i), ""); c != first {
						t.Errorf("account %d: %s; account 0: %s", i, idOf(c), idOf(first))
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
	for n := range 200 {
		put := make([]controllers.Account, accounts)
		for i := range put {
			put[i] = controllers.Account{ID: fmt.Sprint(i), Controller: ids[n%len(ids)]}
		}
		wantError(t, table.ChangeAccounts(put, nil), "")
	}
	close(done)
	readers.Wait()
}

// A million accounts take less than 200 MB, and 1 % of them change in less than
// a second: the limits of the project. They are made of ids like those of an
// account center: UUIDs.
func TestMillionAccounts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	n := 1_000_000
	if testsupport.Race {
		n = 100_000
	}
	table := newTable(t)
	before := heap()
	wantError(t, table.ReplaceAccounts(uuids(0, n)), "")
	after := heap()
	if used := after - min(before, after); used > 200e6 {
		t.Errorf("%d accounts take %d bytes", n, used)
	} else {
		t.Logf("%d accounts take %.1f bytes each", n, float64(used)/float64(n))
	}
	change := uuids(n/2, n/100)
	for i := range change {
		change[i].Controller = "sparkoo-hk"
	}
	wantError(t, table.ChangeAccounts(change, nil), "")
	for i, want := range map[int]string{0: "sparkoo-br", n / 2: "sparkoo-hk", n/2 + n/100: "sparkoo-br", n - 1: "sparkoo-br"} {
		if c, _ := table.Snapshot().Resolve(uuid(i), ""); idOf(c) != want {
			t.Errorf("account %d: got %s, want %s", i, idOf(c), want)
		}
	}
}

// uuid is the id of the account with that number, as long as a UUID.
func uuid(i int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", uint32(i)*2654435761, i) }

// uuids are n accounts from number start on.
func uuids(start, n int) []controllers.Account {
	accounts := make([]controllers.Account, n)
	for i := range accounts {
		accounts[i] = controllers.Account{ID: uuid(start + i), Country: "BR", Controller: "sparkoo-br"}
	}
	return accounts
}

// heap returns the bytes in use on the heap after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
