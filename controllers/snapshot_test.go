package controllers_test

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/decision"
)

// standardCodes reads the codes of ISO 3166-1 as typed from the standard.
func standardCodes(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("testdata/iso3166-1.txt")
	if err != nil {
		t.Fatal(err)
	}
	codes := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			codes[line[:2]] = true
		}
	}
	if len(codes) != 249 {
		t.Fatalf("testdata/iso3166-1.txt has %d codes, the standard has 249", len(codes))
	}
	return codes
}

func TestEveryTwoLetterCode(t *testing.T) {
	standard := standardCodes(t)
	served := map[string]string{ // §11
		"ZA": "sparkoo-za", "CL": "sparkoo-cl", "PE": "sparkoo-pe", "BR": "sparkoo-br",
		"TH": "sparkoo-th", "HK": "sparkoo-hk", "SA": "sparkoo-sa",
	}
	s := newTable(t).Snapshot()
	accepted := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code := string([]rune{a, b})
			want, basis := served[code], decision.BasisRegisteredCountry
			if want == "" {
				want = "sparkoo-sg" // "countries other than the above"
			}
			if !standard[code] && code != "XK" { // Kosovo, as banks and the European Union write it
				want, basis = "", ""
			}
			c, got := s.Resolve("", code)
			if idOf(c) != want || got != basis {
				t.Errorf("%s: got %q, %q; want %q, %q", code, idOf(c), got, want, basis)
			}
			if c != nil {
				accepted++
			}
		}
	}
	if accepted != 250 {
		t.Errorf("%d codes accepted, want the 249 of the standard and XK", accepted)
	}
}

func TestNoCountryCode(t *testing.T) {
	s := newTable(t, controllers.Account{ID: "a-1", Country: "BR", Controller: "sparkoo-br"}).Snapshot()
	for _, claimed := range []string{
		"br", "Br", "bR", "BRA", "076", "B", "UK", "EL", "XX", "ZZ", "AA", "QM", "EU", "SU",
		" BR", "BR ", "BR,SG", "BR\x00", "ＢＲ", "--", "\xff\xff", "unknown", " ",
	} {
		// Whatever is on record: an invalid claim is answered by nobody.
		for _, account := range []string{"", "a-1", "a-2"} {
			if sub := s.Subject(account, claimed, ""); sub.Controller != nil || sub.Basis != "" || sub.Country != "" || sub.Account != nil || sub.Conflicts != nil {
				t.Errorf("account %q, country %q: got %+v, want the zero Subject", account, claimed, sub)
			}
		}
	}
}

//clause:tests §11.3
func TestSubject(t *testing.T) {
	acme := &controllers.Party{Name: "Acme São Tomé Lda.", Address: "Rua 1, São Tomé", Country: "ST"}
	s := newTable(t,
		controllers.Account{ID: "bare"},
		controllers.Account{ID: "br", Country: "BR"},
		controllers.Account{ID: "br-sg", Country: "BR", Controller: "sparkoo-sg"},
		controllers.Account{ID: "br-br", Country: "BR", Controller: "sparkoo-br"},
		controllers.Account{ID: "party", Controller: "sparkoo-hk"},
		controllers.Account{ID: "acme", Country: "FR", Party: acme},
	).Snapshot()
	const (
		center, registered, none = decision.BasisAccountCenter, decision.BasisRegisteredCountry, decision.BasisNotRegistered
		byClaim                  = "account-country/claimed-country"
		byTable                  = "account-party/country-table"
	)
	for _, test := range []struct {
		account, claimed string
		controller       string
		basis            decision.Basis
		country          string
		known            bool
		conflicts        []string
	}{
		{"", "", "sparkoo-sg", none, "", false, nil},
		{"", "BR", "sparkoo-br", registered, "BR", false, nil},
		{"", "FR", "sparkoo-sg", registered, "FR", false, nil},
		{"stranger", "", "sparkoo-sg", none, "", false, nil},
		{"stranger", "CL", "sparkoo-cl", registered, "CL", false, nil},
		{"bare", "", "sparkoo-sg", none, "", true, nil},
		{"bare", "CL", "sparkoo-cl", registered, "CL", true, nil},
		{"br", "", "sparkoo-br", registered, "BR", true, nil},
		{"br", "BR", "sparkoo-br", registered, "BR", true, nil},
		{"br", "CL", "sparkoo-br", registered, "BR", true, []string{byClaim}},
		{"br-sg", "", "sparkoo-sg", center, "BR", true, []string{byTable}},
		{"br-sg", "BR", "sparkoo-sg", center, "BR", true, []string{byTable}},
		{"br-sg", "SG", "sparkoo-sg", center, "BR", true, []string{byClaim, byTable}},
		{"br-br", "BR", "sparkoo-br", center, "BR", true, nil},
		{"br-br", "FR", "sparkoo-br", center, "BR", true, []string{byClaim}},
		{"party", "", "sparkoo-hk", center, "", true, nil},
		{"party", "HK", "sparkoo-hk", center, "HK", true, nil},
		{"party", "ZA", "sparkoo-hk", center, "ZA", true, []string{byTable}},
		{"acme", "FR", "unlisted", center, "FR", true, []string{byTable}},
		{"ACME", "FR", "sparkoo-sg", registered, "FR", false, nil}, // ids are exact
		{"acme\x00", "FR", "sparkoo-sg", registered, "FR", false, nil},
	} {
		sub := s.Subject(test.account, test.claimed, "")
		if idOf(sub.Controller) != test.controller || sub.Basis != test.basis || sub.Country != test.country ||
			(sub.Account != nil) != test.known || !slices.Equal(sub.Conflicts, test.conflicts) {
			t.Errorf("account %q, country %q:\n got %s %+v\nwant %+v", test.account, test.claimed, idOf(sub.Controller), sub, test)
		}
		if c, basis := s.Resolve(test.account, test.claimed); !reflect.DeepEqual(c, sub.Controller) || basis != sub.Basis {
			t.Errorf("account %q, country %q: Resolve gives %s, %s, Subject %s, %s",
				test.account, test.claimed, idOf(c), basis, idOf(sub.Controller), sub.Basis)
		}
	}

	c := s.Subject("acme", "", "").Controller
	if !c.Unlisted || c.Name != "Acme São Tomé Lda." || c.Address != "Rua 1, São Tomé" || c.Country != "ST" || c.Default || c.Serves != nil {
		t.Errorf("unlisted party: got %+v", c)
	}
}

