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

// keeper follows the entries of one epoch behind the commit: it hashes what is
// durable, signs checkpoints of it and publishes them. No appender waits for it.
// The order is: entries durable, waiters released, hashed, signed, checkpoint
// durable, checkpoint published.
type keeper struct {
	o        Options
	epoch    format.Epoch
	dir      string
	signer   note.Signer
	counters *counters
	giveBack func(buf []byte) // takes the buffer of a batch that was hashed
	sealer   *sealer
	notifier *notifier

	patience time.Duration // how long checkpoints may fail before the log is not ready

	batches chan handed
	many    chan struct{}   // one token: enough of them wait
	now     chan chan error // who waits for a checkpoint
	quit    chan struct{}
	ended   chan struct{}
	once    sync.Once // ends the goroutine
	failing atomic.Pointer[failing]

	// mu guards the tree, which only the keeper changes.
	mu     sync.Mutex
	tree   *format.Tree
	signed uint64       // size of the last checkpoint
	at     format.Place // of the last frame that was hashed; its path is empty before
	last   []byte       // the last entry that was visited while the log opened
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
// the keeper reads what it missed from the segment.
const handedBatches = 128

// manyBatches, or one of more than manyBytes, are worth waking the keeper. What
// is less waits for the next checkpoint.
const (
	manyBatches = 8
	manyBytes   = 64 << 10
)

func (k *keeper) start() {
	k.batches = make(chan handed, handedBatches)
	k.many, k.now = make(chan struct{}, 1), make(chan chan error)
	k.quit, k.ended = make(chan struct{}), make(chan struct{})
	go k.run()
}

// hand gives the keeper a durable batch together with its buffer. It never
// waits; it reports false if the keeper has too much to do.
func (k *keeper) hand(b *batch) bool {
	if b.frames != 1 || b.err != nil || cap(b.buf) > maxSpare {
		return false // the buffer of a split batch was overwritten by headers
	}
	select {
	case k.batches <- handed{b.place, b.count, b.buf}:
		if len(k.batches) >= manyBatches || len(b.buf) > manyBytes {
			token(k.many)
		}
		return true
	default:
		return false
	}
}

// run hashes batches, and signs a checkpoint once a second if there is news.
func (k *keeper) run() {
	defer close(k.ended)
	tick := time.NewTicker(k.o.CheckpointInterval)
	defer tick.Stop()
	for {
		select {
		case <-k.many:
			k.takeAll()
		case <-tick.C:
			k.publish()
		case done := <-k.now:
			done <- k.checkpoint()
		case <-k.quit:
			return
		}
	}
}

// takeAll hashes what was handed over.
func (k *keeper) takeAll() {
	for {
		select {
		case b := <-k.batches:
			k.take(b)
		default:
			return
		}
	}
}

// take hashes a batch that follows the tree, after what could not be handed
// over. What was read back already comes again and is passed over.
func (k *keeper) take(b handed) {
	if b.place.First > uint64(k.tree.Size()) {
		if err := k.readBack(b.place.First); err != nil {
			k.o.Logger.Warn("reading back entries to hash them; it is tried again", "error", err)
		}
	}
	if b.place.First == uint64(k.tree.Size()) {
		k.hashPayload(b.buf[format.HeaderSize:], b.count)
		k.at = b.place
	}
	k.giveBack(b.buf)
	k.storeSpans()
}

// hashedAtOnce is how many entries are hashed before whoever waits for a record
// goes first: some 30 µs.
const hashedAtOnce = 32

// hashPayload adds the first entries of a payload.
func (k *keeper) hashPayload(payload []byte, count int) {
	for ; count > 0; count -= hashedAtOnce {
		k.mu.Lock()
		for range min(count, hashedAtOnce) {
			_, rest, leaf := format.CutLeaf(payload)
			k.tree.Add(leaf)
			payload = rest
		}
		k.mu.Unlock()
		runtime.Gosched()
	}
}

// catchUp hashes every durable entry, reading those back that were not handed over.
func (k *keeper) catchUp() error {
	for {
		select {
		case b := <-k.batches:
			k.take(b)
			continue
		default:
		}
		limit := k.counters.next.Load() // durable up to here
		if uint64(k.tree.Size()) >= limit {
			return nil
		}
		if len(k.batches) > 0 {
			continue
		}
		if err := k.readBack(limit); err != nil {
			return fmt.Errorf("reading back entries to hash them: %w", err)
		}
	}
}

// readBack hashes entries up to the limit from the segments.
func (k *keeper) readBack(limit uint64) error {
	err := k.readOnce(limit)
	for again := 1; again < format.Rereads && format.IsDamage(err); again++ { // a sealer may have taken a segment away
		err = k.readOnce(limit)
	}
	if err != nil {
		return err
	}
	if size := uint64(k.tree.Size()); size < limit {
		return fmt.Errorf("%s: entries %d to %d are durable but not found", k.dir, size, limit-1)
	}
	k.storeSpans()
	return nil
}

func (k *keeper) readOnce(limit uint64) error {
	w, err := format.NewWalker(k.o.FS, k.dir, k.epoch)
	if err != nil {
		return err
	}
	from := uint64(k.tree.Size())
	w.From = k.at
	err = w.Read(from, func(fr *format.Frame) error {
		if fr.First >= limit {
			return format.ErrEnough
		}
		k.at = format.Place{Path: fr.Path, Offset: fr.Offset, First: fr.First}
		skip := uint64(k.tree.Size()) - fr.First
		payload := fr.Payload
		for range skip {
			_, payload, _ = format.CutEntry(payload)
		}
		k.hashPayload(payload, int(min(fr.First+uint64(fr.Count), limit)-fr.First-skip))
		return nil
	})
	if errors.Is(err, format.ErrEnough) {
		return nil
	}
	return err
}

// publish signs a checkpoint if there is news, makes it durable and tells of it.
func (k *keeper) publish() {
	err := k.checkpoint()
	if err == nil {
		k.failing.Store(nil)
		return
	}
	k.counters.fail(opCheckpoint)
	if k.failing.Load() == nil {
		k.failing.Store(&failing{time.Now(), err})
		k.o.Logger.Error("the ledger cannot sign a checkpoint; it tries again", "error", err)
	}
}

func (k *keeper) checkpoint() error {
	if err := k.catchUp(); err != nil {
		return err
	}
	k.storeSpans() // some may be left from before, or from a failure
	return k.sign()
}

// checkpointNow signs what is durable while the keeper runs, and returns when the
// checkpoint is durable.
func (k *keeper) checkpointNow() error {
	done := make(chan error)
	k.now <- done
	return <-done
}

// sign signs the tree as it is, if it has grown.
func (k *keeper) sign() error {
	size := uint64(k.tree.Size())
	if size == k.signed {
		return nil
	}
	k.mu.Lock()
	signed, _, err := signTree(k.tree, k.epoch.Origin, k.signer)
	k.mu.Unlock()
	if err != nil {
		return err
	}
	if err := format.WriteDurable(k.o.FS, format.CheckpointPath(k.dir), signed); err != nil {
		return fmt.Errorf("writing the checkpoint: %w", err)
	}
	k.signed = size
	k.counters.checkpointed(size, time.Now())
	k.notifier.tell(k.epoch.Origin, signed)
	return nil
}

// stop ends the keeper with a checkpoint of everything. After an error it may be
// called again.
func (k *keeper) stop() error {
	k.once.Do(func() {
		close(k.quit)
		<-k.ended
	})
	err := k.checkpoint()
	if err != nil {
		k.counters.fail(opCheckpoint)
	}
	return err
}

// troubled tells why no checkpoint could be made for a while, if so.
func (k *keeper) troubled() error {
	if f := k.failing.Load(); f != nil && time.Since(f.since) > k.patience {
		return fmt.Errorf("the ledger has signed no checkpoint since %s: %w", f.since.UTC().Format(time.RFC3339), f.err)
	}
	return nil
}

// patience is how long checkpoints may fail before the log is not ready. Tests
// shorten it.
var patience = 10 * time.Second

// storeSpans writes the hashes of complete spans to files.
func (k *keeper) storeSpans() {
	for k.tree.Complete() {
		err := error(nil)
		if k.signed == 0 { // where spans are stored a checkpoint can be expected
			err = k.sign()
		}
		if err == nil {
			err = k.tree.Store() // what it reads only the keeper changes
		}
		if err != nil {
			k.counters.fail(opHash)
			k.o.Logger.Error("the hashes of a full segment stay in memory; it is tried again", "error", err)
			return
		}
		k.mu.Lock()
		k.tree.Forget()
		k.mu.Unlock()
		token(k.sealer.wake)
	}
}

// visit hashes a frame while the log opens.
func (k *keeper) visit(fr *format.Frame) {
	k.at = format.Place{Path: fr.Path, Offset: fr.Offset, First: fr.First}
	index := fr.First
	for rest := fr.Payload; len(rest) > 0; index++ {
		entry, after, leaf := format.CutLeaf(rest) // was checked with the frame
		if len(after) == 0 {
			k.last = append(k.last[:0], entry...)
		}
		if index == uint64(k.tree.Size()) {
			k.tree.Add(leaf)
		}
		rest = after
	}
}

// check compares what was read with the last checkpoint, and with what others
// know of. It changes nothing on the disk.
func (k *keeper) check() error {
	signed, c, err := format.ReadCheckpoint(k.o.FS, k.dir, k.epoch)
	if err != nil {
		return err
	}
	switch path := format.CheckpointPath(k.dir); {
	case signed == nil && k.tree.Stored() > 0:
		return &format.CorruptError{File: path, What: "the checkpoint is missing"}
	case signed != nil:
		if err := k.tree.Covers(c, path); err != nil {
			return err
		}
		k.signed = uint64(c.N)
		k.counters.checkpointed(k.signed, time.Now())
	}
	return k.checkElsewhere()
}

// elsewhereTimeout bounds how long Open waits for those who know checkpoints.
const elsewhereTimeout = 10 * time.Second

func (k *keeper) checkElsewhere() error {
	if k.o.KnownElsewhere == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), elsewhereTimeout)
	defer cancel()
	signed, err := k.o.KnownElsewhere(ctx, k.epoch.Origin)
	if errors.Is(err, ErrKnownMore) {
		return &format.CorruptError{File: k.dir, Index: uint64(k.tree.Size()), What: err.Error()}
	}
	if err != nil {
		k.o.Logger.Warn("nobody could be asked whether the ledger was set back; it opens all the same", "origin", k.epoch.Origin, "error", err)
	}
	if len(signed) == 0 {
		return nil
	}
	v, err := k.epoch.Verifier()
	if err != nil {
		return err
	}
	c, err := tiles.OpenCheckpoint(signed, v)
	if err != nil {
		k.o.Logger.Warn("a checkpoint kept elsewhere is not of this ledger; it opens all the same", "origin", k.epoch.Origin, "error", err)
		return nil
	}
	return k.tree.Covers(c, format.Elsewhere)
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
