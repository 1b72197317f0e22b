package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// TestClockStepsBack: an hour after a new month has begun its epoch and its key,
// the clock steps back an hour, into the old month. Requests are served as before,
// and each record says the time the clock had; but no epoch and no key is begun
// anew or gone back to, nothing is deleted, the gateway starts again while the clock
// is wrong, and the ledger verifies.
func TestClockStepsBack(t *testing.T) {
	old := time.Date(2026, 11, 30, 22, 30, 0, 0, time.UTC)
	month := time.Date(2026, 12, 1, 0, 30, 0, 0, time.UTC)
	back := month.Add(-time.Hour)
	var clock atomicTime
	clock.set(old)
	t.Cleanup(gateway.SetClock(clock.now))
	br, sg := newUpstream(t, "br", nil), newUpstream(t, "sg", nil)
	vars := map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""}
	g := startGate(t, twoRegions, vars)

	// ask sends a request and returns its record.
	ask := func() (record map[string]any) {
		t.Helper()
		a := g.insist("/", brazilian...)
		if a.StatusCode != http.StatusOK {
			t.Fatalf("status %d: %s", a.StatusCode, a.Text)
		}
		all := ofType(g.records(), "transfer.accepted")
		record = all[len(all)-1]
		if want := clock.now().UTC().Format("2006-01-02T15:04:05.000000Z"); record["time"] != want {
			t.Errorf("the record says %v, the clock %s", record["time"], want)
		}
		return record
	}
	// ofMonth are what a record has of the month it was made in.
	ofMonth := func(r map[string]any) (epoch uint32, period string) {
		return r["#"].(record.ID).Epoch, strings.Split(r["subject"].(string), ":")[1]
	}

	firstEpoch, firstPeriod := ofMonth(ask())
	clock.set(month)
	var secondEpoch uint32
	var secondPeriod string
	waitFor(t, "the new month has its key", func() bool {
		secondEpoch, secondPeriod = ofMonth(ask())
		return secondPeriod != firstPeriod
	})
	if secondEpoch != firstEpoch+1 {
		t.Errorf("the new month has epoch %d after %d", secondEpoch, firstEpoch)
	}
	clock.set(back)
	goOn := func() {
		t.Helper()
		for range 5 {
			if epoch, period := ofMonth(ask()); epoch != secondEpoch || period != secondPeriod {
				t.Errorf("with the clock set back a record lies in epoch %d and is of period %s, not %d and %s", epoch, period, secondEpoch, secondPeriod)
			}
		}
		if a := g.get("/ready"); a.StatusCode != http.StatusOK {
			t.Errorf("/ready: status %d: %s", a.StatusCode, a.Text)
		}
	}
	goOn()
	stopCaddy(t)
	if err := g.load(twoRegions, vars); err != nil {
		t.Fatalf("starting with the clock set back: %v", err)
	}
	goOn()
	clock.set(month.Add(time.Hour))
	if epoch, period := ofMonth(ask()); epoch != secondEpoch || period != secondPeriod {
		t.Errorf("when the clock is right again a record lies in epoch %d and is of period %s", epoch, period)
	}
	for _, s := range g.settled() {
		if s.State != "complete" {
			t.Errorf("a request ended as %v", s)
		}
	}
	if r, err := verify.Ledger(g.ledger, verify.Options{}); err != nil || r.First != firstEpoch || r.Epoch != secondEpoch {
		t.Errorf("verify: %+v, %v", r, err)
	}
}
