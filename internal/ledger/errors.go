package ledger

import (
	"errors"

	"github.com/sparkoo/transfergate/internal/ledger/format"
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
	// ErrKnownMore: what Options.KnownElsewhere wraps if somebody else knows
	// another history of the log. The log does not open, and one that is open
	// is to be stopped with Refuse.
	ErrKnownMore = errors.New("another history of the ledger is known elsewhere")
	// ErrBroken: the disk failed twice in a row, or failed in a way that leaves
	// no safe place to go on. The log refuses every append until the process
	// starts anew and has read back what is on the disk.
	ErrBroken = errors.New("the ledger stopped after disk errors")
	// ErrLocked: another writer, in this process or another, has the folder open.
	ErrLocked = format.ErrLocked
)

// CorruptError says what is damaged and where.
type CorruptError = format.CorruptError

// Unwritable reports whether an error of Open, or of whatever writes, says that the volume
// cannot be written to for now, as one that is full, while nothing is known to be wrong
// with what it holds: [Log.Open] may succeed later. A ledger that is damaged, lost,
// somebody else's or known to be another one elsewhere is no such case, whatever else is.
func Unwritable(err error) bool {
	for _, wrong := range []error{ErrKnownMore, ErrLost, ErrOtherNode, ErrNoSigningKey, ErrLocked, ErrClosed} {
		if errors.Is(err, wrong) {
			return false
		}
	}
	return !format.IsDamage(err) && (format.Unwritable(err) || errors.Is(err, ErrFull) || errors.Is(err, ErrBroken))
}
