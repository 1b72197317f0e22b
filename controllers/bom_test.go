package controllers_test

import (
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/controllers"
)

// A byte order mark is an editor's, as in the registers: it is no part of the first
// record. Anywhere else it is a mistake.
func TestByteOrderMark(t *testing.T) {
	for text, fine := range map[string]bool{
		"\ufeff{\"account\":\"jane\"}\n":                        true,
		"\ufeff\r\n{\"account\":\"jane\"}\r\n":                  true,
		"{\"account\":\"jane\"}\n\ufeff{\"account\":\"joe\"}\n": false,
		"\ufeff\ufeff{\"account\":\"jane\"}\n":                  false,
	} {
		accounts, err := controllers.ReadAccounts(strings.NewReader(text), "a.ndjson", controllers.Known{})
		if (err == nil) != fine || fine && (len(accounts) != 1 || accounts[0].ID != "jane") {
			t.Errorf("%q: %v, %v", text, accounts, err)
		}
	}
	_, err := controllers.ReadAccounts(strings.NewReader(`{"account":"jane","country":"UK"}`), "a.ndjson", controllers.Known{})
	if err == nil || !strings.HasSuffix(err.Error(), `country "UK" is not an ISO 3166-1 alpha-2 code; write GB`) {
		t.Errorf("UK: %v", err)
	}
}
