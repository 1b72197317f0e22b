package anchor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

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

	mu   sync.Mutex
	last tiles.Checkpoint // what is there, once that is known
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
	if c.remote {
		var status int
		status, signed, err = send(ctx, http.MethodGet, c.target, nil)
		switch {
		case err != nil:
		case status == http.StatusNotFound || status == http.StatusNoContent:
			return nil, nil
		case status != http.StatusOK:
			err = fmt.Errorf("the answer is %d: %q", status, clip(signed))
		}
	} else if signed, err = regular.ReadFile(c.target, regular.KeyLimit); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the %s: %w", c.Name(), err)
	}
	return signed, nil
}

// Put brings a checkpoint there, unless what is there is not an older one of the
// same ledger: then the error is *AheadError, or says what it is, and it stays.
func (c *Copy) Put(ctx context.Context, t *tiles.Tree, key note.Verifier) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last.Origin == "" {
		if err := c.compare(ctx, t, key); err != nil {
			return err
		}
	}
	if err := c.write(ctx, ownSignature(t)); err != nil {
		c.last = tiles.Checkpoint{} // look again, it may be there
		return err
	}
	c.last = t.Checkpoint
	return nil
}

// compare makes sure that what is there may be replaced.
func (c *Copy) compare(ctx context.Context, t *tiles.Tree, key note.Verifier) error {
	signed, err := c.Read(ctx)
	if err != nil || signed == nil {
		return err
	}
	there, err := tiles.ReadCheckpoint(signed)
	if err != nil {
		return fmt.Errorf("the %s is %w; it stays as it is", c.Name(), err)
	}
	if there.Origin != t.Origin {
		return c.compareEpochs(there.Origin, t.Origin)
	}
	if _, err := tiles.OpenCheckpoint(signed, key); err != nil {
		return fmt.Errorf("the %s: %w; it stays as it is", c.Name(), err)
	}
	if err := t.Extends(there); err != nil {
		return &AheadError{Place: c.Name(), Origin: t.Origin, What: err.Error()}
	}
	return nil
}

// compareEpochs makes sure that a log follows the one that is there. Origins of
// one ledger end in the number of the epoch, which has leading zeros.
func (c *Copy) compareEpochs(there, here string) error {
	i, j := strings.LastIndexByte(there, '/'), strings.LastIndexByte(here, '/')
	switch {
	case i < 0 || j < 0 || there[:i] != here[:j]:
		return fmt.Errorf("the %s is of another ledger, %s; it stays as it is: give each ledger a copy of its own", c.Name(), there)
	case there[i:] > here[j:]:
		return &AheadError{Place: c.Name(), Origin: here, What: "it has a checkpoint of the later epoch " + there[i+1:]}
	}
	return nil
}

func (c *Copy) write(ctx context.Context, signed []byte) error {
	if !c.remote {
		if there, err := regular.ReadFile(c.target, regular.KeyLimit); err == nil && bytes.Equal(there, signed) {
			return nil
		}
		if err := durable.WriteFile(c.target, signed, 0o644); err != nil {
			return fmt.Errorf("writing the %s: %w", c.Name(), err)
		}
		return nil
	}
	status, answer, err := send(ctx, http.MethodPut, c.target, signed)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("the answer is %d: %q", status, clip(answer))
	}
	if err != nil {
		return fmt.Errorf("sending the checkpoint to the %s: %w", c.Name(), err)
	}
	return nil
}
