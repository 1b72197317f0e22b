package tiles_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
	"github.com/sparkoo/transfergate/internal/tiles/tilestest"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, "log.example/served")
	log.Fill(600)
	server := httptest.NewServer(&tiles.Handler{Source: log, Key: log.Key()})
	defer server.Close()

	const text, octets = "text/plain; charset=utf-8", "application/octet-stream"
	const keep, hour = "public, max-age=31536000, immutable", "private, max-age=3600, immutable"
	checkpoint, _ := log.Checkpoint()
	tile, _ := log.Tile(tlog.Tile{H: 8, L: 0, N: 2, W: 80})
	bundle, _ := log.Bundle(1, 256)
	for _, c := range []struct {
		path   string
		status int
		kind   string
		cache  string
		body   []byte
	}{
		{"/checkpoint", 200, text, "no-cache", checkpoint},
		{"/tile/0/000", 200, octets, keep, nil},
		{"/tile/0/002.p/80", 200, octets, keep, tile},
		{"/tile/0/002.p/88", 200, octets, keep, nil},
		{"/tile/1/000.p/2", 200, octets, keep, nil},
		{"/tile/entries/001", 200, octets, hour, bundle},
		{"/tile/entries/002.p/88", 200, octets, hour, nil},
		{"/proof/599", 200, text, "no-cache", nil},
		{"/proof/600", 404, text, "no-store", nil},
		{"/proof/-1", 404, text, "no-store", nil},
		{"/proof/01", 404, text, "no-store", nil},
		{"/proof/", 404, text, "no-store", nil},
		{"/tile/0/002", 404, text, "no-store", nil},
		{"/tile/0/002.p/89", 404, text, "no-store", nil},
		{"/tile/0/003.p/1", 404, text, "no-store", nil},
		{"/tile/2/000.p/1", 404, text, "no-store", nil},
		{"/tile/entries/002.p/89", 404, text, "no-store", nil},
		{"/tile/entries/x002/000", 404, text, "no-store", nil},
		{"/tile/data/000", 404, text, "no-store", nil},
		{"/", 404, text, "no-store", nil},
		{"/EPOCH", 404, text, "no-store", nil},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			status, h, body := request(t, method, server.URL+c.path)
			if status != c.status || h.Get("Content-Type") != c.kind || h.Get("Cache-Control") != c.cache || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s: %d, %q, %q; want %d, %q, %q", method, c.path, status, h.Get("Content-Type"), h.Get("Cache-Control"), c.status, c.kind, c.cache)
			}
			if method == http.MethodGet && c.body != nil && !bytes.Equal(body, c.body) {
				t.Errorf("%s is %d bytes, want %d others", c.path, len(body), len(c.body))
			}
			if method == http.MethodHead && len(body) > 0 {
				t.Errorf("HEAD %s has a body", c.path)
			}
		}
	}
	if status, h, _ := request(t, http.MethodPost, server.URL+"/checkpoint"); status != 405 || h.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", status, h.Get("Allow"))
	}
	_, _, receipt := request(t, http.MethodGet, server.URL+"/proof/599")
	if err := testsupport.TorchwoodProof(receipt, log.Entry(599), log.Public); err != nil {
		t.Errorf("torchwood on a served receipt: %v", err)
	}
	if n, err := testsupport.TorchwoodURL(server.URL, log.Public); n != 600 || err != nil {
		t.Errorf("torchwood read %d entries: %v", n, err)
	}
}

func request(t *testing.T, method, url string) (status int, header http.Header, body []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, body
}

// broken is a log whose disk cannot be read.
type broken struct{ *tilestest.Log }

func (broken) Bundle(int64, int) ([]byte, error) { return nil, errors.New("input/output error on sdb") }

func TestHandlerHidesWhatIsWrong(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, "log.example/broken")
	log.Fill(3)
	var logged bytes.Buffer
	h := &tiles.Handler{Source: broken{log}, Key: log.Key(), Logger: slog.New(slog.NewTextHandler(&logged, nil))}
	for _, path := range []string{"/tile/entries/000.p/3", "/proof/1"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != 500 || strings.Contains(w.Body.String(), "sdb") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
	}
	if !strings.Contains(logged.String(), "input/output error on sdb") {
		t.Errorf("the log says %q", &logged)
	}
}
