package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/regular"
)

// Whoever can change the configuration can change who must approve a policy and whose
// orders are obeyed. They cannot do it without a trace: it is an entry of the ledger
// before anything else is.

// oversightFile, beside the default class's records, says what the last configuration
// asked for. Without it, what is asked for is written into the ledger anew.
const oversightFile = "oversight"

// oversights are the same of this process's ledgers, by folder: a file that is removed
// meanwhile hides nothing.
var oversights sync.Map

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

// noteOversight writes an entry if the configuration before asked for something else.
func noteOversight(o record.Oversight, node string, c *recorder.Class) error {
	path := filepath.Join(c.Dir(), oversightFile)
	text := fmt.Sprintf("%d of %s; operators %s\n", o.Approvals, strings.Join(o.Approvers, " "), strings.Join(o.Operators, " "))
	if before, known := oversights.Load(path); known && before == text {
		return nil
	} else if !known {
		before, err := regular.ReadFile(path, regular.KeyLimit)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading what the configuration before asked for: %w", err)
		}
		if string(before) == text || before == nil && o.Approvals == 0 && o.Operators == nil {
			oversights.Store(path, text)
			return nil
		}
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
	oversights.Store(path, text)
	if err := durable.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("noting who must approve policies: %w", err)
	}
	return nil
}
