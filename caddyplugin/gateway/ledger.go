package gateway

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/refusals"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// retentionInterval and retentionPatience are those of recorder.Options, in
// nanoseconds. Tests shorten them.
var retentionInterval, retentionPatience atomic.Int64

// heartbeatLook is the same, of heartbeats. Tests mostly have none.
var heartbeatLook atomic.Int64

// refusalLimits are those of recorder.Options. Tests widen them.
var refusalLimits atomic.Pointer[refusals.Limits]

func init() { refusalLimits.Store(new(refusals.Limits)) }

// provisionLedger finds the process's ledgers; Start opens them.
func (a *App) provisionLedger() (err error) {
	if a.Ledger != nil && a.Ledger.Folder != "" { // else the recorder says what is missing
		if err := a.store.Require(a.checkLedgerPlace); err != nil {
			return err
		}
	}
	a.recorder, err = recorder.New(a.Ledger, recorder.Options{
		Node: a.Node.Name, Demo: a.Demo, Logger: a.ctx.Slogger(), Now: now,
		Refusals: *refusalLimits.Load(), Heartbeat: time.Duration(heartbeatLook.Load()),
		Interval: time.Duration(retentionInterval.Load()), Patience: time.Duration(retentionPatience.Load()),
	})
	if err != nil {
		return err
	}
	return a.store.Require(a.checkLedgerActivities)
}

// checkLedgerPlace refuses a ledger outside the country in which data is stored.
func (a *App) checkLedgerPlace(p *decision.Policy) error {
	country := ""
	if store := storageRegion(p); store != nil {
		country = store.Country
	}
	if a.Node.Country != country && a.Ledger.Ship == nil && !a.AcceptLedgerOutside {
		return fmt.Errorf("the ledger of node '%s' would stand in %s, but records are stored in %s (§9); "+
			"write 'ship s3 URL BUCKET' in the ledger's block to bring them there, or 'accept_ledger_outside' if it is only a buffer", a.Node.Name, a.Node.Country, country)
	}
	return nil
}

// checkLedgerActivities makes sure that the policy knows the activities whose
// records belong to a class.
func (a *App) checkLedgerActivities(p *decision.Policy) error {
	for i := range a.Ledger.Classes {
		c := &a.Ledger.Classes[i]
		for _, activity := range c.Activities {
			if activityOf(p, activity) == nil {
				return fmt.Errorf("activity '%s' of the ledger's class '%s' is not in the policy; %s", activity, c.Name,
					suggest.For(activity, ids(p.Activities, func(p decision.Activity) string { return p.ID })))
			}
		}
	}
	return nil
}
