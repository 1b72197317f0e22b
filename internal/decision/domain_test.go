package decision_test

import (
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
)

// Every activity is asked for by somebody from each of the 249 countries of ISO
// 3166-1 and from Kosovo, under the controller of §11, and by somebody who is not registered.
func TestDomainOfThePolicy(t *testing.T) {
	p, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	controllers := map[string]string{
		"ZA": "sparkoo-za", "CL": "sparkoo-cl", "PE": "sparkoo-pe", "BR": "sparkoo-br",
		"TH": "sparkoo-th", "HK": "sparkoo-hk", "SA": "sparkoo-sa",
	}
	flows := map[string]map[string]bool{}
	for f := range p.Domain(time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)) {
		want, listed := controllers[f.Country]
		if !listed {
			want = "sparkoo-sg"
		}
		if f.Controller == nil || f.Controller.ID != want {
			t.Errorf("%s: controller %+v, want %s", f.Country, f.Controller, want)
		}
		if registered := f.Basis == decision.BasisRegisteredCountry; registered != (f.Country != "") || registered != f.Identified {
			t.Errorf("%+v", f)
		}
		if flows[f.Activity] == nil {
			flows[f.Activity] = map[string]bool{}
		}
		flows[f.Activity][f.Country] = true
	}
	if len(flows) != len(p.Activities) {
		t.Errorf("%d activities, want %d", len(flows), len(p.Activities))
	}
	for activity, countries := range flows {
		if len(countries) != 251 {
			t.Errorf("%s: %d countries, want 249, XK and none", activity, len(countries))
		}
	}
	for range p.Domain(time.Time{}) {
		break // whoever stops early is left alone
	}
}
