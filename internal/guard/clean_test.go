package guard_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/fields"
	"github.com/sparkoo/transfergate/internal/guard"
)

func TestCleanCounts(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header = http.Header{
		"Data-Controller": {"a", "b"},
		"Data_controller": {"c"},
		"Data.region":     {},
		"Connection":      {"close, Data-Controller, Data_Region", "keep-alive"},
		"Trailer":         {"Data-Transfer, X-Sum", "Data-Region"},
		"Accept":          {"*/*"},
	}
	r.Trailer = http.Header{"Privacy-Statement": nil, "X-Sum": nil}
	if got := guard.Clean(r, nil); got != 2+1+1+2+2+1 {
		t.Errorf("removed %d, want 9", got)
	}
	want := http.Header{"Connection": {"close", "keep-alive"}, "Trailer": {"X-Sum"}, "Accept": {"*/*"}}
	if !reflect.DeepEqual(r.Header, want) {
		t.Errorf("header %v, want %v", r.Header, want)
	}
	if !reflect.DeepEqual(r.Trailer, http.Header{"X-Sum": nil}) {
		t.Errorf("trailer %v", r.Trailer)
	}
	if again := guard.Clean(r, nil); again != 0 || !reflect.DeepEqual(r.Header, want) {
		t.Errorf("a second time: removed %d, header %v", again, r.Header)
	}
}

func TestCleanLeavesOthersAlone(t *testing.T) {
	header := http.Header{
		"Connection": {"keep-alive ,,  X-Foo", ""}, "Trailer": {"X-Sum"}, "Date": {"x"}, "Data": {"y"}, "Transfer-Encoding": {"z"},
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header = header.Clone()
	if got := guard.Clean(r, nil); got != 0 || !reflect.DeepEqual(r.Header, header) {
		t.Errorf("removed %d, header %v, want %v", got, r.Header, header)
	}
	if r.Body != http.NoBody {
		t.Error("the empty body was wrapped")
	}
	var zero http.Request
	if got := guard.Clean(&zero, nil); got != 0 || zero.Body != nil {
		t.Error("the zero request was changed")
	}
}

// TestCleanSharedLines: another request may share the slices of a header that
// was copied shallowly.
func TestCleanSharedLines(t *testing.T) {
	lines := []string{"Data-Controller, close", "Data-Region", "X-Foo"}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Connection"] = lines
	guard.Clean(r, nil)
	if !reflect.DeepEqual(r.Header["Connection"], []string{"close", "X-Foo"}) {
		t.Errorf("Connection %q", r.Header["Connection"])
	}
	if lines[0] != "Data-Controller, close" || lines[1] != "Data-Region" {
		t.Errorf("the shared slice was changed to %q", lines)
	}
}

func TestCleanDoesNotAllocate(t *testing.T) {
	r := ordinary()
	if allocs := testing.AllocsPerRun(100, func() { guard.Clean(r, nil) }); allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}

// TestCleanTwiceWrapsOnce: a handler that runs twice must not stack wrappers,
// and a copy of the request gets its own.
func TestCleanTwiceWrapsOnce(t *testing.T) {
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("x")))
	guard.Clean(r, nil)
	body := r.Body
	guard.Clean(r, nil)
	if r.Body != body {
		t.Error("the body was wrapped twice for one request")
	}
	c := r.WithContext(context.Background())
	guard.Clean(c, nil)
	if c.Body == body {
		t.Error("the body of the copy still looks after the first request's trailers only")
	}
}

// lateTrailers is a body that fills in trailers where net/http may.
type lateTrailers struct {
	io.Reader
	fill    func()
	onClose bool
}

func (b *lateTrailers) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF && !b.onClose {
		b.fill()
	}
	return n, err
}

var errClose = errors.New("closing")

func (b *lateTrailers) Close() error {
	if b.onClose {
		b.fill()
	}
	return errClose
}

