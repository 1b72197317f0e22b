package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	keyFormat = "transfergate-key/1"
	keySize   = 32
	// MinMaster is the least length of a master secret, in bytes.
	MinMaster = 32
)

// periodKey is the key of one period's pseudonyms.
type periodKey struct {
	Period string    // names the key: its month and four random digits
	From   time.Time // it is used from here on
	Until  time.Time // another one is made then

	key        []byte
	pseudonyms *pseudonyms
}

// newPeriodKey makes a random key for the stretch of so many months that t lies in.
// The digits keep a key that was lost, and made again, from passing for itself. taken
// reports whether a period has its name already.
func newPeriodKey(t time.Time, months int, taken func(period string) bool) *periodKey {
	t = t.UTC()
	n := t.Year()*12 + int(t.Month()) - 1
	first := n - n%months
	begin := time.Date(first/12, time.Month(first%12+1), 1, 0, 0, 0, 0, time.UTC)
	key := make([]byte, keySize)
	rand.Read(key) // never fails: crypto/rand ends the process instead
	k := &periodKey{From: t, Until: begin.AddDate(0, months, 0), key: key}
	for k.Period == "" || taken(k.Period) {
		var digits [2]byte
		rand.Read(digits[:])
		k.Period = begin.Format("2006-01") + "-" + hex.EncodeToString(digits[:])
	}
	k.pseudonyms = newPseudonyms(k.Period, key)
	return k
}

// keyFile is a period's key as it lies on the disk: wrapped, so that nobody
// reads it without the master secret.
type keyFile struct {
	Format string    `json:"format"`
	From   time.Time `json:"from"`
	Master string    `json:"master"` // which secret wrapped it
	Period string    `json:"period"`
	Until  time.Time `json:"until"`
	// Wrapped is a nonce and the key, sealed with AES-256-GCM. The other
	// members are its additional data.
	Wrapped []byte `json:"wrapped"`
}

// master wraps period keys. It is made from the operator's secret.
type master struct {
	id   string // tells secrets apart and says nothing about them
	aead cipher.AEAD
}

func errShortMaster(length int) error {
	return fmt.Errorf("the master secret has %d bytes; at least %d are needed, as of 'openssl rand -base64 32'", length, MinMaster)
}

// newMaster derives the wrapping key from a secret of at least 32 bytes.
func newMaster(secret []byte) (*master, error) {
	if len(secret) < MinMaster {
		return nil, errShortMaster(len(secret))
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "transfergate ledger: wrap period keys", keySize)
	if err != nil {
		return nil, fmt.Errorf("deriving the wrapping key: %w", err)
	}
	id, err := hkdf.Key(sha256.New, secret, nil, "transfergate ledger: name of the master secret", 4)
	if err != nil {
		return nil, fmt.Errorf("deriving the name of the master secret: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("making the wrapping cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("making the wrapping cipher: %w", err)
	}
	return &master{id: hex.EncodeToString(id), aead: aead}, nil
}

// wrap returns the file of a key.
func (m *master) wrap(k *periodKey) ([]byte, error) {
	f := keyFile{Format: keyFormat, From: k.From, Master: m.id, Period: k.Period, Until: k.Until}
	bound, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, m.aead.NonceSize())
	rand.Read(nonce)
	f.Wrapped = m.aead.Seal(nonce, nonce, k.key, bound)
	data, err := json.Marshal(f)
	return append(data, '\n'), err
}

// errOtherMaster says that a key was wrapped with another secret.
var errOtherMaster = errors.New("wrapped with another master secret")

// unwrap reads the file of a key.
func (m *master) unwrap(data []byte) (*periodKey, error) {
	var f keyFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("not the JSON of a key: %w", err)
	}
	switch {
	case f.Format != keyFormat:
		return nil, fmt.Errorf("format %q; this program reads %q", f.Format, keyFormat)
	case f.Master != m.id:
		return nil, fmt.Errorf("%w: %s, not %s", errOtherMaster, f.Master, m.id)
	case len(f.Wrapped) < m.aead.NonceSize():
		return nil, errors.New("the wrapped key is cut off")
	}
	sealed := f.Wrapped
	f.Wrapped = nil
	bound, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	n := m.aead.NonceSize()
	key, err := m.aead.Open(nil, sealed[:n], sealed[n:], bound)
	if err != nil || len(key) != keySize {
		return nil, errors.New("the wrapped key was changed")
	}
	k := &periodKey{Period: f.Period, From: f.From, Until: f.Until, key: key}
	k.pseudonyms = newPseudonyms(k.Period, key)
	return k, nil
}
