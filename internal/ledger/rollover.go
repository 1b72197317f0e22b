package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// due reports whether the next entry belongs to a new epoch: the running one is
// full, or of an earlier month, or was closed already.
func (l *Log) due() bool {
	if l.closed != nil || l.beginning || l.next >= l.o.EpochEntries {
		return true
	}
	return months(l.o.Now()) > months(l.epoch.Created)
}

// months counts months in UTC. A clock that goes back over the end of a month
// begins no epoch.
func months(t time.Time) int {
	t = t.UTC()
	return 12*t.Year() + int(t.Month())
}

// nextEpoch ends the epoch with an entry that names the next one, signs its last
// checkpoint, and begins the next, whose genesis entry carries that checkpoint.
// What fails is tried again with the next batch. The commit leader calls it,
// and by Open before there is one.
func (l *Log) nextEpoch() (err error) {
	defer l.counters.failed(opEpoch, &err)
	if l.beginning {
		return l.begin()
	}
	if err := l.close(); err != nil {
		return fmt.Errorf("closing the ledger's epoch: %w", err)
	}
	if err := errors.Join(l.finish(), l.integrator.stop()); err != nil {
		return fmt.Errorf("ending the ledger's epoch: %w", err)
	}
	signed, _, err := format.ReadCheckpoint(l.o.FS, l.epochDir, l.epoch)
	if err != nil {
		return err
	}
	old := format.Previous{Number: l.epoch.Number, Origin: l.epoch.Origin, Key: l.epoch.Key, Checkpoint: string(signed)}
	e, err := l.newEpoch(format.Epoch{Number: l.closed.Number, Origin: l.closed.Origin, Previous: &old, Because: l.because}, l.nextKey())
	if err != nil {
		return err
	}
	if e.Key != l.closed.Key {
		return fmt.Errorf("%w: %s was closed for the key %s", ErrNoSigningKey, old.Origin, l.closed.Key)
	}
	if err := format.CreateEpoch(l.o.FS, l.dir, e); err != nil {
		return err
	}
	if err := l.takeEpoch(e, l.nextKey()); err != nil {
		return err
	}
	l.next, l.number, l.closed, l.because = 0, 0, nil, ""
	l.counters.next.Store(0)
	l.counters.checkpointed(0, l.o.Now())
	l.prepared = make(chan prepared, 1)
	l.prepare()
	l.integrator.start()
	l.owed, l.beginning = append(l.firstEntries(), l.snapshotEntries()...), true
	l.o.Logger.Info("the ledger begins a new epoch", "epoch", e.Number, "origin", e.Origin, "vkey", e.Key)
	return l.begin()
}

// nextKey signs the next epoch.
func (l *Log) nextKey() ed25519.PrivateKey {
	if l.successor != nil {
		return l.successor
	}
	return l.key
}

// close writes the epoch's last entry.
func (l *Log) close() error {
	if l.closed != nil {
		return nil
	}
	next := &format.Previous{Number: l.epoch.Number + 1, Origin: l.epoch.Next(l.o.nodeName())}
	var err error
	if _, next.Key, err = signerOf(l.nextKey(), next.Origin); err != nil {
		return err
	}
	b := newBatch(nil)
	b.add(l.closedEntry(next))
	if l.commit(b); b.err == nil {
		l.closed = next
	}
	return b.err
}

// begin writes what the log owes a new epoch before anything else, and signs it.
func (l *Log) begin() error {
	if len(l.owed) > 0 {
		b := newBatch(nil)
		for _, entry := range l.owed {
			b.add(entry)
		}
		l.commit(b)
		l.owed = l.owed[b.durable:]
		if b.err != nil {
			return b.err
		}
		l.owed = nil
	}
	if err := l.integrator.checkpointNow(); err != nil {
		return fmt.Errorf("signing a new epoch's first checkpoint: %w", err)
	}
	l.beginning = false
	return nil
}

// closedBy notes that an epoch that was read back ends with the entry that
// names the next one: a crash kept that one from being begun.
func (l *Log) closedBy(last []byte) error {
	if !record.IsOf(last, record.TypeClosed) {
		return nil
	}
	var entry record.Closed
	if err := entry.Parse(last); err != nil {
		return fmt.Errorf("the last entry of %s: %w", l.epoch.Origin, err)
	}
	l.closed, l.because = format.PreviousOf(&entry.Next), entry.Because
	return nil
}

// checkBegun asks those who know checkpoints for the epoch that Open has begun
// because it was missing. Mostly a crash kept it from being begun before; but if
// somebody knows it, it was there, and its entries are lost.
func (l *Log) checkBegun() error {
	if l.o.KnownElsewhere == nil {
		return nil
	}
	if err := l.integrator.checkpointNow(); err != nil { // a witness answers only to a checkpoint
		return err
	}
	l.integrator.mu.Lock()
	defer l.integrator.mu.Unlock()
	return l.integrator.checkElsewhere()
}

