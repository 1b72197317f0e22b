package adminapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/question"
)

// endpoint is something that listens where a gateway is looked for.
func endpoint(t *testing.T, answer http.HandlerFunc) (address string) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// fails makes sure that an error names the address and says something.
func fails(t *testing.T, what string, err error, address, said string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), said) {
		t.Errorf("%s: got the error '%v', want one with '%s' and '%s'", what, err, address, said)
	}
}

// One address is one gateway: what names none, or several, is an error that shows it.
func TestClientRefusesAddresses(t *testing.T) {
	for _, address := range []string{
		"127.0.0.1:2019-2021", "127.0.0.1:x", "127.0.0.1:1", "unix//no/such/socket", "http://127.0.0.1:1", "unix//run/s|9999",
	} {
		_, err := adminapi.Client{Address: address}.Keys()
		fails(t, address, err, "asking the gateway at "+address, "")
	}
}

// Without an address it is Caddy's, which CADDY_ADMIN sets when the process starts.
func TestClientAsksCaddysOwnAddress(t *testing.T) {
	formerly := caddy.DefaultAdminListen
	t.Cleanup(func() { caddy.DefaultAdminListen = formerly })
	caddy.DefaultAdminListen = endpoint(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `"/srv/ledger"`) })
	if folder, err := (adminapi.Client{}).LedgerFolder(); err != nil || folder != "/srv/ledger" {
		t.Errorf("got %q, %v", folder, err)
	}
}

// Whoever sends the request elsewhere has not done what was asked, whatever the page
// says that the client ends on (RFC 9110, 15.4: a POST may become a GET).
func TestClientFollowsNoRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		address := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/elsewhere" {
				http.Redirect(w, r, "/elsewhere", status)
				return
			}
			io.WriteString(w, `{"holds":[],"keys":[]}`)
		})
		c := adminapi.Client{Address: address}
		_, err := c.SetHold(ledger.ClassHold{Hold: ledger.Hold{Ref: "case-7", By: "legal-sg", Because: "an order"}})
		fails(t, strconv.Itoa(status)+" to an order", err, address, "/elsewhere")
		_, err = c.Keys()
		fails(t, strconv.Itoa(status)+" to a question", err, address, "/elsewhere")
	}
	// Of the same path a GET is another request.
	address := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
			return
		}
		io.WriteString(w, `{"holds":[]}`)
	})
	_, err := adminapi.Client{Address: address}.SetHold(ledger.ClassHold{})
	fails(t, "303 to the same path", err, address, "GET")
}

// Nothing is taken for an answer but the answer, and not more than 16 MiB of it.
func TestClientRefusesAnswers(t *testing.T) {
	folder := func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` }
	for what, c := range map[string]struct {
		status     int
		body, said string
	}{
		"nothing":      {204, "", "reading the answer"},
		"a page":       {200, "<html>", "reading the answer"},
		"another type": {200, `{"keys":7}`, "reading the answer"},
		"cut off":      {200, `"/srv/led`, "reading the answer"},
		"too large":    {200, folder(16<<20 + 1), "reading the answer"},
		"a refusal":    {403, `{"error":"ask over a unix socket"}`, "ask over a unix socket"},
		"not there":    {404, `{"error":"no hold"}`, "no hold"},
		"out of order": {503, `{"error":"no space"}`, "no space"},
	} {
		address := endpoint(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			io.WriteString(w, c.body)
		})
		_, err := adminapi.Client{Address: address}.LedgerFolder()
		fails(t, what, err, address, c.said)
	}
	address := endpoint(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, folder(16<<20)) })
	if got, err := (adminapi.Client{Address: address}).LedgerFolder(); err != nil || len(got) != 16<<20-2 {
		t.Errorf("16 MiB: %d bytes, %v", len(got), err)
	}
}

// What an operator signs is the request and the challenge, in a signed note of C2SP:
// the kind of note, the request, the SHA-256 of its body, the challenge, a line each.
func TestClientSignsThisOrder(t *testing.T) {
	private, public := newKey(t, "ops")
	verifier, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	var body, field []byte
	asked := map[string]int{}
	address := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		asked[r.Method+" "+r.URL.EscapedPath()]++
		switch {
		case r.URL.Path == "/transfer/challenge":
			io.WriteString(w, `{"challenge":"c-17"}`)
		case r.Method == http.MethodGet:
			if r.Header.Get("Transfer-Order") != "" {
				t.Error("a question is signed")
			}
			io.WriteString(w, `{}`)
		default:
			body, _ = io.ReadAll(r.Body)
			field, _ = base64.StdEncoding.DecodeString(r.Header.Get("Transfer-Order"))
			io.WriteString(w, `{}`)
		}
	})
	c := adminapi.Client{Address: address, Key: private + "\n"}
	for request, order := range map[string]func() error{
		"POST /transfer/ledger/keys/rotate":              func() error { _, err := c.RotateKeys(); return err },
		"POST /transfer/ledger/keys/2026%2F11/destroy":   func() error { _, err := c.DestroyKey("2026/11"); return err },
		"POST /transfer/ledger/keys/2026-11%3Fx/destroy": func() error { _, err := c.DestroyKey("2026-11?x"); return err },
		"POST /transfer/ledger/holds":                    func() error { _, err := c.SetHold(ledger.ClassHold{Hold: ledger.Hold{Ref: "case-7"}}); return err },
		"POST /transfer/ledger/holds/case-7/lift":        func() error { _, err := c.LiftHold(ledger.ClassHold{Hold: ledger.Hold{Ref: "case-7"}}); return err },
		"POST /transfer/policy/reload":                   func() error { _, err := c.ReloadPolicy(); return err },
	} {
		if err := order(); err != nil {
			t.Errorf("%s: %v", request, err)
			continue
		}
		n, err := note.Open(field, note.VerifierList(verifier))
		if err != nil {
			t.Errorf("%s: %v", request, err)
			continue
		}
		sum := sha256.Sum256(body)
		if want := "transfergate order\n" + request + "\n" + base64.StdEncoding.EncodeToString(sum[:]) + "\nc-17\n"; n.Text != want {
			t.Errorf("signed is\n%s, want\n%s", n.Text, want)
		}
		if asked[request] != 1 {
			t.Errorf("%s came %d times: %v", request, asked[request], asked)
		}
	}
	challenges := asked["GET /transfer/challenge"]
	if _, err := c.Keys(); err != nil {
		t.Error(err)
	}
	if challenges != 6 || asked["GET /transfer/challenge"] != 6 {
		t.Errorf("%d challenges for six orders, then %d", challenges, asked["GET /transfer/challenge"])
	}
}

