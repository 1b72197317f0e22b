package fields

import (
	"fmt"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Finish renders the fields of every candidate of d, and of the waived one, into
// Candidate.Fields: those of [Candidate], then Data-Transfer as [Transfer] gives
// it, which a host completes with [AppendRecord] for each request. It is made to
// be handed to decision.Compile.
//
// A candidate whose fields cannot be rendered is refused with reason no_region
// and an Unlock that says why: an upstream must not be left to guess who is
// responsible. A decision that loses its last candidate so is denied.
func Finish(d *decision.Decision) {
	kept := d.Candidates[:0]
	for i := range d.Candidates {
		c := &d.Candidates[i]
		var like *decision.Candidate
		if len(kept) > 0 {
			like = &kept[0]
		}
		if err := fill(d, c, like); err != nil {
			d.Refused = append(d.Refused, refusal(c, err))
			continue
		}
		kept = append(kept, *c)
	}
	d.Candidates = kept
	if d.Waived != nil && fill(d, d.Waived, nil) != nil {
		// The decision is denied already; without its waived candidate it
		// stays denied in report mode too.
		d.Waived = nil
	}
	if d.Outcome == decision.Allowed && len(d.Candidates) == 0 {
		if all := d.Candidates[:cap(d.Candidates)]; len(all) > 0 {
			d.Barred = &all[0] // none was kept, so each stands where it stood
		}
		d.Candidates = nil
		d.Outcome, d.Reason = decision.Denied, decision.NoRegion
		if n := len(d.Refused); n > 0 {
			d.Unlock = d.Refused[n-1].Unlock
		}
	}
}

// fill renders the fields of c. like is a candidate of the same decision whose
// fields are rendered, or nil: theirs differ by region and transfer alone.
func fill(d *decision.Decision, c, like *decision.Candidate) error {
	var fs []decision.Field
	var err error
	if like != nil && c.Region != nil {
		fs, err = elsewhere(like.Fields, c.Region)
	} else {
		fs, err = Candidate(d, c)
	}
	if err != nil {
		return err
	}
	transfer, err := Transfer(d, c)
	if err != nil {
		return err
	}
	c.Fields = append(fs, decision.Field{Name: DataTransfer, Value: transfer})
	return nil
}

// elsewhere is what [Candidate] gives for another region. The last of the fields is
// Data-Transfer, which is not among those.
func elsewhere(rendered []decision.Field, region *decision.Region) ([]decision.Field, error) {
	var r renderer
	r.token(DataRegion, region.Code)
	if r.err != nil {
		return nil, fmt.Errorf("rendering the candidate in region %q: %w", region.Code, r.err)
	}
	fs := make([]decision.Field, len(rendered)-1, len(rendered))
	copy(fs, rendered)
	for i := range fs {
		if fs[i].Name == DataRegion {
			fs[i] = r.fields[0]
		}
	}
	return fs, nil
}

// refusal says that c is no candidate because of err.
func refusal(c *decision.Candidate, err error) decision.Refusal {
	r := decision.Refusal{Reason: decision.NoRegion, Unlock: err.Error()}
	if c.Region != nil {
		r.Region = c.Region.Code
	}
	return r
}
