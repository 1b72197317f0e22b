// Package ledger is the transfer log: an append-only row of entries on disk,
// where an entry, once acknowledged, survives a crash of the process and of the
// machine.
//
// One [Log] writes a folder at a time. Many goroutines append; whoever waits
// while a sync runs goes into the next one, so that one sync releases all of
// them. Anybody may [Read] or [Verify] the folder meanwhile.
//
//	<folder>/LOCK                     held by the writer
//	<folder>/master.key               wraps the keys, unless it is kept elsewhere
//	<folder>/keys/                    the keys of the pseudonyms (keyring.go)
//	<folder>/epoch-000001/EPOCH       settings of the epoch
//	<folder>/epoch-000001/seg/*.log   the entries, in frames (frame.go)
//	<folder>/epoch-000001/quarantine/ what was cut off after a crash
//
// An entry is any bytes. This package also encodes the gateway's entries: see
// [Record] and [Outcome].
package ledger

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
)

const (
	lockName = "LOCK"

	defaultSegmentEntries = 1 << 16
	defaultMinFree        = 64 << 20
	// reservedPerEntry is the space reserved in a segment for each entry.
	reservedPerEntry = 1 << 10
)

// Options are the settings of a Log. The zero value is ready for use.
type Options struct {
	// Node is the name of the node in the entries the log itself makes.
	Node string

	// Logger takes what an operator should know. Default: discard
	Logger *slog.Logger

	// Now is the clock of the entries the log itself makes. Default: time.Now
	Now func() time.Time

	// SegmentEntries is how many entries a segment of a new ledger has. A
	// ledger keeps the length it was made with. Default: 65536
	SegmentEntries int

	// MinFree is how many bytes of the volume must be free for Ready to say
	// yes. Appends go on below it, as long as there is room. Default: 64 MiB
	MinFree uint64

	// OnSync is called by the writer after each sync with how long it took and
	// how many entries it made durable. It must be quick. Default: none
	OnSync func(took time.Duration, entries int)

	// Master is the secret, of at least 32 bytes, that wraps the keys of the
	// pseudonyms. Default: made in the ledger's folder
	Master []byte

	// OldMaster may still wrap some of them. They are wrapped anew with Master
	// when the log is opened. Default: the secret in the ledger's folder, if
	// there is one, which is then destroyed
	OldMaster []byte

	// PeriodMonths is how many months a key of the pseudonyms is used.
	// Default: 1
	PeriodMonths int

	// NewKey has the log make a new key when it opens, even if the ledger has
	// lost all it had. Default: false
	NewKey bool

	// FS is the file system. Default: the operating system's
	FS FS
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SegmentEntries <= 0 {
		o.SegmentEntries = defaultSegmentEntries
	}
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	if o.PeriodMonths <= 0 {
		o.PeriodMonths = 1
	}
	if o.FS == nil {
		o.FS = osFS{}
	}
	return o
}

// Log is a transfer log of which this process is, or will be, the one writer.
// Its methods may be called by any number of goroutines.
type Log struct {
	dir      string
	o        Options
	keys     keyring
	outcomes outcomes
	counters counters

	// lifecycle serializes Open and Close, and guards what only they use.
	lifecycle sync.Mutex
	opened    bool
	lock      io.Closer

	// mu guards what appenders and the committer share.
	mu      sync.Mutex
	refusal error     // why appends are refused; nil while the log is open
	closing bool      // the committer ends when pending is empty
	idle    bool      // the committer waits for wake
	pending *batch    // never nil while the log is open
	spare   []byte    // a buffer for the batch after the pending one
	trouble error     // why the last batch failed; nil if it did not
	failed  time.Time // when it failed

	wake chan struct{} // one token, sent by whoever clears idle
	done chan struct{} // closed when the committer has ended

	// The rest is the committer's alone while it runs.
	epoch    epoch
	epochDir string
	next     uint64   // index of the next entry
	segment  *segment // nil when a new one is due
	number   int      // of the next segment
	strikes  int      // segments given up since the last good sync
	prepared chan prepared
	keepers  sync.WaitGroup // goroutines that prepare and trim segments
}

