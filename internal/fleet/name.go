package fleet

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// Origin is one ledger of a node: its objects are its own. Two ledgers never have the
// same one, unless one was copied.
type Origin struct {
	Node     string // as in the configuration
	Class    string // of its records, record.DefaultClass for the default one
	Instance string // random id of the ledger, which its logs' origins have, too
}

// OriginOf is the origin of a ledger that keeps a class, by the origin of one of its logs
// as checkpoints have it.
func OriginOf(class, log string) (Origin, error) {
	parts := strings.Split(log, "/")
	if len(parts) != 4 || parts[0] != "transfergate" || format.NumberOf(log) == 0 {
		return Origin{}, fmt.Errorf("'%s' is not the origin of a ledger's log", log)
	}
	o := Origin{Node: parts[1], Class: class, Instance: parts[2]}
	return o, o.check()
}

// Log is the origin of an epoch's log, as checkpoints have it.
func (o Origin) Log(epoch uint32) string { return format.OriginOf(o.Node, o.Instance, epoch) }

// String is the origin as names of objects have it: node/class/instance.
func (o Origin) String() string { return o.Node + "/" + o.Class + "/" + o.Instance }

// segment is what a part of a name may be.
var segment = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*$`)

func (o Origin) check() error {
	for _, part := range []string{o.Node, o.Class, o.Instance} {
		if !segment.MatchString(part) {
			return fmt.Errorf("'%s' cannot be part of an object's name: letters, digits and '-' can", part)
		}
	}
	return nil
}

// Kind is what an object holds.
type Kind string

// The kinds of objects, which begin their names.
const (
	Live       Kind = "live"       // entries, soon after they were written
	Checkpoint Kind = "checkpoint" // a signed checkpoint
	Sealed     Kind = "sealed"     // the file of a finished segment's entries, as it lies on the disk
	Hashes     Kind = "hashes"     // the file of a finished segment's hashes, likewise
	Settings   Kind = "settings"   // the file EPOCH of an epoch, likewise
)

// Kinds are all of them.
func Kinds() []Kind { return []Kind{Live, Checkpoint, Sealed, Hashes, Settings} }

// Name says what an object holds and where that belongs; nothing in it is about people:
//
//	live/<node>/<class>/<instance>/epoch-000001/0000000000000256-512.zst   entries 256 to 767
//	checkpoint/<node>/<class>/<instance>/epoch-000001/0000000000000768     of 768 entries
//	sealed/<node>/<class>/<instance>/epoch-000001/000000.zst               the first segment
//	hashes/<node>/<class>/<instance>/epoch-000001/000000.tiles             its hashes
//	settings/<node>/<class>/<instance>/epoch-000001/EPOCH
//
// Of each kind, names of one log sort by place.
type Name struct {
	Kind Kind
	Origin
	Epoch uint32
	// First is the first entry of Live, the size of Checkpoint, and the number of the
	// segment of Sealed and Hashes.
	First uint64
	Count uint64 // of entries, of Live
}

// MaxEntries is how many entries an object of live entries has at most.
const MaxEntries = 4096

// Entry is the entry that is named for the object where something is wrong with it.
func (n Name) Entry() record.ID { return record.ID{Epoch: n.Epoch, Index: n.First} }

// LogPrefix begins the names of one kind of one log.
func (n Name) LogPrefix() string {
	return fmt.Sprintf("%s/%s/epoch-%06d/", n.Kind, n.Origin, n.Epoch)
}

// String is the object's name, without what a store's configuration puts before it.
func (n Name) String() string {
	switch dir := n.LogPrefix(); n.Kind {
	case Live:
		return fmt.Sprintf("%s%016d-%d.zst", dir, n.First, n.Count)
	case Checkpoint:
		return fmt.Sprintf("%s%016d", dir, n.First)
	case Sealed:
		return fmt.Sprintf("%s%06d.zst", dir, n.First)
	case Hashes:
		return fmt.Sprintf("%s%06d.tiles", dir, n.First)
	default:
		return dir + format.EpochFile
	}
}

var lastPart = map[Kind]*regexp.Regexp{
	Live:       regexp.MustCompile(`^([0-9]{16})-([0-9]{1,4})\.zst$`),
	Checkpoint: regexp.MustCompile(`^([0-9]{16})$`),
	Sealed:     regexp.MustCompile(`^([0-9]{6,})\.zst$`),
	Hashes:     regexp.MustCompile(`^([0-9]{6,})\.tiles$`),
	Settings:   regexp.MustCompile(`^EPOCH$`),
}

// ParseName reads an object's name. What String would not write is an error.
func ParseName(text string) (n Name, err error) {
	wrong := fmt.Errorf("'%s' is no name that a node gives an object", text)
	parts := strings.Split(text, "/")
	if len(parts) != 6 {
		return n, wrong
	}
	n = Name{Kind: Kind(parts[0]), Origin: Origin{Node: parts[1], Class: parts[2], Instance: parts[3]}}
	form := lastPart[n.Kind]
	numbers := format.EpochNumbers([]string{parts[4]})
	if form == nil || len(numbers) != 1 || n.Origin.check() != nil {
		return Name{}, wrong
	}
	n.Epoch = numbers[0]
	found := form.FindStringSubmatch(parts[5])
	if len(found) > 1 {
		n.First, err = strconv.ParseUint(found[1], 10, 63)
	}
	if len(found) > 2 && err == nil {
		n.Count, err = strconv.ParseUint(found[2], 10, 63)
	}
	if err != nil || n.String() != text || n.Kind == Live && (n.Count == 0 || n.Count > MaxEntries) {
		return Name{}, wrong
	}
	return n, nil
}
