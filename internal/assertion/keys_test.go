package assertion_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/assertion"
)

// openssl genpkey -algorithm ed25519, then -pubout; openssl ecparam -name
// prime256v1 -genkey, and on secp384r1.
const (
	opensslEd25519 = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIMdwHZsP0cnqi9samtxqrM8yrsrVLMb72+juJ3IqsSEa
-----END PRIVATE KEY-----
`
	opensslPublic = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA1QfOeuqaosLPR1DeWde5FKk9E97QrfyLdxkYQn0YulI=
-----END PUBLIC KEY-----
`
	opensslEC = `-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIIZHTsqMHenOMxRg1T6Sp+ZlqqytZtlfFVfUEy7gJ4LToAoGCCqGSM49
AwEHoUQDQgAEZKTAb2cNfv6n0lDrn+RwPXIuQOXX8+JUufRJYZyYCfALV0huZtuv
jHCKTAGGsp06nKIvMkbwLFSSwpXAy2F29w==
-----END EC PRIVATE KEY-----
`
	opensslP384 = `-----BEGIN EC PRIVATE KEY-----
MIGkAgEBBDDWv0yD9M19Mx+CsO+71R5H0veNmV1x8bNJ6tG+XqKlZ1WIvEkepUyl
gCk190Ao1EygBwYFK4EEACKhZANiAAQzX3bSOp+azlxqfOkyl1oIOEoOQXsUD3hA
LoFd5pj7hbZvNfCG5okj5+ifTtNXNR9h4qKkYlPwZM0VVcPnap7VRbHe2gEE+wXG
UzYz9UlDvXKk5lVt+hbSuahLr4CipMU=
-----END EC PRIVATE KEY-----
`
)

