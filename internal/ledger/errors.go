package ledger

import (
	"errors"
	"fmt"
)

// The errors a caller acts on. Test for them with errors.Is.
var (
	// ErrNotOpen: the log has not been opened, or opening failed. Refuse the
	// request.
	ErrNotOpen = errors.New("the ledger is not open")
	// ErrClosed: the log was closed and stays so. A new Log must be made.
	ErrClosed = errors.New("the ledger is closed")
	// ErrFull: the volume has no room. Nothing was written; later appends are
	// tried again and succeed once there is space.
	ErrFull = errors.New("the ledger's volume is full")
	// ErrTooLarge: the entry is longer than MaxEntry bytes.
	ErrTooLarge = errors.New("the entry is too large")
	// ErrEmpty: the entry has no bytes.
	ErrEmpty = errors.New("the entry is empty")
	// ErrLocked: another Log, in this process or another, has the folder open.
	ErrLocked = errors.New("the ledger is in use")
	// ErrKnownMore: what Options.KnownElsewhere wraps if somebody else knows
	// another history of the log. The log does not open, and one that is open
	// is to be stopped with Refuse.
	ErrKnownMore = errors.New("another history of the ledger is known elsewhere")
	// ErrBroken: the disk failed twice in a row, or failed in a way that leaves
	// no safe place to go on. The log refuses every append until the process
	// starts anew and has read back what is on the disk.
	ErrBroken = errors.New("the ledger stopped after disk errors")
)

// CorruptError says that bytes which were once durable are missing or changed.
// It is never the result of a crash alone, so nothing is repaired: a log with
// such damage refuses to open.
type CorruptError struct {
	File   string // the damaged file
	Offset int64  // first damaged byte, or the place of the damaged frame, in bytes from the start of File
	Index  uint64 // first entry that cannot be vouched for
	What   string // what was found there

	// Expected and Found are hashes of the entry Index, empty if hashes were
	// not what differed.
	Expected, Found string
}

// isDamage tells whether an error is a *CorruptError.
func isDamage(err error) bool {
	_, damaged := errors.AsType[*CorruptError](err)
	return damaged
}

// Error says what was found, where, and the two lawful ways on.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("ledger damaged at %s, offset %d, entry %d: %s; nothing was changed; "+
		"either restore the ledger folder from a verified copy, "+
		"or keep this epoch as evidence and begin a new one with 'transfergate transfer ledger epoch new FOLDER --because REASON'",
		e.File, e.Offset, e.Index, e.What)
}
