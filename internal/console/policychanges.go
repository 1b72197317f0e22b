package console

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policydiff"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// changed is what the policy in force changed against the one before it.
type changed struct {
	Before string    // its digest; empty if the ledger has none
	Until  time.Time // when the one in force was recorded
	Texts  []string  // what differs for people
	Rows   []string  // of the registers
	More   int       // rows that are not listed
	Cut    bool      // the ledger was not searched to its beginning
}

// mostRows is how many rows of registers are listed.
const mostRows = 40

// changes keeps what was found out last: it takes seconds, and holds for as long as the
// policy does.
type changes struct {
	mu   sync.Mutex
	of   string
	kept *changed
}

// changes are those of the policy in force.
func (v *visit) changes(policy *decision.Policy) (*changed, error) {
	c := &v.changed
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == policy.Digest {
		return c.kept, nil
	}
	found, before, err := v.policyBefore(policy.Digest)
	if err != nil {
		return nil, err
	}
	if before != nil {
		diff := policydiff.Diff(before, policy, v.now, policydiff.Scope{Usual: true, Demo: v.Demo})
		for i := range diff.Changes {
			if change := &diff.Changes[i]; change.Kind != policydiff.Reasoned { // stays denied
				found.Texts = append(found.Texts, change.Text)
			}
		}
		for i, row := range diff.Rows {
			if i == mostRows {
				found.More = len(diff.Rows) - mostRows
				break
			}
			found.Rows = append(found.Rows, row.String())
		}
	}
	if !found.Cut {
		c.of, c.kept = policy.Digest, found
	}
	return found, nil
}

// policyBefore looks in the ledger for the policy before one, which is kept there.
func (v *visit) policyBefore(digest string) (*changed, *decision.Policy, error) {
	found := new(changed)
	q, err := query.Parse("type:"+record.TypePolicy, v.now)
	if err != nil {
		return nil, nil, err
	}
	from, err := v.Source.Newest(v.ctx)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(v.ctx, countLimit)
	defer cancel()
	for row, err := range v.Source.Rows(ctx, q, from) {
		if errors.Is(err, context.DeadlineExceeded) && v.ctx.Err() == nil {
			found.Cut = true
			return found, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		entry, err := record.Parse(row.Data)
		snapshot, ok := entry.(*record.Policy)
		switch {
		case row.Damage != nil || err != nil || !ok:
		case snapshot.Policy == digest:
			found.Until = snapshot.Time
		default:
			found.Before = snapshot.Policy
			registers, err := v.archived(row.Name.Class, snapshot.Policy)
			if err != nil {
				return nil, nil, err
			}
			return found, registers.Policy, nil
		}
	}
	return found, nil, nil
}

// archived are the registers of a policy that the ledger keeps for a class.
func (v *visit) archived(class, digest string) (*config.Registers, error) {
	dir := v.Dir
	if class != "" {
		dir = dir.Of(class)
	}
	blob, err := dir.Policy(digest)
	if err != nil {
		return nil, err
	}
	return config.LoadArchive(blob, "policy "+digest[:min(12, len(digest))], digest)
}