// A key that is none is told, with how to make one, and not shown: it is secret.
func TestClientDoesNotShowAKey(t *testing.T) {
	private, public := newKey(t, "ops")
	address := endpoint(t, func(http.ResponseWriter, *http.Request) { t.Error("the gateway was asked") })
	for what, key := range map[string]string{"the public key": public, "cut off": private[:len(private)-9], "two": private + "\n" + private} {
		_, err := adminapi.Client{Address: address, Key: key}.RotateKeys()
		if err == nil || !strings.Contains(err.Error(), "keygen") || strings.Contains(err.Error(), key[len(key)-12:]) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What the commands ask comes back as the gateway said it.
func TestClientAndRoutesUnderstandEachOther(t *testing.T) {
	at := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	a := &answers{
		reload:    func() (adminapi.Reloaded, error) { return adminapi.Reloaded{Changed: true, Digest: "d1"}, nil },
		explained: []decision.Explanation{{Policy: "d1", At: at, Activity: "support", Outcome: "denied", Reason: "no_safeguard", Law: "br", Steps: []decision.Step{}}},
	}
	c := adminapi.Client{Address: onSocket(t, a)}
	if got, err := c.ReloadPolicy(); err != nil || got != (adminapi.Reloaded{Changed: true, Digest: "d1"}) {
		t.Errorf("reload: %+v, %v", got, err)
	}
	q := question.Question{Activity: "support", Account: "somebody", At: at, Staff: &decision.Place{Entity: "sparkoo-cn", Country: "CN"}}
	if got, err := c.Explain(q); err != nil || !reflect.DeepEqual(got, a.explained) {
		t.Errorf("explained: %+v, %v", got, err)
	}
	if !reflect.DeepEqual(a.asked, []question.Question{q}) {
		t.Errorf("asked: %+v, want %+v", a.asked, q)
	}
	if folder, err := c.LedgerFolder(); err != nil || !strings.HasSuffix(folder, "/ledger") {
		t.Errorf("folder: %q, %v", folder, err)
	}
	testHolds(t, c)
	testKeys(t, c)
}

func testHolds(t *testing.T, c adminapi.Client) {
	want := ledger.Hold{Ref: "case-7", By: "legal-sg", Because: "an order", From: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)}
	refs := func(holds []ledger.ClassHold, err error) (list string) {
		for _, h := range holds {
			list += h.Class + ":" + h.Ref + " "
			if h.By != want.By || h.Because != want.Because || !h.From.Equal(want.From) || h.Set.IsZero() {
				t.Errorf("hold %+v, want %+v", h, want)
			}
		}
		if err != nil {
			return err.Error()
		}
		return list
	}
	if got := refs(c.Holds()); got != "" {
		t.Errorf("at first: %s", got)
	}
	if got := refs(c.SetHold(ledger.ClassHold{Hold: want})); got != "default:case-7 support:case-7 " {
		t.Errorf("a hold on all classes: %s", got)
	}
	if got := refs(c.LiftHold(ledger.ClassHold{Hold: want, Class: "support"})); got != "default:case-7 " {
		t.Errorf("lifted in one class: %s", got)
	}
	if got := refs(c.Holds()); got != "default:case-7 " {
		t.Errorf("listed: %s", got)
	}
	_, err := c.LiftHold(ledger.ClassHold{Hold: want, Class: "support"})
	fails(t, "lifted twice", err, "HTTP 404", ledger.ErrNoHold.Error())
}

func testKeys(t *testing.T, c adminapi.Client) {
	keys, err := c.Keys()
	if err != nil || len(keys) != 2 {
		t.Fatalf("keys: %+v, %v", keys, err)
	}
	rotated, err := c.RotateKeys()
	if err != nil || len(rotated) != 4 {
		t.Fatalf("rotated: %+v, %v", rotated, err)
	}
	left, err := c.DestroyKey(keys[0].Period)
	if err != nil || len(left) >= 4 {
		t.Fatalf("destroyed: %+v, %v", left, err)
	}
	for _, k := range left {
		if k.Class == keys[0].Class && k.Period == keys[0].Period {
			t.Errorf("%s is still there: %+v", k.Period, left)
		}
	}
	_, err = c.DestroyKey("1999-01")
	fails(t, "no such key", err, "HTTP 404", ledger.ErrNoKey.Error())
}
