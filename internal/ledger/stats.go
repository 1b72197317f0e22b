package ledger

import (
	"sync/atomic"
	"time"
)

// The operations whose failures are counted.
const (
	opWrite = iota
	opSync
	opTruncate
	opCreate
	opSpace
	opOutcome
	opKey
	opHash
	opCheckpoint
	opSeal
	opEpoch
	opPolicy
	opHold
	opRetention
	opNote
	opOpen
	ops
)

var opNames = [ops]string{"write", "sync", "truncate", "create", "space", "outcome", "key", "hash", "checkpoint", "seal", "epoch", "policy", "hold", "retention", "note", "open"}

// Stats are a log's numbers since it was opened, except Next.
type Stats struct {
	// Appended counts the entries made durable.
	Appended uint64
	// Pending is how many entries wait for a sync that has not begun.
	Pending int
	// Epoch is the number of the epoch, and Next the index the next entry gets
	// in it; 0 if the log was never opened.
	Epoch uint32
	Next  uint64
	// Signed is how many entries of the epoch the last checkpoint covers, and
	// SignedAt when it was published; zero if the epoch has none.
	Signed   uint64
	SignedAt time.Time
	// Syncs counts successful syncs, and SyncTime is how long they took together.
	Syncs    uint64
	SyncTime time.Duration
	// Bytes counts the bytes written to segments.
	Bytes uint64
	// Free is how many bytes the volume has left; 0 if that is not known.
	Free uint64
	// FreeFiles is how many files the volume can still hold; FilesKnown is false
	// where it does not say.
	FreeFiles  uint64
	FilesKnown bool
	// Errors counts failures by operation: write, sync, truncate, create,
	// space, outcome (outcomes that were lost), key (of the pseudonyms), hash,
	// checkpoint, seal, epoch (the next one was not begun), policy (one was not
	// kept), hold, retention, note (of the last checkpoint, beside the folder), open.
	Errors map[string]uint64
}

// counters are the numbers behind Stats.
type counters struct {
	appended, syncs, bytes, next, signed atomic.Uint64
	syncTime, signedAt                   atomic.Int64
	epoch                                atomic.Uint32
	errors                               [ops]atomic.Uint64
}

func (c *counters) fail(op int) { c.errors[op].Add(1) }

// failed counts an operation that ends with an error. Defer it.
func (c *counters) failed(op int, err *error) {
	if *err != nil {
		c.fail(op)
	}
}

// commit counts one frame.
func (c *counters) commit(entries, bytes int, next uint64) {
	c.appended.Add(uint64(entries))
	c.bytes.Add(uint64(bytes))
	c.next.Store(next)
}

// checkpointed notes a published checkpoint.
func (c *counters) checkpointed(size uint64, at time.Time) {
	c.signed.Store(size)
	c.signedAt.Store(at.UnixNano())
}

// Stats returns the log's numbers.
func (l *Log) Stats() Stats {
	c := &l.counters
	s := Stats{
		Appended: c.appended.Load(), Epoch: c.epoch.Load(), Next: c.next.Load(), Signed: c.signed.Load(), Syncs: c.syncs.Load(),
		SyncTime: time.Duration(c.syncTime.Load()), Bytes: c.bytes.Load(),
		Errors: make(map[string]uint64, ops),
	}
	if free, err := l.free(); err == nil { // a failure is counted below
		s.Free = free
	}
	if disk, ok := l.o.FS.(interface{ FreeFiles(string) (uint64, bool) }); ok {
		s.FreeFiles, s.FilesKnown = disk.FreeFiles(l.dir)
	}
	if at := c.signedAt.Load(); at > 0 {
		s.SignedAt = time.Unix(0, at)
	}
	for op, name := range opNames {
		s.Errors[name] = c.errors[op].Load()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending != nil {
		s.Pending = l.pending.count
	}
	return s
}
