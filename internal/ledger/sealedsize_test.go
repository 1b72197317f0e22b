package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// traffic makes records of what people do, by the policy that ships, as the gateway
// fills them in: who is served, whose data goes to support in China, who is denied.
type traffic struct {
	policy *decision.Policy
	table  *decision.Table
	draw   *rand.Rand
}

func newTraffic(t testing.TB, at time.Time) *traffic {
	t.Helper()
	p, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	s := decision.Site{Node: decision.Place{Entity: "sparkoo-sg", Country: "SG"}, Demo: true}
	for _, r := range p.Regions {
		s.Regions = append(s.Regions, r.Code)
	}
	table, err := decision.CompileLazily(p, s, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &traffic{p, table, rand.New(rand.NewPCG(1, 2))}
}

// record is of one of 500 people, who live in ten countries. It returns the account too.
func (w *traffic) record(at time.Time) (*record.Transfer, string) {
	countries := []string{"BR", "ZA", "CL", "PE", "TH", "HK", "SA", "FR", "DE", "SG"}
	activities := []string{"serving", "serving", "serving", "serving", "storage", "storage", "support", "support-training", "rights", "marketing"}
	who := w.draw.IntN(500)
	code, activity := countries[who%len(countries)], activities[w.draw.IntN(len(activities))]
	f := decision.Facts{
		Activity: activity, Country: code, Identified: true, Subject: true, At: at,
		Controller: w.policy.CountryTable().Controller(code), Basis: decision.BasisRegisteredCountry,
	}
	if w.draw.IntN(20) == 0 {
		f.Choices.Restricted = true
	}
	d := w.table.Decide(f)
	r := &record.Transfer{
		Header: record.Header{Time: at, Node: "gw-sg-1"},
		Site:   "developer.example.com", Policy: w.policy.Digest, Statement: d.Statement.ID,
		Basis: string(d.Basis), Country: code, CountrySource: "jwt", Origin: code, Requester: record.Self, Controller: d.Controller.ID,
		Activity: activity, Purposes: d.Activity.Purposes, Categories: d.Activity.Categories, LegalBasis: d.Activity.LegalBasis,
		Method: "GET", Bytes: int64(w.draw.IntN(3) * w.draw.IntN(5000)), Enforced: true, Mode: record.Enforce, Demo: true,
		RetainUntil: "2031-11-30",
	}
	c := d.Barred
	if d.Outcome == decision.Allowed {
		c, r.Type, r.Decision = &d.Candidates[0], record.TypeAccepted, record.Allowed
	} else {
		r.Type, r.Decision, r.Reason, r.Clause, r.Law = record.TypeRefused, record.Denied, string(d.Reason), d.Reason.Info().Clause, d.Law
	}
	if c != nil {
		r.Region, r.Recipient, r.Destination, r.Legs = c.Region.Code, c.Recipient.ID, c.Region.Country, c.LegsJSON
	}
	if r.Type == record.TypeAccepted {
		r.Withheld = c.Recipient.Withhold
	}
	return r, fmt.Sprint("account ", who)
}

// TestSealedSize: what is sealed takes at most 150 bytes for each record, with how it
// ended, the hashes of the tree, and a denial in eight.
func TestSealedSize(t *testing.T) {
	const records, segment = 3900, 4096
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	w := newTraffic(t, at)
	dir := t.TempDir()
	l := open(t, dir, ledger.Options{SegmentEntries: segment, Now: func() time.Time { return at }})
	entries, denials := 1, 0
	var ended []record.Outcome
	for i := range records {
		now := at.Add(time.Duration(i) * 7 * time.Millisecond)
		r, account := w.record(now)
		r.Subject = l.Subject(account, "", now)
		id, err := l.Append(r.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		entries++
		if r.Type == record.TypeRefused {
			denials++
			continue
		}
		ended = append(ended, record.Outcome{Record: id, State: record.Complete, Status: 200, ResponseBytes: int64(w.draw.IntN(1 << 16))})
		if len(ended) == 100 {
			add(t, l, string((&record.Outcomes{Header: record.Header{Node: "gw-sg-1", Time: now}, Outcomes: ended}).Append(nil)))
			entries, ended = entries+1, nil
		}
	}
	if denials < records/8 || denials > records/4 {
		t.Fatalf("%d denials of %d", denials, records)
	}
	for ; entries < segment; entries++ { // what is left over until the segment is full
		add(t, l, "x")
	}
	sealed := filepath.Join(dir, "epoch-000001", "sealed", "000000.zst")
	within(t, 20*time.Second, "the segment is sealed", func() bool {
		_, err := os.Stat(sealed)
		return err == nil
	})
	size := int64(0)
	for _, name := range []string{sealed, filepath.Join(dir, "epoch-000001", "hash", "000000.tiles")} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if perRecord := size / records; perRecord > 150 {
		t.Errorf("%d bytes for each record", perRecord)
	} else {
		t.Logf("%d bytes for each record", perRecord)
	}
}
