package anchor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// Known asks all places, before the log is opened, whether they know another
// history of it than its latest checkpoint: then the error is *AheadError, and
// the log must not be written to. Other errors say that a place could not be
// asked; there can be several, joined. A log without a checkpoint is compared
// with the copies only.
func (pub *Publisher) Known(ctx context.Context, origin string) error {
	log, err := pub.o.Log(origin)
	if err != nil {
		return err
	}
	t, err := tiles.OpenTree(log.Source, log.Key)
	if errors.Is(err, fs.ErrNotExist) {
		t = nil
	} else if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found := make([]error, len(pub.o.Witnesses)+len(pub.o.Copies))
	var asked sync.WaitGroup
	for i, c := range pub.o.Copies {
		asked.Go(func() { found[i] = c.known(ctx, origin, t, log) })
	}
	for i, w := range pub.o.Witnesses {
		if t == nil {
			break // a witness answers only to a checkpoint
		}
		asked.Go(func() {
			line, err := w.Cosign(ctx, t)
			if err == nil {
				err = pub.collect(log, t, w.Name(), line)
			}
			found[len(pub.o.Copies)+i] = err
		})
	}
	asked.Wait()
	return errors.Join(found...)
}

// known compares a copy with a tree, nil if the log has no checkpoint.
func (c *Copy) known(ctx context.Context, origin string, t *tiles.Tree, log Log) error {
	if t != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.compare(ctx, t, log.Key)
	}
	signed, err := c.Read(ctx)
	if err != nil || signed == nil {
		return err
	}
	there, err := tiles.ReadCheckpoint(signed)
	switch {
	case err != nil:
		return fmt.Errorf("the %s is %w", c.Name(), err)
	case there.Origin != origin:
		return c.compareEpochs(there.Origin, origin)
	}
	return &AheadError{Place: c.Name(), Origin: origin, What: fmt.Sprintf("it has a checkpoint of %d entries, and here is none", there.N)}
}
