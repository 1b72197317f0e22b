package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// Retention is what a run of DeleteExpired did and found.
type Retention struct {
	Deleted []uint32 // epochs that are gone
	Held    []uint32 // epochs whose time has run out, and that a hold keeps
	Damaged []uint32 // epochs whose time has run out, but that cannot be read
	Waiting []uint32 // epochs whose time has run out, but not for long enough, see Options.DueFor
	Keys    []string // periods whose keys are gone
}

// DeleteExpired deletes every epoch whose time has run out and that no hold
// keeps, as a whole: each record's retain_until has passed, and keep has since its
// last entry. The one that is written stays; it ends with its month also if
// nothing is recorded. What is left of the epoch is an entry, which is durable
// first and carries its last checkpoint, so that the others verify as before.
// Keys of the pseudonyms that no entry needs any more are destroyed. What a crash
// interrupts is done by the next run. With the zero Retain nothing is deleted.
//
//clause:enforces §6.1; record retain_until
func (l *Log) DeleteExpired(ctx context.Context, keep Retain) (r Retention, err error) {
	l.retaining.Lock()
	defer l.retaining.Unlock()
	defer func() {
		if err != nil && ctx.Err() == nil {
			l.counters.fail(opRetention)
		}
	}()
	if err := l.turnEpoch(); err != nil {
		return r, err
	}
	if err := l.sweep(); err != nil || keep == (Retain{}) {
		return r, err
	}
	epochs, err := l.epochs()
	if err != nil {
		return r, err
	}
	holds, err := l.inForce()
	if err != nil {
		return r, err
	}
	stands, err := l.Standing()
	if err != nil {
		return r, err
	}
	l.overdue.look(stands.Overdue, epochs)
	left, err := l.expireAll(ctx, epochs, keep, holds, &r)
	if err = errors.Join(err, l.keepOverdue()); err != nil {
		return r, err
	}
	if err := l.sweep(); err != nil {
		return r, err
	}
	r.Keys, err = l.destroyUnused(left)
	return r, err
}

// expireAll deletes what may go of the epochs and returns the time of the entries
// that stay.
func (l *Log) expireAll(ctx context.Context, epochs []format.Epoch, keep Retain, holds []Hold, r *Retention) (left []stretch, err error) {
	for i, e := range epochs {
		if i+1 == len(epochs) {
			left = append(left, stretch{e.Created, forever})
			continue
		}
		gone, s, err := l.expire(ctx, e, epochs[i+1], keep, holds, r)
		if err != nil {
			return nil, err
		}
		if !gone {
			left = append(left, s)
		}
	}
	return left, nil
}

// turnEpoch begins the next epoch if it is due, although there is nothing to append.
func (l *Log) turnEpoch() error {
	b, _, err := l.join(nil)
	if err != nil {
		return err
	}
	return b.err
}

// refused tells why appends are refused, if they are.
func (l *Log) refused() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refusal
}

