// Package ledger is the transfer log: an append-only row of entries on disk,
// where an entry, once acknowledged, survives a crash of the process and of the
// machine.
//
// One [Log] writes a folder at a time. Many goroutines append; whoever waits
// while a sync runs goes into the next one, so that one sync releases all of
// them. Anybody may read the folder meanwhile, see [Dir],
// or verify it (package verify).
//
//	<folder>/LOCK                     held by the writer
//	<folder>/master.key               wraps the keys of the pseudonyms, unless it is kept elsewhere
//	<folder>/keys/                    these keys (keyring.go)
//	<folder>/checkpoint.key           the key that signs checkpoints, unless it is elsewhere
//	<folder>/policy/*.tar             the policies that records name (policy.go)
//	<folder>/class-<name>/            ledgers of classes that are retained differently (class.go)
//	<folder>/holds/*.json             what keeps epochs from being deleted, as entries say it too (hold.go)
//	<folder>/epoch-000001/EPOCH       settings of the epoch
//	<folder>/epoch-000001/seg/*.log   the entries, in frames (frame.go)
//	<folder>/epoch-000001/sealed/*    the entries of full segments, compressed (archive.go)
//	<folder>/epoch-000001/hash/*      their hashes, 65,536 entries a file (tree.go)
//	<folder>/epoch-000001/upper.tiles the root of each of these files
//	<folder>/epoch-000001/checkpoint  the latest signed checkpoint
//	<folder>/epoch-000001/quarantine/ what was cut off after a crash
//	<folder>.begun                    a checkpoint of the epoch that was begun last (begun.go)
//
// Behind the commit an integrator builds the epoch's Merkle tree and signs a
// checkpoint of it about once a second (integrator.go), so that nobody can rewrite
// what a checkpoint seen elsewhere covers. [View] shows an epoch in the formats
// of C2SP.
//
// An entry is any bytes to the log; those of the gateway and of the log itself are
// written by package record.
//
// The package is long, the methods of Log stand in many files, and log.go and
// integrator.go are longer than most, because all of it works on one state under the
// same few locks: each file has one subject (commit, roll over, recover, retain, hold,
// keys), and walls between them would have to hand that state through. What could be
// told apart without it, the format and the verifier, are packages of their own.
package ledger

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

const (
	// reservedPerEntry is the space reserved in a segment for each entry.
	reservedPerEntry = 1 << 10
)

// Log is a transfer log of which this process is, or will be, the one writer.
// Its methods may be called by any number of goroutines.
type Log struct {
	dir       string
	o         Options
	keys      keyring
	outcomes  outcomes
	snapshots snapshots
	standing  standing
	notifier  notifier
	counters  counters
	progress  progress

	// retaining serializes retention, holds and Close, and guards what is known
	// of epochs whose time has run out, by number.
	retaining sync.Mutex
	expired   map[uint32]*closedEpoch
	overdue   overdue

	// lifecycle serializes Open and Close, and guards what only they use.
	lifecycle sync.Mutex
	opened    bool
	found     *slog.Logger // takes what Open finds: each try finds it again
	lock      io.Closer

	// mu guards what appenders share.
	mu      sync.Mutex
	refusal error     // why appends are refused; nil while the log is open
	closing bool      // the commit leader closes done when pending is empty
	led     bool      // somebody leads the commit
	pending *batch    // never nil while the log is open
	spares  [][]byte  // buffers for later batches
	trouble error     // why the last batch failed; nil if it did not
	failed  time.Time // when it failed
	// integrator is the running epoch's; the commit leader replaces it.
	integrator *integrator

	done chan struct{} // closed when the last leader has ended

	// The rest is the commit leader's.
	released  int // appenders the last leader released
	epoch     format.Epoch
	epochDir  string
	next      uint64   // index of the next entry
	segment   *segment // nil when a new one is due
	number    int      // of the next segment
	strikes   int      // segments given up since the last good sync
	prepared  chan prepared
	preparing sync.WaitGroup // goroutines that prepare and trim segments
	sealer    *sealer
	key       ed25519.PrivateKey

	// closed is the next epoch once the last entry of the running one names it,
	// and because why an operator wanted it. A new epoch is beginning until the
	// owed entries are written and signed.
	closed    *format.Previous
	because   string
	beginning bool
	owed      [][]byte

	// successor signs the next epoch, if not key; with rotate Open begins one.
	successor ed25519.PrivateKey
	rotate    bool
}

