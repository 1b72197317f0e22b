package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/report"
)

// export is a file that is taken away from a ledger. Nobody has it by its name before an
// entry tells of it.
type export struct {
	name string
	part *os.File // it, by another name
	sum  hash.Hash
	size int64
}

// partSuffix is at the end of the name until the export is whole.
const partSuffix = ".part"

// newExport begins a file that must not be there yet.
func newExport(name string) (*export, error) {
	for _, name := range []string{name, name + report.AboutSuffix} {
		if _, err := os.Lstat(name); err == nil {
			return nil, fmt.Errorf("writing the export: %s is there already: name another file", name)
		}
	}
	part, err := os.OpenFile(name+partSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("writing the export: %w", err)
	}
	if err := cli.GiveToOwner(part); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the export: %w", err), part.Close(), os.Remove(part.Name()))
	}
	return &export{name: name, part: part, sum: sha256.New()}, nil
}

// Write implements io.Writer.
func (e *export) Write(p []byte) (int, error) {
	n, err := e.part.Write(p)
	e.sum.Write(p[:n]) // it never fails
	e.size += int64(n)
	return n, err
}

// drop takes away what was begun.
func (e *export) drop() error {
	return errors.Join(e.part.Close(), os.Remove(e.part.Name()))
}

// finish puts the file in its place, with what is to stand beside it.
func (e *export) finish(about report.About) error {
	about.File, about.Bytes, about.SHA256 = filepath.Base(e.name), e.size, hex.EncodeToString(e.sum.Sum(nil))
	if err := errors.Join(e.part.Sync(), e.part.Close(), os.Rename(e.part.Name(), e.name)); err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	beside, err := os.OpenFile(e.name+report.AboutSuffix, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = errors.Join(about.Write(beside), cli.GiveToOwner(beside), beside.Close())
	}
	if err != nil {
		return fmt.Errorf("writing what the export is: %w", err)
	}
	return nil
}

var _ io.Writer = (*export)(nil)
