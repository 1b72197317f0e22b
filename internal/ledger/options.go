package ledger

import (
	"context"
	"log/slog"
	"math/bits"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/repeats"
)

const (
	defaultMinFree = 64 << 20
)

// Options are the settings of a Log. The zero value is ready for use.
type Options struct {
	// Node is the name of the node in the entries the log itself makes.
	Node string

	// Logger takes what an operator should know. Default: discard
	Logger *slog.Logger

	trouble *slog.Logger // Logger, for what is tried again and again

	// Now is the clock of the entries the log itself makes. Default: time.Now
	Now func() time.Time

	// Key is the file of the key that signs checkpoints, see GenerateKey. It is
	// made if it is missing and the ledger is new.
	// Default: checkpoint.key in the ledger's folder, for a class in the folder above
	Key string

	// CheckpointInterval is how often a checkpoint is signed while entries
	// come. Default: 1 s
	CheckpointInterval time.Duration

	// OnCheckpoint is called with each signed checkpoint once it is durable, in
	// a goroutine of its own, one after the other; who takes longer than the
	// interval misses some, never the last one. Close waits for it.
	// Default: none
	OnCheckpoint func(signed []byte)

	// KnownElsewhere returns the largest signed checkpoint of the origin that
	// somebody else has seen, a witness or a second place; nil if none has. It
	// is called by Open, which refuses the ledger if it has less or something
	// else, or if the error is ErrKnownMore: who knows a size only, or has
	// compared, says so by it. Any other error is logged, and the ledger opens.
	// Default: nobody knows any
	KnownElsewhere func(ctx context.Context, origin string) (signed []byte, err error)

	// KnownBefore is asked by Open before it begins a ledger in a folder without
	// any. empty is a signed checkpoint of no entries, under the origin that the
	// ledger would have by its node, class and key, and vkey verifies it. Open fails
	// if the error is ErrKnownMore: somebody knows entries of that log, or of another
	// ledger in its place. Any other error is logged, and the ledger is begun.
	// Default: nobody knows any
	KnownBefore func(ctx context.Context, empty []byte, vkey string) error

	// Demo has Open begin a ledger anew in a folder that has lost all of one, with a
	// warning: it is no evidence. Default: false, so that it fails with ErrLost
	Demo bool

	// SegmentEntries is how many entries a segment of a new epoch has. It is
	// rounded up to a power of two, at most 65536. An epoch keeps the length it
	// was made with. Default: 65536
	SegmentEntries int

	// EpochEntries is how many entries an epoch has before a new one is begun;
	// a batch may go beyond it. A new epoch is also begun with the first entry
	// of a month, in UTC. Default: 16777216, a full tile of level 2
	EpochEntries uint64

	// MinFree is how many bytes of the volume must be free for Ready to say
	// yes. Appends go on below it, as long as there is room. Default: 64 MiB
	MinFree uint64

	// OnSync is called by the writer after each sync with how long it took and
	// how many entries it made durable. It must be quick. Default: none
	OnSync func(took time.Duration, entries int)

	// OnSealed is called with each segment that is finished, once its archive is
	// durable and was compared with the hashes. It must be quick, and must not call
	// the log: sealing waits for it. After a crash a segment may have been finished
	// that was not told of: list them with Dir.Sealed. Default: none
	OnSealed func(Sealed)

	// Master is the secret, of at least 32 bytes, that wraps the keys of the
	// pseudonyms. Default: made in the ledger's folder
	Master []byte

	// OldMaster may still wrap some of them. They are wrapped anew with Master
	// when the log is opened. Default: the secret in the ledger's folder, if
	// there is one, which is then destroyed
	OldMaster []byte

	// DueFor is for how long DeleteExpired must have found an epoch's time run out, by
	// the processes' own clocks, before it deletes the epoch: a wall clock that is wrong
	// for a while deletes nothing. Default: 0
	DueFor time.Duration

	// PeriodMonths is how many months a key of the pseudonyms is used.
	// Default: 1
	PeriodMonths int

	// NewKey has the log make a new key when it opens, even if the ledger has
	// lost all it had. Default: false
	NewKey bool

	// FS is the file system. Default: the operating system's
	FS format.FS
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.trouble == nil {
		o.trouble = repeats.Logger(o.Logger, o.Now)
	}
	if o.SegmentEntries <= 0 || o.SegmentEntries > format.MaxSegmentEntries {
		o.SegmentEntries = format.MaxSegmentEntries
	}
	o.SegmentEntries = 1 << bits.Len(uint(o.SegmentEntries-1))
	if o.EpochEntries == 0 {
		o.EpochEntries = 1 << 24
	}
	if o.CheckpointInterval <= 0 {
		o.CheckpointInterval = time.Second
	}
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	if o.PeriodMonths <= 0 {
		o.PeriodMonths = 1
	}
	if o.FS == nil {
		o.FS = format.OS{}
	}
	return o
}

// nodeName is the node's name in an origin.
func (o Options) nodeName() string {
	if o.Node == "" {
		return "node"
	}
	return o.Node
}
