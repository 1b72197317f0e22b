package bench

import (
	"bufio"
	"math"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		numbers []float64
		want    Spread
	}{
		{nil, Spread{}},
		{[]float64{3}, Spread{3, 3, 3}},
		{[]float64{3, 1, 2}, Spread{2, 1, 3}},
		{[]float64{4, 1, 2, 3}, Spread{2.5, 1, 4}},
		{[]float64{math.NaN(), 1, math.Inf(1)}, Spread{1, 1, 1}},
	} {
		if got := spread(test.numbers); got != test.want {
			t.Errorf("%v: %v", test.numbers, got)
		}
	}
}

func TestQuantile(t *testing.T) {
	times := make([]time.Duration, 1000)
	for i := range times {
		times[i] = time.Duration(i)
	}
	for share, want := range map[float64]time.Duration{0.5: 500, 0.99: 990, 0.999: 999, 1: 999} {
		if got := quantile(times, share); got != want {
			t.Errorf("%v: %v", share, got)
		}
	}
	if got := quantile(nil, 0.5); got != 0 {
		t.Error(got)
	}
}

// Of five requests in turn as many are transfers as the work says, and what is written is
// HTTP.
func TestRequests(t *testing.T) {
	for percent, want := range map[int]int{0: 0, 20: 1, 60: 3, 100: 5} {
		abroad := 0
		for _, r := range (Work{Identity: Header, Transfers: percent, Up: 3}).requests(nil) {
			if slices.Contains(r.fields, field{"registered-country", "BR"}) {
				abroad++
			}
			if head, body, _ := strings.Cut(string(r.wire), "\r\n\r\n"); body != "\x00\x00\x00" || !strings.Contains(head, "\r\ncontent-length: 3") {
				t.Errorf("%q", r.wire)
			}
		}
		if abroad != want {
			t.Errorf("%d %%: %d of five", percent, abroad)
		}
	}
}

func TestHTTP1(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-length:  2\r\n"
	for _, test := range []struct {
		name, answer, want string
		ended              bool
	}{
		{"kept", ok + "\r\nok", "", false},
		{"closed", ok + "Connection: close\r\n\r\nok", "", true},
		{"cut off", ok + "\r\no", "EOF", false},
		{"without a length", "HTTP/1.1 200 OK\r\n\r\n", "without a length", false},
		{"refused", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "begins with \"HTTP/1.1 502", false},
	} {
		ours, theirs := net.Pipe()
		go func() {
			_, _ = bufio.NewReader(theirs).ReadString('\n')
			_, _ = theirs.Write([]byte(test.answer))
			_ = theirs.Close()
		}()
		c := &http1{Conn: ours, in: bufio.NewReader(ours)}
		err := c.exchange(&request{wire: []byte("GET / HTTP/1.1\n")})
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) || c.ended() != test.ended {
			t.Errorf("%s: %v, %t", test.name, err, c.ended())
		}
		c.close()
	}
}