// New returns an unopened log of the folder. It touches nothing. Its appends
// fail with ErrNotOpen until Open has succeeded.
func New(dir string, o Options) *Log {
	l := &Log{
		dir:     dir,
		o:       o.withDefaults(),
		refusal: ErrNotOpen,
		done:    make(chan struct{}),
		expired: make(map[uint32]*closedEpoch),
	}
	l.found = l.o.Logger
	l.outcomes.init()
	l.snapshots.kept = make(map[string]snapshot)
	l.sealer = &sealer{o: l.o, dir: dir, counters: &l.counters, wake: make(chan struct{}, 1)}
	l.notifier.f = l.o.OnCheckpoint
	return l
}

// Open makes the folder if need be, locks it, reads back what is there and
// begins to take appends. It does nothing when the log is open. An error leaves
// the log unopened, and Open may be tried again: ErrLocked if somebody else
// writes the folder, *CorruptError if durable entries are missing or changed, ErrLost
// if all of them are, ErrOtherNode if they are another node's, ErrClosed after Close; see
// Unwritable for what passes.
func (l *Log) Open() (err error) {
	l.lifecycle.Lock()
	defer l.lifecycle.Unlock()
	if l.opened {
		return nil
	}
	if l.isClosed() {
		return ErrClosed
	}
	defer l.counters.failed(opOpen, &err)
	defer func() { l.found = l.o.trouble }()
	if err := l.makeFolder(); err != nil {
		return err
	}
	lock, err := l.o.FS.Lock(filepath.Join(l.dir, format.LockName))
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
	if _, err := l.inForce(); err != nil {
		l.counters.fail(opHold)
		l.o.Logger.Error("the files of holds cannot be held against the entries; nothing is deleted until they can", "error", err)
	}
	l.opened = true
	l.mu.Lock()
	l.refusal = nil
	l.mu.Unlock()
	l.outcomes.start(l)
	l.o.Logger.Info("ledger opened", "dir", l.dir, "epoch", l.epoch.Number, "entries", l.counters.next.Load())
	return nil
}

// makeFolder makes the folder if need be. One that cannot be made may be one that is lost.
func (l *Log) makeFolder() error {
	err := format.MkdirDurable(l.o.FS, l.dir)
	if err == nil {
		return nil
	}
	if _, e := l.o.FS.Names(l.dir); errors.Is(e, fs.ErrNotExist) {
		if lost := l.checkThere(format.Epoch{}, false); errors.Is(lost, ErrLost) {
			return lost
		}
	}
	return fmt.Errorf("making the ledger's folder: %w", err)
}

// load reads the folder back and returns the entries the log itself owes.
func (l *Log) load() (own [][]byte, err error) {
	e, foreign, ok, err := format.NewestEpoch(l.o.FS, l.dir)
	if err != nil {
		return nil, err
	}
	for _, name := range foreign {
		l.found.Warn("a foreign file in the ledger's folder is left alone", "file", filepath.Join(l.dir, name))
	}
	if err := l.checkThere(e, ok); err != nil {
		return nil, err
	}
	if owner := format.NodeOf(e.Origin); owner != "" && l.o.Node != "" && owner != l.o.Node && !l.rotate {
		return nil, l.otherNode(owner)
	}
	key, err := l.loadKey(!ok)
	if err != nil {
		return nil, err
	}
	if !ok {
		if e, err = l.firstEpoch(key); err != nil {
			return nil, err
		}
	}
	if err := l.takeEpoch(e, key); err != nil {
		return nil, err
	}
	k := l.integrator
	visit := func(fr *format.Frame) error {
		k.visit(fr)
		return nil
	}
	check := func() error {
		if err := k.check(); err != nil || !ok || l.o.Demo {
			return err
		}
		if err := l.checkFirst(e); err != nil {
			return err
		}
		return l.checkNoted(e)
	}
	r, err := recoverEpoch(l.o.FS, l.epochDir, e, l.found, uint64(k.tree.Start()), visit, check)
	if err != nil {
		return nil, err
	}
	l.next, l.segment, l.number = r.next, r.segment, r.number
	l.counters.next.Store(r.next)
	l.progress.reach(r.next)
	if n := r.next - k.signed; n > 0 {
		l.found.Warn("the ledger was not closed: no checkpoint covers its last entries, so that nothing proves them unchanged; they are signed now",
			"dir", l.epochDir, "entries", n)
	}
	restated, err := l.standing.load(l, r.next)
	if err != nil {
		return nil, errors.Join(err, l.letGo())
	}
	fresh, err := l.hasNoEntries()
	if err == nil {
		err = l.keys.load(l, fresh)
	}
	if err != nil {
		return nil, errors.Join(err, l.letGo())
	}
	if r.next == 0 {
		own = append(own, l.firstEntries()...)
	} else if k.last == nil {
		if k.last, err = l.lastEntry(r.next); err != nil {
			return nil, errors.Join(err, l.letGo())
		}
	}
	if err := l.closedBy(k.last); err != nil {
		return nil, errors.Join(err, l.letGo())
	}
	own = append(append(own, restated...), l.keyEntries(r.next == 0 && e.Previous == nil)...)
	for _, c := range r.cut {
		l.o.Logger.Warn("the end of the ledger was torn by a crash and was moved to the quarantine", "file", c.file,
			"offset", c.offset, "bytes", c.bytes, "found", c.what, "quarantine", c.quarantine)
		own = append(own, l.recovered(c))
	}
	return own, nil
}

