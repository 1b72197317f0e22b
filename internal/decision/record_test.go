package decision_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

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

// legJSON and verdictJSON say the form to encoding/json.
type legJSON struct {
	Exporter      string                 `json:"exporter,omitempty"`
	From          string                 `json:"from,omitempty"`
	Kind          decision.LegKind       `json:"kind"`
	Laws          []verdictJSON          `json:"laws,omitempty"`
	Recipient     string                 `json:"recipient,omitempty"`
	RecipientKind decision.RecipientKind `json:"recipient_kind,omitempty"`
	To            string                 `json:"to,omitempty"`
}

type verdictJSON struct {
	Lacks   []decision.Lack `json:"lacks,omitempty"`
	Law     string          `json:"law"`
	Missing bool            `json:"missing"`
	Nearest string          `json:"nearest,omitempty"`
}

// TestEncodeLegsIsJSON: whatever stands in the registers is encoded as encoding/json does it.
func TestEncodeLegsIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("aé§—<>&\"\\/\b\n\x1f\x7f\u2028\ufffd"))))
		raw := rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })
		draw := func(name string) string { return rapid.OneOf(text, raw).Draw(t, name) }
		leg := decision.Leg{Kind: decision.Onward, Exporter: draw("exporter"), From: draw("from"), Recipient: draw("recipient"), To: draw("to")}
		want := legJSON{Kind: leg.Kind, Exporter: leg.Exporter, From: leg.From, Recipient: leg.Recipient, To: leg.To}
		for range rapid.IntRange(0, 3).Draw(t, "laws") {
			lacks := rapid.SliceOfN(rapid.Map(text, func(s string) decision.Lack { return decision.Lack(s) }), 0, 3).Draw(t, "lacks")
			v := decision.Verdict{Law: draw("law"), Lacks: lacks, Nearest: &decision.Safeguard{ID: draw("nearest")}}
			leg.Laws = append(leg.Laws, v)
			want.Laws = append(want.Laws, verdictJSON{Law: v.Law, Lacks: lacks, Missing: true, Nearest: v.Nearest.ID})
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode([]legJSON{want, want}); err != nil {
			t.Fatal(err)
		}
		if got := decision.EncodeLegs([]decision.Leg{leg, leg}); string(got) != strings.TrimSuffix(b.String(), "\n") {
			t.Fatalf("got %s, want %s", got, b.String())
		}
	})
}
