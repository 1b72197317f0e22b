package ledger

import (
	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// What the folder's format defines and callers of this package name, too.
type (
	ID           = format.ID
	Entry        = format.Entry
	FS           = format.FS
	File         = format.File
	CorruptError = format.CorruptError
)

const (
	// MaxEntry is the length in bytes of the longest entry.
	MaxEntry = format.MaxEntry
	// DefaultClass names the entries that lie in the ledger's folder itself.
	DefaultClass = format.DefaultClass
	// WitnessedName is the file in an epoch's folder for the latest checkpoint that
	// witnesses signed.
	WitnessedName = format.WitnessedName
)

// ErrLocked: another writer, in this process or another, has the folder open.
var ErrLocked = format.ErrLocked

// ParseID is the inverse of ID.String.
func ParseID(s string) (ID, error) { return record.ParseID(s) }

// EpochOf is the number of the epoch that an origin names; 0 if it names none.
func EpochOf(origin string) uint32 { return format.NumberOf(origin) }

// CheckClass tells what is wrong with the name of a class, if anything is.
func CheckClass(name string) error { return format.CheckClass(name) }

// ClassFolder is the folder of a class of the ledger in dir.
func ClassFolder(dir, class string) string { return format.ClassFolder(dir, class) }

// Classes lists the classes that have a folder, DefaultClass first.
func Classes(dir string) ([]string, error) { return format.Classes(dir) }

// Reserved is how many bytes of an epoch's segments hold nothing yet.
func Reserved(dir string, epoch uint32) (int64, error) { return format.Reserved(dir, epoch) }
