package assertion_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/assertion"
)

// payloadOf reads a token's claims without verifying it.
func payloadOf(t *testing.T, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestClaims(t *testing.T) {
	s, _ := newSigner(t, rfc8037Key, nil)
	got := payloadOf(t, sign(t, s, facts))
	want := map[string]any{
		"iss": issuer, "aud": "cn-north-4", "controller": "sparkoo-br", "basis": "registered-country", "country": "BR",
		"activity": "support", "safeguards": "br-lgpd-art33-iib-scc sg-pdpa-s26-contract", "statement": "2023-11-21",
		"iat": float64(noon.Unix()), "exp": float64(noon.Unix() + 30),
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("claim %s is %v, want %v", name, got[name], value)
		}
	}
	// The record's number stands in Data-Transfer, and a listed controller's name in the registers.
	if extra := slices.Sorted(maps.Keys(got)); len(extra) != len(want)+2 || got["sub"] == nil || got["jti"] == nil {
		t.Errorf("claims %q", extra)
	}
	if sub := got["sub"].(string); strings.Contains(sub, "ana") || len(sub) != 22 {
		t.Errorf("sub %q", sub)
	}
}

func TestClaimsOfOthers(t *testing.T) {
	s, _ := newSigner(t, rfc8037Key, nil)
	anonymous := facts
	anonymous.Account, anonymous.Country = "", ""
	got := payloadOf(t, sign(t, s, anonymous))
	for _, name := range []string{"sub", "country", "act"} {
		if value, found := got[name]; found {
			t.Errorf("anonymous: claim %s is %v", name, value)
		}
	}
	unlisted := facts
	unlisted.Controller, unlisted.ControllerName = "unlisted", "Nova Ltda."
	if got := payloadOf(t, sign(t, s, unlisted)); got["controller_name"] != "Nova Ltda." {
		t.Errorf("unlisted: claims %v", got)
	}
	staff := facts
	staff.Actor = assertion.Actor{Entity: "huawei-cloud-cn", Country: "CN"}
	got = payloadOf(t, sign(t, s, staff))
	if act, ok := got["act"].(map[string]any); !ok || act["sub"] != "huawei-cloud-cn" || act["country"] != "CN" {
		t.Errorf("staff: act is %v", got["act"])
	}
}

func TestSubjectsArePairwise(t *testing.T) {
	sub := func(s *assertion.Signer, account, recipient, region string) any {
		f := facts
		f.Account, f.Recipient, f.Region = account, recipient, region
		return payloadOf(t, sign(t, s, f))["sub"]
	}
	s, _ := newSigner(t, rfc8037Key, nil)
	ana := sub(s, "ana", "a", "r1")
	switch {
	case ana != sub(s, "ana", "a", "r2"):
		t.Error("one recipient knows one account by two names")
	case ana == sub(s, "ana", "b", "r1"):
		t.Error("two recipients know an account by the same name")
	case ana == sub(s, "bea", "a", "r1"):
		t.Error("two accounts have the same name")
	}
	other, _ := newSigner(t, rfc7515Key, nil)
	if ana == sub(other, "ana", "a", "r1") {
		t.Error("the name does not depend on a secret")
	}
	withKey := func(c *assertion.Config) { c.SubjectKey = []byte(strings.Repeat("k", 32)) }
	first, _ := newSigner(t, rfc8037Key, withKey)
	second, _ := newSigner(t, rfc7515Key, withKey)
	if sub(first, "ana", "a", "r1") != sub(second, "ana", "a", "r1") {
		t.Error("with a subject key, the name changes with the key that signs")
	}
}

func TestReuse(t *testing.T) {
	s, c := newSigner(t, rfc8037Key, nil)
	first := sign(t, s, facts)
	next := facts
	next.Record = "gw-sg-1#43"
	if sign(t, s, next) != first {
		t.Error("another record of the same facts made another assertion")
	}
	for name, change := range map[string]func(*assertion.Facts){
		"account":    func(f *assertion.Facts) { f.Account = "bea" },
		"recipient":  func(f *assertion.Facts) { f.Recipient = "x" },
		"region":     func(f *assertion.Facts) { f.Region = "x" },
		"controller": func(f *assertion.Facts) { f.Controller = "x" },
		"country":    func(f *assertion.Facts) { f.Country = "SG" },
		"activity":   func(f *assertion.Facts) { f.Activity = "x" },
		"safeguards": func(f *assertion.Facts) { f.Safeguards = "x" },
		"statement":  func(f *assertion.Facts) { f.Statement = "x" },
		"actor":      func(f *assertion.Facts) { f.Actor.Entity = "x" },
	} {
		f := facts
		change(&f)
		if sign(t, s, f) == first {
			t.Errorf("another %s got the same assertion", name)
		}
	}
	c.Time = noon.Add(15*time.Second - 1)
	if sign(t, s, facts) != first {
		t.Error("not reused in the first half of its lifetime")
	}
	c.Time = noon.Add(15 * time.Second)
	if sign(t, s, facts) == first {
		t.Error("reused in the second half of its lifetime")
	}
	c.Time = noon.Add(-time.Second)
	if got := payloadOf(t, sign(t, s, facts)); got["iat"] != float64(c.Unix()) {
		t.Error("reused after the clock was set back")
	}
}

