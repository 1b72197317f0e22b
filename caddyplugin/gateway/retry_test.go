package gateway_test

import (
	"io"
	"net/http"
	"testing"
)

// TestRetryMatch: a proxy that tries again by what request and response say sees
// the request's fields after the round trip, and every try carries ours once.
func TestRetryMatch(t *testing.T) {
	for _, ops := range []string{"", "header_up Try {http.reverse_proxy.upstream.hostport}"} {
		tries := 0
		br := newUpstream(t, "br", func(w http.ResponseWriter, _ *http.Request) {
			if tries++; tries%2 == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
		g := startTwo(t, "reverse_proxy "+br.addr+" {\n lb_retries 1\n lb_retry_match {\n header Again yes\n expression {rp.status_code}==503\n }\n"+ops+"\n}", deadAddr(t))
		if a := g.get("/", append(brazilian, "Again", "yes")...); a.StatusCode != 200 || tries != 2 {
			t.Errorf("%q: asked to try again, status %d after %d tries", ops, a.StatusCode, tries)
		}
		if a := g.get("/", brazilian...); a.StatusCode != 503 || tries != 3 {
			t.Errorf("%q: not asked to try again, status %d after %d tries", ops, a.StatusCode, tries)
		}
		for _, got := range br.requests() {
			for _, name := range []string{"Data-Controller", "Data-Region", "Data-Transfer", "Privacy-Statement"} {
				if len(got.Header[name]) != 1 {
					t.Errorf("%q: a try carries %s as %q", ops, name, got.Header[name])
				}
			}
		}
		g.settled()
	}
}

// TestBareRegionHandsOver: where a region is nothing but a proxy it gets the
// client's request without a copy; the next region must still get it as it came.
func TestBareRegionHandsOver(t *testing.T) {
	sg := newUpstream(t, "sg", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	g := startTwo(t, "reverse_proxy "+deadAddr(t)+" {\n rewrite /elsewhere\n header_up -Accept-Language\n}", sg.addr)
	fields := append([]string{"Accept-Language", "pt-BR", "Connection", "X-Hop", "X-Hop", "1"}, brazilian...)
	for _, body := range []string{"", "content"} {
		if a := g.do("POST", "/here?page=2", body, fields...); a.StatusCode != 200 || a.Text != body {
			t.Fatalf("status %d: %s", a.StatusCode, a.Text)
		}
		got := sg.last(t)
		if got.URI != "/here?page=2" || got.Header.Get("Accept-Language") != "pt-BR" || got.Header.Get("X-Hop") != "" {
			t.Errorf("Singapore got %s with %v", got.URI, got.Header)
		}
		if region := got.Header["Data-Region"]; len(region) != 1 || region[0] != "ap-southeast-3" {
			t.Errorf("Singapore got Data-Region %q", region)
		}
	}
}
