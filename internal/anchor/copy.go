package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/fetch"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// Copy is a second place for the latest checkpoint: a file, or a URL that takes
// it with PUT and gives it back with GET.
type Copy struct {
	target string
	remote bool

	mu    sync.Mutex // one call of Put or KeepHistory at a time
	day   string     // of the history's last line, once that is known
	again time.Time  // when a history that could not be kept is tried again
}

// NewCopy returns the place at a URL, or in a file given by an absolute path.
func NewCopy(target string) (*Copy, error) {
	if strings.Contains(target, "://") {
		return &Copy{target: target, remote: true}, fetch.CheckPlainURL("copy", target)
	}
	if !filepath.IsAbs(target) {
		return nil, fmt.Errorf("the copy '%s' is neither an absolute path nor a URL", target)
	}
	return &Copy{target: target}, nil
}

// Name is "copy" and where it is: the file, or the URL without its path, which
// is nobody else's business.
func (c *Copy) Name() string {
	if u, err := url.Parse(c.target); c.remote && err == nil {
		return "copy " + u.Scheme + "://" + u.Host
	}
	return "copy " + c.target
}

// Read returns the checkpoint that is there, nil if there is none.
func (c *Copy) Read(ctx context.Context) (signed []byte, err error) {
	if signed, err = c.read(ctx, c.target, maxAnswer); err != nil {
		return nil, fmt.Errorf("reading the %s: %w", c.Name(), err)
	}
	return signed, nil
}

// read reads a file or a URL, nil if there is none.
func (c *Copy) read(ctx context.Context, target string, limit int64) ([]byte, error) {
	if !c.remote {
		data, err := regular.ReadFile(target, limit)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return data, err
	}
	status, data, err := sendLimited(ctx, http.MethodGet, target, nil, limit)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusNotFound || status == http.StatusNoContent:
		return nil, nil
	case status != http.StatusOK:
		return nil, fmt.Errorf("the answer is %d: %q", status, clip(data))
	}
	return data, nil
}

// Put brings a checkpoint there, unless what is there is not an older one of the
// same ledger: then the error is *AheadError, or says what it is, and it stays. It
// looks each time: somebody else may have brought another history meanwhile.
func (c *Copy) Put(ctx context.Context, t *tiles.Tree, log Log) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	there, err := c.compare(ctx, t.Origin, t, log)
	if signed := ownSignature(t); err == nil && !bytes.Equal(there, signed) {
		err = c.write(ctx, signed)
	}
	return err
}

// compare makes sure that what is there may be replaced by a log, of which t is nil
// as long as it has no checkpoint, and returns it.
func (c *Copy) compare(ctx context.Context, origin string, t *tiles.Tree, log Log) (signed []byte, err error) {
	signed, err = c.Read(ctx)
	if err != nil || signed == nil {
		return nil, err
	}
	there, err := tiles.ReadCheckpoint(signed)
	if err != nil {
		return nil, fmt.Errorf("the %s is %w; it stays as it is", c.Name(), err)
	}
	ahead := func(what string) error { return &AheadError{Place: c.Name(), Origin: origin, What: what} }
	switch {
	case there.Origin != origin:
		return signed, c.compareOrigins(there, origin, log.Earlier)
	case t == nil:
		return nil, ahead(fmt.Sprintf("it has a checkpoint of %d entries, and here is none", there.N))
	}
	if _, err := tiles.OpenCheckpoint(signed, log.Key); err != nil {
		return nil, fmt.Errorf("the %s: %w; it stays as it is", c.Name(), err)
	}
	if err := t.Extends(there); err != nil {
		return nil, ahead(err.Error())
	}
	return signed, nil
}

// compareOrigins makes sure that a log follows the one that is there. An origin is a
// path that ends in the node, the id of the ledger and the number of the epoch, which
// has leading zeros.
func (c *Copy) compareOrigins(there tiles.Checkpoint, here string, earlier []Earlier) error {
	ahead := func(what string) error { return &AheadError{Place: c.Name(), Origin: here, What: what} }
	sameLedger := path.Dir(there.Origin) == path.Dir(here)
	i := slices.IndexFunc(earlier, func(e Earlier) bool { return e.Origin == there.Origin })
	switch {
	case i >= 0:
		if lost := earlier[i].covers(there); lost != "" {
			return ahead(lost)
		}
		return nil
	case sameLedger && there.Origin > here:
		return ahead("it has a checkpoint of the later epoch " + path.Base(there.Origin))
	case sameLedger:
		return nil // of an epoch that was deleted when its time had run out
	case path.Dir(path.Dir(there.Origin)) == path.Dir(path.Dir(here)):
		return ahead(fmt.Sprintf("it has a checkpoint of %d entries of %s, another ledger of this node, which the one here does not follow", there.N, there.Origin))
	}
	return fmt.Errorf("the %s is of another ledger, %s; it stays as it is: give each ledger a copy of its own", c.Name(), there.Origin)
}

// covers tells what a checkpoint of an earlier log has that was lost when the next log
// was begun; empty for nothing.
func (e Earlier) covers(there tiles.Checkpoint) (lost string) {
	bound, err := tiles.ReadCheckpoint(e.Checkpoint)
	switch {
	case err != nil && there.N > 0:
		return fmt.Sprintf("it has a checkpoint of %d entries of %s, and the log after it commits to none of them", there.N, there.Origin)
	case there.N > bound.N:
		return fmt.Sprintf("it has a checkpoint of %d entries of %s, and the log after it was begun when there were %d", there.N, there.Origin, bound.N)
	case there.N == bound.N && there.Hash != bound.Hash:
		return fmt.Sprintf("its root hash of %d entries of %s is %v, and the log after it commits to %v", there.N, there.Origin, there.Hash, bound.Hash)
	case there.N == bound.N || e.Source == nil:
		return ""
	}
	t, err := tiles.OpenTreeAt(e.Source, e.Checkpoint, e.Key)
	if err != nil {
		return err.Error()
	}
	if _, err := t.Consistency(there.N); err != nil {
		return "" // the log after it commits to more; that what there is cannot be read is found by who verifies
	}
	if err := t.Extends(there); err != nil {
		return err.Error()
	}
	return ""
}

func (c *Copy) write(ctx context.Context, signed []byte) error {
	if err := c.replace(ctx, c.target, signed); err != nil {
		return fmt.Errorf("writing the %s: %w", c.Name(), err)
	}
	return nil
}

// replace writes a file or a URL whole.
func (c *Copy) replace(ctx context.Context, target string, data []byte) error {
	if !c.remote {
		return durable.WriteFile(target, data, 0o644)
	}
	status, answer, err := send(ctx, http.MethodPut, target, data)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("the answer is %d: %q", status, clip(answer))
	}
	return err
}