func TestPerRequest(t *testing.T) {
	s, _ := newSigner(t, rfc8037Key, func(c *assertion.Config) { c.PerRequest = true })
	a, b := payloadOf(t, sign(t, s, facts)), payloadOf(t, sign(t, s, facts))
	if a["jti"] == b["jti"] || a["record"] != "gw-sg-1#42" || s.Kept() != 0 {
		t.Errorf("claims %v and %v, %d kept", a, b, s.Kept())
	}
}

// A flood of accounts takes no more room than the bound, nor do those of people
// who are gone stay.
func TestCacheIsBounded(t *testing.T) {
	s, c := newSigner(t, rfc8037Key, func(c *assertion.Config) { c.Remember = 10 })
	for i := range 200 {
		f := facts
		f.Account = fmt.Sprint("account-", i)
		sign(t, s, f)
		if s.Kept() > 10 {
			t.Fatalf("%d assertions kept after %d, want at most 10", s.Kept(), i+1)
		}
	}
	for range 2 {
		c.Time = c.Add(time.Minute)
		sign(t, s, facts)
	}
	if s.Kept() > 2 {
		t.Errorf("%d assertions kept after two generations", s.Kept())
	}
}

func TestConfigErrors(t *testing.T) {
	keys := keysOf(t, rfc8037Key)
	for want, config := range map[string]assertion.Config{
		"issuer '' is no URL such as https://gateway.example.com, without query and fragment":            {Keys: keys},
		"issuer 'gateway' is no URL such as https://gateway.example.com, without query and fragment":     {Issuer: "gateway", Keys: keys},
		"issuer 'https://g?x' is no URL such as https://gateway.example.com, without query and fragment": {Issuer: "https://g?x", Keys: keys},
		"lifetime of 1m1s: whole seconds from 1s to 1m0s":                                                {Issuer: issuer, Keys: keys, Lifetime: 61 * time.Second},
		"lifetime of 1.5s: whole seconds from 1s to 1m0s":                                                {Issuer: issuer, Keys: keys, Lifetime: 1500 * time.Millisecond},
		"lifetime of -1s: whole seconds from 1s to 1m0s":                                                 {Issuer: issuer, Keys: keys, Lifetime: -time.Second},
		"no key to sign with":                    {Issuer: issuer},
		"a subject key of 31 bytes: at least 32": {Issuer: issuer, Keys: keys, SubjectKey: make([]byte, 31)},
	} {
		if _, err := assertion.New(config); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// BenchmarkReuse takes the assertion that was made for the same facts.
func BenchmarkReuse(b *testing.B) {
	s, _ := newSigner(b, rfc8037Key, nil)
	sign(b, s, facts)
	b.ReportAllocs()
	for b.Loop() {
		sign(b, s, facts)
	}
}

// BenchmarkSign makes a new assertion for each request, beside a signature alone
// of as many bytes, by the standard library.
func BenchmarkSign(b *testing.B) {
	bytes := make([]byte, 500)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("EdDSA/signature-alone", func(b *testing.B) {
		for b.Loop() {
			ed25519.Sign(ed, bytes)
		}
	})
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ES256/signature-alone", func(b *testing.B) {
		for b.Loop() {
			sum := sha256.Sum256(bytes)
			if _, err := ecdsa.SignASN1(rand.Reader, ec, sum[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, text := range map[string]string{"EdDSA": rfc8037Key, "ES256": rfc7515Key} {
		b.Run(name+"/ours", func(b *testing.B) {
			s, _ := newSigner(b, text, func(c *assertion.Config) { c.PerRequest = true })
			b.ReportAllocs()
			for b.Loop() {
				sign(b, s, facts)
			}
		})
	}
}
