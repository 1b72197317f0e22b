package token

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"errors"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json" // takes names as they are spelled, and none twice
)

// key is a public key fit to verify tokens. It never changes. A set that follows
// another holds the same pointer for the same key.
type key struct {
	id        string // kid; may be empty
	algorithm jose.SignatureAlgorithm
	public    crypto.PublicKey
}

// The bounds of a key.
const (
	minRSABits     = 2048  // NIST SP 800-57: no less until 2030
	minRSAExponent = 65537 // FIPS 186-5 A.1.1: more than 2^16
	maxKeyID       = 256   // bytes
)

// jwk is what decides about a key before its numbers are read (RFC 7517 section 4).
type jwk struct {
	Type string    `json:"kty"`
	Use  string    `json:"use"`
	Ops  *[]string `json:"key_ops"`
}

// parseKey reads one member of a key set. Its error is one word that says why
// the key is not used.
func parseKey(raw []byte, allowed []string) (*key, error) {
	var about jwk
	if err := json.Unmarshal(raw, &about); err != nil {
		return nil, errors.New("malformed")
	}
	switch {
	case about.Type == "oct":
		return nil, errors.New("symmetric") // and no secret any more, as it was published
	case about.Use != "" && about.Use != "sig":
		return nil, errors.New("use")
	case about.Ops != nil && !slices.Contains(*about.Ops, "verify"):
		return nil, errors.New("key_ops")
	}
	var parsed jose.JSONWebKey
	if err := json.Unmarshal(raw, &parsed); errors.Is(err, jose.ErrUnsupportedKeyType) {
		return nil, errors.New("unsupported")
	} else if err != nil || !parsed.Valid() || len(parsed.KeyID) > maxKeyID {
		return nil, errors.New("malformed")
	}
	if !parsed.IsPublic() {
		return nil, errors.New("private") // whoever read the set can sign with it
	}
	if public, ok := parsed.Key.(*rsa.PublicKey); ok && weak(public) {
		return nil, errors.New("weak")
	}
	algorithm, err := algorithmOf(parsed.Key, parsed.Algorithm, allowed)
	if err != nil {
		return nil, err
	}
	return &key{id: parsed.KeyID, algorithm: algorithm, public: parsed.Key}, nil
}

// weak tells whether an RSA key can be broken, as far as it shows.
func weak(public *rsa.PublicKey) bool {
	return public.N.BitLen() < minRSABits || public.E < minRSAExponent || public.E%2 == 0 || public.E > 1<<31-1 || roca(public.N)
}

// same tells whether two keys are one.
func (k *key) same(other *key) bool {
	public, ok := k.public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && other != nil && k.id == other.id && k.algorithm == other.algorithm && public.Equal(other.public)
}

// verify checks the signature of a token in compact form.
func (k *key) verify(raw string) error {
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{k.algorithm})
	if err != nil {
		return err
	}
	if public, ok := k.public.(*rsa.PublicKey); ok && pssHashes[k.algorithm] != 0 {
		return verifyPSS(public, pssHashes[k.algorithm], raw, signed.Signatures[0].Signature)
	}
	_, err = signed.Verify(k.public)
	return err
}

// pssHashes are the hashes of the algorithms with RSASSA-PSS.
var pssHashes = map[jose.SignatureAlgorithm]crypto.Hash{jose.PS256: crypto.SHA256, jose.PS384: crypto.SHA384, jose.PS512: crypto.SHA512}

// verifyPSS checks a signature whose salt must be as long as the hash (RFC 7518
// section 3.5); the library would take any length.
func verifyPSS(public *rsa.PublicKey, hash crypto.Hash, raw string, signature []byte) error {
	h := hash.New()
	h.Write([]byte(raw[:strings.LastIndexByte(raw, '.')]))
	return rsa.VerifyPSS(public, hash, h.Sum(nil), signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
}
