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
	ops
)

var opNames = [ops]string{"write", "sync", "truncate", "create", "space", "outcome", "key"}

// Stats are a log's numbers since it was opened, except Next.
type Stats struct {
	// Appended counts the entries made durable.
	Appended uint64
	// Pending is how many entries wait for a sync that has not begun.
	Pending int
	// Next is the index the next entry gets; 0 if the log was never opened.
	Next uint64
	// Syncs counts successful syncs, and SyncTime is how long they took together.
	Syncs    uint64
	SyncTime time.Duration
	// Bytes counts the bytes written to segments.
	Bytes uint64
	// Free is how many bytes the volume has left; 0 if that is not known.
	Free uint64
	// Errors counts failures by operation: write, sync, truncate, create,
	// space, outcome (outcomes that were lost), key (of the pseudonyms).
	Errors map[string]uint64
}

// counters are the numbers behind Stats.
type counters struct {
	appended, syncs, bytes, next atomic.Uint64
	syncTime                     atomic.Int64
	errors                       [ops]atomic.Uint64
}

func (c *counters) fail(op int) { c.errors[op].Add(1) }

// commit counts one frame.
func (c *counters) commit(entries, bytes int, next uint64) {
	c.appended.Add(uint64(entries))
	c.bytes.Add(uint64(bytes))
	c.next.Store(next)
}

// Stats returns the log's numbers.
func (l *Log) Stats() Stats {
	c := &l.counters
	s := Stats{
		Appended: c.appended.Load(), Next: c.next.Load(), Syncs: c.syncs.Load(),
		SyncTime: time.Duration(c.syncTime.Load()), Bytes: c.bytes.Load(),
		Errors: make(map[string]uint64, ops),
	}
	if free, err := l.free(); err == nil { // a failure is counted below
		s.Free = free
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