// newEpoch fills in the settings of a new epoch that the key signs.
func (l *Log) newEpoch(e format.Epoch, key ed25519.PrivateKey) (_ format.Epoch, err error) {
	e.Created, e.Format, e.SegmentEntries = l.o.Now().UTC(), format.EpochFormat, uint64(l.o.SegmentEntries)
	_, e.Key, err = signerOf(key, e.Origin)
	return e, err
}

// takeEpoch makes the epoch the log's own, with an integrator that knows its stored
// hashes.
func (l *Log) takeEpoch(e format.Epoch, key ed25519.PrivateKey) error {
	signer, vkey, err := signerOf(key, e.Origin)
	if err != nil {
		return err
	}
	if vkey != e.Key {
		return noKey(fmt.Errorf("%s holds the key %s, but the epoch was begun with %s", l.o.keyFile(l.dir), vkey, e.Key))
	}
	dir := format.EpochDir(l.dir, e.Number)
	k := &integrator{
		o: l.o, epoch: e, dir: dir, signer: signer, counters: &l.counters, giveBack: l.giveBack,
		here: l.stillHere, notifier: &l.notifier, tree: format.NewTree(l.o.FS, dir, e), sealer: l.sealer, patience: patience,
		begun: begunNote{fs: l.o.FS, path: format.BegunPath(l.dir), trouble: l.o.trouble, counters: &l.counters},
	}
	if err := k.tree.Load(); err != nil {
		return err
	}
	l.epoch, l.epochDir = e, dir
	l.counters.epoch.Store(e.Number)
	l.progress.begin(e.Number)
	l.mu.Lock()
	l.integrator, l.key = k, key
	l.mu.Unlock()
	return nil
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

// start writes the log's own entries and starts what runs beside the appenders.
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
	l.keys.eraseGone(l)
	if b.frames == 1 {
		l.integrator.take(handed{b.place, b.count, b.buf})
	}
	l.pending = newBatch(nil)
	l.integrator.start()
	l.sealer.start()
	if err := l.integrator.checkpointNow(); err != nil { // before anything is acknowledged
		err = errors.Join(err, l.finish())
		l.sealer.stop()
		return errors.Join(err, l.integrator.stop())
	}
	if missing := l.closed != nil; missing || l.rotate {
		err := l.nextEpoch()
		if err == nil && missing {
			err = l.checkBegun()
		}
		if err != nil {
			err = errors.Join(err, l.finish())
			l.sealer.stop()
			return errors.Join(err, l.integrator.stop())
		}
	}
	return nil
}

// stillHere makes sure that the folder is still the one that was opened: what is written to
// one that was moved away, or lies under another volume by now, is found by nobody, and
// what is written by name would go into somebody else's. The integrator calls it.
func (l *Log) stillHere() error {
	fsys, ok := l.o.FS.(interface {
		Same(lock io.Closer, name string) (bool, error)
	})
	if !ok {
		return nil
	}
	same, err := fsys.Same(l.lock, filepath.Join(l.dir, format.LockName))
	if err != nil || same { // what cannot be looked at may be there
		return nil // see above
	}
	err = fmt.Errorf("%w: %s is not the folder that was opened: it was moved, removed or unmounted, or another volume lies over it; "+
		"put it back, and start anew", ErrLost, l.dir)
	l.Refuse(err)
	return err
}

// Dir is the log's folder, for whoever reads it.
func (l *Log) Dir() Dir { return at(l.o.FS, l.dir) }

// isClosed reports whether Close was called.
func (l *Log) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closing
}

