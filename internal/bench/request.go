package bench

import (
	"fmt"
	"strings"
)

// field is a header field of a request, its name in lower case.
type field struct{ name, value string }

// request is one that is sent again and again.
type request struct {
	method, path string
	fields       []field
	body         []byte

	wire []byte // the whole of it, as HTTP/1.1
}

// asBrowsers is what browsers send besides.
var asBrowsers = []field{
	{"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"},
	{"accept", "application/json"},
	{"accept-encoding", "gzip, deflate, br"},
	{"accept-language", "pt-BR,pt;q=0.9,en;q=0.8"},
	{"cookie", "session=" + strings.Repeat("y", 64)},
	{"referer", "https://developer.example.com/things"},
	{"sec-fetch-mode", "cors"},
	{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
}

// requests are those of a work, sent in turn: five, of which as many are transfers as its
// percentage says.
func (w Work) requests(tokens map[string]string) []*request {
	out := make([]*request, 5)
	for i := range out {
		country := "SG"
		if (i+1)*w.Transfers/100 > i*w.Transfers/100 {
			country = "BR"
		}
		out[i] = newRequest(w, country, tokens)
	}
	return out
}

func newRequest(w Work, country string, tokens map[string]string) *request {
	r := &request{method: "GET", path: fmt.Sprintf("/v1/things/42?bytes=%d", w.Down), fields: append([]field(nil), asBrowsers...)}
	switch w.Identity {
	case Anonymous:
	case Header:
		r.fields = append(r.fields, field{"registered-country", country}, field{"account-id", "jane-" + strings.ToLower(country)})
	case Token:
		r.fields = append(r.fields, field{"authorization", "Bearer " + tokens[country]})
	}
	if w.Up > 0 {
		r.method, r.body = "POST", make([]byte, w.Up)
		r.fields = append(r.fields, field{"content-type", "application/octet-stream"}, field{"content-length", fmt.Sprint(w.Up)})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nhost: localhost\r\n", r.method, r.path)
	for _, f := range r.fields {
		fmt.Fprintf(&b, "%s: %s\r\n", f.name, f.value)
	}
	b.WriteString("\r\n")
	r.wire = append([]byte(b.String()), r.body...)
	return r
}
