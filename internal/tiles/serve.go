package tiles

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Handler serves one log at "/": the read API of tlog-tiles, and the receipt of
// each entry.
//
//	/checkpoint                 the latest checkpoint
//	/tile/<L>/<N>[.p/<W>]       hash tiles
//	/tile/entries/<N>[.p/<W>]   entry bundles
//	/proof/<index>              the entry's receipt, a tlog-proof
//
// It is for GET and HEAD. What the log does not have (yet) is 404.
type Handler struct {
	Source Source

	// Key is the log's key, with which it checks itself before it gives out a
	// receipt.
	Key note.Verifier

	// Logger is told why an answer was 500. Default: discard
	Logger *slog.Logger
}

// How long what was served may be kept. A path's tile never changes. Entries
// hold pseudonyms, which outlive neither their retention nor an erasure: no
// shared cache keeps them, and a reader's own only for an hour.
const (
	cacheTile   = "public, max-age=31536000, immutable"
	cacheBundle = "private, max-age=3600, immutable"
	cacheNot    = "no-cache"
)

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		answer(w, http.StatusMethodNotAllowed, "this log is only read: GET or HEAD\n")
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	data, contentType, cache, err := h.resource(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrBeyond):
		answer(w, http.StatusNotFound, "this log has no such thing, or not yet\n")
		return
	case err != nil:
		if h.Logger != nil { // the path is one of ours by now: numbers, nothing else
			h.Logger.Error("serving the transfer log", "path", path, "error", err)
		}
		answer(w, http.StatusInternalServerError, "this part of the log cannot be read\n")
		return
	}
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(data)))
	header.Set("Cache-Control", cache)
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(data) // the client has gone
}

const (
	textType  = "text/plain; charset=utf-8"
	bytesType = "application/octet-stream"
)

// resource reads what stands at a path.
func (h *Handler) resource(path string) (data []byte, contentType, cache string, err error) {
	if path == "checkpoint" {
		data, err = h.Source.Checkpoint()
		return data, textType, cacheNot, err
	}
	if index, ok := strings.CutPrefix(path, "proof/"); ok {
		data, err = h.receipt(index)
		return data, textType, cacheNot, err
	}
	t, ok := ParsePath(path)
	if !ok {
		return nil, "", "", fs.ErrNotExist
	}
	if t.L == bundles {
		data, err = h.Source.Bundle(t.N, t.W)
		return data, bytesType, cacheBundle, err
	}
	data, err = h.Source.Tile(t)
	return data, bytesType, cacheTile, err
}

func (h *Handler) receipt(text string) ([]byte, error) {
	index, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(index, 10) != text {
		return nil, fs.ErrNotExist
	}
	t, err := OpenTree(h.Source, h.Key)
	if err != nil {
		return nil, err
	}
	_, receipt, err := t.Receipt(index)
	return receipt.Bytes(), err
}

func answer(w http.ResponseWriter, status int, text string) {
	header := w.Header()
	header.Set("Content-Type", textType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client has gone
}
