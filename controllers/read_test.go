package controllers_test

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/reference"
)

func TestReadAccounts(t *testing.T) {
	const file = `{"account":"a-1","country":"BR","contracting_party":"sparkoo-sg"}

  {"contracting_party":{"country":"ST","address":"Rua 1, S\u00e3o Tomé","name":"Acme Lda."},"account":"a-2"}` + "\r\n" +
		`{"account":"a-3"}
{"account":"a-4","country":null,"contracting_party":null}
{"account":"a-5","country":"GB","salt":"0123456789abcdef"}
{"account":"a-6","born":"2010"}
{"account":"a-7","born":"2010-05-17","minor":false}
{"account":"a-8","born":null}`
	want := []controllers.Account{
		{ID: "a-1", Country: "BR", Controller: "sparkoo-sg"},
		{ID: "a-2", Party: &controllers.Party{Name: "Acme Lda.", Address: "Rua 1, São Tomé", Country: "ST"}},
		{ID: "a-3"},
		{ID: "a-4"},
		{ID: "a-5", Country: "GB", Salt: "0123456789abcdef"},
		{ID: "a-6", Born: birth(t, "2010")},
		{ID: "a-7", Born: birth(t, "2010-05-17")},
		{ID: "a-8"},
	}
	got, err := controllers.ReadAccounts(strings.NewReader(file), "x", known)
	wantError(t, err, "")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

// Each mistake stands on line 3, and no error shows what may be personal.
func TestReadAccountsRefused(t *testing.T) {
	const (
		invalid  = "not one valid JSON object"
		keys     = "unknown key; a record has account, country, contracting_party, born, salt, references, restricted, closed, minor, guardian, objections, withdrawn and disabled"
		party    = "contracting_party is not a controller of the registers"
		fix      = `; list it there, or give its "name" and "address" instead of an id`
		longLine = "the line is longer than 65536 bytes"
	)
	pad := func(length int) string { // a valid line of that length
		const start, end = `{"account":"a-9"`, `}`
		return start + strings.Repeat(" ", length-len(start)-len(end)) + end
	}
	for _, test := range []struct{ line, want string }{
		{`account,country`, invalid},
		{`{"account":"jane"`, invalid},
		{`{"account":"jane",}`, invalid},
		{`{'account':'jane'}`, invalid},
		{`{"account":"jane"} {"account":"joe"}`, invalid},
		{`[{"account":"jane"}]`, "not a JSON object"},
		{`"jane"`, "not a JSON object"},
		{`null`, "not a JSON object"},
		{"{\"account\":\"jane\xff\"}", "not valid UTF-8"},
		{`{"account":"jane\ud800"}`, "account is not valid UTF-8"},
		{`{"account":"jane\u0000"}`, "account holds a control character"},
		{`{"account":"jane","contry":"BR"}`, keys},
		{`{"Account":"jane"}`, keys},
		{`{"jane":{"a":[1]}}`, keys},
		{`{"account":"jane","country":"BR","country":"SG"}`, `key "country" is written twice`},
		{`{"account":"jane","account":"jane"}`, `key "account" is written twice`},
		{`{"account":12345678}`, "account is not text"},
		{`{"account":["jane"]}`, "account is not text"},
		{`{"account":""}`, "account is empty; leave the key out instead"},
		{`{}`, "account is missing or empty"},
		{`{"account":null,"country":"BR"}`, "account is missing or empty"},
		{`{"account":"jane","country":true}`, "country is not text"},
		{`{"account":"jane","country":""}`, "country is empty; leave the key out instead"},
		{`{"account":"jane","country":"br"}`, `country "br" is not an ISO 3166-1 alpha-2 code; write BR`},
		{`{"account":"jane","country":"jane"}`, "country is not an ISO 3166-1 alpha-2 code"},
		{`{"account":"jane","salt":"0123456789abcde"}`, "salt is shorter than 16 bytes; make it random, as 'openssl rand -base64 24' does"},
		{`{"account":"jane","salt":"` + strings.Repeat("s", 129) + `"}`, "salt is longer than 128 bytes"},
		{`{"account":"jane","born":2010}`, "born is not text"},
		{`{"account":"jane","born":""}`, "born is empty; leave the key out instead"},
		{`{"account":"jane","born":"17 May 2010"}`, "born is neither a year such as 2010 nor a day such as 2010-05-17"},
		{`{"account":"jane","born":"2010-02-30"}`, "born is neither a year such as 2010 nor a day such as 2010-05-17"},
		{`{"account":"jane","contracting_party":["jane"]}`, "contracting_party is not text"},
		{`{"account":"jane","contracting_party":""}`, "contracting_party is empty; leave the key out instead"},
		{`{"account":"jane","contracting_party":"sparko-sg"}`, party + `; did you mean 'sparkoo-sg'? If not, ` + fix[2:]},
		{`{"account":"jane","contracting_party":"sparkoo-sq"}`, party + fix}, // sa or sg?
		{`{"account":"jane","contracting_party":"sparkobr"}`, party + `; did you mean 'sparkoo-br'? If not, ` + fix[2:]},
		{`{"account":"jane","contracting_party":"jane"}`, party + fix},
		{`{"account":"jane","contracting_party":{}}`, "contracting_party.name is missing or empty"},
		{`{"account":"jane","contracting_party":{"name":"jane"}}`, "contracting_party.address is missing or empty"},
		{`{"account":"jane","contracting_party":{"name":["jane"]}}`, "contracting_party.name is not text"},
		{`{"account":"jane","contracting_party":{"name":"jane","address":"x","country":"UK"}}`, `contracting_party.country "UK" is not an ISO 3166-1 alpha-2 code; write GB`},
		{`{"account":"jane","contracting_party":{"name":"jane","name":"joe"}}`, `key "name" is written twice`},
		{`{"account":"jane","contracting_party":{"jane":1}}`, "unknown key; a contracting_party has name, address and country"},
		{`{"account":"jane","contracting_party":"sparkoo-sg","contracting_party":{"name":"n","address":"a"}}`, `key "contracting_party" is written twice`},
		{`{"account":"jane","references":"consent:jane"}`, "references is not an object; write the activity and its reference"},
		{`{"account":"jane","references":{"serving":["consent:jane"]}}`, "references is not text"},
		{`{"account":"jane","references":{"serving":"jane"}}`, "an item of references is " + reference.ErrMalformed.Error()},
		{`{"account":"jane","references":{"serving":"consent:1","serving":"consent:2"}}`, "references names an activity twice"},
		{`{"account":"jane","references":{"jane":"consent:1"}}`, "an item of references is not an activity of the registers"},
		{`{"account":"a-1","country":"SG"}`, "the account of line 1 again; keep one of the two lines"},
		{pad(65536), ""},
		{pad(65537), longLine},
		{pad(70000), longLine},
		{strings.Repeat(" ", 200000), longLine},
	} {
		for _, end := range []string{"\n", "\r\n", ""} {
			if len(test.line) == 65536 && end == "\r\n" {
				continue // the limit is about the line without its end; "\r" alone would be over
			}
			file := `{"account":"a-1"}` + "\n\n" + test.line + end
			accounts, err := controllers.ReadAccounts(strings.NewReader(file), "dir/accounts.ndjson", known)
			want := test.want
			if want != "" {
				want = "dir/accounts.ndjson:3: " + want
			}
			wantError(t, err, want)
			if err != nil && (accounts != nil || strings.Contains(err.Error(), "jane")) {
				t.Errorf("%s: gives accounts or personal data", err)
			}
		}
	}
}

func TestReadAccountsEmpty(t *testing.T) {
	for _, file := range []string{"", "\n", " \r\n\n"} {
		_, err := controllers.ReadAccounts(strings.NewReader(file), "accounts.ndjson", known)
		wantError(t, err, "accounts.ndjson: no account records; if there are none, configure no accounts")
	}
}

func TestReadAccountsBrokenReader(t *testing.T) {
	broken := errors.New("disk on fire")
	r := io.MultiReader(strings.NewReader(`{"account":"a-1"}`+"\n"), iotest.ErrReader(broken))
	accounts, err := controllers.ReadAccounts(r, "accounts.ndjson", known)
	wantError(t, err, "accounts.ndjson:2: disk on fire")
	if accounts != nil || !errors.Is(err, broken) {
		t.Errorf("got %v, %v", accounts, err)
	}
}

// Whatever the file says: no panic, records that a table accepts, or an error
// that shows nothing of the line but what looks like a country code.
func FuzzReadAccounts(f *testing.F) {
	for _, seed := range []string{
		`{"account":"a-1","country":"BR","contracting_party":"sparkoo-sg"}`,
		`{"account":"a-1","contracting_party":{"name":"n","address":"a","country":"FR"}}` + "\n" + `{"account":"b"}`,
		`{"account":"a-1","country":"UK"}`, `{"account":"` + "\xff" + `"}`, `{"account":{"account":1}}`, `[`,
		`{"account":"a-1","objections":["2b","huawei-cloud-cn"],"withdrawn":"2026-11-23T12:00:00+08:00","disabled":["marketing"],"minor":true}`,
		`{"account":"a-1","objections":[[]]}`, `{"account":"a-1","withdrawn":"2026"}`, `{"\u0041":null}`,
	} {
		f.Add(seed)
	}
	table := newTable(f)
	f.Fuzz(func(t *testing.T, file string) {
		accounts, err := controllers.ReadAccounts(strings.NewReader(file), "x", known)
		if err == nil {
			if err := table.ReplaceAccounts(accounts); err != nil {
				t.Errorf("read, but refused: %v", err)
			}
			return
		}
		// Every error is one of our own sentences: a digit-and-letter secret of
		// the line can't be in it.
		const secret = "q7z9w3"
		_, err = controllers.ReadAccounts(strings.NewReader(strings.ReplaceAll(file, "a", secret)), "x", known)
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("shows what the line holds: %v", err)
		}
	})
}

