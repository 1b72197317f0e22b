// Package controllers knows, for every request, which legal entity is the
// controller of the data subject's data and on what basis (§11).
//
// A [Table] holds the controllers of the registers in an in-memory database, and
// beside it the records of the Account Center in a compact form, because there
// may be millions. It is changed in whole transactions and read through a
// [Snapshot], one per request, without a lock. Account records come from a file
// (see [LoadFile]) or from whoever calls [Table.ReplaceAccounts] or
// [Table.ChangeAccounts].
package controllers

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/go-memdb"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
)

// UnlistedID is the id of the controller made from a contracting party that
// the registers don't list.
const UnlistedID = "unlisted"

// The database's tables and indexes. A unique index is not checked by the
// database, a second row would replace the first: writers check before.
const (
	tableControllers = "controllers" // of *decision.Controller
	indexID          = "id"
)

var schema = &memdb.DBSchema{Tables: map[string]*memdb.TableSchema{
	tableControllers: {Name: tableControllers, Indexes: map[string]*memdb.IndexSchema{
		indexID: {Name: indexID, Unique: true, Indexer: &memdb.StringFieldIndex{Field: "ID"}},
	}},
}}

// Table holds controllers and account records. Any number of goroutines may
// use it. It is made by [New]; the zero Table can be read and knows nobody.
type Table struct {
	mu      sync.Mutex // one writer at a time, from its first read until its snapshot is published
	db      *memdb.MemDB
	current atomic.Pointer[Snapshot] // replaced by each write
}

// ForPolicy returns a table of the policy's controllers, without accounts. Its
// accounts may object to the policy's recipients and disable its activities.
// The controllers are copied. The rules and errors are those of [Table.SetPolicy].
func ForPolicy(p *decision.Policy) (*Table, error) {
	db, err := memdb.NewMemDB(schema)
	if err != nil {
		return nil, fmt.Errorf("making the controllers table: %w", err)
	}
	t := &Table{db: db}
	if err := t.SetPolicy(p); err != nil {
		return nil, err
	}
	return t, nil
}

// New is [ForPolicy] for a policy of controllers alone: no account may object to
// a recipient or disable an activity.
func New(controllers []decision.Controller) (*Table, error) {
	return ForPolicy(&decision.Policy{Controllers: controllers})
}

// SetPolicy replaces what the table has from the registers in one transaction
// and keeps the accounts. It fails, and changes nothing, unless every id of a
// controller is given once, every country served is an ISO 3166-1 alpha-2 code
// and served once, exactly one controller is the default, and every controller
// that an account names is still there. The controllers are copied.
//
// An account that objects to a recipient, or disables an activity, which the
// policy no longer has keeps its word, for the case that it comes back.
func (t *Table) SetPolicy(p *decision.Policy) error {
	var known Known
	for i := range p.Recipients {
		known.Recipients = append(known.Recipients, p.Recipients[i].ID)
	}
	for i := range p.Activities {
		known.Activities = append(known.Activities, p.Activities[i].ID)
	}
	return t.setControllers(p.Controllers, known)
}

// SetControllers is [Table.SetPolicy] for the controllers alone.
func (t *Table) SetControllers(controllers []decision.Controller) error {
	return t.setControllers(controllers, t.Known())
}

func (t *Table) setControllers(controllers []decision.Controller, known Known) error {
	if err := checkControllers(controllers); err != nil {
		return err
	}
	ids := make([]string, len(controllers))
	for i := range controllers {
		ids[i] = controllers[i].ID
	}
	return t.write(known, func(txn *memdb.Txn) error {
		if err := checkStillNamed(t.Snapshot().accounts, ids); err != nil {
			return err
		}
		if _, err := txn.DeleteAll(tableControllers, indexID); err != nil {
			return fmt.Errorf("replacing controllers: %w", err)
		}
		for _, c := range controllers {
			c.Serves = append([]string(nil), c.Serves...)
			if err := txn.Insert(tableControllers, &c); err != nil {
				return fmt.Errorf("replacing controller %q: %w", c.ID, err)
			}
		}
		return nil
	})
}

// ReplaceAccounts replaces all account records in one transaction: all of
// them, or none and an error that says which one is wrong by its place in the
// slice, never by its id. A snapshot sees the old records or the new ones. The
// records are copied.
func (t *Table) ReplaceAccounts(accounts []Account) error {
	return t.writeAccounts(accounts, func(*records) (*records, error) {
		var none *records
		return none.with(accounts, nil)
	})
}

