package fleet

import (
	"context"
	"errors"
	"fmt"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// latestCheckpoint is one that is to be put: of the epoch of which the last one was put,
// until its entries are shipped, and then of the next.
func (s *Shipper) latestCheckpoint() ([]byte, error) {
	for epoch := max(s.noted.Checkpoint.Epoch, 1); epoch <= max(s.noted.Shipped.Epoch, 1); epoch++ {
		signed, err := s.o.Log.Checkpoint(epoch)
		if err != nil {
			return nil, fmt.Errorf("reading the checkpoint to be shipped: %w", err)
		}
		if signed == nil {
			continue
		}
		if at, err := s.sizeOf(signed); err != nil || s.noted.Checkpoint.Compare(at) < 0 {
			return signed, err
		}
	}
	return nil, nil
}

func (s *Shipper) sizeOf(signed []byte) (record.ID, error) {
	c, err := tiles.ReadCheckpoint(signed)
	if err != nil {
		return record.ID{}, fmt.Errorf("reading the checkpoint to be shipped: %w", err)
	}
	return record.ID{Epoch: format.NumberOf(c.Origin), Index: uint64(c.N)}, nil
}

// putCheckpoint puts the checkpoint that waits, once its entries are there.
func (s *Shipper) putCheckpoint(ctx context.Context) error {
	if s.signed == nil {
		return nil
	}
	at, err := s.sizeOf(s.signed)
	if err != nil || s.noted.Shipped.Compare(at) < 0 {
		return err
	}
	tried := true // it says the same each time, or whoever collects sees that it does not
	n := Name{Kind: Checkpoint, Origin: s.o.Origin, Epoch: at.Epoch, First: at.Index}
	if err := s.put(ctx, n, s.signed, &tried); err != nil {
		return err
	}
	s.signed, s.noted.Checkpoint, s.saved = nil, place{at}, false
	return nil
}

// putSegments puts finished segments whose entries are there.
func (s *Shipper) putSegments(ctx context.Context) error {
	if !s.look.Swap(false) {
		return nil
	}
	next := &s.noted.Sealed
	for next.Epoch = max(next.Epoch, 1); next.Epoch <= s.noted.Shipped.Epoch; {
		found, err := s.o.Log.Segment(next.Epoch, next.Index)
		if err == nil && found != nil {
			if s.noted.Shipped.Compare(record.ID{Epoch: next.Epoch, Index: found.End}) < 0 {
				s.look.Store(true)
				return nil
			}
			err = s.putSegment(ctx, found)
		}
		switch {
		case errors.Is(err, ErrUnfinished):
			return nil // Sealed tells of it
		case err != nil:
			s.look.Store(true)
			return fmt.Errorf("shipping a finished segment: %w", err)
		case found != nil:
			next.Index++
		case next.Epoch == s.noted.Shipped.Epoch:
			return nil
		default:
			next.ID = record.ID{Epoch: next.Epoch + 1}
		}
	}
	return nil
}

func (s *Shipper) putSegment(ctx context.Context, found *Segment) error {
	n := Name{Origin: s.o.Origin, Epoch: s.noted.Sealed.Epoch, First: s.noted.Sealed.Index}
	settings, err := s.o.Log.Settings(n.Epoch)
	if err != nil {
		return err
	}
	for _, file := range []struct {
		kind Kind
		data []byte
	}{{Settings, settings}, {Sealed, found.Archive}, {Hashes, found.Hashes}} {
		if file.kind == Settings && n.First > 0 {
			continue // it is there
		}
		n.Kind = file.kind
		tried := true // a file of one disk is the same each time
		if err := s.put(ctx, n, file.data, &tried); err != nil {
			return err
		}
	}
	s.saved = false
	return nil
}