// lastEntry returns the last entry of an epoch of so many.
func (l *Log) lastEntry(next uint64) (last []byte, err error) {
	w, err := format.NewWalker(l.o.FS, l.epochDir, l.epoch)
	if err != nil || next == 0 {
		return nil, err
	}
	for fr, err := range w.Frames(next - 1) {
		if err != nil {
			return nil, err
		}
		for e := range fr.Entries(next - 1) {
			last = bytes.Clone(e.Data)
		}
	}
	return last, nil
}

// maxBecause is how long a reason may be, in bytes: it stands in two entries.
const maxBecause = 4 << 10

// NewEpoch begins a new epoch of a ledger that no gateway has open, and says
// why in it. There are two reasons to: another key shall sign, which then lies
// in the file nextKey and is named by the old epoch's last entry; or the newest
// epoch is damaged, or its key lost, or the whole ledger. A damaged epoch is left as it is, and
// nothing vouches for what follows but the reason given. The zero nextKey keeps
// the key of o, and the zero o.Node the node of the newest epoch.
func NewEpoch(dir string, o Options, because, nextKey string) error {
	l, err := newRollover(dir, o, because, nextKey)
	if err != nil {
		return err
	}
	err = l.Open()
	switch {
	case errors.Is(err, ErrLost):
		return l.locked(l.beginAnew)
	case format.IsDamage(err) || errors.Is(err, ErrNoSigningKey):
		return l.locked(func() error { return l.beginAfter(err) })
	}
	return errors.Join(err, l.Close())
}

// NewEpochAfter is NewEpoch for a ledger of which somebody knows more than the folder
// has: known is a checkpoint that was kept elsewhere. The new epoch's first entry
// commits to it, so that what is lost stays known to be lost, and who knows it goes on
// with the new epoch. The folder may be empty; what is there is left as it is.
func NewEpochAfter(dir string, o Options, because, nextKey string, known []byte) error {
	l, err := newRollover(dir, o, because, nextKey)
	if err != nil {
		return err
	}
	if err := format.MkdirDurable(l.o.FS, dir); err != nil {
		return fmt.Errorf("making the ledger's folder: %w", err)
	}
	return l.locked(func() error { return l.beginKnown(known) })
}

// newRollover returns an unopened log that begins a new epoch.
func newRollover(dir string, o Options, because, nextKey string) (*Log, error) {
	if because == "" {
		return nil, errors.New("a new epoch needs a reason, which stands in the ledger from then on")
	}
	if len(because) > maxBecause {
		return nil, fmt.Errorf("the reason for a new epoch has %d bytes; at most %d have room in the ledger", len(because), maxBecause)
	}
	if o.Node == "" {
		o.Node = nodeOf(o.withDefaults().FS, dir)
	}
	l := New(dir, o)
	l.because, l.rotate = because, true
	if nextKey != "" {
		key, err := readKey(l.o.FS, nextKey)
		if err != nil {
			return nil, err
		}
		l.successor = key
	}
	return l, nil
}

// nodeOf is the node that the newest epoch's origin names; empty if that cannot
// be known.
func nodeOf(fsys format.FS, dir string) string {
	e, _, ok, err := format.NewestEpoch(fsys, dir)
	if err != nil || !ok {
		return ""
	}
	return format.NodeOf(e.Origin)
}

// locked does something with the lock of a folder that is not open.
func (l *Log) locked(do func() error) (err error) {
	lock, err := l.o.FS.Lock(filepath.Join(l.dir, format.LockName))
	if err != nil {
		return fmt.Errorf("locking the ledger %s: %w", l.dir, err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return do()
}

// beginAfter makes an epoch after one that cannot be opened.
func (l *Log) beginAfter(damage error) error {
	names, err := l.o.FS.Names(l.dir)
	if err != nil {
		return fmt.Errorf("listing the ledger: %w", err)
	}
	numbers := format.EpochNumbers(names)
	if len(numbers) == 0 {
		return damage
	}
	number := numbers[len(numbers)-1]
	old := format.Previous{Number: number}
	if e, err := format.ReadEpoch(l.o.FS, l.dir, number); err == nil {
		old.Origin, old.Key = e.Origin, e.Key
		signed, c, err := format.ReadCheckpoint(l.o.FS, format.EpochDir(l.dir, number), e)
		if err == nil {
			old.Checkpoint = string(signed)
		}
		begun, readErr := l.readNote()
		if readErr != nil {
			return readErr
		}
		if noted, some, _ := begun.Of(e); some && (err != nil || noted.N > c.N) { // it may be what told of the damage
			old.Checkpoint = string(begun.Signed)
		}
	}
	lost := ""
	if bad, damaged := errors.AsType[*CorruptError](damage); damaged {
		lost = record.ID{Epoch: number, Index: bad.Index}.String()
	}
	// The damaged epoch may have been followed by another one that is lost: the
	// new one is a ledger of its own.
	return l.beginLog(&old, number, lost)
}
