package token

import (
	"crypto"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json" // takes names as they are spelled, and none twice
)

// key is a public key fit to verify tokens. It never changes once its set is read. A
// set that follows another holds the same pointer for the same key.
type key struct {
	id         string                    // kid; may be empty
	algorithms []jose.SignatureAlgorithm // one for each time it was published
	public     crypto.PublicKey
}

// The bounds of a key.
const (
	minRSABits     = 2048  // NIST SP 800-57: no less until 2030
	minRSAExponent = 65537 // FIPS 186-5 A.1.1: more than 2^16
	maxKeyID       = 256   // bytes
)

// unfit is why a key of a set is not used.
type unfit struct {
	reason string // one word
	member string // of the key, that it is about; empty for the key as a whole
}

func (u *unfit) Error() string {
	if u.member == "" {
		return u.reason
	}
	return u.reason + " (member " + u.member + ")"
}

// secret are the members that only a private or symmetric key has (RFC 7518 section 6).
var secret = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// needed are the members that make a public key, and what it is for. The others are
// not looked at: a certificate beside a sound key may be as odd as it likes.
var needed = []string{"kty", "kid", "alg", "crv", "x", "y", "n", "e"}

// readKey reads one member of a key set (RFC 7517 section 4), and its kid as far as
// it can be told, for the log. Its error is an [*unfit].
func readKey(raw []byte, allowed []string) (k *key, id string, err error) {
	var members object
	if json.Unmarshal(raw, &members) != nil || members == nil {
		return nil, "", &unfit{reason: "malformed"}
	}
	_ = json.Unmarshal(members["kid"], &id) // of another type: without one
	if err := purpose(members); err != nil {
		return nil, id, err
	}
	public, err := publicKey(members)
	if err != nil {
		return nil, id, err
	}
	var named string
	if raw := members["alg"]; raw != nil && json.Unmarshal(raw, &named) != nil {
		return nil, id, &unfit{"malformed", "alg"}
	}
	algorithm, err := algorithmOf(public, named, allowed)
	if err != nil {
		return nil, id, &unfit{"algorithm", "alg"}
	}
	return &key{id: id, algorithms: []jose.SignatureAlgorithm{algorithm}, public: public}, id, nil
}

// purpose refuses a key that is not there to verify signatures with.
func purpose(members object) error {
	var kind, use string
	var ops []string
	switch {
	case json.Unmarshal(members["kty"], &kind) != nil:
		return &unfit{"malformed", "kty"}
	case kind == "oct":
		return &unfit{"symmetric", "kty"} // and no secret any more, as it was published
	case members["use"] != nil && json.Unmarshal(members["use"], &use) != nil:
		return &unfit{"malformed", "use"}
	case use != "" && use != "sig":
		return &unfit{"use", "use"}
	case members["key_ops"] != nil && json.Unmarshal(members["key_ops"], &ops) != nil:
		return &unfit{"malformed", "key_ops"}
	case members["key_ops"] != nil && string(members["key_ops"]) != "null" && !slices.Contains(ops, "verify"):
		return &unfit{"key_ops", "key_ops"}
	}
	for _, name := range secret {
		if members[name] != nil {
			return &unfit{"private", name} // whoever read the set can sign with it
		}
	}
	return nil
}

// publicKey reads the numbers of a key.
func publicKey(members object) (crypto.PublicKey, error) {
	bare := []byte{'{'}
	for _, name := range needed {
		if raw := members[name]; raw != nil {
			if len(bare) > 1 {
				bare = append(bare, ',')
			}
			bare = append(append(strconv.AppendQuote(bare, name), ':'), raw...)
		}
	}
	bare = append(bare, '}')
	var parsed jose.JSONWebKey
	if err := json.Unmarshal(bare, &parsed); errors.Is(err, jose.ErrUnsupportedKeyType) {
		return nil, &unfit{reason: "unsupported"}
	} else if err != nil || !parsed.Valid() {
		return nil, &unfit{"malformed", oddMember(members)}
	}
	if len(parsed.KeyID) > maxKeyID {
		return nil, &unfit{"malformed", "kid"}
	}
	if public, ok := parsed.Key.(*rsa.PublicKey); ok && weak(public) {
		return nil, &unfit{reason: "weak"}
	}
	return parsed.Key, nil
}

// oddMember is the first member of a key that is no text, or no number in base64url
// where one is asked for; empty when each for itself is well.
func oddMember(members object) string {
	for _, name := range needed {
		var text string
		raw := members[name]
		if raw == nil {
			continue
		}
		if json.Unmarshal(raw, &text) != nil {
			return name
		}
		if _, err := encoding.DecodeString(text); err != nil && len(name) == 1 {
			return name
		}
	}
	return ""
}

// weak reports whether an RSA key can be broken, as far as it shows.
func weak(public *rsa.PublicKey) bool {
	return public.N.BitLen() < minRSABits || public.E < minRSAExponent || public.E%2 == 0 || public.E > 1<<31-1 || roca(public.N)
}

// same reports whether two keys are one.
func (k *key) same(other *key) bool {
	public, ok := k.public.(interface{ Equal(crypto.PublicKey) bool })
	return ok && other != nil && k.id == other.id && slices.Equal(k.algorithms, other.algorithms) && public.Equal(other.public)
}

// join makes one key of two that are published under one id, once for each algorithm
// or twice the same, and reports whether they are one.
func (k *key) join(other *key) bool {
	public, ok := k.public.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || k.id != other.id || !public.Equal(other.public) {
		return false
	}
	for _, algorithm := range other.algorithms {
		if !slices.Contains(k.algorithms, algorithm) {
			k.algorithms = append(k.algorithms, algorithm)
		}
	}
	return true
}

// verify checks the signature of a token in compact form, which names one of the
// key's algorithms.
//
//clause:enforces §5(j).1; record country_source cause
func (k *key) verify(raw string, algorithm jose.SignatureAlgorithm) error {
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		return err
	}
	if public, ok := k.public.(*rsa.PublicKey); ok && pssHashes[algorithm] != 0 {
		return verifyPSS(public, pssHashes[algorithm], raw, signed.Signatures[0].Signature)
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
