package ledger

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
)

const (
	keyName = "subject.key"
	keySize = 32
	// period names the key; one key serves until periods are introduced.
	period = "1"
)

// Pseudonyms turns account ids into the subjects of records, so that a record
// names nobody to whoever lacks the key. The key is 32 random bytes in the file
// subject.key of the ledger's folder, made when the ledger is. Who destroys it
// cuts every record loose from its person.
type Pseudonyms struct {
	macs atomic.Pointer[sync.Pool] // of *mac; nil until the key is known
}

// mac is a keyed hash with room for its message and sum.
type mac struct {
	hash hash.Hash
	buf  []byte
}

// Subject returns the account's pseudonym, h1:<period>:<16 bytes of HMAC-SHA256
// in base64url>; empty for an empty account, and as long as the key is not
// known, when no record can be written either.
func (p *Pseudonyms) Subject(account string) string {
	macs := p.macs.Load()
	if account == "" || macs == nil {
		return ""
	}
	m := macs.Get().(*mac)
	defer macs.Put(m)
	const prefix = "h1:" + period + ":"
	m.hash.Reset()
	m.buf = append(append(m.buf[:0], prefix...), account...)
	m.hash.Write(m.buf) // a hash never fails
	sum := m.hash.Sum(m.buf[:0])
	text := base64.RawURLEncoding.AppendEncode(append(sum, prefix...), sum[:16])
	m.buf = text
	return string(text[len(sum):])
}

// load reads the key, and makes it if the ledger is new. A ledger that has
// entries must have its key: with another one the same person would get another
// pseudonym unnoticed.
func (p *Pseudonyms) load(fsys FS, dir string, fresh bool, logger *slog.Logger) error {
	path := filepath.Join(dir, keyName)
	key, err := readFile(fsys, path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && fresh:
		key = make([]byte, keySize)
		rand.Read(key)
		if err := writeDurable(fsys, path, key); err != nil {
			return fmt.Errorf("writing the key of the pseudonyms: %w", err)
		}
		logger.Info("made the key of the pseudonyms; keep a copy apart from the ledger", "file", path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing, but the ledger has entries: put the key back, or begin a ledger in a new folder", path)
	case err != nil:
		return fmt.Errorf("reading the key of the pseudonyms: %w", err)
	case len(key) != keySize:
		return fmt.Errorf("%s has %d bytes, not %d: put the key back, or begin a ledger in a new folder", path, len(key), keySize)
	}
	p.macs.Store(&sync.Pool{New: func() any {
		return &mac{hash: hmac.New(sha256.New, key), buf: make([]byte, 0, 128)}
	}})
	return nil
}
