package guard_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/guard"
)

// TestReadings: what a careless server takes a path for is among its readings.
// The right column says how such a server gets there.
func TestReadings(t *testing.T) {
	for _, tt := range []struct{ target, reading, how string }{
		{"/v1%2Fobjects/x", "/v1/objects/x", "decodes once"},
		{"/v1%252Fobjects/x", "/v1/objects/x", "decodes twice"},
		{"/v1%25252Fobjects/x", "/v1/objects/x", "decodes three times"},
		{"/v1%u002Fobjects/x", "/v1/objects/x", "knows %u"},
		{"/v1%u002fobjects/x", "/v1/objects/x", "knows %u"},
		{"//v1/objects/x", "/v1/objects/x", "merges slashes"},
		{`/v1\objects\x`, "/v1/objects/x", "takes backslashes for slashes"},
		{"/v1%5Cobjects/x", "/v1/objects/x", "decodes, then backslashes"},
		{"/v1;a=b/objects;c/x", "/v1/objects/x", "cuts parameters of segments"},
		{"/v1/objects;/../x", "/v1/objects", "cuts at the first semicolon"},
		{"/v1%3Ba/objects/x", "/v1/objects/x", "decodes, then cuts"},
		{"/v1./objects../x", "/v1/objects/x", "Windows"},
		{"/v1%20/objects/x", "/v1/objects/x", "Windows"},
	} {
		u := &url.URL{Path: tt.target}
		if parsed, err := url.ParseRequestURI(tt.target); err == nil {
			u = parsed
		}
		if got := guard.Readings(u, false); !slices.Contains(got, tt.reading) {
			t.Errorf("%s: %q lack %s (a server that %s)", tt.target, got, tt.reading, tt.how)
		}
	}
	for target, want := range map[string][]string{"/a/b": nil, "/S%C3%A3o%20Paulo": nil, "/V1/Objects": nil} {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		if got := guard.Readings(u, false); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	if got := guard.Readings(&url.URL{Path: "/V1/Objects"}, true); !slices.Equal(got, []string{"/v1/objects"}) {
		t.Errorf("folded: %q", got)
	}
	u := &url.URL{Path: "/v1/objects/x"}
	if allocs := testing.AllocsPerRun(100, func() { guard.Readings(u, true) }); allocs != 0 {
		t.Errorf("a plain path costs %v allocations", allocs)
	}
}

// TestListedPath refuses what has readings that cannot be listed, and no more.
func TestListedPath(t *testing.T) {
	for target, want := range map[string]bool{
		"/npm/@types%2fnode": true, "/a;b/c": true, "//a": true, "/search/100%25": true, "/~ana": true, "/%7Eana": true, "/a.": true,
		"/a%00": false, "/a%2500": false, "/a%0d%0ab": false, "/a%7f": false, "/a%c0%afb": false, "/a%ff": false, "/a%25ff": false,
		"/a/../b": false, "/a/%2e%2e/b": false, "/a/..%2fb": false, "/a/%252e%252e/b": false, "/a/..;/b": false, "/a/%u002e%u002e/b": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL = &url.URL{Path: target}
		if parsed, err := url.ParseRequestURI(target); err == nil {
			r.URL = parsed
		}
		if reason, ok := guard.Check(r, guard.Options{Paths: guard.ListedPath}); ok != want || !ok && reason != decision.PathAmbiguous {
			t.Errorf("%s: %t %s, want %t", target, ok, reason, want)
		}
	}
}

// TestOverriddenMethods: a request with two methods is refused where activities
// are told apart by method, and passes where they are not.
func TestOverriddenMethods(t *testing.T) {
	for _, tt := range []struct{ field, target string }{
		{"X-HTTP-Method-Override", "/"}, {"X-Http-Method", "/"}, {"X-Method-Override", "/"},
		{"X_HTTP_Method_Override", "/"}, {"x~http~method~override", "/"},
		{"", "/?_method=PUT"}, {"", "/?a=b&_METHOD=put"}, {"", "/?%5fmethod=PUT"},
	} {
		r := httptest.NewRequest("POST", tt.target, nil)
		if tt.field != "" {
			r.Header[tt.field] = []string{"PUT"}
		}
		if reason, ok := guard.Check(r, guard.Options{Methods: true}); ok || reason != decision.RequestAmbiguous {
			t.Errorf("%+v: %t %s", tt, ok, reason)
		}
		if reason, ok := guard.Check(r, guard.Options{}); !ok {
			t.Errorf("%+v, told apart by host: %s", tt, reason)
		}
	}
	if reason, ok := guard.Check(httptest.NewRequest("POST", "/?method=PUT&a=_method", nil), guard.Options{Methods: true}); !ok {
		t.Errorf("an ordinary request: %s", reason)
	}
}

// TestAmbiguousQueries: a query by which activities are told apart has one reading.
func TestAmbiguousQueries(t *testing.T) {
	for query, want := range map[string]bool{
		"": true, "action=upload": true, "a=1&action=list&b=2": true, "b=1&b=2&action=x": true, "other=%20": true,
		"action=upload&%zz": false, "action=upload;a=b": false, "a;action=upload": false, "action=a&action=b": false,
		"ACTION=upload": false, "%61ction=upload&action=list": false, "action[]=upload": false, "action%5B%5D=upload": false,
		"action=list&Action=upload": false, "+action=upload": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = query
		if reason, ok := guard.Check(r, guard.Options{Queries: []string{"action"}}); ok != want || !ok && reason != decision.RequestAmbiguous {
			t.Errorf("%s: %t %s, want %t", query, ok, reason, want)
		}
		if reason, ok := guard.Check(r, guard.Options{}); !ok {
			t.Errorf("%s, not told apart by query: %s", query, reason)
		}
	}
}

// TestCleanTargets: what some servers take for the target, and what resembles a
// field of identity, does not reach an upstream.
func TestCleanTargets(t *testing.T) {
	identity := guard.NamesOf("Registered-Country", "account-id")
	r := httptest.NewRequest("POST", "/", strings.NewReader("x"))
	r.Header = http.Header{
		"X-Original-Url": {"/v1/objects/x"}, "X_Rewrite_URL": {"/y"}, "X-Original-Uri": {"/z"},
		"Registered~Country": {"BR"}, "Registered_country": {"BR"}, "AccountId": {"x"},
		"Registered-Country": {"SG"}, "Account-Id": {"ana"}, "X-Original-Urls": {"kept"}, "X-Request-Id": {"kept"},
	}
	r.Trailer = http.Header{"Registered-Country": {"BR"}, "Account-Id": {"x"}, "X-Original-Url": {"/"}, "Digest": {"kept"}}
	if n := guard.Clean(r, identity); n != 6+3 {
		t.Errorf("%d removed", n)
	}
	want := []string{"Account-Id", "Registered-Country", "X-Original-Urls", "X-Request-Id"}
	var got []string
	for name := range r.Header {
		got = append(got, name)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
	if len(r.Trailer) != 1 || r.Trailer.Get("Digest") == "" {
		t.Errorf("trailers left %v", r.Trailer)
	}
	r.Trailer = http.Header{"Account-Id": {"late"}}
	if _, err := r.Body.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	if err := r.Body.Close(); err != nil || len(r.Trailer) != 0 {
		t.Errorf("%v, a late trailer stayed: %v", err, r.Trailer)
	}
	if allocs := testing.AllocsPerRun(100, func() { guard.Clean(r, identity) }); allocs != 0 {
		t.Errorf("%v allocations with nothing to remove", allocs)
	}
}
