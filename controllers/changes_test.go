package controllers_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
)

func TestReadChanges(t *testing.T) {
	const text = `{"account":"a","country":"BR"}

{"account":"b","deleted":true}
{"deleted":true,"account":"deleted"}
{"account":"a","contracting_party":"sparkoo-sg"}
{"account":"c"}
{"account":"c","deleted":true}
{"account":"d","deleted":true}
 {"account":"d","country":"FR"} ` + "\r\n" + `{ "end" : {"lines":8, "cursor":"c-17", "as_of":"2026-11-25T10:00:00Z"} }`
	changes, err := controllers.ReadChanges(strings.NewReader(text), "feed", known, nil)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(changes.Put, func(a, b controllers.Account) int { return strings.Compare(a.ID, b.ID) })
	slices.Sort(changes.Removed)
	want := &controllers.Changes{
		Put:     []controllers.Account{{ID: "a", Controller: "sparkoo-sg"}, {ID: "d", Country: "FR"}},
		Removed: []string{"b", "c", "deleted"},
		End:     controllers.End{AsOf: time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC), Cursor: "c-17", Lines: 8},
	}
	if !reflect.DeepEqual(changes, want) {
		t.Errorf("got %+v\nwant %+v", changes, want)
	}
}

// Each mistake of a feed; those of a record are told with ReadAccounts.
func TestReadChangesErrors(t *testing.T) {
	const a, stop = `{"account":"a"}` + "\n", `{"end":{"as_of":"2026-11-25T10:00:00Z","lines":1}}` + "\n"
	for _, test := range []struct{ text, want string }{
		{"", "feed: the last line does not end it: the answer is not whole"},
		{a, "feed: the last line does not end it: the answer is not whole"},
		{a + stop + a, "feed:3: a line after the end"},
		{a + a + stop, "feed:3: the end counts 1 lines, and 2 stand before it: the answer is not whole"},
		{`{"account":"a","country":"XX"}` + "\n" + stop, `feed:1: country "XX" is not an ISO 3166-1 alpha-2 code; use the two capital letters of that standard`},
		{`{"account":"a","contracting_party":"x"}` + "\n" + stop, "feed:1: contracting_party is not a controller of the registers; list it there, or give its \"name\" and \"address\" instead of an id"},
		{`{"account":"a","deleted":null}` + "\n" + stop, "feed:1: deleted is not true; leave the key out instead"},
		{`{"account":"a","deleted":"yes"}` + "\n" + stop, "feed:1: deleted is not true; leave the key out instead"},
		{`{"account":"a","deleted":true,"closed":true}` + "\n" + stop, "feed:1: a line that says deleted has account and no other key"},
		{`{"account":"a","deleted":true,"deleted":true}` + "\n" + stop, `feed:1: key "deleted" is written twice`},
		{`{"deleted":true}` + "\n" + stop, "feed:1: account is missing or empty"},
		{`{"end":17}`, "feed:1: the end is not an object"},
		{`{"end":null}`, "feed:1: the end is not an object"},
		{`{"end":{"as_of":"2026-11-25T10:00:00Z"}}`, "feed:1: the end does not count the lines before it"},
		{`{"end":{"lines":0}}`, "feed:1: the end lacks as_of, the moment up to which the answer is complete"},
		{`{"end":{"as_of":"0001-01-01T00:00:00Z","lines":0}}`, "feed:1: the end lacks as_of, the moment up to which the answer is complete"},
		{`{"end":{"as_of":"2026-11-25","lines":0}}`, "feed:1: as_of is no moment in RFC 3339, such as 2026-11-25T10:00:00Z"},
		{`{"end":{"as_of":1764064800,"lines":0}}`, "feed:1: as_of is no moment in RFC 3339, such as 2026-11-25T10:00:00Z"},
		{`{"end":{"as_of":"2026-11-25T10:00:00Z","lines":-1}}`, "feed:1: lines is no number of lines"},
		{`{"end":{"as_of":"2026-11-25T10:00:00Z","lines":1.5}}`, "feed:1: lines is no number of lines"},
		{`{"end":{"as_of":"2026-11-25T10:00:00Z","lines":"1"}}`, "feed:1: lines is no number of lines"},
		{`{"end":{"as_of":"2026-11-25T10:00:00Z","lines":0,"cursor":""}}`, "feed:1: cursor is empty; leave the key out instead"},
		{`{"end":{"as_of":"2026-11-25T10:00:00Z","lines":0,"x":1}}`, "feed:1: unknown key; the end has as_of, cursor and lines"},
		{`{"end":{"as_of":"2026-11-25T10:00:00Z","lines":0},"account":"a"}`, "feed:1: the end of the answer has no other key"},
		{`{"end":{"as_of":"2026-11-25T10:00:00Z","lines":0},"deleted":true}`, "feed:1: the end of the answer has no other key"},
	} {
		changes, err := controllers.ReadChanges(strings.NewReader(test.text), "feed", known, nil)
		wantError(t, err, test.want)
		if changes != nil {
			t.Errorf("%s gives %+v all the same", test.text, changes)
		}
	}
}

