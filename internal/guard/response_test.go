package guard_test

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
)

var ours = []decision.Field{
	{Name: "Data-Controller", Value: "sparkoo-br"},
	{Name: "Privacy-Statement", Value: `"2023-11-21"`},
}

const link = `<https://example.com/privacy>; rel="privacy-policy"`

func TestEnforceResponseReplaces(t *testing.T) {
	h := http.Header{
		"Data-Controller": {"early", "upstream"}, "Data_controller": {"upstream"}, "Data.region": {"x"},
		"Trailer": {"Data-Controller, X-Sum"}, "Trailer:Privacy-Statement": {"late"}, "Trailer:X-Sum": {"1"},
		"Cache-Control": {"no-store"}, "Link": {"</style.css>; rel=preload"},
	}
	want := http.Header{
		"Data-Controller": {"sparkoo-br"}, "Privacy-Statement": {`"2023-11-21"`},
		"Trailer": {"X-Sum"}, "Trailer:X-Sum": {"1"},
		"Cache-Control": {"no-store"}, "Link": {"</style.css>; rel=preload", link},
	}
	for _, call := range []string{"once", "twice"} {
		guard.EnforceResponse(h, ours, link, true)
		if !reflect.DeepEqual(h, want) {
			t.Errorf("%s: %v\nwant %v", call, h, want)
		}
	}
}

func TestEnforceResponseLink(t *testing.T) {
	tests := []struct {
		name string
		have []string
		link string
		want []string
	}{
		{"none yet", nil, link, []string{link}},
		{"there", []string{link}, link, []string{link}},
		{"there in a list", []string{"</a>; rel=next, " + link}, link, []string{"</a>; rel=next, " + link}},
		{"another statement", []string{`<https://other.test/>; rel="privacy-policy"`}, link, []string{`<https://other.test/>; rel="privacy-policy"`, link}},
		{"empty", nil, "", nil},
	}
	for _, tt := range tests {
		h := http.Header{"Cache-Control": {"private"}}
		if tt.have != nil {
			h["Link"] = tt.have
		}
		guard.EnforceResponse(h, ours, tt.link, true)
		if !reflect.DeepEqual(h["Link"], tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, h["Link"], tt.want)
		}
	}
}

// TestEnforceResponseCaching follows RFC 9111 section 3: what a shared cache may
// keep must not carry our fields.
func TestEnforceResponseCaching(t *testing.T) {
	cc := func(lines ...string) http.Header { return http.Header{"Cache-Control": lines} }
	tests := []struct {
		name    string
		header  http.Header
		private bool // private is added
		carries bool // our fields
	}{
		{"silent", http.Header{}, true, true},
		{"silent with validators", http.Header{"Etag": {`"1"`}, "Last-Modified": {"x"}, "Pragma": {"no-cache"}}, true, true},
		{"silent with another directive", cc("no-transform"), true, true},
		{"empty", cc(""), true, true},
		{"private", cc("private"), false, true},
		{"private, spelled otherwise", cc("  PRIVATE , max-age=60"), false, true},
		{"no-store", cc("no-store"), false, true},
		{"no-cache", cc("no-cache"), false, true},
		{"private beats public", cc("public, max-age=60", "private"), false, true},
		{"no-store in the last line", cc("s-maxage=60", "no-store"), false, true},
		{"public", cc("public"), false, false},
		{"s-maxage", cc("s-maxage=60"), false, false},
		{"max-age", cc("max-age=60"), false, false},
		{"public, max-age", cc("public, max-age=60"), false, false},
		{"immutable", cc("max-age=31536000, immutable"), false, false},
		{"expires", http.Header{"Expires": {"Thu, 01 Dec 2044 16:00:00 GMT"}}, false, false},
		{"expires and private", http.Header{"Expires": {"Thu, 01 Dec 2044 16:00:00 GMT"}, "Cache-Control": {"private"}}, false, true},
		{"only a field is private", cc(`private="Set-Cookie", max-age=60`), false, false},
		{"only a field is private, nothing else said", cc(`private="Set-Cookie"`), false, false},
		{"only a field is not cached", cc(`no-cache="Set-Cookie, X"`), false, false},
		{"private inside a quoted string", cc(`public, ext="a, private, b"`), false, false},
		{"quoted string with an escaped quote", cc(`public, ext="a\", private, b"`), false, false},
		{"after a quoted string", cc(`ext="a, b", private`), false, true},
		{"CDN may keep it", http.Header{"Cache-Control": {"private"}, "Cdn-Cache-Control": {"max-age=60"}}, false, false},
		{"one CDN may keep it", http.Header{"Cache-Control": {"no-store"}, "Cloudflare-Cdn-Cache-Control": {"max-age=60"}}, false, false},
		{"surrogate may keep it", http.Header{"Cache-Control": {"private"}, "Surrogate-Control": {"max-age=60"}}, false, false},
		{"CDN must not", http.Header{"Cache-Control": {"private"}, "Cdn-Cache-Control": {"no-store"}}, false, true},
		{"CDN must not, others may", http.Header{"Cache-Control": {"max-age=60"}, "Cdn-Cache-Control": {"no-store"}}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.header.Clone()
			tt.header.Set("Data-Controller", "upstream")
			guard.EnforceResponse(tt.header, ours, link, true)
			wantCC := before["Cache-Control"]
			if tt.private {
				wantCC = append(wantCC, "private")
			}
			if !reflect.DeepEqual(tt.header["Cache-Control"], wantCC) {
				t.Errorf("Cache-Control %q, want %q", tt.header["Cache-Control"], wantCC)
			}
			var wantController, wantLink []string
			if tt.carries {
				wantController, wantLink = []string{"sparkoo-br"}, []string{link}
			}
			if !reflect.DeepEqual(tt.header["Data-Controller"], wantController) || !reflect.DeepEqual(tt.header["Link"], wantLink) {
				t.Errorf("Data-Controller %q, Link %q; want %q, %q", tt.header["Data-Controller"], tt.header["Link"], wantController, wantLink)
			}
		})
	}
}

