package assertion

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/sparkoo/transfergate/internal/suggest"
)

// The algorithms of assertions (RFC 8037, RFC 7518).
const (
	EdDSA = string(jose.EdDSA)
	ES256 = string(jose.ES256)
)

// Key is a key of assertions. The zero Key signs and verifies nothing.
type Key struct {
	id        string
	algorithm string
	private   crypto.Signer // nil if only the public half is known
	public    crypto.PublicKey
}

// ID is the key's thumbprint (RFC 7638) in base64url, the kid of its assertions.
// The same key has the same one wherever it comes from.
func (k Key) ID() string { return k.id }

// Algorithm is the one algorithm the key is for, [EdDSA] or [ES256].
func (k Key) Algorithm() string { return k.algorithm }

// Private reports whether the key can sign.
func (k Key) Private() bool { return k.private != nil }

// Generate makes a key for an algorithm.
func Generate(algorithm string) (Key, error) {
	switch algorithm {
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return Key{}, err
		}
		return newKey(private)
	case ES256:
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return Key{}, err
		}
		return newKey(private)
	}
	return Key{}, badAlgorithm(algorithm)
}

func badAlgorithm(name string) error {
	return fmt.Errorf("algorithm '%s' cannot sign assertions; %s", name, suggest.OneOf([]string{EdDSA, ES256}))
}

// newKey takes a private or public key of Go's crypto packages.
func newKey(raw any) (Key, error) {
	var k Key
	switch raw := raw.(type) {
	case ed25519.PrivateKey:
		k = Key{algorithm: EdDSA, private: raw, public: raw.Public()}
	case ed25519.PublicKey:
		k = Key{algorithm: EdDSA, public: raw}
	case *ecdsa.PrivateKey:
		k = Key{algorithm: ES256, private: raw, public: &raw.PublicKey}
	case *ecdsa.PublicKey:
		k = Key{algorithm: ES256, public: raw}
	default:
		return Key{}, errKeyType
	}
	if public, ok := k.public.(*ecdsa.PublicKey); ok && public.Curve != elliptic.P256() {
		return Key{}, errKeyType
	}
	sum, err := (&jose.JSONWebKey{Key: k.public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return Key{}, errors.New("it is malformed")
	}
	k.id = base64.RawURLEncoding.EncodeToString(sum)
	return k, nil
}

var errKeyType = errors.New("it is of another kind: make an Ed25519 key (EdDSA) or an EC key on the curve P-256 (ES256)")

// jwk is the public half as it is published.
func (k Key) jwk() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.public, KeyID: k.id, Algorithm: k.algorithm, Use: "sig"}
}

// secret is key material that only who can sign knows.
func (k Key) secret() ([]byte, error) {
	switch private := k.private.(type) {
	case ed25519.PrivateKey:
		return private.Seed(), nil
	case *ecdsa.PrivateKey:
		return private.Bytes()
	}
	return nil, errors.New("the key cannot sign")
}
