package gateway

import (
	"fmt"
	"reflect"
	"strings"

	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/record"
)

// Whoever can change the configuration can change who must approve a policy and whose
// orders are obeyed. They cannot do it without a trace: it is an entry of the ledger
// before anything else is.

// Operators are those who may sign orders; nil for nobody.
func (a *App) Operators() *adminapi.Operators { return a.operators }

// Ordered logs an order that is obeyed.
func (a *App) Ordered(order, by string) {
	a.logger.Info("an order is obeyed", zap.String("order", order), zap.String("by", by))
}

func (a *App) provisionOperators() (err error) {
	a.operators, err = adminapi.NewOperators(a.OperatorKeys, now)
	return err
}

// oversight is who must stand behind a policy and whose orders are obeyed, by the
// hashes of their keys: their names may be those of persons.
func (a *App) oversight() record.Oversight {
	o := record.Oversight{Operators: hashes(a.operators.IDs())}
	if a.Approvals != nil {
		o.Approvals, o.Approvers = int64(a.Approvals.Required), hashes(a.Approvals.IDs())
	}
	return o
}

// hashes are key ids without their names.
func hashes(ids []string) (list []string) {
	for _, id := range ids {
		list = append(list, id[strings.LastIndexByte(id, '+')+1:])
	}
	return list
}

// noteOversight writes an entry if the configuration before asked for something else, as
// the ledger's entries say.
func noteOversight(o record.Oversight, node string, c *recorder.Class) error {
	next := &record.Overseers{Approvals: o.Approvals, Approvers: o.Approvers, Operators: o.Operators}
	standing, err := c.Standing()
	if err != nil {
		return fmt.Errorf("reading what the configuration before asked for: %w", err)
	}
	if before := standing.Oversight; before == nil && next.Approvals == 0 && next.Operators == nil || reflect.DeepEqual(before, next) {
		return nil
	}
	release, open := c.Acquire()
	if !open {
		return errLedger
	}
	defer release()
	o.Time, o.Node = now(), node
	if _, err := c.Append(o.Append(nil)); err != nil {
		return fmt.Errorf("recording who must approve policies from now on: %w", err)
	}
	return c.State(func(s *record.Standing) { s.Oversight = next })
}
