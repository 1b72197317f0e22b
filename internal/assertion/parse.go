package assertion

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/json"
)

// maxKeys is how many keys may be published at once.
const maxKeys = 16

// ParseKeys reads keys from PEM blocks (PKCS #8, SEC 1 or, of a public key,
// PKIX), from a JSON Web Key or from a key set (RFC 7517). The first one signs,
// so it must be private; the others are published beside it, which is how a key
// becomes known before it signs and stays known afterwards. Errors hold nothing
// of the keys.
func ParseKeys(raw []byte) ([]Key, error) {
	parse := parsePEM
	if text := bytes.TrimSpace(raw); len(text) > 0 && text[0] == '{' {
		parse = parseJWK
	}
	keys, err := parse(raw)
	switch {
	case err != nil:
		return nil, err
	case len(keys) == 0:
		return nil, errors.New("there is no key in it: PEM or a JSON Web Key is expected")
	case len(keys) > maxKeys:
		return nil, fmt.Errorf("there are %d keys in it: at most %d", len(keys), maxKeys)
	case !keys[0].Private():
		return nil, errors.New("key 1 is public, and the first key signs: put a private key first")
	}
	for i, k := range keys {
		if slices.ContainsFunc(keys[:i], func(other Key) bool { return other.id == k.id }) {
			return nil, fmt.Errorf("key %d stands in it twice", i+1)
		}
	}
	return keys, nil
}

// parsePEM reads PEM blocks.
func parsePEM(raw []byte) (keys []Key, err error) {
	for {
		var block *pem.Block
		block, raw = pem.Decode(raw)
		if block == nil {
			if len(bytes.TrimSpace(raw)) > 0 {
				return nil, fmt.Errorf("what follows key %d is no PEM block", len(keys))
			}
			return keys, nil
		}
		if block.Type == "EC PARAMETERS" {
			continue // openssl writes it before an EC key, which repeats it
		}
		k, err := parseBlock(block)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", len(keys)+1, err)
		}
		keys = append(keys, k)
	}
}

func parseBlock(block *pem.Block) (Key, error) {
	var raw any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		raw, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		raw, err = x509.ParseECPrivateKey(block.Bytes)
	case "PUBLIC KEY":
		raw, err = x509.ParsePKIXPublicKey(block.Bytes)
	default:
		return Key{}, fmt.Errorf("PEM blocks of type '%s' are not read: write PRIVATE KEY, EC PRIVATE KEY or PUBLIC KEY, unencrypted", block.Type)
	}
	if err != nil {
		return Key{}, errors.New("it is malformed")
	}
	return newKey(raw)
}

// parseJWK reads a JSON Web Key or a set of them.
func parseJWK(raw []byte) ([]Key, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil {
		return nil, errors.New("it is not well-formed JSON")
	}
	if set.Keys == nil {
		set.Keys = []json.RawMessage{raw}
	}
	keys := make([]Key, 0, len(set.Keys))
	for i, member := range set.Keys {
		k, err := parseMember(member)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func parseMember(raw []byte) (Key, error) {
	var named jose.JSONWebKey
	if err := json.Unmarshal(raw, &named); err != nil {
		return Key{}, errors.New("it is malformed")
	}
	k, err := newKey(named.Key)
	switch {
	case err != nil:
		return Key{}, err
	case named.Algorithm != "" && named.Algorithm != k.algorithm:
		return Key{}, fmt.Errorf("its alg is '%s', and a key of its kind is for %s", named.Algorithm, k.algorithm)
	case named.Use != "" && named.Use != "sig":
		return Key{}, fmt.Errorf("its use is '%s', not sig", named.Use)
	}
	return k, nil
}

// KeySet is a set of public keys by id.
type KeySet map[string]crypto.PublicKey

// ParseKeySet reads a published key set (RFC 7517 section 5). Keys that cannot
// have signed an assertion are left out; a set without any other is an error.
func ParseKeySet(raw []byte) (KeySet, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, errors.New("the key set is not a JSON object with the member 'keys'")
	}
	set := make(KeySet, len(document.Keys))
	for _, member := range document.Keys {
		var named jose.JSONWebKey
		if json.Unmarshal(member, &named) != nil || named.KeyID == "" || !named.IsPublic() {
			continue
		}
		if k, err := parseMember(member); err == nil {
			set[named.KeyID] = k.public
		}
	}
	if len(set) == 0 {
		return nil, errors.New("the key set has no key for assertions")
	}
	return set, nil
}