// A contracting party that a token claims stands between the account record and
// the country table (§11).
func TestClaimedParty(t *testing.T) {
	s := newTable(t,
		controllers.Account{ID: "bare", Country: "BR"},
		controllers.Account{ID: "party", Country: "BR", Controller: "sparkoo-hk"},
		controllers.Account{ID: "acme", Country: "FR", Party: &controllers.Party{Name: "Acme", Address: "Rua 1"}},
	).Snapshot()
	const (
		recordTable = "account-party/country-table"
		recordClaim = "account-party/claimed-party"
		claimTable  = "claimed-party/country-table"
	)
	for _, test := range []struct {
		account, claimed, party string
		controller              string
		basis                   decision.Basis
		conflicts               []string
	}{
		{"", "", "sparkoo-th", "sparkoo-th", "token-claim", nil},
		{"", "TH", "sparkoo-th", "sparkoo-th", "token-claim", nil},
		{"stranger", "BR", "sparkoo-sg", "sparkoo-sg", "token-claim", []string{claimTable}},
		{"stranger", "FR", "sparkoo-br", "sparkoo-br", "token-claim", []string{claimTable}},
		{"bare", "", "sparkoo-br", "sparkoo-br", "token-claim", nil},
		{"bare", "", "sparkoo-sg", "sparkoo-sg", "token-claim", []string{claimTable}},
		{"party", "BR", "sparkoo-hk", "sparkoo-hk", "account-center", []string{recordTable, claimTable}},
		{"party", "BR", "sparkoo-br", "sparkoo-hk", "account-center", []string{recordTable, recordClaim}},
		{"party", "BR", "sparkoo-sg", "sparkoo-hk", "account-center", []string{recordTable, recordClaim, claimTable}},
		{"acme", "FR", "sparkoo-sg", "unlisted", "account-center", []string{recordTable, recordClaim}},
	} {
		sub := s.Subject(test.account, test.claimed, test.party)
		if idOf(sub.Controller) != test.controller || sub.Basis != test.basis || !slices.Equal(sub.Conflicts, test.conflicts) {
			t.Errorf("account %q, country %q, party %q:\n got %s, %s, %q\nwant %s, %s, %q", test.account, test.claimed, test.party,
				idOf(sub.Controller), sub.Basis, sub.Conflicts, test.controller, test.basis, test.conflicts)
		}
	}
	for _, party := range []string{"sparkoo", "SPARKOO-BR", "sparkoo-br ", "unlisted", "Acme"} { // never a guess
		for _, account := range []string{"", "bare", "party"} {
			if sub := s.Subject(account, "BR", party); sub.Controller != nil || sub.Basis != "" || sub.Country != "" || sub.Account != nil {
				t.Errorf("account %q, party %q: got %+v, want the zero Subject", account, party, sub)
			}
		}
	}
	if sub := new(controllers.Snapshot).Subject("", "BR", "sparkoo-br"); sub.Controller != nil {
		t.Errorf("the zero Snapshot knows %v", sub.Controller)
	}
}

func TestAccountAndController(t *testing.T) {
	s := newTable(t, controllers.Account{ID: "a-1", Country: "PE"}).Snapshot()
	if a, ok := s.Account("a-1"); !ok || a.ID != "a-1" || a.Country != "PE" {
		t.Errorf("account: got %+v, %t", a, ok)
	}
	for _, id := range []string{"", "a-2", "a", "a-1 "} {
		if a, ok := s.Account(id); ok || a != nil {
			t.Errorf("account %q: got %+v", id, a)
		}
	}
	for _, want := range section11() { // name and address arrive whole, non-ASCII letters too
		c, ok := s.Controller(want.ID)
		if !ok || c.Name != want.Name || c.Address != want.Address || c.Country != want.Country {
			t.Errorf("controller %s: got %+v", want.ID, c)
		}
	}
	for _, id := range []string{"", "sparkoo", "unlisted"} {
		if c, ok := s.Controller(id); ok || c != nil {
			t.Errorf("controller %q: got %+v", id, c)
		}
	}
}

func TestZeroDenies(t *testing.T) {
	for name, s := range map[string]*controllers.Snapshot{
		"Snapshot": new(controllers.Snapshot), "Table": new(controllers.Table).Snapshot(),
	} {
		for _, claimed := range []string{"", "BR", "SG", "uk"} {
			if c, basis := s.Resolve("a-1", claimed); c != nil || basis != "" {
				t.Errorf("zero %s, country %q: got %v, %q", name, claimed, c, basis)
			}
		}
		if _, ok := s.Account("a-1"); ok {
			t.Errorf("zero %s knows an account", name)
		}
	}
}