// New returns an unopened log of the folder. It touches nothing. Its appends
// fail with ErrNotOpen until Open has succeeded.
func New(dir string, o Options) *Log {
	l := &Log{
		dir:     dir,
		o:       o.withDefaults(),
		refusal: ErrNotOpen,
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	l.outcomes.init()
	return l
}

// Open makes the folder if need be, locks it, reads back what is there and
// begins to take appends. It does nothing when the log is open. An error leaves
// the log unopened, and Open may be tried again: ErrLocked if somebody else
// writes the folder, *CorruptError if durable entries are missing or changed,
// ErrClosed after Close.
func (l *Log) Open() (err error) {
	l.lifecycle.Lock()
	defer l.lifecycle.Unlock()
	if l.opened {
		return nil
	}
	if l.isClosed() {
		return ErrClosed
	}
	if err := mkdirDurable(l.o.FS, l.dir); err != nil {
		return fmt.Errorf("making the ledger's folder: %w", err)
	}
	lock, err := l.o.FS.Lock(filepath.Join(l.dir, lockName))
	if err != nil {
		return fmt.Errorf("locking the ledger %s: %w", l.dir, err)
	}
	own, err := l.load()
	if err == nil {
		l.lock = lock
		err = l.start(own)
	}
	if err != nil {
		l.lock = nil
		return errors.Join(err, lock.Close())
	}
	l.opened = true
	l.mu.Lock()
	l.refusal = nil
	l.mu.Unlock()
	l.outcomes.start(l)
	l.o.Logger.Info("ledger opened", "dir", l.dir, "epoch", l.epoch.Number, "entries", l.counters.next.Load())
	return nil
}

// load reads the folder back and returns the entries the log itself owes.
func (l *Log) load() (own [][]byte, err error) {
	e, foreign, ok, err := findEpoch(l.o.FS, l.dir)
	if err != nil {
		return nil, err
	}
	for _, name := range foreign {
		l.o.Logger.Warn("a foreign file in the ledger's folder is left alone", "file", filepath.Join(l.dir, name))
	}
	if !ok {
		e = epoch{Created: l.o.Now().UTC(), Number: 1, Format: epochFormat, SegmentEntries: uint64(l.o.SegmentEntries)}
		if err := createEpoch(l.o.FS, l.dir, e); err != nil {
			return nil, err
		}
	}
	l.epoch, l.epochDir = e, epochDir(l.dir, e.Number)
	r, err := recoverEpoch(l.o.FS, l.epochDir, e, l.o.Logger)
	if err != nil {
		return nil, err
	}
	l.next, l.segment, l.number = r.next, r.segment, r.number
	l.counters.next.Store(r.next)
	if err := l.keys.load(l, r.next == 0); err != nil {
		return nil, errors.Join(err, l.letGo())
	}
	if r.next == 0 {
		own = append(own, l.genesis())
	}
	own = append(own, l.keyEntries(r.next == 0)...)
	for _, c := range r.cut {
		l.o.Logger.Warn("the end of the ledger was torn by a crash and was moved to the quarantine", "file", c.file,
			"offset", c.offset, "bytes", c.bytes, "found", c.what, "quarantine", c.quarantine)
		own = append(own, l.recovered(c))
	}
	return own, nil
}

// letGo closes the segment of a log that does not open after all.
func (l *Log) letGo() error {
	if l.segment == nil {
		return nil
	}
	err := l.segment.file.Close()
	l.segment = nil
	return err
}

// start writes the log's own entries and starts the committer.
func (l *Log) start(own [][]byte) error {
	l.strikes = 0
	l.prepared = make(chan prepared, 1)
	l.prepare()
	b := newBatch(nil)
	for _, entry := range own {
		b.add(entry)
	}
	err := l.sealIfFull()
	if err == nil && b.count > 0 {
		l.commit(b)
		err = b.err
	}
	if err == nil {
		err = l.keys.settle()
	}
	if err != nil {
		return errors.Join(err, l.letGo(), l.unprepare())
	}
	l.pending = newBatch(nil)
	go l.run()
	return nil
}

// isClosed tells whether Close was called.
func (l *Log) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closing
}

