package gateway_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// A misspelt name of a claim reads nothing. When enough tokens came without it, it is
// said once, with the source and the option.
func TestMisspeltClaimsSpeak(t *testing.T) {
	login := newIssuer(t)
	config := replaced(t, site, "identity header {\n\t\t\tfrom 127.0.0.0/8\n\t\t}", login.source("minor_claim minro", "birth_claim born"))
	q := startQuiet(t, config)
	for i := range 302 {
		claims := map[string]any{"jti": fmt.Sprint(i), "minor": true}
		if i == 7 {
			claims["born"] = "1980"
		}
		if a := q.get("/", login.bearer(claims)...); a.StatusCode != 200 {
			t.Fatalf("status %d: %s", a.StatusCode, a.Text)
		}
	}
	if n := q.said(`"code":"claim-unseen"`, "'minor_claim' of 'identity jwt'", `"at":"Caddyfile:`); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
	if n := q.said(`"code":"claim-unseen"`); n != 1 {
		t.Errorf("%d lines of claims, want 1", n)
	}
}

// A region that answers with a status that is none fails, and the denial names it.
func TestStatusThatIsNone(t *testing.T) {
	f := startFront(t, site, "", func(c net.Conn, _ *bufio.Reader, _ *http.Request) {
		fmt.Fprint(c, "HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n")
	})
	a := f.get("/", "Registered-Country", "BR")
	if a.StatusCode != http.StatusBadGateway || !strings.Contains(a.Text, `"reason":"region_failed"`) || !strings.Contains(a.Text, `"region":"sa-brazil-1"`) {
		t.Errorf("status %d: %s", a.StatusCode, a.Text)
	}
}

// What is wrong with a matcher or a directive beside the gateway's says where it stands.
func TestErrorsBesideHavePlaces(t *testing.T) {
	for _, c := range []grammarCase{
		{site: "http://gw.test {\n@a transfer_country UK\ntransfer {\n" + goodBlock + "\n}\nheader @a X y\n}", want: "country 'UK' is not an ISO 3166-1 alpha-2 code; write GB, at Caddyfile:10"},
		{site: "http://gw.test {\n@a transfer_controller sparkoo-xx\ntransfer {\n" + goodBlock + "\n}\nheader @a X y\n}", want: ", at Caddyfile:10"},
		{site: "http://gw.test {\ntransfer_jwks\ntransfer {\n" + goodBlock + "\n}\n}", want: "has no 'assertion', at Caddyfile:10"},
		{site: "http://gw.test {\ntransfer_log /{env.TRANSFER_NOT_SET}\ntransfer {\n" + goodBlock + "\n}\n}", want: "Caddyfile:10"},
	} {
		if err := validate(c.caddyfile(t)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}
