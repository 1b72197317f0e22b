package assertion_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/assertion"
)

// Signed examples of RFC 8037 appendix A.4 and RFC 7515 appendix A.3.1.
const (
	rfc8037JWS = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
	rfc7515JWS = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ." +
		"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
)

func TestSignaturesOfTheStandards(t *testing.T) {
	for _, c := range []struct{ name, algorithm, key, jws, payload string }{
		{"RFC 8037 A.4", assertion.EdDSA, rfc8037Key, rfc8037JWS, "Example of Ed25519 signing"},
		{"RFC 7515 A.3", assertion.ES256, rfc7515Key, rfc7515JWS, "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"},
	} {
		key := keysOf(t, c.key)[0]
		payload, err := assertion.Open(c.jws, c.algorithm, key.Public())
		if err != nil || string(payload) != c.payload {
			t.Errorf("%s: %q, %v", c.name, payload, err)
		}
		parts := strings.Split(c.jws, ".")
		forged := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"eve"}`)) + "." + parts[2]
		if _, err := assertion.Open(forged, c.algorithm, key.Public()); err != assertion.ErrSignature {
			t.Errorf("%s with another payload: %v", c.name, err)
		}
		other := assertion.EdDSA
		if c.algorithm == other {
			other = assertion.ES256
		}
		if _, err := assertion.Open(c.jws, other, key.Public()); err != assertion.ErrAlgorithm {
			t.Errorf("%s as %s: %v", c.name, other, err)
		}
	}
}

// RFC 8037 appendix A.3.
func TestKeyIDIsTheThumbprint(t *testing.T) {
	key := keysOf(t, rfc8037Key)[0]
	if want := "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; key.ID() != want {
		t.Errorf("key id %s, want %s", key.ID(), want)
	}
}

// What is signed verifies with the standard library alone.
func TestSignedVerifiesElsewhere(t *testing.T) {
	for algorithm, text := range map[string]string{assertion.EdDSA: rfc8037Key, assertion.ES256: rfc7515Key} {
		s, _ := newSigner(t, text, nil)
		parts := strings.Split(sign(t, s, facts), ".")
		input := []byte(parts[0] + "." + parts[1])
		signature, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		var valid bool
		switch public := keysOf(t, text)[0].Public().(type) {
		case ed25519.PublicKey:
			valid = ed25519.Verify(public, input, signature)
		case *ecdsa.PublicKey:
			sum := sha256.Sum256(input)
			valid = len(signature) == 64 && ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
		}
		if !valid {
			t.Errorf("%s: the signature is not valid", algorithm)
		}
		var header map[string]any
		raw, err := base64.RawURLEncoding.DecodeString(parts[0])
		if err != nil || json.Unmarshal(raw, &header) != nil {
			t.Fatalf("header %q: %v", parts[0], err)
		}
		if header["alg"] != algorithm || header["typ"] != "transfer-assertion+jwt" || header["kid"] != keysOf(t, text)[0].ID() || len(header) != 3 {
			t.Errorf("%s: header %v", algorithm, header)
		}
	}
}
