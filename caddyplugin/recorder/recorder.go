// Package recorder is where a gateway records transfers: the open ledgers of a
// configuration, one for each class of records. It finds a ledger that the process
// has open already, so that configurations of a reload, which run side by side,
// write through one writer; brings checkpoints to witnesses and copies; deletes
// what has been kept long enough; and counts. It knows neither the policy nor the
// gateway's app.
//
// A [Ledger] is what is written in the configuration, a [Recorder] what follows from
// it, a [Class] one of its ledgers. The methods of shared, a ledger that is open, stand in
// the files of what it does besides recording: columns, copies, shipping, retention, what
// it says of the gateway, what it counts.
package recorder

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/refusals"
)

// Options are what a recorder is told by the gateway, besides its configuration.
type Options struct {
	// Node is the name of the gateway's node, which stands in the ledgers' origins
	// and in the names of records.
	Node string

	// Demo tells that the records prove nothing: a ledger that is gone is begun anew,
	// unless a witness or a copy is named, which would know it. Default: false
	Demo bool

	// Logger takes what happens behind requests.
	Logger *slog.Logger

	// Now is the clock of records. Default: time.Now
	Now func() time.Time

	// Interval is how often expired epochs are looked for. Default: an hour
	Interval time.Duration

	// Heartbeat is how often is looked whether one is due, which it is each hour.
	// Default: 5 seconds. Negative: not at all
	Heartbeat time.Duration

	// Refusals are how many denials stand in full. Default: those of [refusals.Limits]
	Refusals refusals.Limits

	// Patience is for how long an epoch's time must have run out before it is
	// deleted: a machine that starts with a wrong clock, or is told a wrong time, has
	// so long to notice. Default: a day. Negative: not at all
	Patience time.Duration
}

// Recorder is the ledgers of one configuration. Requests in flight use it after
// Close: each holds the ledger it writes to open.
type Recorder struct {
	settings *Ledger
	logger   *slog.Logger
	dir      string
	classes  []*Class          // the default one first
	pooled   []*shared         // this instance holds a reference of each in the pool
	set      *ledger.Set       // of their ledgers
	of       map[string]*Class // of activities that belong to another one than the default
}

// New finds the process's ledgers of a configuration. It opens nothing and creates
// no file: a configuration is also read to be validated, beside the gateway that
// runs. Close gives them back, also after an error if the recorder is not nil.
func New(settings *Ledger, o Options) (*Recorder, error) {
	if settings == nil || settings.Folder == "" {
		return nil, errors.New("no ledger: name the folder transfers are recorded in, as in 'ledger /var/lib/transfergate/ledger'")
	}
	dir, err := filepath.Abs(settings.Folder)
	if err != nil {
		return nil, fmt.Errorf("ledger folder '%s': %w", settings.Folder, err)
	}
	if err := settings.checkOutside(dir); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	writer, err := settings.options(&o)
	if err != nil {
		return nil, err
	}
	if err := settings.checkClasses(dir); err != nil {
		return nil, err
	}
	if settings.Ship != nil {
		if _, err := settings.Ship.store(o.Logger); err != nil {
			return nil, err
		}
	}
	if err := settings.checkCopiesDiffer(); err != nil {
		return nil, err
	}
	r := &Recorder{settings: settings, logger: o.Logger, dir: dir, of: make(map[string]*Class)}
	all := append([]LedgerClass{{Name: record.DefaultClass, Retain: settings.Retain}}, settings.Classes...)
	for _, c := range all {
		keep, err := parseRetain(cmp.Or(c.Retain, defaultRetain))
		if err != nil {
			return r, fmt.Errorf("ledger: class '%s': retain: %w", c.Name, err)
		}
		l, err := load(ledger.At(dir).Of(c.Name).Path, c.Name, writer, &o)
		if err != nil {
			return r, err
		}
		known := newClass(l, keep, o.Node, o.Logger)
		r.classes, r.pooled = append(r.classes, known), append(r.pooled, l)
		for _, activity := range c.Activities {
			r.of[activity] = known
		}
	}
	r.set = newSet(r.classes)
	return r, nil
}

