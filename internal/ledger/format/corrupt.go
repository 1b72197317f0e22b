package format

import (
	"errors"
	"fmt"
)

// ErrLocked: another writer, in this process or another, has the folder open.
var ErrLocked = errors.New("the ledger is in use")

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

// IsDamage reports whether an error is a *CorruptError.
func IsDamage(err error) bool {
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
