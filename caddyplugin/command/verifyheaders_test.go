package command

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/assertion"
)

// syncBuffer is a buffer that a goroutine writes while a test reads.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// signing is a gateway's signer, and its key set's address.
func signing(t *testing.T) (*assertion.Signer, string) {
	t.Helper()
	key, err := assertion.Generate("EdDSA")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := assertion.New(assertion.Config{Issuer: "https://gw.test", Keys: []assertion.Key{key}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := new(assertion.Ring).KeySet([]assertion.Key{key}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) }))
	t.Cleanup(server.Close)
	return signer, server.URL
}

// verify-headers stands for a region: it shows what a gateway sent, and does not
// believe what comes from elsewhere.
func TestVerifyHeaders(t *testing.T) {
	signer, jwks := signing(t)
	good, err := signer.Sign(assertion.Facts{
		Account: "ana", Recipient: "sparkoo-br", Region: "sa-brazil-1", Controller: "sparkoo-br",
		Basis: "registered-country", Country: "BR", Activity: "serving", Statement: "2023-11-21",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, done := new(syncBuffer), make(chan error, 1)
	go func() { done <- verifyHeaders(ctx, out, "127.0.0.1:0", jwks, "sa-brazil-1") }()
	for deadline := time.Now().Add(3 * time.Minute); !strings.HasSuffix(out.String(), "\n"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not listen")
		}
	}
	url := strings.TrimSpace(strings.TrimPrefix(out.String(), "listening on "))

	type arrival struct {
		Fields   http.Header
		Verified bool
		Problem  string
		Claims   *assertion.Claims
	}
	send := func(tokens ...string) (a arrival) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header["Transfer-Assertion"] = tokens
		req.Header.Set("Data-Controller", "sparkoo-br")
		req.Header.Set("Unrelated", "x")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := send(good)
	if !a.Verified || a.Problem != "" || a.Claims.Controller != "sparkoo-br" || a.Fields.Get("Data-Controller") != "sparkoo-br" || a.Fields.Get("Unrelated") != "" {
		t.Errorf("from the gateway: %+v", a)
	}
	for want, tokens := range map[string][]string{
		"no Transfer-Assertion arrived: the gateway has no 'assertion', or the request did not come through it": nil,
		"2 Transfer-Assertions arrived, and the gateway sends one: somebody added the others":                   {good, good},
		assertion.ErrSignature.Error(): {good[:len(good)-10] + "AAAAAAAAAA"},
	} {
		if a := send(tokens...); a.Verified || a.Claims != nil || a.Problem != want {
			t.Errorf("got %+v, want %s", a, want)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestVerifyHeadersErrors(t *testing.T) {
	const path = "/.well-known/transfergate/jwks.json"
	for want, args := range map[string][2]string{
		"jwks '' is no URL: write one such as http://localhost:8080" + path:    {"127.0.0.1:0", ""},
		"jwks 'x:y' is no URL: write one such as http://localhost:8080" + path: {"127.0.0.1:0", "x:y"},
		"listening on 'nowhere:x': ":                                           {"nowhere:x", "http://gw.test"},
	} {
		err := verifyHeaders(t.Context(), io.Discard, args[0], args[1], "")
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