// Open opens the ledgers that are not open, and makes all of them do what this
// configuration says: where checkpoints go, and how long records are kept. It may be
// tried again after an error, see [Recorder.Passes].
func (r *Recorder) Open() error {
	for _, c := range r.classes {
		if err := c.shared.useOutside(r.settings.forClass(c.name), r.logger); err != nil {
			return err
		}
		if err := c.shared.open(c.keep, cmp.Or(r.settings.Reserve, defaultReserve), r.logger); err != nil {
			return fmt.Errorf("opening the ledger: %w", err)
		}
		if err := c.shared.useShip(r.settings.Ship, r.logger); err != nil {
			return err
		}
	}
	return nil
}

// Passes reports whether an error, of Open or of what writes to the ledgers, says no more
// than that their volume cannot be written to for now. Where no ledger was ever begun it
// does not pass: somebody has to see that first.
func (r *Recorder) Passes(err error) bool {
	return ledger.Unwritable(err) && ledger.At(r.dir).Begun()
}

// OfferLatest brings the latest checkpoints to places that a configuration names
// for the first time: the next one comes only with the next entry.
func (r *Recorder) OfferLatest() error {
	for _, c := range r.classes {
		if err := c.shared.offerLatest(); err != nil {
			return fmt.Errorf("reading the ledger's latest checkpoint: %w", err)
		}
	}
	return nil
}

// Idle reports whether no request uses the ledgers.
func (r *Recorder) Idle() bool {
	return r == nil || !slices.ContainsFunc(r.pooled, func(l *shared) bool { return l.users.Load() > 1 }) // the pool is one
}

// Close gives the ledgers back. Each closes when the last request that uses it is
// done, unless another configuration has it.
func (r *Recorder) Close() (err error) {
	if r == nil {
		return nil
	}
	for _, l := range r.pooled {
		err = errors.Join(err, giveBack(l))
	}
	r.pooled = nil
	return err
}

// Dir is the folder of the ledgers, an absolute path: that of the default class, in
// which those of the others lie.
func (r *Recorder) Dir() string { return r.dir }

// Classes are the classes of records, the default one first.
func (r *Recorder) Classes() []*Class { return slices.Clone(r.classes) }

// Class is the class of an activity's records. What is about no activity belongs to
// the default one.
func (r *Recorder) Class(activity string) *Class {
	if c := r.of[activity]; c != nil {
		return c
	}
	return r.classes[0]
}

// Find is the class of that name; nil if there is none.
func (r *Recorder) Find(name string) *Class {
	for _, c := range r.classes {
		if c.name == name {
			return c
		}
	}
	return nil
}

// KeepPolicy keeps the archive of a policy beside every class's records, durably: a
// record that names its digest stays explainable. by is who signed it.
func (r *Recorder) KeepPolicy(digest string, archive []byte, by record.Signed) error {
	for _, l := range r.set.All() {
		if err := l.SnapshotSigned(digest, archive, by); err != nil {
			return fmt.Errorf("keeping the policy in the ledger: %w", err)
		}
	}
	return nil
}

// Ready tells why nothing can be recorded now, if it cannot, or why transfers will be
// refused soon.
func (r *Recorder) Ready() error {
	if err := r.set.Ready(); err != nil {
		return err
	}
	for _, c := range r.classes {
		if err := c.shared.shipped(readyPart); err != nil {
			return err
		}
	}
	return nil
}

// Set is the ledgers of all classes, each of which stays open while it is used.
func (r *Recorder) Set() *ledger.Set { return r.set }

func newSet(classes []*Class) *ledger.Set {
	var members []ledger.Member
	for _, c := range classes {
		members = append(members, ledger.Member{Class: c.name, Log: c.shared.log, Acquire: c.shared.acquire, Release: c.release})
	}
	return ledger.NewSet(members...)
}
