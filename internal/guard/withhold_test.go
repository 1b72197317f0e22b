package guard_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"testing"

	"github.com/sparkoo/transfergate/internal/guard"
)

// everything is a header with all a recipient might have to do without.
func everything() http.Header {
	return http.Header{
		"Accept": {"*/*"}, "Cookie": {"a=b"}, "Authorization": {"Bearer x"}, "Proxy-Authorization": {"Basic x"},
		"X-Forwarded-For": {"192.0.2.1"}, "Forwarded": {"for=192.0.2.1"}, "X-Real-Ip": {"192.0.2.1"}, "X_real_ip": {"192.0.2.1"},
		"True-Client-Ip": {"192.0.2.1"}, "Cf-Connecting-Ip": {"192.0.2.1"}, "X-Client-Ip": {"192.0.2.1"}, "Client-Ip": {"192.0.2.1"},
		"Referer": {"https://example.com/me"}, "User-Agent": {"x/1"}, "Sec-Ch-Ua-Platform": {"y"},
		"Registered-Country": {"BR"}, "Account-Id": {"42"}, "Account_id": {"43"}, "X-Auth-Token": {"t"},
	}
}

//clause:tests §3 §4(c).3 §5(d)
func TestWithhold(t *testing.T) {
	identity := []string{"Registered-Country", "Account-Id"}
	tests := []struct {
		names   []string
		removed []string
		gone    []string
	}{
		{nil, nil, nil},
		{[]string{"cookies"}, []string{"cookies"}, []string{"Cookie"}},
		{[]string{"authorization"}, []string{"authorization"}, []string{"Authorization", "Proxy-Authorization"}},
		{
			[]string{"client-address"}, []string{"client-address"},
			[]string{"Forwarded", "X-Real-Ip", "X_real_ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Client-Ip", "Client-Ip", "X-Forwarded-For"},
		},
		{[]string{"referer"}, []string{"referer"}, []string{"Referer"}},
		{[]string{"user-agent"}, []string{"user-agent"}, []string{"User-Agent", "Sec-Ch-Ua-Platform"}},
		{[]string{"identity-fields"}, []string{"identity-fields"}, []string{"Registered-Country", "Account-Id", "Account_id"}},
		{[]string{"field:x-auth-token"}, []string{"field:x-auth-token"}, []string{"X-Auth-Token"}},
		{[]string{"field:X-Absent"}, nil, nil},
		{[]string{"cookie"}, []string{"cookie"}, []string{"Cookie"}}, // a misspelt word removes too much, not nothing
		{[]string{"referer", "cookies", "referer"}, []string{"cookies", "referer"}, []string{"Cookie", "Referer"}},
	}
	for _, tt := range tests {
		h := everything()
		want := everything()
		for _, name := range tt.gone {
			delete(want, name)
		}
		if slices.Contains(tt.gone, "X-Forwarded-For") {
			want["X-Forwarded-For"] = nil
		}
		if slices.Contains(tt.gone, "User-Agent") {
			want["User-Agent"] = []string{""}
		}
		if removed := guard.Withhold(&http.Request{Header: h, URL: new(url.URL)}, tt.names, identity); !slices.Equal(removed, tt.removed) {
			t.Errorf("%q: removed %q, want %q", tt.names, removed, tt.removed)
		}
		if !reflect.DeepEqual(h, want) {
			t.Errorf("%q: header %v\nwant %v", tt.names, h, want)
		}
	}
}

// TestWithholdAbsent: what was not there was not withheld, but for the address,
// which the proxy would have added.
func TestWithholdAbsent(t *testing.T) {
	names := []string{"user-agent", "cookies", "authorization", "client-address", "referer", "identity-fields", "field:X", "query:x"}
	h := http.Header{"Accept": {"*/*"}, "Cookie": {""}}
	if removed := guard.Withhold(&http.Request{Header: h, URL: new(url.URL)}, names, nil); !slices.Equal(removed, []string{"client-address"}) {
		t.Errorf("removed %q", removed)
	}
	want := http.Header{"Accept": {"*/*"}, "X-Forwarded-For": nil, "User-Agent": {""}}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("header %v, want %v", h, want)
	}
}

// TestWithholdUserAgentOnTheWire: net/http must not send its own.
func TestWithholdUserAgentOnTheWire(t *testing.T) {
	got := make(chan http.Header, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	defer server.Close()
	r, err := http.NewRequest("GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = everything()
	guard.Withhold(r, []string{"user-agent", "client-address"}, nil)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	header := <-got
	for _, name := range []string{"User-Agent", "X-Forwarded-For"} {
		if v, ok := header[name]; ok {
			t.Errorf("%s: %q arrived", name, v)
		}
	}
}

// TestWithholdQuery: a named parameter goes in every spelling a server may read as
// its name, and the rest of the query stays as it was sent.
func TestWithholdQuery(t *testing.T) {
	for query, want := range map[string]string{
		"":                                   "",
		"a=1":                                "a=1",
		"token=x":                            "",
		"token":                              "",
		"token=":                             "",
		"token=x&a=1":                        "a=1",
		"a=1&token=x":                        "a=1",
		"a=1&token=x&b=2":                    "a=1&b=2",
		"z=%7e+%2F&token=x&a=%C3%A9&&b":      "z=%7e+%2F&a=%C3%A9&&b",
		"token=x&token=y&a=1":                "a=1",
		"a=1;token=x;b=2":                    "a=1;b=2",
		"a=1&token=x;b=2":                    "a=1;b=2",
		"TOKEN=x&Token=y&a":                  "a",
		"t%6fken=x&a":                        "a",
		"t%256fken=x&a":                      "a",
		"%74%6F%6B%65%6E=x&a":                "a",
		"token%5b%5d=x&token[a]=y&token[]=z": "",
		"+token=x&token+=y&%20token=z&a":     "a",
		"token%3Dx&a":                        "a",
		"&token=x&":                          "&",
		"&&":                                 "&&",
		"tokens=x&atoken=y&a=token&token.a":  "tokens=x&atoken=y&a=token&token.a",
		"a=token=x":                          "a=token=x",
		"%zz=1&token=x":                      "%zz=1",
	} {
		before := &url.URL{Path: "/a b", RawQuery: query}
		r := &http.Request{Header: http.Header{}, URL: before, RequestURI: before.RequestURI()}
		removed := guard.Withhold(r, []string{"query:token"}, nil)
		if r.URL.RawQuery != want || len(removed) > 0 != (query != want) {
			t.Errorf("%q: left %q, removed %q, want %q", query, r.URL.RawQuery, removed, want)
		}
		if before.RawQuery != query {
			t.Errorf("%q: the URL of the request it came from was changed to %q", query, before.RawQuery)
		}
		if r.RequestURI != r.URL.RequestURI() {
			t.Errorf("%q: the target says %q", query, r.RequestURI)
		}
	}
}
