package fields_test

import (
	"testing"

	"github.com/dunglas/httpsfv"

	"github.com/sparkoo/transfergate/internal/fields"
)

func TestStatus(t *testing.T) {
	for want, s := range map[string]fields.Status{
		"": {Reason: "no_safeguard"},
		`denied;reason=no_safeguard;law=br;activity=support;record="gw-sg-1#1.42"`: {
			Outcome: "denied", Reason: "no_safeguard", Law: "br", Activity: "support", Record: "gw-sg-1#1.42", Enforced: true},
		`allowed;activity=serving;region=sa-brazil-1`: {Outcome: "allowed", Activity: "serving", Region: "sa-brazil-1", Enforced: true},
		`allowed;reason=no_safeguard;enforced=?0`:     {Outcome: "allowed", Reason: "no_safeguard"},
		`failed;reason=region_down`:                   {Outcome: "failed", Reason: "region_down", Law: "not a token", Record: "é"},
	} {
		got := s.String()
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got == "" {
			continue
		}
		if _, err := httpsfv.UnmarshalItem([]string{got}); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
}
