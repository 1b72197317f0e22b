package gateway_test

import (
	"bufio"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
)

// TestHTTP3OverAReload: a request over QUIC is decided, recorded and answered as any other,
// before a reload and after it, and a stream that is open during a reload goes on to its
// end and gets its outcome. That the client keeps one connection over the reload is not
// tested: it may have to open another.
func TestHTTP3OverAReload(t *testing.T) {
	goOn := make(chan struct{})
	br := newUpstream(t, "br", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first\n")
		if r.URL.Path == "/stream" {
			w.(http.Flusher).Flush()
			<-goOn
		}
		io.WriteString(w, "last\n")
	})
	sg := newUpstream(t, "sg", nil)
	vars := map[string]string{"br": "reverse_proxy " + br.addr, "sg": sg.addr, "storage": ""}
	config := replaced(t, twoRegions, "protocols h1 h2c", "protocols h1 h2 h3")
	s := startSecure(t, config, "", vars)
	client := s.over("HTTP/3.0", s.client())
	answered := func(client *http.Client, path string) {
		t.Helper()
		var a answer
		waitFor(t, path+" is answered", func() bool { // a reload may close the connection under it
			var err error
			a, err = trial(client, "GET", path, brazilian...)
			return err == nil
		})
		if a.StatusCode != 200 || a.Proto != "HTTP/3.0" || a.Text != "first\nlast\n" {
			t.Errorf("%s: status %d over %s: %q", path, a.StatusCode, a.Proto, a.Text)
		}
	}
	answered(client, "/before")

	req, err := http.NewRequest("GET", "https://gw.test/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(brazilian); i += 2 {
		req.Header.Set(brazilian[i], brazilian[i+1])
	}
	stream, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewReader(stream.Body)
	if line, err := lines.ReadString('\n'); line != "first\n" || err != nil {
		t.Fatalf("the stream begins with %q, %v", line, err)
	}
	if err := s.load(overTLS(t, config, ""), vars); err != nil {
		t.Fatal(err)
	}
	answered(s.over("HTTP/3.0", s.client()), "/after")
	close(goOn)
	if rest, err := io.ReadAll(lines); string(rest) != "last\n" || err != nil {
		t.Errorf("after the reload the stream ends with %q, %v", rest, err)
	}
	want := sent{"sa-brazil-1", "complete", 200}
	all := s.settled()
	if len(all) < 3 || slices.ContainsFunc(all, func(s sent) bool { return s != want }) {
		t.Errorf("the ledger says %v", all)
	}
}

// TestGracePeriodByDefault: servers have 30 seconds for requests in flight when nothing
// says how long, and what is written otherwise.
func TestGracePeriodByDefault(t *testing.T) {
	for written, want := range map[string]time.Duration{"": 30 * time.Second, "\n\tgrace_period 7s": 7 * time.Second} {
		up := newUpstream(t, "up", nil)
		vars := map[string]string{"br": "reverse_proxy " + up.addr, "sg": up.addr, "storage": ""}
		g := startGate(t, replaced(t, twoRegions, "admin off", "admin off"+written), vars)
		app, err := caddy.ActiveContext().App("http")
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Duration(app.(*caddyhttp.App).GracePeriod); got != want {
			t.Errorf("grace_period '%s': %s, want %s", written, got, want)
		}
		if a := g.get("/", brazilian...); a.StatusCode != 200 {
			t.Errorf("grace_period '%s': status %d", written, a.StatusCode)
		}
	}
	if gateway.GracePeriod != 30*time.Second {
		t.Errorf("the documented default is 30 s, not %s", gateway.GracePeriod)
	}
}