// Close makes what was appended durable, writes outstanding outcomes and
// releases the folder. It does nothing when the log is closed. Appends that
// come later fail with ErrClosed. An error means that the end of the log may
// look torn when it is opened next; no acknowledged entry is lost.
func (l *Log) Close() error {
	l.lifecycle.Lock()
	defer l.lifecycle.Unlock()
	if l.isClosed() {
		return nil
	}
	if l.opened {
		l.closeKeys()
		l.outcomes.stop(l)
	}
	l.mu.Lock()
	l.closing = true
	if l.refusal == nil || !l.opened {
		l.refusal = ErrClosed
	}
	wake := l.idle
	l.idle = false
	l.mu.Unlock()
	if !l.opened {
		return nil
	}
	if wake {
		l.wake <- struct{}{}
	}
	<-l.done
	l.opened = false
	err := errors.Join(l.finish(), l.lock.Close())
	l.o.Logger.Info("ledger closed", "dir", l.dir, "entries", l.counters.next.Load())
	return err
}

// finish leaves the files as a closed log has them.
func (l *Log) finish() error {
	err := l.unprepare()
	if l.segment == nil {
		return err
	}
	if l.segment.size == 0 {
		err = errors.Join(err, discard(l.o.FS, l.segment.file, l.segment.path))
		l.segment = nil
		return err
	}
	if !l.segment.marked {
		err = errors.Join(err, l.writeMark(kindMark))
	}
	if l.segment == nil { // given up
		return err
	}
	err = errors.Join(err, l.segment.trim(), l.segment.file.Close())
	l.segment = nil
	return err
}

// Append writes an entry of 1 to MaxEntry bytes and returns its index once it
// is durable. The entry may be reused afterwards. After an error the entry may
// or may not be in the log: whoever appends must act as if it were not, and not
// do what it announced.
func (l *Log) Append(entry []byte) (index uint64, err error) {
	switch {
	case len(entry) == 0:
		return 0, ErrEmpty
	case len(entry) > MaxEntry:
		return 0, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(entry), MaxEntry)
	}
	l.mu.Lock()
	if err := l.refusal; err != nil {
		l.mu.Unlock()
		return 0, err
	}
	b := l.pending
	slot := b.add(entry)
	wake := l.idle
	l.idle = false
	l.mu.Unlock()
	if wake {
		l.wake <- struct{}{}
	}
	<-b.done
	if slot < b.durable {
		return b.first + uint64(slot), nil
	}
	return 0, b.err
}

// troubleLasts is how long a failed append keeps a log from being ready. Then
// it gets work again: only an append can show that the trouble is over.
const troubleLasts = 2 * time.Second

// Ready tells why the log should get no more work, or nil: it is not open, it
// is broken, the last append failed within two seconds, or less than MinFree
// bytes are free.
func (l *Log) Ready() error {
	l.mu.Lock()
	err := l.refusal
	if err == nil && l.trouble != nil && time.Since(l.failed) < troubleLasts {
		err = l.trouble
	}
	l.mu.Unlock()
	if err != nil {
		return err
	}
	free, err := l.free()
	if err != nil {
		return fmt.Errorf("asking for the free space of %s: %w", l.dir, err)
	}
	if free < l.o.MinFree {
		return fmt.Errorf("%w: %d MiB are free on the volume of %s, at least %d MiB are asked for; make room or enlarge the volume",
			ErrFull, free>>20, l.dir, l.o.MinFree>>20)
	}
	return nil
}

// free is the number of bytes free on the ledger's volume.
func (l *Log) free() (uint64, error) {
	free, err := l.o.FS.Free(l.dir)
	if err != nil {
		l.counters.fail(opSpace)
	}
	return free, err
}
