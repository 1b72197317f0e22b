package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/token"
)

// What the tests' tokens are about.
const (
	issuer   = "https://login.example.test"
	audience = "developer"
)

// today is the tests' clock, unless they turn it.
var today = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// signer signs tokens with the standard library alone, so that what is tested
// does not check itself.
type signer struct {
	kid, alg string
	private  crypto.Signer
}

var generate = map[string]func() (crypto.Signer, error){
	"ES256": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) },
	"ES384": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) },
	"ES512": func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P521(), rand.Reader) },
	"EdDSA": func() (crypto.Signer, error) {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	},
}

// rsaKey is made once, as that takes long.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newSigner(t testing.TB, kid, alg string) *signer {
	t.Helper()
	var private crypto.Signer
	var err error
	if make := generate[alg]; make != nil {
		private, err = make()
	} else {
		private, err = rsaKey()
	}
	if err != nil {
		t.Fatal(err)
	}
	return &signer{kid, alg, private}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwk is the public key as a member of a key set.
func (s *signer) jwk() map[string]any {
	jwk := map[string]any{"kid": s.kid, "alg": s.alg, "use": "sig"}
	switch public := s.private.Public().(type) {
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 4, x, y
		if err != nil {
			panic(err)
		}
		half := len(point) / 2
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", public.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", b64(public)
	}
	return jwk
}

// setOf is a key set of the signers' keys.
func setOf(signers ...*signer) []byte {
	var keys []map[string]any
	for _, s := range signers {
		keys = append(keys, s.jwk())
	}
	return mustJSON(map[string]any{"keys": keys})
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// claims are those of a good token; changes replace or, with nil, remove some.
func claims(changes ...map[string]any) map[string]any {
	c := map[string]any{
		"iss": issuer, "aud": audience, "sub": "jane", "country": "BR",
		"iat": today.Unix(), "exp": today.Add(time.Hour).Unix(),
	}
	for _, change := range changes {
		maps.Copy(c, change)
	}
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

// header is that of a good token, with changes as in claims.
func (s *signer) header(changes ...map[string]any) map[string]any {
	h := map[string]any{"alg": s.alg, "kid": s.kid, "typ": "at+jwt"}
	for _, change := range changes {
		maps.Copy(h, change)
	}
	maps.DeleteFunc(h, func(_ string, v any) bool { return v == nil })
	return h
}

// sign makes a token of claims.
func (s *signer) sign(c map[string]any) string { return s.signRaw(mustJSON(s.header()), mustJSON(c)) }

// signRaw makes a token of any header and payload.
func (s *signer) signRaw(header, payload []byte) string {
	signed := b64(header) + "." + b64(payload)
	return signed + "." + b64(s.signature([]byte(signed)))
}

func (s *signer) signature(message []byte) []byte {
	hashes := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}
	id := hashes[s.alg[2:]] // none for EdDSA
	digest := message
	if id != 0 {
		h := id.New()
		h.Write(message)
		digest = h.Sum(nil)
	}
	var signature []byte
	var err error
	switch private := s.private.(type) {
	case *ecdsa.PrivateKey:
		r, v, signErr := ecdsa.Sign(rand.Reader, private, digest)
		size := (private.Params().BitSize + 7) / 8
		signature, err = append(r.FillBytes(make([]byte, size)), v.FillBytes(make([]byte, size))...), signErr
	case *rsa.PrivateKey:
		if s.alg[:2] == "PS" {
			signature, err = rsa.SignPSS(rand.Reader, private, id, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			signature, err = rsa.SignPKCS1v15(nil, private, id, digest)
		}
	default:
		signature, err = private.Sign(nil, message, crypto.Hash(0))
	}
	if err != nil {
		panic(err)
	}
	return signature
}

// faultOf is the fault an error stands for; empty for any other error.
func faultOf(err error) token.Fault {
	if e := new(token.InvalidError); errors.As(err, &e) {
		return e.Fault
	}
	return ""
}
