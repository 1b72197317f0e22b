package assertion_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sparkoo/transfergate/internal/assertion"
)

// jws signs any payload under any header with the RFC 8037 key.
func jws(t *testing.T, payload string, header map[jose.HeaderKey]any) string {
	t.Helper()
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON([]byte(rfc8037Key)); err != nil {
		t.Fatal(err)
	}
	options := new(jose.SignerOptions)
	for name, value := range header {
		options.WithHeader(name, value)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key.Key}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestVerify(t *testing.T) {
	s, _ := newSigner(t, rfc8037Key, nil)
	good := sign(t, s, facts)
	parts := strings.Split(good, ".")
	kid := keysOf(t, rfc8037Key)[0].ID()
	ours := map[jose.HeaderKey]any{"kid": kid, "typ": assertion.Type}
	with := func(name jose.HeaderKey, value any) map[jose.HeaderKey]any {
		return map[jose.HeaderKey]any{"kid": kid, "typ": assertion.Type, name: value}
	}
	const body = `"iss":"https://gateway.example.test","aud":"cn-north-4"`
	flipped := "A"
	if parts[1][9] == 'A' {
		flipped = "B"
	}
	for _, c := range []struct {
		name, token string
		at          time.Duration
		change      func(*assertion.Verifier)
		want        error
	}{
		{name: "good", token: good},
		{name: "last moment", token: good, at: 35*time.Second - 1},
		{name: "expired", token: good, at: 35 * time.Second, want: assertion.ErrExpired},
		{name: "no leeway", token: good, at: 30 * time.Second, change: func(v *assertion.Verifier) { v.Leeway = -1 }, want: assertion.ErrExpired},
		{name: "future", token: good, at: -6 * time.Second, want: assertion.ErrNotYetValid},
		{name: "payload tampered with", token: parts[0] + "." + parts[1][:9] + flipped + parts[1][10:] + "." + parts[2], want: assertion.ErrSignature},
		{name: "no signature", token: parts[0] + "." + parts[1] + ".", want: assertion.ErrSignature},
		{name: "another audience", token: good, change: func(v *assertion.Verifier) { v.Audience = "ap-southeast-3" }, want: assertion.ErrAudience},
		{name: "another issuer", token: good, change: func(v *assertion.Verifier) { v.Issuer = "https://other.test" }, want: assertion.ErrIssuer},
		{name: "another key", token: good, change: func(v *assertion.Verifier) { v.Keys = published(t, rfc7515Key) }, want: assertion.ErrUnknownKey},
		{name: "no keys", token: good, change: func(v *assertion.Verifier) { v.Keys = nil }, want: assertion.ErrUnknownKey},
		{name: "alg none", token: "eyJhbGciOiJub25lIiwidHlwIjoidHJhbnNmZXItYXNzZXJ0aW9uK2p3dCIsImtpZCI6ImtQcktfcW14VldhWVZBOXd3QkY2SXVvM3ZWeno3VHhIQ1R3WEJ5Z3JTNGsifQ." + parts[1] + ".", want: assertion.ErrAlgorithm},
		{name: "nothing", token: "", want: assertion.ErrMalformed},
		{name: "JSON form", token: `{"payload":"x"}`, want: assertion.ErrMalformed},
		{name: "too long", token: good + strings.Repeat("A", 8<<10), want: assertion.ErrMalformed},
		{name: "another type", token: jws(t, "{"+body+`,"iat":1795435200,"exp":1795435230}`, with("typ", "at+jwt")), want: assertion.ErrType},
		{name: "critical", token: jws(t, "{"+body+"}", with("crit", []string{"x"})), want: assertion.ErrCriticalHead},
		{name: "b64", token: jws(t, "{"+body+"}", with("b64", true)), want: assertion.ErrCriticalHead},
		{name: "no times", token: jws(t, "{"+body+"}", ours), want: assertion.ErrLifetime},
		{name: "no iat", token: jws(t, "{"+body+`,"exp":1795435230}`, ours), want: assertion.ErrLifetime},
		{name: "an hour", token: jws(t, "{"+body+`,"iat":1795435200,"exp":1795438800}`, ours), want: assertion.ErrLifetime},
		{name: "aud twice", token: jws(t, "{"+body+`,"aud":"ap-southeast-3","iat":1795435200,"exp":1795435230}`, ours), want: assertion.ErrMalformed},
		{name: "not JSON", token: jws(t, "hello", ours), want: assertion.ErrMalformed},
	} {
		v := &assertion.Verifier{
			Keys: published(t, rfc8037Key), Issuer: issuer, Audience: "cn-north-4", Now: func() time.Time { return noon.Add(c.at) },
		}
		if c.change != nil {
			c.change(v)
		}
		claims, err := v.Verify(context.Background(), c.token)
		if !errors.Is(err, c.want) || (err == nil) != (claims != nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// keyService serves what is stored in it.
type keyService struct {
	*httptest.Server
	body  atomic.Value
	count atomic.Int64
}

func newKeyService(t *testing.T, body string) *keyService {
	k := new(keyService)
	k.body.Store(body)
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		k.count.Add(1)
		text := k.body.Load().(string)
		if text == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Write([]byte(text))
	}))
	t.Cleanup(k.Close)
	return k
}

func keySetOf(t *testing.T, text string) string {
	t.Helper()
	raw, err := new(assertion.Ring).KeySet(keysOf(t, text), noon)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestRemoteKeys(t *testing.T) {
	service := newKeyService(t, keySetOf(t, rfc8037Key))
	c := &clock{noon}
	keys := &assertion.Remote{URL: service.URL, Now: c.now}
	first, second := keysOf(t, rfc8037Key)[0].ID(), keysOf(t, rfc7515Key)[0].ID()
	expect := func(id string, want error, fetches int64) {
		t.Helper()
		if _, err := keys.Key(t.Context(), id); !errors.Is(err, want) || service.count.Load() != fetches {
			t.Errorf("%v after %d fetches, want %v after %d", err, service.count.Load(), want, fetches)
		}
	}
	expect(first, nil, 1)
	expect(first, nil, 1)
	for range 100 { // junk causes no fetch within two seconds
		expect(second, assertion.ErrUnknownKey, 1)
	}
	service.body.Store(keySetOf(t, rfc7515Key))
	c.Time = c.Add(2 * time.Second)
	expect(second, nil, 2)
	expect(first, assertion.ErrUnknownKey, 2)
	c.Time = c.Add(assertion.MaxAge)
	expect(second, nil, 3)
}

func TestRemoteErrors(t *testing.T) {
	for want, body := range map[string]string{
		": status 404": "",
		": the key set is not a JSON object with the member 'keys'": "<html>",
		": the key set has no key for assertions":                   `{"keys":[]}`,
	} {
		service := newKeyService(t, body)
		_, err := (&assertion.Remote{URL: service.URL}).Key(t.Context(), "x")
		if err == nil || err.Error() != "fetching the key set from "+strings.TrimPrefix(service.URL, "http://")+want {
			t.Errorf("%q: %v", body, err)
		}
		service.Close()
		_, err = (&assertion.Remote{URL: service.URL}).Key(t.Context(), "x")
		if err == nil || !strings.HasPrefix(err.Error(), "fetching the key set from ") {
			t.Errorf("nobody listens: %v", err)
		}
	}
	if _, err := (&assertion.Remote{URL: ":"}).Key(t.Context(), "x"); err == nil || !strings.HasPrefix(err.Error(), "fetching the key set from ") {
		t.Errorf("no URL: %v", err)
	}
}
