package controllers_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
)

// read returns the choices of one record with these members.
func read(t *testing.T, members string) (*controllers.Choices, error) {
	t.Helper()
	line := `{"account":"jane"`
	if members != "" {
		line += "," + members
	}
	accounts, err := controllers.ReadAccounts(strings.NewReader(line+"}"), "x", known)
	if err != nil {
		return nil, err
	}
	return accounts[0].Choices, nil
}

func TestReadChoices(t *testing.T) {
	moment := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	now := func(c decision.Choices) *controllers.Choices { return &controllers.Choices{Choices: c} }
	for _, test := range []struct {
		members string
		want    *controllers.Choices
	}{
		{``, nil},
		{`"restricted":true`, now(decision.Choices{Restricted: true})},
		{`"closed":true`, now(decision.Choices{Closed: true})},
		{`"minor":true`, now(decision.Choices{Minor: true})},
		{`"minor":true,"guardian":true`, now(decision.Choices{Minor: true, Guardian: true})},
		{`"objections":["2b"]`, now(decision.Choices{Purposes: []string{"2b"}})},
		{`"objections":["huawei-cloud-cn","2f","2b","sparkoo-sg","2f"]`,
			now(decision.Choices{Purposes: []string{"2f", "2b"}, Recipients: []string{"huawei-cloud-cn", "sparkoo-sg"}})},
		{`"disabled":["marketing"]`, now(decision.Choices{Disabled: []string{"marketing"}})},
		{`"withdrawn":true`, now(decision.Choices{Withdrawn: true})},
		{`"withdrawn":"2026-11-23T12:00:00Z"`, &controllers.Choices{ConsentUntil: moment}},
		{`"withdrawn":"2026-11-23T20:00:00+08:00"`, &controllers.Choices{ConsentUntil: moment}},
		{`"withdrawn":"0001-01-01T00:00:00Z"`, now(decision.Choices{Withdrawn: true})},
		// What says nothing is nothing.
		{`"restricted":false,"closed":false,"minor":null,"guardian":false,"withdrawn":false,"objections":[],"disabled":null`, nil},
		{`"withdrawn":null,"objections":null,"disabled":[]`, nil},
	} {
		got, err := read(t, test.members)
		wantError(t, err, "")
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", test.members, got, test.want)
		}
	}
}

func TestReadChoicesRefused(t *testing.T) {
	const (
		withdrawn = "withdrawn is neither true, false nor a moment in RFC 3339, such as 2026-11-23T12:00:00Z"
		objection = "an item of objections is not a purpose 2a to 2g or a recipient of the registers"
		disabled  = "an item of disabled is not an activity of the registers"
	)
	for _, test := range []struct{ members, want string }{
		{`"restricted":"jane"`, "restricted is neither true nor false"},
		{`"closed":1`, "closed is neither true nor false"},
		{`"minor":"true"`, "minor is neither true nor false"},
		{`"guardian":["jane"]`, "guardian is neither true nor false"},
		{`"withdrawn":"jane"`, withdrawn},
		{`"withdrawn":""`, withdrawn},
		{`"withdrawn":1`, withdrawn},
		{`"withdrawn":"2026-11-23"`, withdrawn},
		{`"withdrawn":"2026-11-23T12:00:00"`, withdrawn},
		{`"withdrawn":"2026-11-23 12:00:00Z"`, withdrawn},
		{`"withdrawn":{"jane":true}`, withdrawn},
		{`"objections":"2b"`, "objections is not a list"},
		{`"objections":{"2b":true}`, "objections is not a list"},
		{`"objections":["2b",2]`, "objections holds what is not text"},
		{`"objections":[["jane"]]`, "objections holds what is not text"},
		{`"objections":[""]`, "objections holds what is not text"},
		{`"objections":["2h"]`, objection},
		{`"objections":["2B"]`, objection},
		{`"objections":["jane"]`, objection},
		{`"objections":["huawei-cloud-xn"]`, objection + `; did you mean 'huawei-cloud-cn'?`},
		{`"disabled":true`, "disabled is not a list"},
		{`"disabled":[true]`, "disabled holds what is not text"},
		{`"disabled":["jane"]`, disabled},
		{`"disabled":["markting"]`, disabled + `; did you mean 'marketing'?`},
		{`"closed":true,"closed":false`, `key "closed" is written twice`},
		{`"Closed":true`, "unknown key; a record has account, country, contracting_party, born, salt, references, restricted, closed, minor, guardian, objections, withdrawn and disabled"},
	} {
		_, err := read(t, test.members)
		wantError(t, err, "x:1: "+test.want)
	}
}