// References stand by the activity each is for. An account without any, and
// nobody, have none.
func TestReferences(t *testing.T) {
	file := `{"account":"a-1","references":{"serving":"consent:9f2c","marketing":"case:2026-17;approver=legal-ops;until=@1798675200"}}
{"account":"a-2","references":{}}
{"account":"a-3","references":null}
`
	accounts, err := controllers.ReadAccounts(strings.NewReader(file), "f", known)
	if err != nil {
		t.Fatal(err)
	}
	table := newTable(t)
	if err := table.ReplaceAccounts(accounts); err != nil {
		t.Fatal(err)
	}
	accounts[0].References["serving"] = decision.Reference{} // the table has its own
	for _, test := range []struct{ account, activity, want string }{
		{"a-1", "serving", "consent:9f2c"},
		{"a-1", "marketing", "case:2026-17;approver=legal-ops;until=@1798675200"},
		{"a-1", "rights", ""},
		{"a-2", "serving", ""},
		{"a-3", "serving", ""},
		{"nobody", "serving", ""},
	} {
		a := table.Snapshot().Subject(test.account, "", "").Account
		if got := a.Reference(test.activity).String(); got != test.want {
			t.Errorf("%s for %s: %q, want %q", test.account, test.activity, got, test.want)
		}
	}
}
