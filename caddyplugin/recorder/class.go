package recorder

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// Class is a class of records that are kept equally long: a ledger of its own, with
// epochs of its own, because an epoch goes as a whole.
type Class struct {
	name    string
	prefix  string // of the names of its records
	shared  *shared
	keep    ledger.Retain
	release func() // gives back what Acquire took; made once

	day atomic.Pointer[retainedDay]
}

// retainedDay is how long the records of one day are kept.
type retainedDay struct {
	day   int64 // since 1970, in UTC
	until string
}

func newClass(l *shared, keep ledger.Retain, node string, logger *slog.Logger) *Class {
	c := &Class{name: l.class, prefix: node + "#", shared: l, keep: keep}
	if c.name != record.DefaultClass {
		c.prefix = node + "/" + c.name + "#"
	}
	c.release = func() {
		if err := l.release(); err != nil {
			logger.Error("closing the ledger", "error", err)
		}
	}
	return c
}

// Name is the class's name, record.DefaultClass for the default one.
func (c *Class) Name() string { return c.name }

// Dir is the folder of its ledger, an absolute path.
func (c *Class) Dir() string { return c.shared.dir }

// Log is its ledger. It is closed unless somebody has acquired it or its
// configuration runs.
func (c *Class) Log() *ledger.Log { return c.shared.log }

// Standing is what stands, as the ledger's entries say: also before it is open, when
// there is one.
func (c *Class) Standing() (record.Standing, error) {
	s, err := c.shared.log.Standing()
	if errors.Is(err, ledger.ErrNotOpen) {
		return ledger.At(c.shared.dir).Standing()
	}
	return s, err
}

// State changes what stands, and has an entry say so. The ledger must be open, or opening.
func (c *Class) State(change func(*record.Standing)) error {
	release, open := c.Acquire()
	if !open {
		return ledger.ErrClosed
	}
	defer release()
	return c.shared.log.State(change)
}

// Acquire keeps the ledger open until release is called, which is done once. It
// reports whether the ledger is not closed already: there is nothing to release then.
func (c *Class) Acquire() (release func(), open bool) {
	return c.release, c.shared.acquire()
}

// Append makes a record durable and returns its place, after what is owed of how the
// gateway is set. Whoever calls it has acquired the ledger. It fails as
// [ledger.Log.Append] does.
func (c *Class) Append(entry []byte) (id record.ID, err error) {
	began := time.Now()
	if err := c.shared.payFirst(); err != nil {
		return id, err
	}
	id, err = c.shared.log.Append(entry)
	if err == nil {
		processMetrics().appends.Observe(time.Since(began).Seconds())
	}
	return id, err
}

// RecordName is the number by which a record is known outside, such as
// gw-sg-1#7.18402: the node, the ledger's epoch and the index in it. The name of a
// class that is kept apart follows the node: gw-sg-1/support#7.18402.
func (c *Class) RecordName(id record.ID) string {
	var room [96]byte
	return string(id.Append(append(room[:0], c.prefix...)))
}

// Until is the last day on which a record of the time t is kept. The date is
// written once a day.
func (c *Class) Until(t time.Time) string {
	day := t.Unix() / (24 * 60 * 60)
	if known := c.day.Load(); known != nil && known.day == day {
		return known.until
	}
	today := &retainedDay{day, c.keep.Until(t)}
	c.day.Store(today)
	return today.until
}

// View returns a view of an epoch, 0 for the newest, and the key of its checkpoints.
// The error is fs.ErrNotExist if there is no such epoch, or none any more.
func (c *Class) View(epoch uint32) (*ledger.View, note.Verifier, error) {
	return c.shared.views.open(epoch)
}
