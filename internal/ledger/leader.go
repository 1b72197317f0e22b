package ledger

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// Appenders commit for each other: who finds nobody at it leads, and
// commits the batch its entry is in, and whoever comes meanwhile waits in the
// next batch, of which one then leads. There is no goroutine to hand
// entries to, and no timer: a lone appender waits for its sync and nothing
// else, and one sync releases all who came while the one before it ran.

// batch is what one or more syncs make durable together. Appenders add to it
// under the log's mutex until the leader takes it, who sets first,
// durable and err and then closes done.
type batch struct {
	joined bool   // somebody waits for it
	buf    []byte // room for a frame's header, then a payload
	count  int
	frames int          // it was written in
	place  format.Place // of the last of them

	// done is what the batch's appenders wait on. It is closed when the batch is
	// committed; before that, one of them may be made the leader.
	done chan struct{}

	epoch   uint32
	first   uint64 // index of its first entry
	durable int    // how many of its entries, from the first, are on disk
	err     error  // what befell the others
}

func newBatch(buf []byte) *batch {
	if cap(buf) < format.HeaderSize {
		buf = make([]byte, format.HeaderSize, 16<<10)
	}
	return &batch{buf: buf[:format.HeaderSize], done: make(chan struct{}, 1)}
}

// add appends an entry and returns its place.
func (b *batch) add(entry []byte) (slot int) {
	b.buf = format.AppendEntry(b.buf, entry)
	b.count++
	return b.count - 1
}

// maxSpare bounds a buffer that is kept for a later batch, and maxSpares how
// many are.
const (
	maxSpare  = 1 << 20
	maxSpares = 16
)

// giveBack keeps a buffer for a later batch.
func (l *Log) giveBack(buf []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cap(buf) <= maxSpare && len(l.spares) < maxSpares {
		l.spares = append(l.spares, buf)
	}
}

// spare takes a buffer that was given back; nil if there is none. Its caller
// holds mu.
func (l *Log) spare() (buf []byte) {
	if n := len(l.spares); n > 0 {
		buf, l.spares = l.spares[n-1], l.spares[:n-1]
	}
	return buf
}

// join adds an entry, if it is not nil, to the pending batch and returns when that
// is committed.
func (l *Log) join(entry []byte) (b *batch, slot int, err error) {
	l.mu.Lock()
	if err := l.refusal; err != nil {
		l.mu.Unlock()
		return nil, 0, err
	}
	b = l.pending
	b.joined = true
	if entry != nil {
		slot = b.add(entry)
	}
	leads := !l.led
	l.led = true
	l.mu.Unlock()
	if !leads {
		_, leads = <-b.done
	}
	if leads {
		l.lead()
	}
	return b, slot, nil
}

// released is how many goroutines run, at most, before a runtime.Gosched returns:
// the scheduler looks at those that yielded every 61 times.
const released = 60

// lead commits the pending batch, which the caller has joined, and makes somebody
// else the leader.
func (l *Log) lead() {
	defer crash()
	for ; l.released > 0; l.released -= released { // let them go before a sync keeps the processor
		runtime.Gosched()
	}
	l.mu.Lock()
	b := l.pending
	l.pending = newBatch(l.spare())
	l.mu.Unlock()
	if l.due() {
		b.err = l.nextEpoch()
	}
	if b.err == nil {
		l.commit(b)
	}
	if b.err != nil || l.trouble != nil {
		l.mu.Lock()
		l.trouble, l.failed = b.err, time.Now()
		l.mu.Unlock()
	}
	l.released = b.count - 1
	close(b.done)
	if !l.integrator.hand(b) {
		l.giveBack(b.buf)
	}
	l.pass()
}

// pass makes the leader of an appender of the pending batch, or to whoever comes.
func (l *Log) pass() {
	l.mu.Lock()
	b := l.pending
	if b.joined {
		l.mu.Unlock()
		b.done <- struct{}{}
		return
	}
	l.led = false
	if l.closing {
		close(l.done)
	}
	l.mu.Unlock()
}

// crash ends the process if its caller panicked, as a panic in a goroutine of
// the log's own would: a server that recovers the panics of its handlers would
// leave all who wait to lead waiting for good.
func crash() {
	if cause := recover(); cause != nil {
		go panic(fmt.Sprintf("committing to the ledger: %v\n%s", cause, debug.Stack()))
		select {}
	}
}
