package assertion_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/assertion"
)

// The private keys of RFC 8037 appendix A.1 and RFC 7515 appendix A.3.1.
const (
	rfc8037Key = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	rfc7515Key = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`
)

// noon is when tests happen.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const issuer = "https://gateway.example.test"

// facts are those of a Brazilian's request for support from China.
var facts = assertion.Facts{
	Account: "ana", Recipient: "huawei-cloud-cn", Region: "cn-north-4", Controller: "sparkoo-br",
	Basis: "registered-country", Country: "BR", Activity: "support",
	Safeguards: "br-lgpd-art33-iib-scc sg-pdpa-s26-contract", Statement: "2023-11-21", Record: "gw-sg-1#42",
}

func keysOf(t testing.TB, text string) []assertion.Key {
	t.Helper()
	keys, err := assertion.ParseKeys([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// clock is a clock that tests turn.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

// newSigner returns a signer with the first key of text, and its clock.
func newSigner(t testing.TB, text string, change func(*assertion.Config)) (*assertion.Signer, *clock) {
	t.Helper()
	c := &clock{noon}
	config := assertion.Config{Issuer: issuer, Keys: keysOf(t, text), Now: c.now}
	if change != nil {
		change(&config)
	}
	s, err := assertion.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func sign(t testing.TB, s *assertion.Signer, f assertion.Facts) string {
	t.Helper()
	token, err := s.Sign(f)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// published is the key set with the keys of text.
func published(t testing.TB, text string) assertion.KeySet {
	t.Helper()
	raw, err := new(assertion.Ring).KeySet(keysOf(t, text), noon)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), `"d"`) {
		t.Fatal("the published key set holds a private key")
	}
	set, err := assertion.ParseKeySet(raw)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
