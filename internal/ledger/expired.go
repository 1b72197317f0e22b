package ledger

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// Retain is how long entries are kept: so many years, months and days. The zero
// Retain keeps them for ever.
type Retain struct{ Years, Months, Days int }

// After is when an entry of the time t has been kept long enough.
func (r Retain) After(t time.Time) time.Time { return t.UTC().AddDate(r.Years, r.Months, r.Days) }

// Until is the last day on which an entry of the time t is kept, as it stands in
// a Record.
func (r Retain) Until(t time.Time) string { return r.After(t).Format(time.DateOnly) }

// stretch is one of time, with both ends.
type stretch struct{ from, to time.Time }

// closedEpoch is what the entries of an epoch that is no longer written say.
type closedEpoch struct {
	entries     uint64
	first, last time.Time             // of its entries, by their own clock
	until       time.Time             // after the last day that a record names
	checkpoint  []byte                // its last, signed; nil if it had none
	deleted     []record.DeletedEpoch // that its entries say were deleted
	damage      error                 // why it cannot be read to its end
}

// due is when every entry may go: the records say when, and what is asked for
// now may only keep them longer.
func (c *closedEpoch) due(keep Retain) time.Time {
	if due := keep.After(c.last); due.After(c.until) {
		return due
	}
	return c.until
}

// readClosed reads an epoch's entries. It is done once for each epoch: they
// never change. Damage is remembered too, and an epoch that has some stays.
func (l *Log) readClosed(ctx context.Context, e format.Epoch) (*closedEpoch, error) {
	if known := l.expired[e.Number]; known != nil {
		return known, nil
	}
	c := &closedEpoch{first: e.Created, last: e.Created}
	err := c.read(ctx, l.o.FS, format.EpochDir(l.dir, e.Number), e)
	if err != nil && !format.IsDamage(err) {
		return nil, err
	}
	if c.damage = err; err != nil {
		l.counters.fail(opRetention)
		l.o.Logger.Error("the time of an epoch has run out, but it is damaged; it is kept as evidence", "epoch", e.Number, "error", err)
	}
	l.expired[e.Number] = c
	return c, nil
}

func (c *closedEpoch) read(ctx context.Context, fsys format.FS, dir string, e format.Epoch) error {
	if e.Origin == "" {
		return &format.CorruptError{File: filepath.Join(dir, format.EpochFile), What: "the epoch's settings cannot be read"}
	}
	w, err := format.NewWalker(fsys, dir, e)
	if err != nil {
		return err
	}
	began := time.Now()
	_, err = w.Run(nil, func(fr *format.Frame) error {
		if worked := time.Since(began); worked > readAtOnce { // whoever waits for a record has half of the time
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(worked):
				began = time.Now()
			}
		}
		for e := range fr.Entries(0) {
			if err := c.take(dir, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	signed, checkpoint, err := format.ReadCheckpoint(fsys, dir, e)
	if err == nil && uint64(checkpoint.N) > c.entries {
		err = &format.CorruptError{File: format.CheckpointPath(dir), Index: c.entries, What: fmt.Sprintf("the epoch has %d entries, its checkpoint %d", c.entries, checkpoint.N)}
	}
	c.checkpoint = signed
	return err
}

// readAtOnce is how long an expired epoch is read without a pause.
const readAtOnce = 2 * time.Millisecond

// take looks at an entry.
func (c *closedEpoch) take(dir string, e format.Entry) error {
	c.entries++
	entry, err := record.Parse(e.Data)
	if err != nil {
		return &format.CorruptError{File: dir, Index: e.Index, What: "it cannot be told how long the entry is kept: " + err.Error()}
	}
	until := ""
	switch entry := entry.(type) {
	case *record.Transfer:
		until = entry.RetainUntil
	case *record.Deleted:
		c.deleted = append(c.deleted, entry.Deleted)
	case *record.Other:
		if entry.Type == record.TypeDeleted {
			return &format.CorruptError{File: dir, Index: e.Index, What: "a later version of this program says there which epoch was deleted"}
		}
		until, _ = entry.Text("retain_until")
	}
	if t := entry.Head().Time; !t.IsZero() {
		if t.After(c.last) {
			c.last = t
		}
		if t.Before(c.first) {
			c.first = t
		}
	}
	if day, err := time.Parse(time.DateOnly, until); err == nil {
		if end := day.AddDate(0, 0, 1); end.After(c.until) {
			c.until = end
		}
	}
	return nil
}