func TestCleanLateTrailers(t *testing.T) {
	for _, onClose := range []bool{false, true} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Body = &lateTrailers{Reader: strings.NewReader("hello"), onClose: onClose, fill: func() {
			r.Trailer = http.Header{"Data_controller": {"evil"}, "X-Sum": {"1"}}
		}}
		guard.Clean(r, nil)
		b, err := io.ReadAll(r.Body)
		if err != nil || string(b) != "hello" {
			t.Errorf("read %q, %v", b, err)
		}
		if err := r.Body.Close(); err != errClose {
			t.Errorf("closing: %v, want the body's own error", err)
		}
		if !reflect.DeepEqual(r.Trailer, http.Header{"X-Sum": {"1"}}) {
			t.Errorf("trailers filled in on close %v: %v are left", onClose, r.Trailer)
		}
	}
}

// TestCleanCopySharesTrailers: a copy of the request made after Clean reads the
// same body and the same trailers.
func TestCleanCopySharesTrailers(t *testing.T) {
	r := readRequest(t, "POST / HTTP/1.1\r\nHost: gw.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"+
		"1\r\nx\r\n0\r\nX-Sum: 1\r\nData-Controller: evil\r\n\r\n")
	guard.Clean(r, nil)
	c := r.WithContext(context.Background())
	if _, err := io.ReadAll(c.Body); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.Trailer, http.Header{"X-Sum": {"1"}}) {
		t.Errorf("trailers %v", c.Trailer)
	}
}

func readRequest(t *testing.T, raw string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// FuzzClean sends any bytes through net/http's own parser: whatever it takes
// for a request, nothing reserved is left after Clean and the body's end, and
// nothing else is lost.
func FuzzClean(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\nConnection: Data-Controller, close\r\nData_Controller: evil\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: Data-Controller, X\r\n\r\n1\r\na\r\n0\r\nData.Region: evil\r\nX: 1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTrailer: Data-Controller\r\nData~Transfer: x\r\n\r\na",
		"GET / HTTP/1.0\r\nConnection: ,, \tData_Region\t,\r\nConnection: DATA.CONTROLLER\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		before := r.Header.Clone()
		guard.Clean(r, nil)
		_, _ = io.Copy(io.Discard, r.Body) // broken bodies count, too
		for name := range maps.All(r.Trailer) {
			if fields.Reserved(name) {
				t.Errorf("trailer %q is left", name)
			}
		}
		for name := range r.Header {
			if fields.Reserved(name) {
				t.Errorf("field %q is left", name)
			}
		}
		for _, list := range []string{"Connection", "Trailer"} {
			for token := range strings.SplitSeq(strings.Join(r.Header[list], ","), ",") {
				if fields.Reserved(token) {
					t.Errorf("%s token %q is left", list, token)
				}
			}
		}
		for name, values := range before {
			isList := name == "Connection" || name == "Trailer"
			if !fields.Reserved(name) && !isList && !reflect.DeepEqual(values, r.Header[name]) {
				t.Errorf("field %q is %q, was %q", name, r.Header[name], values)
			}
		}
		after := r.Header.Clone()
		if n := guard.Clean(r, nil); n != 0 || !reflect.DeepEqual(after, r.Header) {
			t.Errorf("a second Clean removed %d", n)
		}
	})
}

// ordinary is a browser's GET.
func ordinary() *http.Request {
	r := httptest.NewRequest("GET", "/v1/objects/a", nil)
	for _, name := range []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Cookie", "Dnt", "Pragma", "Priority",
		"Referer", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Te", "Traceparent", "User-Agent",
	} {
		r.Header.Set(name, "x")
	}
	r.Header.Set("Connection", "keep-alive, Te")
	return r
}

func BenchmarkCleanAndCheck(b *testing.B) {
	r := ordinary()
	b.ReportAllocs()
	for b.Loop() {
		guard.Clean(r, nil)
		if reason, ok := guard.Check(r, guard.Options{Paths: guard.PlainPaths}); !ok {
			b.Fatal(reason)
		}
	}
}
