package ledger

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// integrator follows the entries of one epoch behind the commit: it hashes what is
// durable, signs checkpoints of it and publishes them. No appender waits for it.
// The order is: entries durable, waiters released, hashed, signed, checkpoint
// durable, checkpoint published.
type integrator struct {
	o        Options
	epoch    format.Epoch
	dir      string
	signer   note.Signer
	counters *counters
	giveBack func(buf []byte) // takes the buffer of a batch that was hashed
	here     func() error     // whether the folder is still the one that was opened
	sealer   *sealer
	notifier *notifier
	begun    begunNote // the integrator's goroutine writes it, and who has stopped that

	patience time.Duration // how long checkpoints may fail before the log is not ready

	batches chan handed
	many    chan struct{}   // one token: enough of them wait
	now     chan chan error // who waits for a checkpoint
	quit    chan struct{}
	ended   chan struct{}
	once    sync.Once // ends the goroutine
	failing atomic.Pointer[failing]

	// mu guards the tree, which only the integrator changes.
	mu     sync.Mutex
	tree   *format.Tree
	signed uint64       // size of the last checkpoint
	at     format.Place // of the last frame that was hashed; its path is empty before
	last   []byte       // the last entry that was visited while the log opened
	more   bool         // more was visited than an epoch begins with
}

// handed is a batch of one frame, handed over in memory.
type handed struct {
	place format.Place // of its frame
	count int
	buf   []byte // room for a header, then the payload
}

// failing says since when checkpoints cannot be made, and why.
type failing struct {
	since time.Time
	err   error
}

// handedBatches bounds the batches that wait to be hashed. When it is reached
// the integrator reads what it missed from the segment.
const handedBatches = 128

// manyBatches, or one of more than manyBytes, are worth waking the integrator. What
// is less waits for the next checkpoint.
const (
	manyBatches = 8
	manyBytes   = 64 << 10
)

func (g *integrator) start() {
	g.batches = make(chan handed, handedBatches)
	g.many, g.now = make(chan struct{}, 1), make(chan chan error)
	g.quit, g.ended = make(chan struct{}), make(chan struct{})
	go g.run()
}

// hand gives the integrator a durable batch together with its buffer. It never
// waits; it reports false if the integrator has too much to do.
func (g *integrator) hand(b *batch) bool {
	if b.frames != 1 || b.err != nil || cap(b.buf) > maxSpare {
		return false // the buffer of a split batch was overwritten by headers
	}
	select {
	case g.batches <- handed{b.place, b.count, b.buf}:
		if len(g.batches) >= manyBatches || len(b.buf) > manyBytes {
			token(g.many)
		}
		return true
	default:
		return false
	}
}

// run hashes batches, and signs a checkpoint once a second if there is news.
func (g *integrator) run() {
	defer close(g.ended)
	tick := time.NewTicker(g.o.CheckpointInterval)
	defer tick.Stop()
	for {
		select {
		case <-g.many:
			g.takeAll()
		case <-tick.C:
			g.publish()
		case done := <-g.now:
			err := g.checkpoint()
			g.begun.write()
			done <- err
		case <-g.quit:
			return
		}
	}
}

// takeAll hashes what was handed over.
func (g *integrator) takeAll() {
	for {
		select {
		case b := <-g.batches:
			g.take(b)
		default:
			return
		}
	}
}

// take hashes a batch that follows the tree, after what could not be handed
// over. What was read back already comes again and is passed over.
func (g *integrator) take(b handed) {
	if b.place.First > uint64(g.tree.Size()) {
		if err := g.readBack(b.place.First); err != nil {
			g.counters.fail(opHash)
			g.o.trouble.Warn("reading back entries to hash them; it is tried again", "error", err)
		}
	}
	if b.place.First == uint64(g.tree.Size()) {
		g.hash(&format.Frame{Header: format.Header{First: b.place.First}, Payload: b.buf[format.HeaderSize:]}, b.place.First+uint64(b.count))
		g.at = b.place
	}
	g.giveBack(b.buf)
	g.storeSubtrees()
}

// hashedAtOnce is how many entries are hashed before whoever waits for a record
// goes first: some 30 µs.
const hashedAtOnce = 32