func TestEnforceResponseTakesBack(t *testing.T) {
	// The host set everything early; then the upstream said public.
	h := http.Header{
		"Data-Controller": {"sparkoo-br"}, "Privacy-Statement": {`"2023-11-21"`},
		"Link": {link, "</a>; rel=next"}, "Cache-Control": {"public"},
	}
	guard.EnforceResponse(h, ours, link, true)
	if want := (http.Header{"Link": {"</a>; rel=next"}, "Cache-Control": {"public"}}); !reflect.DeepEqual(h, want) {
		t.Errorf("%v, want %v", h, want)
	}
}

func TestEnforceResponseIndependent(t *testing.T) {
	h := http.Header{"Data-Controller": {"upstream"}, "Link": {link}}
	guard.EnforceResponse(h, ours, link, false)
	if len(h) != 0 {
		t.Errorf("a silent response that is the same for all: %v, want nothing, for a cache may keep it", h)
	}
	h = http.Header{"Cache-Control": {"private"}}
	guard.EnforceResponse(h, ours, link, false)
	if h.Get("Data-Controller") != "sparkoo-br" {
		t.Errorf("a private one: %v", h)
	}
}

// TestEnforceResponseTrailers: what is announced or held as a trailer.
func TestEnforceResponseTrailers(t *testing.T) {
	h := http.Header{
		"Trailer": {"Data_Controller", "X-Sum"}, "Trailer:Data-Region": {"a", "b"}, "Trailer:data~transfer": {},
		"Trailer:X-Sum": {"1"}, "Cache-Control": {"public"},
	}
	guard.EnforceResponse(h, ours, link, true)
	want := http.Header{"Trailer": {"X-Sum"}, "Trailer:X-Sum": {"1"}, "Cache-Control": {"public"}}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("%v, want %v", h, want)
	}
}

// TestEnforceResponseAppends: a handler that adds to one of our fields later must
// not write over another, as they are allocated together.
func TestEnforceResponseAppends(t *testing.T) {
	h := http.Header{"Content-Type": {"text/plain"}}
	guard.EnforceResponse(h, ours, link, true)
	for name := range h {
		h.Add(name, "later")
	}
	want := http.Header{
		"Content-Type": {"text/plain", "later"}, "Data-Controller": {"sparkoo-br", "later"},
		"Privacy-Statement": {`"2023-11-21"`, "later"}, "Cache-Control": {"private", "later"}, "Link": {link, "later"},
	}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("%v, want %v", h, want)
	}
}
