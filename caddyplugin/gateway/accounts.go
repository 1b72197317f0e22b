package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/controllers"
)

// AccountSource brings account records (§11, the Account Center) into the table.
// Modules in transfer.accounts implement it.
type AccountSource interface {
	// Load fills the table for the first time. It reads, and changes nothing else.
	Load(table *controllers.Table) error

	// Watch keeps the table up to date until ctx is done. It is called once,
	// after Load, in a goroutine of its own, which Stop waits for.
	Watch(ctx caddy.Context)

	// Status returns when the records were last read with success and how many
	// tries have failed since the start.
	Status() (synced time.Time, failures uint64)
}

// AccountLoader is implemented by account sources that may have no records yet when the
// gateway starts.
type AccountLoader interface {
	// Loaded reports whether there were records at least once.
	Loaded() bool
}

// AccountFinder is implemented by account sources whose word on an account is not
// what the table says, or not always: because they ask for a record when a request
// needs it, or because the table may be too old to be believed.
type AccountFinder interface {
	// Find returns the record of an account, nil if it has none, for a request that
	// is judged by the snapshot. It may wait, no longer than ctx. [ErrAccountRecord]
	// refuses the request with account_unreadable, any other error with directory_down:
	// a record that can't be read may be the one that prevails (§11). The record fits the table's registers and is not changed
	// afterwards.
	Find(ctx context.Context, snapshot *controllers.Snapshot, account string) (*controllers.Account, error)
}

// ErrAccountRecord says that the answer about this account, and no other, is none.
var ErrAccountRecord = errors.New("the account's record cannot be read")

// record finds the record of an account; nil without one. Who is not identified has
// none.
func (a *App) record(ctx context.Context, snapshot *controllers.Snapshot, account string) (*controllers.Account, error) {
	if account == "" {
		return nil, nil
	}
	if a.finder != nil {
		return a.finder.Find(ctx, snapshot, account)
	}
	record, _ := snapshot.Account(account)
	return record, nil
}
