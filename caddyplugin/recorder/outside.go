package recorder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/anchor"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// checkOutside makes sure that the places outside can be used, and lie outside.
func (l *Ledger) checkOutside(dir string) error {
	if _, _, err := l.places(); err != nil {
		return err
	}
	for _, target := range l.Copies {
		if rel, err := filepath.Rel(dir, target); err == nil && filepath.IsLocal(rel) {
			return fmt.Errorf("the copy '%s' lies in the ledger's own folder: whoever sets the folder back sets the copy back too; "+
				"name a file on another volume", target)
		}
	}
	return nil
}

// checkCopiesDiffer makes sure that each class has places of its own: a place takes the
// latest checkpoint of one ledger.
func (l *Ledger) checkCopiesDiffer() error {
	of := make(map[string]string) // the class that a place is of
	classes := append([]LedgerClass{{Name: record.DefaultClass}}, l.Classes...)
	for _, c := range classes {
		for _, target := range l.forClass(c.Name).Copies {
			if other, twice := of[target]; twice {
				return fmt.Errorf("the copy '%s' is named twice, for the ledger's classes '%s' and '%s': each class has one of its own, "+
					"whose name ends in that of the class; name another place", target, other, c.Name)
			}
			of[target] = c.Name
		}
	}
	return nil
}

func (l *Ledger) places() (witnesses []*anchor.Witness, copies []*anchor.Copy, err error) {
	for _, w := range l.Witnesses {
		witness, err := anchor.NewWitness(w.URL, w.Key)
		if err != nil {
			return nil, nil, err
		}
		witnesses = append(witnesses, witness)
	}
	for _, target := range l.Copies {
		c, err := anchor.NewCopy(target)
		if err != nil {
			return nil, nil, err
		}
		copies = append(copies, c)
	}
	return witnesses, copies, nil
}

// outside is what brings a ledger's checkpoints to places outside, and the
// settings it was made with.
type outside struct {
	publisher *anchor.Publisher
	witnesses []LedgerWitness
	copies    []string
	states    *placeStates
}

// useOutside makes the ledger use the places of a configuration that starts.
func (l *shared) useOutside(settings *Ledger, logger *slog.Logger) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	old := l.outside.Load()
	if old == nil {
		old = new(outside)
	}
	if slices.Equal(old.witnesses, settings.Witnesses) && slices.Equal(old.copies, settings.Copies) {
		return nil
	}
	witnesses, copies, err := settings.places()
	if err != nil {
		return err
	}
	m, states := processMetrics(), new(placeStates)
	publisher := anchor.New(anchor.Options{
		Log: l.anchored, Witnesses: witnesses, Copies: copies, Logger: logger,
		OnAhead: l.refuse,
		OnPush: func(place string, size int64, err error) {
			m.pushed(place, size, err, time.Now())
			states.pushed(place, size, err, time.Now())
		},
	})
	l.outside.Store(&outside{publisher, slices.Clone(settings.Witnesses), slices.Clone(settings.Copies), states})
	if old.publisher != nil {
		go old.publisher.Close() // it may wait for a place that does not answer
	}
	return nil
}

// offerLatest brings the latest checkpoint to places that a configuration names
// for the first time: the next one comes only with the next entry.
func (l *shared) offerLatest() error {
	if l.outside.Load() == nil {
		return nil
	}
	view, _, err := l.views.open(0)
	if err != nil {
		return err
	}
	signed, err := view.Checkpoint()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		l.published(signed)
	}
	return err
}

// published brings a checkpoint to the places outside.
func (l *shared) published(signed []byte) {
	if o := l.outside.Load(); o != nil {
		o.publisher.Offer(signed)
	}
}

// knownElsewhere asks the places outside whether the ledger was set back.
func (l *shared) knownElsewhere(ctx context.Context, origin string) error {
	o := l.outside.Load()
	if o == nil {
		return nil
	}
	return knownMore(o.publisher.Known(ctx, origin))
}

// knownBefore asks the places outside for a ledger that would be begun.
func (l *shared) knownBefore(ctx context.Context, empty []byte, vkey string) error {
	o := l.outside.Load()
	if o == nil {
		return nil
	}
	key, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	return knownMore(o.publisher.KnownBefore(ctx, empty, key))
}

// knownMore tells the ledger which errors keep it from opening.
func knownMore(err error) error {
	if _, ahead := errors.AsType[*anchor.AheadError](err); ahead {
		return fmt.Errorf("%w: %w", ledger.ErrKnownMore, err)
	}
	return err
}

// refuse ends the taking of records because a place outside knows another history
// of the ledger, as that keeps it from opening. An older epoch does not matter: it
// takes none.
func (l *shared) refuse(ahead *anchor.AheadError) {
	view, _, err := l.views.open(0)
	if err != nil || view.Origin() == ahead.Origin {
		l.log.Refuse(errors.Join(fmt.Errorf("%w: %w", ledger.ErrKnownMore, ahead), err))
	}
}

// closeOutside waits until the last checkpoint is brought outside, or cannot be.
func (l *shared) closeOutside() {
	if o := l.outside.Load(); o != nil {
		o.publisher.Close()
	}
}

// anchored returns the log of an origin, which ends in the epoch's name.
func (l *shared) anchored(origin string) (anchor.Log, error) {
	number := ledger.EpochOf(origin)
	if number == 0 {
		return anchor.Log{}, fmt.Errorf("the log '%s' is not an epoch of a ledger", origin)
	}
	view, key, err := l.views.open(number)
	if err == nil && view.Origin() != origin {
		err = fmt.Errorf("%s is the log '%s'", view.Dir(), view.Origin())
	}
	if err != nil {
		return anchor.Log{}, err
	}
	earlier, err := l.earlier(number)
	return anchor.Log{Source: view, Key: key, Witnessed: view.WitnessedFile(), Earlier: earlier}, err
}

// earlier are the epochs that an epoch follows, as far as they, or the epoch after
// them, can be read.
func (l *shared) earlier(number uint32) (all []anchor.Earlier, err error) {
	dir := l.views.dir
	numbers, err := dir.Epochs()
	if err != nil {
		return nil, err
	}
	var views []*ledger.View // oldest first
	of := make(map[string]*ledger.View)
	for _, n := range numbers {
		view, err := dir.View(n)
		if err != nil || n > number {
			continue // it is damaged, and was when the next one was begun
		}
		views, of[view.Origin()] = append(views, view), view
	}
	for _, view := range slices.Backward(views) {
		before, signed := view.Previous()
		if before == "" {
			continue
		}
		e := anchor.Earlier{Origin: before, Checkpoint: signed}
		if v := of[before]; v != nil {
			if e.Key, err = note.NewVerifier(v.VerifierKey()); err != nil {
				return nil, fmt.Errorf("the key of %s: %w", before, err)
			}
			e.Source = v
		}
		all = append(all, e)
	}
	return all, nil
}
