package recorder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/fleet"
	"github.com/sparkoo/transfergate/internal/regular"
)

// shipFolder is the folder, in a ledger's, of the notes of what is shipped.
const shipFolder = "ship"

// shipNoteLimit bounds such a note in bytes.
const shipNoteLimit = 64 << 10

// shipLook is how often is looked how far the store is behind.
const shipLook = time.Second

// shipping is what brings a ledger to its store. It outlives a reload that does not change
// where that is.
type shipping struct {
	settings Ship
	shipper  *fleet.Shipper
	log      fleet.Log // for looking how much waits
	end      context.CancelFunc
	running  sync.WaitGroup

	behind atomic.Pointer[behind]
}

// behind is how far the store is behind.
type behind struct {
	records uint64
	age     time.Duration // for how long the oldest record waits, or nothing could be done
	failing time.Time     // since when; zero if it does not
	setBack bool          // never again by itself
	forks   uint64
}

// beyond reports whether that is more than a part of what is allowed.
func (b *behind) beyond(s *Ship, part float64) bool {
	if b == nil {
		return false
	}
	if b.setBack {
		return true
	}
	if age := s.age(); age > 0 && float64(b.age) > part*float64(age) {
		return true
	}
	return s.UnshippedRecords > 0 && float64(b.records) > part*float64(s.UnshippedRecords)
}

// readyPart is the part of what is allowed from which on the gateway is not ready: a
// balancer takes it out before it refuses anybody.
const readyPart = 0.75

// useShip makes the ledger, which is open, go where a configuration that starts says.
func (l *shared) useShip(settings *Ship, logger *slog.Logger) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	old := l.ship.Load()
	if settings == nil || old != nil && old.settings == *settings {
		if settings == nil && old != nil {
			l.ship.Store(nil)
			old.stop()
		}
		return nil
	}
	store, err := settings.store(logger)
	if err != nil {
		return err
	}
	view, _, err := l.views.open(0)
	if err != nil {
		return fmt.Errorf("shipping the ledger: %w", err)
	}
	origin, err := fleet.OriginOf(l.class, view.Origin())
	if err != nil {
		return fmt.Errorf("shipping the ledger: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(l.dir, shipFolder), 0o700); err != nil {
		return fmt.Errorf("shipping the ledger: %w", err)
	}
	if old != nil {
		l.ship.Store(nil)
		old.stop()
	}
	note := filepath.Join(l.dir, shipFolder, settings.noteName())
	s := &shipping{settings: *settings, log: fleet.LogOf(l.log)}
	s.shipper = fleet.NewShipper(fleet.ShipOptions{
		Origin: origin, Log: fleet.LogOf(l.log), Store: store, Logger: logger.With("dir", l.dir), Now: l.now,
		Every:       time.Duration(settings.Every),
		RetainUntil: func(now time.Time) time.Time { return l.keep.Load().After(now) },
		Load: func() ([]byte, error) {
			data, err := regular.ReadFile(note, shipNoteLimit)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, nil
			}
			return data, err
		},
		Save: func(data []byte) error { return durable.WriteFile(note, data, 0o600) },
	})
	ctx, cancel := context.WithCancel(context.Background())
	s.end = cancel
	s.running.Go(func() { s.shipper.Run(ctx) })
	s.running.Go(func() { s.watch(ctx, l.now) })
	l.ship.Store(s)
	return nil
}

// watch looks how far the store is behind, until ctx is done.
func (s *shipping) watch(ctx context.Context, now func() time.Time) {
	ticker := time.NewTicker(min(shipLook, cmp.Or(s.settings.age()/8, shipLook)))
	defer ticker.Stop()
	for {
		s.behind.Store(s.look(now()))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look tells how far the store is behind. Where that cannot be told it is as far as it was.
func (s *shipping) look(now time.Time) *behind {
	status := s.shipper.Status()
	b := &behind{forks: status.Forks, setBack: errors.Is(status.Failing, fleet.ErrSetBack)}
	if before := s.behind.Load(); before != nil {
		b.records, b.failing = before.records, before.failing
	}
	if records, err := s.log.Behind(status.Shipped); err == nil { // else the ledger says so itself
		b.records = records
	}
	switch {
	case status.Failing == nil:
		b.failing = time.Time{}
	case b.failing.IsZero():
		b.failing = now
	}
	for _, since := range []time.Time{status.Oldest, b.failing} {
		if !since.IsZero() {
			b.age = max(b.age, now.Sub(since))
		}
	}
	return b
}

// stop ends it where it is.
func (s *shipping) stop() {
	s.end()
	s.running.Wait()
}

// finishShipping ships what the ledger, which is closed, still has, if the store takes it.
func (l *shared) finishShipping(logger *slog.Logger) {
	s := l.ship.Swap(nil)
	if s == nil {
		return
	}
	s.stop()
	if err := s.shipper.Finish(); err != nil {
		logger.Warn("the ledger's last records are not shipped yet; the next process ships them", "dir", l.dir, "error", err)
	}
}

// sealedToShip tells who ships that a segment is finished.
func (l *shared) sealedToShip() {
	if s := l.ship.Load(); s != nil {
		s.shipper.Sealed()
	}
}

// Shipped is the error [ErrUnshipped] if transfers are to be refused because the store is
// too far behind; nil too where nothing is shipped.
func (c *Class) Shipped() error { return c.shared.shipped(1) }

func (l *shared) shipped(part float64) error {
	s := l.ship.Load()
	if s == nil {
		return nil
	}
	if b := s.behind.Load(); b.beyond(&s.settings, part) {
		return fmt.Errorf("%w: %d for %s; it may be behind by %s", ErrUnshipped, b.records, b.age.Round(time.Second), s.settings.limit())
	}
	return nil
}