// ChangeAccounts puts records into the table, in the place of those with the same
// id, and removes others by id, in one transaction and with the errors of
// [Table.ReplaceAccounts]. An account must not be both put and removed. To
// remove one that is not there is no error. A change costs time by what it
// touches: up to a few thousand accounts far less than to replace all, from there
// on as much.
func (t *Table) ChangeAccounts(put []Account, remove []string) error {
	return t.writeAccounts(put, func(old *records) (*records, error) {
		return old.with(put, remove)
	})
}

// Empty returns a table with the same registers and no accounts.
func (t *Table) Empty() *Table {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := &Table{db: t.db.Snapshot()}
	e.current.Store(&Snapshot{roster: t.Snapshot().roster})
	return e
}

// ShareAccounts makes the table's account records those of a snapshot, be it of
// another table, without copying one. It fails, and changes nothing, if they name a
// controller that this table's registers don't have. Like [Table.SetPolicy] it lets
// an objection to a recipient stand that they don't have.
func (t *Table) ShareAccounts(from *Snapshot) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := checkStillNamed(from.accounts, t.Known().Controllers); err != nil {
		return err
	}
	next := *t.Snapshot()
	next.accounts = from.accounts
	t.current.Store(&next)
	return nil
}

// writeAccounts checks the records and publishes a snapshot with what change
// makes of the old ones. If it fails nothing has changed.
func (t *Table) writeAccounts(put []Account, change func(old *records) (*records, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := checkAccounts(put, t.Known()); err != nil {
		return err
	}
	next := *t.Snapshot()
	var err error
	if next.accounts, err = change(next.accounts); err != nil {
		return sayTwice(err, put)
	}
	t.current.Store(&next)
	return nil
}

// Snapshot returns the table as it stands. It costs one atomic load. A request
// takes one and asks it everything, so that it is judged by one state.
func (t *Table) Snapshot() *Snapshot {
	if s := t.current.Load(); s != nil {
		return s
	}
	return new(Snapshot)
}

// write runs change in one transaction and publishes the snapshot that follows
// from it. If change fails nothing has changed.
func (t *Table) write(known Known, change func(*memdb.Txn) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	txn := t.db.Txn(true)
	defer txn.Abort() // does nothing after Commit
	if err := change(txn); err != nil {
		return err
	}
	roster, err := compile(txn, known)
	if err != nil {
		return err
	}
	txn.Commit()
	t.current.Store(&Snapshot{accounts: t.Snapshot().accounts, roster: roster})
	return nil
}

// checkControllers holds a set of controllers to the rules of SetControllers.
func checkControllers(controllers []decision.Controller) error {
	ids := make(map[string]bool, len(controllers))
	served := make(map[string]string) // country -> controller
	fallback := ""
	for i, c := range controllers {
		switch {
		case c.ID == "":
			return fmt.Errorf("controller %d of %d has no id", i+1, len(controllers))
		case c.ID == UnlistedID || c.Unlisted:
			return fmt.Errorf("controller %q: 'unlisted' stands for parties outside the registers; give it another id", c.ID)
		case ids[c.ID]:
			return fmt.Errorf("controller %q is given twice; remove one", c.ID)
		case c.Default && fallback != "":
			return fmt.Errorf("controllers %q and %q are both the default; keep one", fallback, c.ID)
		}
		ids[c.ID] = true
		if c.Default {
			fallback = c.ID
		}
		for _, code := range c.Serves {
			if !country.Valid(code) {
				return fmt.Errorf("controller %q serves %q, which is not an ISO 3166-1 alpha-2 code; %s", c.ID, code, country.Advice(code))
			}
			if other, taken := served[code]; taken {
				return fmt.Errorf("country %s is served by %q and by %q; keep one", code, other, c.ID)
			}
			served[code] = c.ID
		}
	}
	if fallback == "" {
		return fmt.Errorf("none of %d controllers is the default; mark the one that answers for every other country (§11)", len(controllers))
	}
	return nil
}

// checkStillNamed refuses controllers that lack one an account names: its
// subject would be left without a controller.
func checkStillNamed(accounts *records, controllers []string) error {
	named := accounts.controllers()
	for _, id := range controllers {
		delete(named, id)
	}
	if len(named) > 0 {
		id := slices.Min(slices.Collect(maps.Keys(named)))
		return fmt.Errorf("controller %q is still the contracting party of an account; replace the accounts first", id)
	}
	return nil
}

// Known returns the ids that the table's accounts may name. The slices are
// shared and must not be changed.
func (t *Table) Known() Known {
	return t.Snapshot().Known()
}
