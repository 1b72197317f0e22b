package gateway_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
)

// failing lists the laws of a record's legs that were not satisfied, with what each
// lacked and the nearest row.
func failing(rec map[string]any) (laws []string) {
	legs, _ := rec["legs"].([]any)
	for _, leg := range legs {
		verdicts, _ := leg.(map[string]any)["laws"].([]any)
		for _, v := range verdicts {
			if v := v.(map[string]any); v["missing"] == true {
				laws = append(laws, fmt.Sprint(v["law"], " ", v["lacks"], " ", v["nearest"]))
			}
		}
	}
	slices.Sort(laws)
	return slices.Compact(laws)
}

// TestDenialRecordsWhatWasDenied: the record of a denial says where the data would have
// gone, to whom and by which way, what each law lacked, and how the gateway was set.
//
//clause:tests §9.3 introduction.1
func TestDenialRecordsWhatWasDenied(t *testing.T) {
	g, _ := startSite(t, `{"account":"ida","country":"BR","restricted":true}`)
	for name, ask := range map[string]struct {
		path, country, account string
		reason, region, to     string
		laws                   []string
	}{
		// The contracts for support do not cover results of exams (1g), see safeguards.yaml.
		"a safeguard": {"/v1/support/training/1", "BR", "", "no_safeguard", "cn-north-4", "CN",
			[]string{"br [category:1g] br-support-cn", "sg [category:1g] sg-support-cn"}},
		"a choice": {"/v1/support/1", "BR", "ida", "processing_restricted", "cn-north-4", "CN", nil},
	} {
		fields := []string{"Registered-Country", ask.country}
		if ask.account != "" {
			fields = append(fields, "Account-Id", ask.account)
		}
		if a := g.get(ask.path, fields...); a.StatusCode != http.StatusForbidden {
			t.Fatalf("%s: status %d: %s", name, a.StatusCode, a.Text)
		}
		all := ofType(g.records(), "transfer.refused")
		rec := all[len(all)-1]
		for member, want := range map[string]any{
			"reason": ask.reason, "region": ask.region, "recipient": "huawei-cloud-cn", "destination": ask.to,
			"mode": "enforce", "demo": true, "decision": "denied", "enforced": true,
		} {
			if rec[member] != want {
				t.Errorf("%s: %s is %v, want %v", name, member, rec[member], want)
			}
		}
		if got := failing(rec); !slices.Equal(got, ask.laws) {
			t.Errorf("%s: laws %q, want %q", name, got, ask.laws)
		}
		legs, _ := rec["legs"].([]any)
		if back, _ := legs[len(legs)-1].(map[string]any); back["kind"] == "return" {
			legs = legs[:len(legs)-1]
		}
		if last, _ := legs[len(legs)-1].(map[string]any); last["recipient"] != "huawei-cloud-cn" || last["to"] != "CN" {
			t.Errorf("%s: the way is %v", name, legs)
		}
	}
	// Who was refused before anybody was asked for sent data nowhere.
	g.get("/", "Registered-Country", "UK")
	all := ofType(g.records(), "transfer.refused")
	if rec := all[len(all)-1]; rec["reason"] != "country_invalid" {
		t.Errorf("record %v", rec)
	}
}