// What is written is read as it was, whatever it is.
func TestChangesRoundTrip(t *testing.T) {
	word := rapid.StringMatching(`[^\pC\x{fffd}]{1,20}`)
	country := rapid.SampledFrom([]string{"", "BR", "FR"})
	account := rapid.Custom(func(t *rapid.T) controllers.Account {
		a := controllers.Account{ID: word.Draw(t, "id"), Country: country.Draw(t, "country")}
		switch rapid.IntRange(0, 2).Draw(t, "party") {
		case 1:
			a.Controller = rapid.SampledFrom(ids).Draw(t, "controller")
		case 2:
			a.Party = &controllers.Party{Name: word.Draw(t, "name"), Address: word.Draw(t, "address"), Country: country.Draw(t, "in")}
		}
		if rapid.Bool().Draw(t, "choices") {
			c := &controllers.Choices{Choices: decision.Choices{
				Restricted: rapid.Bool().Draw(t, "restricted"), Closed: true,
				Minor: rapid.Bool().Draw(t, "minor"), Guardian: rapid.Bool().Draw(t, "guardian"),
			}}
			if rapid.Bool().Draw(t, "lists") {
				c.Purposes, c.Recipients, c.Disabled = []string{"2b", "2d"}, []string{"huawei-cloud-cn"}, []string{"marketing", "serving"}
			}
			switch rapid.IntRange(0, 2).Draw(t, "withdrawn") {
			case 1:
				c.Withdrawn = true
			case 2:
				c.ConsentUntil = time.Unix(rapid.Int64Range(0, 1e10).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).UTC()
			}
			a.Choices = c
		}
		a.Born = birth(t, rapid.SampledFrom([]string{"", "2010", "2010-05-17"}).Draw(t, "born"))
		if rapid.Bool().Draw(t, "salt") {
			a.Salt = rapid.StringMatching(`[^\pC\x{fffd}]{16,20}`).Draw(t, "text")
		}
		if rapid.Bool().Draw(t, "references") {
			a.References = map[string]decision.Reference{
				"serving":   {Kind: decision.Consent, ID: "9f2c"},
				"marketing": {Kind: decision.Case, ID: "2026-17", Approver: "legal-ops", Until: time.Unix(1798675200, 0).UTC()},
			}
		}
		return a
	})
	rapid.Check(t, func(t *rapid.T) {
		want := &controllers.Changes{
			Put: rapid.SliceOfNDistinct(account, 0, 5, func(a controllers.Account) string { return a.ID }).Draw(t, "put"),
			End: controllers.End{AsOf: time.Unix(rapid.Int64Range(0, 1e10).Draw(t, "as of"), 0).UTC(), Cursor: rapid.SampledFrom([]string{"", "c<1>"}).Draw(t, "cursor")},
		}
		gone := rapid.SliceOfNDistinct(word, 0, 3, rapid.ID).Draw(t, "removed")
		want.Removed = slices.DeleteFunc(gone, func(id string) bool { return stands(want.Put, id) })
		text := controllers.AppendChanges(nil, want)
		got, err := controllers.ReadChanges(strings.NewReader(string(text)), "feed", known, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		byID := func(a, b controllers.Account) int { return strings.Compare(a.ID, b.ID) }
		slices.SortFunc(want.Put, byID)
		slices.SortFunc(got.Put, byID)
		slices.Sort(want.Removed)
		slices.Sort(got.Removed)
		want.End.Lines = len(want.Put) + len(want.Removed)
		if len(got.Put) != len(want.Put) || len(got.Put) > 0 && !reflect.DeepEqual(got.Put, want.Put) || !slices.Equal(got.Removed, want.Removed) || got.End != want.End {
			t.Fatalf("got  %+v\nwant %+v\n%s", got, want, text)
		}
	})
}

// Records go from table to table if the registers of the other one fit them.
func TestShareAccounts(t *testing.T) {
	table := newTable(t,
		controllers.Account{ID: "plain", Controller: "sparkoo-br"},
		controllers.Account{ID: "full", Choices: &controllers.Choices{Choices: decision.Choices{Recipients: []string{"huawei-cloud-cn"}}}})
	same := newTable(t, controllers.Account{ID: "old"})
	wantError(t, same.ShareAccounts(table.Snapshot()), "")
	var all []string
	for a := range same.Snapshot().Accounts() {
		all = append(all, a.ID)
	}
	if slices.Sort(all); !slices.Equal(all, []string{"full", "plain"}) {
		t.Errorf("it holds %q", all)
	}
	wantError(t, same.ChangeAccounts(nil, []string{"plain"}), "")
	if _, there := table.Snapshot().Account("plain"); !there {
		t.Error("a change of one table changed the other")
	}

	bare, err := controllers.New(section11())
	wantError(t, err, "")
	wantError(t, bare.ShareAccounts(table.Snapshot()), "") // an objection keeps its word, for the case that the recipient comes back
	other, err := controllers.New([]decision.Controller{{ID: "sparkoo-sg", Default: true}})
	wantError(t, err, "")
	wantError(t, other.ShareAccounts(newTable(t, controllers.Account{ID: "plain", Controller: "sparkoo-br"}).Snapshot()),
		`controller "sparkoo-br" is still the contracting party of an account; replace the accounts first`)

	empty := table.Empty()
	for range empty.Snapshot().Accounts() {
		t.Error("the empty table has an account")
	}
	if c, _ := empty.Snapshot().Resolve("", "BR"); idOf(c) != "sparkoo-br" {
		t.Error("the empty table has not the same controllers")
	}
	wantError(t, empty.ReplaceAccounts([]controllers.Account{{ID: "new"}}), "")
	if _, there := table.Snapshot().Account("new"); there {
		t.Error("the empty table wrote into the other")
	}
}

// A record outside the table is judged as one inside.
func TestSubjectOf(t *testing.T) {
	records := []controllers.Account{
		{ID: "a", Country: "BR"}, {ID: "b", Controller: "sparkoo-sg"}, {ID: "c"},
		{ID: "d", Country: "FR", Party: &controllers.Party{Name: "N", Address: "A", Country: "DE"}},
	}
	inside, outside := newTable(t, records...).Snapshot(), newTable(t).Snapshot()
	for i := range records {
		for _, claimed := range []string{"", "BR", "CL", "XX"} {
			for _, party := range []string{"", "sparkoo-za", "unknown"} {
				want, got := inside.Subject(records[i].ID, claimed, party), outside.SubjectOf(&records[i], claimed, party)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("record %d, %s, %s:\n got %+v\nwant %+v", i, claimed, party, got, want)
				}
			}
		}
	}
	if got, want := outside.SubjectOf(nil, "BR", ""), outside.Subject("nobody", "BR", ""); !reflect.DeepEqual(got, want) {
		t.Errorf("without a record: %+v, want %+v", got, want)
	}
}

// Those who look up do not wait for a change, even of many accounts.
func TestReadersGoOnDuringAChange(t *testing.T) {
	n := 200_000
	table := newTable(t)
	wantError(t, table.ReplaceAccounts(uuids(0, n)), "")
	change := uuids(n/2, n/20)
	started, done := make(chan struct{}), make(chan error)
	go func() {
		close(started)
		var err error
		for range 5 {
			if err == nil {
				err = table.ChangeAccounts(change, nil)
			}
		}
		done <- err
	}()
	<-started
	looked := 0
	for {
		for i := range 1000 {
			if _, ok := table.Snapshot().Account(uuid((looked + i) % n)); !ok {
				t.Fatal("an account is missing")
			}
		}
		looked += 1000
		select {
		case err := <-done:
			wantError(t, err, "")
			if looked < 5_000 {
				t.Errorf("only %d look-ups during the change", looked)
			}
			t.Log(fmt.Sprint(looked, " look-ups during the change"))
			return
		default:
		}
	}
}
