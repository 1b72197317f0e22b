package decision_test

import (
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
)

// TestEncodeLegs holds the form of a record: sorted keys, nothing empty, no
// HTML escapes, and every letter as it is.
func TestEncodeLegs(t *testing.T) {
	row := &decision.Safeguard{ID: "br-1", Tag: "br-lgpd-art33-iib-scc", Instrument: `"São" <1> & 2`, Assessment: "TIA"}
	tests := []struct {
		name string
		legs []decision.Leg
		want string
	}{
		{"none", nil, `[]`},
		{"every verdict", []decision.Leg{{
			Kind: decision.Onward, Exporter: "a", From: "SG", Recipient: "b", RecipientKind: decision.Affiliate, To: "CN",
			Laws: []decision.Verdict{
				{Law: "br", Outcome: decision.Satisfied, Safeguard: row, Rule: &decision.Safeguard{ID: "br-0"}},
				{Law: "sg", Outcome: decision.NotATransfer, Because: decision.InsideTerritory},
				{Law: "cn"},
				{Law: "hk", Outcome: decision.Satisfied},
			},
		}}, `[{"exporter":"a","from":"SG","kind":"onward","laws":[` +
			`{"assessment":"TIA","instrument":"\"São\" <1> & 2","law":"br","row":"br-1","rule":"br-0","safeguard":"br-lgpd-art33-iib-scc"},` +
			`{"because":"inside-territory","law":"sg"},` +
			`{"law":"cn","missing":true},` +
			`{"law":"hk","missing":true}],"recipient":"b","recipient_kind":"4c","to":"CN"}]`},
		{"a person without a country", []decision.Leg{{Kind: decision.Collection, Recipient: "a", To: "SG"}},
			`[{"kind":"collection","recipient":"a","to":"SG"}]`},
	}
	for _, test := range tests {
		if got := string(decision.EncodeLegs(test.legs)); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// TestWaivedLegs: the record of a waived request shows what is missing.
func TestWaivedLegs(t *testing.T) {
	p := policy()
	d := decide(p, person(p, "support-training", "SG"))
	const want = `[{"from":"SG","kind":"collection","laws":[{"because":"direct-collection","law":"sg"}],"recipient":"sparkoo-sg","to":"SG"},` +
		`{"exporter":"sparkoo-sg","from":"SG","kind":"onward","laws":[{"lacks":["category:1g"],"law":"sg","missing":true,"nearest":"sg-scc-cn"}],"recipient":"huawei-cloud-cn","recipient_kind":"4c","to":"CN"},` +
		`{"exporter":"huawei-cloud-cn","from":"CN","kind":"return","laws":[{"because":"returned","law":"cn"}],"recipient":"sparkoo-sg","recipient_kind":"9-operator","to":"SG"}]`
	if d.Waived == nil || string(d.Waived.LegsJSON) != want {
		t.Errorf("waived %+v, want legs %s", d.Waived, want)
	}
}
