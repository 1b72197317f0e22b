// Package consoletest writes ledgers as a gateway would have, for tests of what shows
// them: the embedded policy's own decisions over people, activities and places, with
// their outcomes.
package consoletest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// Node is the name of the gateway that the ledgers are of.
const Node = "gw-sg-1"

// Fill writes a ledger of so many records, the newest of them just before a moment and
// one every so long, of the accounts acct-0 to acct-39. The same arguments give the same records, but for their ids.
func Fill(folder string, records int, every time.Duration, until time.Time) error {
	registers, err := config.DefaultRegisters()
	if err != nil {
		return err
	}
	f := &filler{policy: registers.Policy, random: rand.New(rand.NewPCG(3, 7)), at: until.Add(-time.Duration(records+1) * every)}
	var clock atomic.Pointer[time.Time] // the ledger looks at it on its own, too
	begin := f.at
	clock.Store(&begin)
	f.log = ledger.New(folder, ledger.Options{Node: Node, Now: func() time.Time { return *clock.Load() }, SegmentEntries: 1024})
	if err := f.log.Open(); err != nil {
		return err
	}
	if err := f.log.Snapshot(f.policy.Digest, registers.Archive()); err != nil {
		return err
	}
	for i := range records {
		at := f.at.Add(every)
		clock.Store(&at)
		f.at = at
		if err := f.add(i); err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
	}
	if err := f.tell(); err != nil {
		return err
	}
	return f.log.Close()
}

// filler writes one.
type filler struct {
	policy *decision.Policy
	random *rand.Rand
	log    *ledger.Log
	at     time.Time
	ends   []record.Outcome // that are not told yet
}

// one picks a value; earlier ones come more often.
func (f *filler) one(values ...string) string {
	return values[min(f.random.IntN(len(values)), f.random.IntN(len(values)))]
}

// add writes a record and, mostly, how it ended.
func (f *filler) add(i int) error {
	t := f.transfer(i)
	id, err := f.log.Append(t.Append(nil))
	if err != nil || t.Type == record.TypeRefused || i%97 == 0 {
		return err
	}
	end := record.Outcome{Record: id, State: record.Complete, Status: 200, Bytes: t.Bytes, ResponseBytes: int64(f.random.IntN(90_000))}
	switch f.random.IntN(60) {
	case 0:
		end.State, end.Status = record.NotSent, 503
	case 1:
		end.State, end.Status = record.Partial, 413
	case 2:
		end.State, end.Status = record.Unclear, 0
	}
	if f.ends = append(f.ends, end); len(f.ends) < 16 {
		return nil
	}
	return f.tell()
}

// tell writes how transfers ended.
func (f *filler) tell() error {
	told := record.Outcomes{Header: record.Header{Node: Node, Time: f.at}, Outcomes: f.ends}
	f.ends = nil
	_, err := f.log.Append(told.Append(nil))
	return err
}

// transfer is the record of a request as the gateway would have decided it.
func (f *filler) transfer(i int) *record.Transfer {
	facts := decision.Facts{
		Activity: f.one("serving", "storage", "serving", "support", "rights"), Identified: true, Subject: true, At: f.at,
		Country: f.one("BR", "MX", "CL", "TH", "BR", "ZA", "AR", "PE", "SG", "TR", "HK", "FR", "AE", "KE"),
	}
	if i%41 == 0 {
		facts.Country = ""
	}
	facts.Controller, facts.Basis = f.policy.CountryTable().Controller(facts.Country), decision.BasisRegisteredCountry
	site := &decision.Site{
		Node: decision.Place{Entity: "sparkoo-sg", Country: "SG"}, Demo: true,
		Regions: []string{"ap-southeast-3", "sa-brazil-1", "cn-north-4"},
	}
	if f.random.IntN(4) == 0 {
		slices.Reverse(site.Regions)
	}
	d := decision.Decide(f.policy, site, f.at, facts)
	t := &record.Transfer{
		Header: record.Header{Type: record.TypeRefused, Node: Node, Time: f.at}, Site: "developer.example.com", Policy: f.policy.Digest,
		Basis: string(facts.Basis), Country: facts.Country, CountrySource: "jwt", Origin: facts.Country, Requester: record.Self,
		Method: f.one("GET", "GET", "PUT"), Bytes: int64(f.random.IntN(4000)), Decision: record.Denied, Enforced: true, Mode: record.Enforce,
		Subject: f.log.Subject(fmt.Sprintf("acct-%d", f.random.IntN(max(i, 1))%40), "", f.at), Reason: string(d.Reason), Law: d.Law, Activity: facts.Activity,
		RetainUntil: f.at.AddDate(1, 0, 0).Format(time.DateOnly),
	}
	if facts.Controller != nil {
		t.Controller, t.ControllerCountry = facts.Controller.ID, facts.Controller.Country
	}
	if d.Reason != "" {
		t.Clause = d.Reason.Info().Clause
	}
	if d.Statement != nil {
		t.Statement = d.Statement.ID
	}
	if a := d.Activity; a != nil {
		t.Purposes, t.Categories, t.LegalBasis = a.Purposes, a.Categories, a.LegalBasis
	}
	if d.Outcome == decision.Allowed && len(d.Candidates) > 0 {
		c := &d.Candidates[0]
		t.Type, t.Decision, t.Demo = record.TypeAccepted, record.Allowed, c.Demo
		t.Region, t.Destination, t.Recipient, t.Legs = c.Region.Code, c.Region.Country, c.Recipient.ID, decision.EncodeLegs(c.Way())
	}
	return t
}