// forever ends the time of an epoch that has no end yet, or none that is known.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// epochs are the epochs that are there, up to the one that is written. Of one
// whose settings are damaged, or are not those that its first entry names, only the
// number is known.
func (l *Log) epochs() (all []format.Epoch, err error) {
	current := l.counters.epoch.Load()
	numbers, _, err := format.ListEpochs(l.o.FS, l.dir)
	if err != nil {
		return nil, err
	}
	for _, number := range numbers {
		if number > current {
			break // it is being begun
		}
		e, err := format.ReadEpoch(l.o.FS, l.dir, number)
		if err == nil {
			err = l.asBegun(e)
		}
		if format.IsDamage(err) || errors.Is(err, fs.ErrNotExist) {
			e, err = format.Epoch{Number: number}, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// asBegun makes sure that an epoch's settings are those that its first entry names: what
// is deleted, and what is said of it, rests on when the epoch was begun.
func (l *Log) asBegun(e format.Epoch) error {
	dir := format.EpochDir(l.dir, e.Number)
	w, err := format.NewWalker(l.o.FS, dir, e)
	if err != nil {
		return err
	}
	for fr, err := range w.Frames(0) {
		if err != nil {
			return err
		}
		for first := range fr.Entries(0) {
			var genesis record.Genesis
			if err := genesis.Parse(first.Data); err != nil || genesis.Settings != e.Digest() {
				return &format.CorruptError{File: filepath.Join(dir, format.EpochFile), What: "the file is not the one that the epoch's first entry names"}
			}
			return nil
		}
	}
	return nil
}

// expire deletes an epoch if it may go. next is the epoch after it that is left.
// If it stays, the time of its entries is returned.
func (l *Log) expire(ctx context.Context, e, next format.Epoch, keep Retain, holds []Hold, r *Retention) (gone bool, s stretch, err error) {
	follows := next.Number == e.Number+1 && next.Origin != ""
	if s = (stretch{e.Created, next.Created}); follows && l.o.Now().Before(keep.After(next.Created)) {
		l.overdue.forget(e.Number)
		return false, s, nil // without reading it
	}
	c, err := l.readClosed(ctx, e)
	if err != nil {
		return false, s, err
	}
	if c.damage != nil {
		r.Damaged = append(r.Damaged, e.Number)
		return false, stretch{e.Created, forever}, nil
	}
	s = stretch{c.first, c.last}
	due := c.due(keep)
	if l.o.Now().Before(due) {
		l.overdue.forget(e.Number)
		return false, s, nil
	}
	if l.overdue.waits(e.Number, l.o.DueFor) {
		r.Waiting = append(r.Waiting, e.Number)
		return false, s, nil
	}
	if slices.ContainsFunc(holds, func(h Hold) bool { return h.covers(s) }) {
		r.Held = append(r.Held, e.Number)
		return false, s, nil
	}
	d := record.DeletedEpoch{
		Epoch:    record.Epoch{Number: e.Number, Origin: e.Origin, Key: e.Key, Checkpoint: string(c.checkpoint)},
		Previous: e.Previous.Entry(), Because: e.Because, Lost: e.Lost,
		Entries: c.entries, Created: e.Created, Last: c.last, RetainUntil: due, At: l.o.Now(),
	}
	if follows && next.Previous != nil {
		d.Checkpoint = next.Previous.Checkpoint // what joins the two
	}
	if err := l.delete(d, c.deleted); err != nil {
		return false, s, fmt.Errorf("deleting epoch %d: %w", e.Number, err)
	}
	r.Deleted = append(r.Deleted, e.Number)
	return true, s, nil
}

// delete records that an epoch is deleted, and puts its folder away. What it says
// of others would be lost with it, and is said again.
func (l *Log) delete(d record.DeletedEpoch, others []record.DeletedEpoch) error {
	for _, gone := range append(slices.Clip(others), d) {
		entry, err := l.deletedEntry(gone)
		if err != nil {
			return err
		}
		if _, err := l.Append(entry); err != nil {
			return err
		}
	}
	path := format.EpochDir(l.dir, d.Number)
	l.sealer.busy.Lock() // it would make folders anew
	err := l.o.FS.Rename(path, path+format.DeletedSuffix)
	l.sealer.busy.Unlock()
	if err == nil {
		err = l.o.FS.SyncDir(l.dir)
	}
	if err != nil {
		return err
	}
	delete(l.expired, d.Number)
	l.overdue.forget(d.Number)
	l.o.Logger.Info("an epoch is deleted, whose time has run out", "epoch", d.Number, "origin", d.Origin, "entries", d.Entries)
	return nil
}

// sweep removes the folders of deleted epochs.
func (l *Log) sweep() error {
	names, err := l.o.FS.Names(l.dir)
	if err != nil {
		return fmt.Errorf("listing the ledger: %w", err)
	}
	for _, name := range names {
		if !format.IsDeleted(name) {
			continue
		}
		err := removeAll(l.o.FS, filepath.Join(l.dir, name))
		if err == nil {
			err = l.o.FS.SyncDir(l.dir)
		}
		if err != nil {
			return fmt.Errorf("removing a deleted epoch: %w", err)
		}
	}
	return nil
}

// removeAll removes a folder with all that is in it, or a file.
func removeAll(fsys format.FS, path string) error {
	names, err := fsys.Names(path)
	if err == nil {
		for _, name := range names {
			if err := removeAll(fsys, filepath.Join(path, name)); err != nil {
				return err
			}
		}
	}
	if err := fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// keySlack is how far from the time for which a key was made it may have been
// used: while the next one was being made, or by a clock that was set.
const keySlack = 24 * time.Hour

// destroyUnused destroys the keys that no entry of the epochs left can name
// anybody by. While an epoch is there that was begun in the future, a clock was
// wrong, and nothing is destroyed.
func (l *Log) destroyUnused(left []stretch) (gone []string, err error) {
	now := l.o.Now().Add(keySlack)
	if slices.ContainsFunc(left, func(s stretch) bool { return s.from.After(now) }) {
		return nil, nil
	}
	keys := l.Keys()
	for i := 0; i+1 < len(keys); i++ {
		if keys[i].Current {
			continue
		}
		used := Hold{From: keys[i].From.Add(-keySlack), To: keys[i+1].From.Add(keySlack)}
		if slices.ContainsFunc(left, used.covers) {
			continue
		}
		if err := l.DestroyKey(keys[i].Period); err != nil {
			return gone, err
		}
		gone = append(gone, keys[i].Period)
	}
	return gone, nil
}
