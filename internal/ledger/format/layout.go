package format

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The names in a ledger's folder.
const (
	LockName          = "LOCK"           // held by the writer
	MasterName        = "master.key"     // wraps the keys of the pseudonyms
	KeysName          = "keys"           // the folder of these keys
	CheckpointKeyName = "checkpoint.key" // where the signing key lies if nothing else is said
	OverdueName       = "overdue.json"   // of an earlier version, which is removed
	PolicyName        = "policy"         // the folder of policies that records name
	HoldsName         = "holds"          // the folder of the holds
	ClassPrefix       = "class-"         // begins the name of a class's folder
	LastPolicyName    = "policy.last"    // of an earlier version: which policy was in force last
	DeletedSuffix     = ".deleted"       // marks the folder of an epoch whose deletion is in the log
	begunSuffix       = ".begun"         // beside the folder: which epoch was begun last

	// EpochFile is the file of an epoch's settings, in its folder.
	EpochFile = "EPOCH"
	// WitnessedName is the file in an epoch's folder for the latest checkpoint that
	// witnesses signed. The log itself never writes or reads it.
	WitnessedName = "checkpoint.witnessed"
)

// besides are what lies in the ledger's folder and the log neither writes nor reads: the
// gateway keeps there what was good last and what is shipped, and earlier versions noted what was in force.
var besides = []string{"last-good", "policy.approved", LastPolicyName, "oversight", "ship"}

// Own reports whether a name in the ledger's folder is an epoch's or another one of the
// ledger's.
func Own(name string) bool { return len(EpochNumbers([]string{name})) == 1 || ours(name) }

// ours reports whether a name in the ledger's folder is known.
func ours(name string) bool {
	name = strings.TrimSuffix(name, ".tmp")
	if slices.Contains(besides, strings.TrimSuffix(name, ".new")) {
		return true
	}
	return slices.Contains([]string{LockName, KeysName, HoldsName, OverdueName, CheckpointKeyName, PolicyName}, name) ||
		strings.HasPrefix(name, MasterName) || strings.HasPrefix(name, ClassPrefix) || IsDeleted(name)
}

// IsDeleted reports whether a name in the ledger's folder is a deleted epoch's.
func IsDeleted(name string) bool {
	epoch, deleted := strings.CutSuffix(name, DeletedSuffix)
	return deleted && len(EpochNumbers([]string{epoch})) == 1
}

// BegunPath is the file beside a ledger's folder that says which epoch was begun last.
func BegunPath(dir string) string { return filepath.Clean(dir) + begunSuffix }

func epochName(number uint32) string { return fmt.Sprintf("epoch-%06d", number) }

// EpochDir is the folder of an epoch.
func EpochDir(dir string, number uint32) string { return filepath.Join(dir, epochName(number)) }

// CheckpointPath is where an epoch's latest checkpoint lies, a signed note.
func CheckpointPath(dir string) string { return filepath.Join(dir, "checkpoint") }

// SegmentPath is where the numbered segment of an epoch's folder stands.
func SegmentPath(epochDir string, number int) string {
	return filepath.Join(epochDir, "seg", fmt.Sprintf("%06d.log", number))
}

// segmentNumber reads a segment's number from its file name.
func segmentNumber(name string) (number int, ok bool) { return numbered(name, ".log") }

// numbered reads the number from a file name of at least six digits.
func numbered(name, suffix string) (number int, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) < 6 {
		return 0, false
	}
	number, err := strconv.Atoi(digits)
	if err != nil || name != fmt.Sprintf("%06d", number)+suffix {
		return 0, false
	}
	return number, true
}

func ArchivePath(dir string, subtree int64) string {
	return filepath.Join(dir, "sealed", fmt.Sprintf("%06d.zst", subtree))
}

func HashPath(dir string, subtree int64) string {
	return filepath.Join(dir, "hash", fmt.Sprintf("%06d.tiles", subtree))
}

func UpperPath(dir string) string { return filepath.Join(dir, "upper.tiles") }

func PolicyPath(dir, digest string) string {
	return filepath.Join(dir, PolicyName, digest+".tar")
}

// SidePath is where a file of a kind stands beside a sealed segment, such as an
// index of it: it belongs to whoever wrote it, is none of the ledger's, and goes
// with the epoch.
func SidePath(epochDir string, subtree int64, kind string) string {
	return filepath.Join(epochDir, "sealed", fmt.Sprintf("%06d.%s", subtree, kind))
}

// isSide reports whether a name in the folder of sealed segments is a file's beside
// one, or the rest of writing one.
func isSide(name string) bool {
	number, kind, _ := strings.Cut(strings.TrimSuffix(name, ".tmp"), ".")
	_, numbers := numbered(number, "")
	return numbers && kind != "" && strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}