const publicJWK = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`

func TestParseKeys(t *testing.T) {
	for name, c := range map[string]struct{ text, algorithms string }{
		"ed25519 PEM": {opensslEd25519, "EdDSA"},
		"EC PEM":      {opensslEC, "ES256"},
		"two PEM":     {opensslEC + opensslEd25519, "ES256 EdDSA"},
		"and public":  {opensslEC + opensslPublic, "ES256 EdDSA"},
		"JWK":         {rfc7515Key, "ES256"},
		"JWK set":     {`{"keys":[` + rfc8037Key + "," + rfc7515Key + "]}", "EdDSA ES256"},
		"public last": {`{"keys":[` + rfc7515Key + "," + publicJWK + "]}", "ES256 EdDSA"},
	} {
		var got []string
		for _, k := range keysOf(t, c.text) {
			got = append(got, k.Algorithm())
		}
		if strings.Join(got, " ") != c.algorithms {
			t.Errorf("%s: %q, want %s", name, got, c.algorithms)
		}
	}
	if keysOf(t, opensslEd25519)[0].ID() != keysOf(t, opensslEC+opensslPublic)[1].ID() {
		t.Error("a key and its public half have different ids")
	}
}

func TestParseKeysErrors(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	rsaPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	const kind = "it is of another kind: make an Ed25519 key (EdDSA) or an EC key on the curve P-256 (ES256)"
	for _, c := range []struct{ text, want string }{
		{"", "there is no key in it: PEM or a JSON Web Key is expected"},
		{`{"keys":[]}`, "there is no key in it: PEM or a JSON Web Key is expected"},
		{"hello", "what follows key 0 is no PEM block"},
		{opensslEC + "hello", "what follows key 1 is no PEM block"},
		{"{", "it is not well-formed JSON"},
		{`{"kty":"OKP"}`, "key 1: it is malformed"},
		{opensslPublic, "key 1 is public, and the first key signs: put a private key first"},
		{publicJWK, "key 1 is public, and the first key signs: put a private key first"},
		{opensslEd25519 + opensslPublic, "key 2 stands in it twice"},
		{rsaPEM, "key 1: " + kind},
		{opensslP384, "key 1: " + kind},
		{opensslEC + opensslP384, "key 2: " + kind},
		{`{"kty":"oct","k":"AAAA"}`, "key 1: " + kind},
		{"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
			"key 1: PEM blocks of type 'CERTIFICATE' are not read: write PRIVATE KEY, EC PRIVATE KEY or PUBLIC KEY, unencrypted"},
		{"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "key 1: it is malformed"},
		{strings.Replace(rfc8037Key, `"kty"`, `"alg":"ES256","kty"`, 1), "key 1: its alg is 'ES256', and a key of its kind is for EdDSA"},
		{strings.Replace(rfc8037Key, `"kty"`, `"use":"enc","kty"`, 1), "key 1: its use is 'enc', not sig"},
		{strings.Repeat(opensslEC, 17), "there are 17 keys in it: at most 16"},
	} {
		_, err := assertion.ParseKeys([]byte(c.text))
		if err == nil || err.Error() != c.want {
			t.Errorf("%.30q: got %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := assertion.Generate("RS256"); err == nil || err.Error() != "algorithm 'RS256' cannot sign assertions; use one of EdDSA, ES256" {
		t.Errorf("generating another algorithm: %v", err)
	}
}

// A key set of somebody else's may hold keys of other kinds beside ours.
func TestParseKeySet(t *testing.T) {
	named := strings.Replace(publicJWK, `"kty"`, `"kid":"a","kty"`, 1)
	private := strings.Replace(rfc7515Key, `"kty"`, `"kid":"b","kty"`, 1)
	set, err := assertion.ParseKeySet([]byte(`{"keys":[{"kty":"oct","kid":"c","k":"AAAA"},` + publicJWK + "," + private + "," + named + `,{"kid":"d"}]}`))
	if err != nil || len(set) != 1 || set["a"] == nil {
		t.Errorf("keys %v, %v; want a alone", set, err)
	}
}

func TestRing(t *testing.T) {
	ring := new(assertion.Ring)
	own, fresh, err := ring.Generated(assertion.EdDSA)
	again, second, _ := ring.Generated(assertion.EdDSA)
	if err != nil || !fresh || second || own.ID() != again.ID() {
		t.Fatalf("generated %s (%t), then %s (%t): %v", own.ID(), fresh, again.ID(), second, err)
	}
	a, b := keysOf(t, rfc8037Key), keysOf(t, rfc7515Key)
	has := func(at time.Duration, keys []assertion.Key, id string) bool {
		t.Helper()
		raw, err := ring.KeySet(keys, noon.Add(at))
		if err != nil || strings.Count(string(raw), id) > 1 {
			t.Fatalf("key set %s: %v", raw, err)
		}
		return strings.Contains(string(raw), id)
	}
	ring.Publish(a, noon)
	ring.Publish(b, noon.Add(time.Minute))
	ring.Publish(b, noon.Add(2*time.Minute)) // another reload does not prolong it
	end := time.Minute + assertion.Overlap
	switch {
	case !has(end-1, b, a[0].ID()):
		t.Error("a key that was replaced is gone before the overlap ends")
	case has(end, b, a[0].ID()):
		t.Error("a key that was replaced is there after the overlap")
	case !has(end, b, b[0].ID()):
		t.Error("the key that signs is not published")
	case !has(0, a, b[0].ID()) || !has(0, a, a[0].ID()):
		t.Error("a configuration's own keys and those of the next are not both published")
	}
	ring.Publish(a, noon.Add(3*time.Minute)) // taken back
	if !has(24*time.Hour, nil, a[0].ID()) {
		t.Error("a key that is configured again is forgotten")
	}
}

// A verifier that fetched the set just before a key was replaced still accepts
// what the old key signed, and so does one that fetches it while those live.
func TestOverlapOutlastsCaches(t *testing.T) {
	if least := assertion.MaxAge + assertion.MaxLifetime; assertion.Overlap <= least {
		t.Errorf("overlap of %s, and set and assertion together live %s", assertion.Overlap, least)
	}
}
