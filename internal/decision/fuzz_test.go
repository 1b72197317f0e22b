package decision_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
)

// FuzzDecide: whatever a request claims, a decision keeps to what is true of all
// of them, the table agrees, and what is no country is never repeated.
func FuzzDecide(f *testing.F) {
	f.Add("support", "BR", "sparkoo-br", "BR", "account-center", "huawei-cloud-cn", "CN", byte(0xff))
	f.Add("storage", "", "sparkoo-sg", "SG", "not-registered", "", "", byte(0))
	f.Add("serving", "FR", "unlisted", "", "token-claim", "", "", byte(3))
	f.Add("public", "UK", "", "", "", "", "", byte(1))
	p, s := policy(), siteSG()
	table := compile(f, p, s, now)
	f.Fuzz(func(t *testing.T, activity, code, id, seat, basis, entity, place string, bits byte) {
		facts := decision.Facts{
			Activity: activity, Country: code, Basis: decision.Basis(basis),
			Identified: bits&1 != 0, Subject: bits&2 != 0,
		}
		if bits&4 == 0 {
			facts.Controller = controller(p, id)
		} else {
			facts.Controller = &decision.Controller{ID: id, Country: seat, Unlisted: bits&8 != 0}
		}
		if bits&16 != 0 {
			facts.Staff = &decision.Place{Entity: entity, Country: place}
			facts.Access = decision.StaffAccess{Named: bits&64 != 0, Ticket: basis}
		}
		if bits&32 != 0 {
			facts.Choices = decision.Choices{
				Closed: bits&64 != 0, Restricted: bits&128 != 0,
				Disabled: []string{activity}, Purposes: []string{basis, "2b"}, Recipients: []string{entity},
			}
			facts.Deletes = bits&8 != 0
		}
		d := decision.Decide(p, &s, now, facts)
		checkDecision(t, p, &s, now, facts, &d)
		if got := table.Decide(facts); !reflect.DeepEqual(*got, d) {
			t.Fatalf("%+v\n table %+v\ndecide %+v", facts, *got, d)
		}
		if d.Country != "" && !country.Valid(d.Country) {
			t.Fatalf("the decision carries the country %q", d.Country)
		}
		if len(code) > 12 && strings.Contains(d.Unlock, code) && !strings.Contains(activity+id+entity, code) {
			t.Fatalf("the answer repeats %q: %s", code, d.Unlock)
		}
	})
}
