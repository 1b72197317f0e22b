package anchor

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// Known asks all places, before the log is opened, whether they know another
// history of it than its latest checkpoint, or of the logs that it follows than what
// the one after them commits to: then the error is *AheadError, and
// the log must not be written to. Other errors say that a place could not be
// asked; there can be several, joined. A log without a checkpoint is compared
// with the copies only.
func (pub *Publisher) Known(ctx context.Context, origin string) error {
	log, err := pub.log(origin)
	if err != nil {
		return err
	}
	t, err := tiles.OpenTree(log.Source, log.Key)
	if errors.Is(err, fs.ErrNotExist) {
		t = nil
	} else if err != nil {
		return err
	}
	return pub.ask(ctx,
		func(ctx context.Context, c *Copy) error {
			_, err := c.compare(ctx, origin, t, log)
			return err
		},
		func(ctx context.Context, w *Witness) (err error) {
			if t != nil { // a witness answers only to a checkpoint
				var line string
				if line, err = w.Cosign(ctx, t); err == nil {
					err = pub.collect(log, t, w.Name(), line)
				}
			}
			for _, e := range log.Earlier {
				err = errors.Join(err, w.compare(ctx, e, origin))
			}
			return err
		})
}

// KnownBefore asks all places for a log that is about to begin where nothing is left
// of an earlier one. empty is a signed checkpoint of it with no entries, which
// contradicts none. The error is *AheadError if a place knows entries of it, or of
// another ledger of the same node. Other errors say that a place could not be asked;
// there can be several, joined.
func (pub *Publisher) KnownBefore(ctx context.Context, empty []byte, key note.Verifier) error {
	t, err := tiles.OpenTreeAt(nil, empty, key) // without entries there is nothing to read
	if err != nil {
		return err
	}
	return pub.ask(ctx,
		func(ctx context.Context, c *Copy) error {
			_, err := c.compare(ctx, t.Origin, nil, Log{Key: key})
			return err
		},
		func(ctx context.Context, w *Witness) error { return w.begun(ctx, t) })
}

// ask asks all places at the same time.
func (pub *Publisher) ask(ctx context.Context, ofCopy func(context.Context, *Copy) error, ofWitness func(context.Context, *Witness) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found := make([]error, len(pub.o.Copies)+len(pub.o.Witnesses))
	var asked sync.WaitGroup
	for i, c := range pub.o.Copies {
		asked.Go(func() { found[i] = ofCopy(ctx, c) })
	}
	for i, w := range pub.o.Witnesses {
		asked.Go(func() { found[len(pub.o.Copies)+i] = ofWitness(ctx, w) })
	}
	asked.Wait()
	return errors.Join(found...)
}
