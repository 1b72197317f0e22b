package format

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// Begun is what the note beside a ledger's folder says: the epoch that was begun last,
// and a checkpoint of it, which is the last one after the ledger was closed, and at most
// seconds older while it is written. It is still there when the folder is removed or set
// back, or when the volume is not mounted that holds it. It only ever keeps a ledger from
// being opened; without it nothing is known.
type Begun struct {
	Origin string // of the epoch; empty if there is no note, or none that can be read
	Signed []byte // its checkpoint; nil in the note of an earlier version
	There  bool   // there is a file
}

// ReadBegun reads the note beside a ledger's folder.
func ReadBegun(fsys FS, dir string) (b Begun, err error) {
	data, err := ReadFile(fsys, BegunPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return b, fmt.Errorf("reading which epoch was begun last: %w", err)
	}
	b.There = true
	origin, rest, _ := strings.Cut(string(data), "\n")
	if NumberOf(origin) == 0 {
		return b, nil
	}
	if rest != "" {
		if c, err := tiles.ReadCheckpoint(data); err != nil || c.Origin != origin {
			return b, nil
		}
		b.Signed = data
	}
	b.Origin = origin
	return b, nil
}

// Number is the epoch's; 0 if the note names none.
func (b Begun) Number() uint32 { return NumberOf(b.Origin) }

// Of returns the checkpoint if it is of an epoch; some is false if there is none. The
// error is that the epoch's key has not signed it.
func (b Begun) Of(e Epoch) (c tiles.Checkpoint, some bool, err error) {
	if b.Signed == nil || b.Origin != e.Origin {
		return c, false, nil
	}
	v, err := e.Verifier()
	if err == nil {
		c, err = tiles.OpenCheckpoint(b.Signed, v)
	}
	return c, err == nil, err
}
