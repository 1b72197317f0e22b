package lastgood

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
)

// This file seals what is about people, so that it does not lie on the disk in plain: with
// AES-256 in counter mode under a key of the file's own, which follows from the room's
// secret and the file's salt, and with HMAC-SHA-256 over the head and the hash of what is
// kept, so that nobody without the secret can make one. Nothing is handed out before that
// was compared.

const saltSize = 32

// seal is how one file is sealed. A nil one leaves it plain.
type seal struct {
	salt   []byte // stands before what is kept
	key    []byte // for the whole of it, once
	tagged []byte // the key of its tag
}

// SealWith has the room seal what it keeps sealed with a secret, which is asked for each
// time that something is read or written.
func (r *Room) SealWith(secret func() ([]byte, error)) {
	if r != nil {
		r.secret = secret
	}
}

// Sealed is [Room.Slot] of what is about people.
func (r *Room) Sealed(kind, source string) *Slot {
	s := r.Slot(kind, source)
	if s != nil {
		s.sealed = true
	}
	return s
}

// newSeal is the seal of a file that is written.
func (s *Slot) newSeal() (*seal, error) {
	if !s.sealed {
		return nil, nil
	}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	return s.sealOf(salt)
}

// readSeal is the seal of a file that is read, whose head was.
func (s *Slot) readSeal(file io.Reader) (*seal, error) {
	if !s.sealed {
		return nil, nil
	}
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(file, salt); err != nil {
		return nil, errDamaged
	}
	return s.sealOf(salt)
}

func (s *Slot) sealOf(salt []byte) (*seal, error) {
	if s.room.secret == nil {
		return nil, errors.New("there is no secret to seal it with")
	}
	secret, err := s.room.secret()
	if err != nil {
		return nil, fmt.Errorf("taking the secret that seals it: %w", err)
	}
	keys, err := hkdf.Key(sha256.New, secret, salt, "transfergate: what was good last", 64)
	if err != nil {
		return nil, fmt.Errorf("deriving the key that seals it: %w", err)
	}
	return &seal{salt, keys[:32], keys[32:]}, nil
}

// begin is what stands before what is kept.
func (s *seal) begin() []byte {
	if s == nil {
		return nil
	}
	return s.salt
}

// stream covers and uncovers.
func (s *seal) stream() cipher.Stream {
	block, err := aes.NewCipher(s.key)
	if err != nil {
		panic(err) // the key is as long as one is
	}
	return cipher.NewCTR(block, make([]byte, aes.BlockSize)) // the key is of this file alone
}

// writer covers what is written to w.
func (s *seal) writer(w io.Writer) io.Writer {
	if s == nil {
		return w
	}
	return cipher.StreamWriter{S: s.stream(), W: w}
}

// reader uncovers what is read from r.
func (s *seal) reader(r io.Reader) io.Reader {
	if s == nil {
		return r
	}
	return cipher.StreamReader{S: s.stream(), R: r}
}

// sum is what the head says of what is kept: its hash, or a tag of the head with it.
func (s *seal) sum(h head, hash [sha256.Size]byte) [sha256.Size]byte {
	if s == nil {
		return hash
	}
	h.sum = hash
	mac := hmac.New(sha256.New, s.tagged)
	_, _ = io.WriteString(mac, h.String()) // a hash never fails
	return [sha256.Size]byte(mac.Sum(nil))
}