// hash adds a frame's entries that are not hashed yet, up to the limit.
func (g *integrator) hash(fr *format.Frame, limit uint64) {
	hashed := 0
	g.mu.Lock()
	defer g.mu.Unlock()
	for e, leaf := range fr.Leaves() {
		if e.Index >= limit {
			break
		}
		if e.Index < uint64(g.tree.Size()) {
			continue
		}
		g.tree.Add(leaf)
		if hashed++; hashed%hashedAtOnce == 0 {
			g.mu.Unlock()
			runtime.Gosched()
			g.mu.Lock()
		}
	}
}

// catchUp hashes every durable entry, reading those back that were not handed over.
func (g *integrator) catchUp() error {
	for {
		select {
		case b := <-g.batches:
			g.take(b)
			continue
		default:
		}
		limit := g.counters.next.Load() // durable up to here
		if uint64(g.tree.Size()) >= limit {
			return nil
		}
		if len(g.batches) > 0 {
			continue
		}
		if err := g.readBack(limit); err != nil {
			return fmt.Errorf("reading back entries to hash them: %w", err)
		}
	}
}

// readBack hashes entries up to the limit from the segments.
func (g *integrator) readBack(limit uint64) error {
	err := g.readOnce(limit)
	for again := 1; again < format.Rereads && format.IsDamage(err); again++ { // a sealer may have taken a segment away
		err = g.readOnce(limit)
	}
	if err != nil {
		return err
	}
	if size := uint64(g.tree.Size()); size < limit {
		return fmt.Errorf("%s: entries %d to %d are durable but not found", g.dir, size, limit-1)
	}
	g.storeSubtrees()
	return nil
}

func (g *integrator) readOnce(limit uint64) error {
	w, err := format.NewWalker(g.o.FS, g.dir, g.epoch)
	if err != nil {
		return err
	}
	w.From = g.at
	for fr, err := range w.Frames(uint64(g.tree.Size())) {
		if err != nil {
			return err
		}
		if fr.First >= limit {
			break
		}
		g.at = format.Place{Path: fr.Path, Offset: fr.Offset, First: fr.First}
		g.hash(fr, limit)
	}
	return nil
}

// publish signs a checkpoint if there is news, makes it durable and tells of it.
func (g *integrator) publish() {
	err := g.checkpoint()
	if errors.Is(err, ErrLost) {
		return // it was said, and nothing more is taken
	}
	g.begun.writeSometimes()
	if err == nil {
		g.failing.Store(nil)
		return
	}
	g.counters.fail(opCheckpoint)
	if g.failing.Load() == nil {
		g.failing.Store(&failing{time.Now(), err})
		g.o.trouble.Error("the ledger cannot sign a checkpoint; it tries again", "error", err)
	}
}

func (g *integrator) checkpoint() error {
	if err := g.here(); err != nil {
		return err
	}
	if err := g.catchUp(); err != nil {
		return err
	}
	g.storeSubtrees() // some may be left from before, or from a failure
	return g.sign()
}

// checkpointNow signs what is durable while the integrator runs, and returns when the
// checkpoint is durable.
func (g *integrator) checkpointNow() error {
	done := make(chan error)
	g.now <- done
	return <-done
}

// sign signs the tree as it is, if it has grown.
func (g *integrator) sign() error {
	size := uint64(g.tree.Size())
	if size == g.signed {
		return nil
	}
	g.mu.Lock()
	signed, _, err := signTree(g.tree, g.epoch.Origin, g.signer)
	g.mu.Unlock()
	if err != nil {
		return err
	}
	if err := format.WriteDurable(g.o.FS, format.CheckpointPath(g.dir), signed); err != nil {
		return fmt.Errorf("writing the checkpoint: %w", err)
	}
	g.signed, g.begun.latest = size, signed
	g.counters.checkpointed(size, time.Now())
	g.notifier.tell(g.epoch.Origin, signed)
	return nil
}

// stop ends the integrator with a checkpoint of everything. After an error it may be
// called again.
func (g *integrator) stop() error {
	g.once.Do(func() {
		close(g.quit)
		<-g.ended
	})
	err := g.checkpoint()
	if err != nil {
		g.counters.fail(opCheckpoint)
	}
	g.begun.write()
	return err
}