// A minor is who the record says is one, or was born too late by the record or by
// who vouches for them, for the country or the controller's: the later age counts.
func TestChoicesOfTheYoung(t *testing.T) {
	p := &decision.Policy{Ages: []decision.Age{{Countries: []string{"TH"}, Years: 20}}}
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	table := newTable(t,
		controllers.Account{ID: "flag", Country: "BR", Choices: &controllers.Choices{Choices: decision.Choices{Minor: true}}},
		controllers.Account{ID: "19", Country: "BR", Born: birth(t, "2007-01-01")},
		controllers.Account{ID: "19 TH", Country: "TH", Born: birth(t, "2007-01-01")},
		controllers.Account{ID: "19 party", Country: "BR", Controller: "sparkoo-th", Born: birth(t, "2007-01-01")},
		controllers.Account{ID: "17", Country: "BR", Born: birth(t, "2009"), Choices: &controllers.Choices{Choices: decision.Choices{Guardian: true}}},
	)
	for _, tt := range []struct {
		account, vouched string
		want             bool
	}{
		{"flag", "", true}, {"flag", "1980", true},
		{"19", "", false}, {"19", "2007-01-01", false}, {"19", "2010", true},
		{"19 TH", "", true}, {"19 TH", "1980", true},
		{"19 party", "", true},
		{"17", "", true},
		{"nobody", "", false}, {"nobody", "2010", true}, {"nobody", "1980", false}, {"", "", false},
	} {
		sub := table.Snapshot().Subject(tt.account, "BR", "")
		got := sub.ChoicesAt(p, birth(t, tt.vouched), at)
		if got.Minor != tt.want || got.Guardian != (tt.account == "17") {
			t.Errorf("%q, vouched for as of %q: %+v", tt.account, tt.vouched, got)
		}
	}
}

// A table that knows no recipients takes no objection to one: it could not be kept.
func TestChoicesOfATable(t *testing.T) {
	account := controllers.Account{ID: "jane", Choices: &controllers.Choices{
		Choices: decision.Choices{Recipients: []string{"huawei-cloud-cn"}, Purposes: []string{"2b"}, Disabled: []string{"serving"}},
	}}
	table := newTable(t, account)
	account.Choices.Recipients[0], account.Choices.Closed = "changed", true
	kept, _ := table.Snapshot().Account("jane")
	want := decision.Choices{Recipients: []string{"huawei-cloud-cn"}, Purposes: []string{"2b"}, Disabled: []string{"serving"}}
	if got := kept.ChoicesAt(time.Now()); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := table.Known(); len(got.Controllers) != 8 || !reflect.DeepEqual(got.Recipients, known.Recipients) || !reflect.DeepEqual(got.Activities, known.Activities) {
		t.Errorf("known %+v", got)
	}

	bare, err := controllers.New(section11())
	wantError(t, err, "")
	account.Choices.Recipients[0] = "huawei-cloud-cn"
	wantError(t, bare.ReplaceAccounts([]controllers.Account{account}), "account 1 of 1: an item of disabled is not an activity of the registers")
	account.Choices.Disabled = nil
	wantError(t, bare.ReplaceAccounts([]controllers.Account{account}), "account 1 of 1: an item of objections is not a purpose 2a to 2g or a recipient of the registers")
	account.Choices.Purposes = []string{"1a"}
	wantError(t, table.ReplaceAccounts([]controllers.Account{account}), "account 1 of 1: an item of objections is not a purpose 2a to 2g or a recipient of the registers")
}

// Consent ends at the moment the record names, not before and not after (§7).
func TestChoicesAt(t *testing.T) {
	moment := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	account := &controllers.Account{ID: "a", Choices: &controllers.Choices{ConsentUntil: moment}}
	account.Choices.Restricted = true
	for _, test := range []struct {
		at        time.Time
		withdrawn bool
	}{
		{moment.Add(-1), false}, {moment, true}, {moment.Add(time.Hour), true}, {moment.In(time.FixedZone("", 8*3600)), true},
	} {
		if got := account.ChoicesAt(test.at); got.Withdrawn != test.withdrawn || !got.Restricted {
			t.Errorf("at %s: %+v, want withdrawn %t", test.at, got, test.withdrawn)
		}
	}
	if account.Choices.Withdrawn {
		t.Error("asking changed the record")
	}
	for _, a := range []*controllers.Account{nil, {ID: "a"}} {
		if got := a.ChoicesAt(moment); !reflect.DeepEqual(got, decision.Choices{}) {
			t.Errorf("no choices: %+v", got)
		}
	}
}