// Close makes what was appended durable, writes outstanding outcomes and
// releases the folder. It does nothing when the log is closed. Appends that
// come later fail with ErrClosed. It waits for a run of DeleteExpired. An error means that the end of the log may
// look torn when it is opened next; no acknowledged entry is lost.
func (l *Log) Close() error {
	l.lifecycle.Lock()
	defer l.lifecycle.Unlock()
	if l.isClosed() {
		return nil
	}
	l.retaining.Lock()
	if l.opened {
		l.closeKeys()
		l.outcomes.stop(l)
	}
	l.mu.Lock()
	l.closing = true
	if l.refusal == nil || !l.opened {
		l.refusal = ErrClosed
	}
	led := l.led
	l.mu.Unlock()
	l.retaining.Unlock()
	if !l.opened {
		return nil
	}
	if led {
		<-l.done
	}
	l.opened = false
	l.progress.end()
	finish := l.finish
	if l.stillHere() != nil {
		finish = l.abandon
	}
	err := errors.Join(finish(), l.integrator.stop())
	l.sealer.stop()
	l.notifier.idle.Wait()
	err = errors.Join(err, l.lock.Close())
	l.o.Logger.Info("ledger closed", "dir", l.dir, "entries", l.counters.next.Load())
	return err
}

// abandon closes the files of a folder that is not there any more, and touches nothing by
// name.
func (l *Log) abandon() error {
	l.preparing.Wait()
	err := l.letGo()
	select {
	case p := <-l.prepared:
		if p.err == nil {
			err = errors.Join(err, p.segment.file.Close())
		}
	default:
	}
	return err
}

// finish leaves the files as a closed log has them.
func (l *Log) finish() error {
	err := l.unprepare()
	if l.segment == nil {
		return err
	}
	if l.segment.size == 0 {
		// A crash must not bring back the prepared one without this one.
		if e := l.o.FS.SyncDir(filepath.Dir(l.segment.path)); e != nil {
			return errors.Join(err, e, l.letGo())
		}
		err = errors.Join(err, discard(l.o.FS, l.segment.file, l.segment.path))
		l.segment = nil
		return err
	}
	if !l.segment.marked {
		err = errors.Join(err, l.writeMark(format.KindMark))
	}
	if l.segment == nil { // given up
		return err
	}
	err = errors.Join(err, l.segment.trim(), l.segment.file.Close())
	l.segment = nil
	return err
}

// MaxEntry is the length in bytes of the longest entry.
const MaxEntry = format.MaxEntry

// Append writes an entry of 1 to MaxEntry bytes and returns its id once it
// is durable. The entry may be reused afterwards. After an error the entry may
// or may not be in the log: whoever appends must act as if it were not, and not
// do what it announced.
//
//clause:enforces §5(j).4; record id time
func (l *Log) Append(entry []byte) (id record.ID, err error) {
	switch {
	case len(entry) == 0:
		return record.ID{}, ErrEmpty
	case len(entry) > MaxEntry:
		return record.ID{}, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(entry), MaxEntry)
	}
	b, slot, err := l.join(entry)
	if err != nil {
		return record.ID{}, err
	}
	if slot < b.durable {
		return record.ID{Epoch: b.epoch, Index: b.first + uint64(slot)}, nil
	}
	return record.ID{}, b.err
}

// Refuse makes the log take no more entries until the process is started anew:
// appends fail with the cause, and the log is not ready. It is for whoever learns,
// while the log is open, what would have kept it from being opened, as that
// somebody knows another history of it (ErrKnownMore). Only the first cause
// counts; a log that is not open stays as it is.
func (l *Log) Refuse(cause error) {
	l.mu.Lock()
	first := l.refusal == nil
	if first {
		l.refusal = cause
	}
	l.mu.Unlock()
	if first {
		l.o.Logger.Error("the ledger takes no more entries until the process is started anew", "error", cause)
	}
}

// troubleLasts is how long a failed append keeps a log from being ready. Then
// it gets work again: only an append can show that the trouble is over.
const troubleLasts = 2 * time.Second

// Ready tells why the log should get no more work, or nil: it is not open, it
// is broken, the last append failed within two seconds, checkpoints could not be
// signed for ten seconds, or less than MinFree bytes are free.
func (l *Log) Ready() error {
	l.mu.Lock()
	err := l.refusal
	if err == nil && l.trouble != nil && time.Since(l.failed) < troubleLasts {
		err = l.trouble
	}
	k := l.integrator
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if err := k.troubled(); err != nil {
		return err
	}
	free, err := l.free()
	if err != nil {
		return fmt.Errorf("asking for the free space of %s: %w", l.dir, err)
	}
	if free < l.o.MinFree {
		return fmt.Errorf("%w: %d MiB are free on it, at least %d MiB are asked for; make room or enlarge the volume",
			ErrFull, free>>20, l.o.MinFree>>20)
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