// troubled tells why no checkpoint could be made for a while, if so.
func (g *integrator) troubled() error {
	if f := g.failing.Load(); f != nil && time.Since(f.since) > g.patience {
		return fmt.Errorf("the ledger has signed no checkpoint since %s: %w", f.since.UTC().Format(time.RFC3339), f.err)
	}
	return nil
}

// patience is how long checkpoints may fail before the log is not ready. Tests
// shorten it.
var patience = 10 * time.Second

// storeSubtrees writes the hashes of complete subtrees to files.
func (g *integrator) storeSubtrees() {
	for g.tree.Complete() {
		err := error(nil)
		if g.signed == 0 { // where subtrees are stored a checkpoint can be expected
			err = g.sign()
		}
		if err == nil {
			err = g.tree.Store() // what it reads only the integrator changes
		}
		if err != nil {
			g.counters.fail(opHash)
			g.o.trouble.Error("the hashes of a full segment stay in memory; it is tried again", "error", err)
			return
		}
		g.mu.Lock()
		g.tree.Forget()
		g.mu.Unlock()
		token(g.sealer.wake)
	}
}

// visit hashes a frame while the log opens.
func (g *integrator) visit(fr *format.Frame) {
	g.at = format.Place{Path: fr.Path, Offset: fr.Offset, First: fr.First}
	var last []byte
	for e, leaf := range fr.Leaves() {
		last = e.Data
		g.more = g.more || !format.Begins(e)
		if e.Index == uint64(g.tree.Size()) {
			g.tree.Add(leaf)
		}
	}
	if last != nil {
		g.last = append(g.last[:0], last...)
	}
}

// check compares what was read with the last checkpoint, and with what others
// know of. It changes nothing on the disk.
func (g *integrator) check() error {
	signed, c, err := format.ReadCheckpoint(g.o.FS, g.dir, g.epoch)
	if err != nil {
		return err
	}
	switch path := format.CheckpointPath(g.dir); {
	case signed == nil && (g.tree.Stored() > 0 || g.more):
		return format.MissingCheckpoint(g.dir, "Other entries are there")
	case signed != nil:
		if err := g.tree.Covers(c, path); err != nil {
			return err
		}
		g.signed, g.begun.latest = uint64(c.N), signed
		g.counters.checkpointed(g.signed, time.Now())
	}
	return g.checkElsewhere()
}

// elsewhereTimeout bounds how long Open waits for those who know checkpoints.
const elsewhereTimeout = 10 * time.Second

func (g *integrator) checkElsewhere() error {
	if g.o.KnownElsewhere == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), elsewhereTimeout)
	defer cancel()
	signed, err := g.o.KnownElsewhere(ctx, g.epoch.Origin)
	if errors.Is(err, ErrKnownMore) {
		return &format.CorruptError{File: g.dir, Index: uint64(g.tree.Size()), What: err.Error()}
	}
	if err != nil {
		g.o.Logger.Warn("nobody could be asked whether the ledger was set back; it opens all the same", "origin", g.epoch.Origin, "error", err)
	}
	if len(signed) == 0 {
		return nil
	}
	v, err := g.epoch.Verifier()
	if err != nil {
		return err
	}
	c, err := tiles.OpenCheckpoint(signed, v)
	if err != nil {
		g.o.Logger.Warn("a checkpoint kept elsewhere is not of this ledger; it opens all the same", "origin", g.epoch.Origin, "error", err)
		return nil
	}
	return g.tree.Covers(c, format.Elsewhere)
}

// sign makes a signed checkpoint of the tree as it is.
func signTree(t *format.Tree, origin string, s note.Signer) ([]byte, tlog.Hash, error) {
	root, err := t.Root(t.Size())
	if err != nil {
		return nil, root, fmt.Errorf("computing the root hash: %w", err)
	}
	text := tiles.Checkpoint{Origin: origin, Tree: tlog.Tree{N: t.Size(), Hash: root}}.String()
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return nil, root, fmt.Errorf("signing a checkpoint: %w", err)
	}
	return signed, root, nil
}
