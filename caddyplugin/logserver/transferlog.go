package logserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/caddyplugin/recorder"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/repeats"
	"github.com/sparkoo/transfergate/internal/tiles"
)

func init() {
	caddy.RegisterModule(new(TransferLog))
}

// TransferLog serves the transfer ledger for those who check it: under its
// prefix the read API of C2SP tlog-tiles, for every epoch that is left.
//
//	<prefix>/epochs                       JSON: number, name and verifier key of each
//	<prefix>/epoch-000001/checkpoint      the latest checkpoint
//	<prefix>/epoch-000001/tile/...        hash tiles and entry bundles
//	<prefix>/epoch-000001/proof/<index>   the receipt of an entry, a C2SP tlog-proof
//	<prefix>/epoch-000001/witnessed/...   the same at the latest checkpoint that witnesses signed
//	<prefix>/latest/...                   the newest epoch
//	<prefix>/classes                      JSON: the classes of records, "default" first
//	<prefix>/class-<name>/...             the same for a class that is kept apart
//
// Whoever reaches it reads every record: pseudonyms, countries and recipients,
// no names or addresses. Put it on a site of its own, behind authentication.
// Every path that is not under the prefix goes on to the next handler.
type TransferLog struct {
	// Where the directive was written. Default: nowhere
	At option.Places `json:"at,omitempty"`

	// The path under which the log is served. Required.
	Prefix string `json:"prefix,omitempty"`

	app    *gateway.App
	logger *slog.Logger
}

// CaddyModule returns the Caddy module information.
func (*TransferLog) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.transfer_log", New: func() caddy.Module { return new(TransferLog) }}
}

// parseTransferLog parses the directive. The path is its argument, not a
// matcher: the handler itself looks at it. Syntax:
//
//	transfer_log <prefix>
func parseTransferLog(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // consume the directive's name
	at := option.Places{"": option.Position(h.Dispenser)}
	handler := &TransferLog{At: at}
	if !h.NextArg() {
		return nil, h.Err("transfer_log needs the path to serve the ledger under, as in 'transfer_log /transfer-log': whoever reaches it reads every record")
	}
	handler.Prefix = h.Val()
	if !option.IsPlainPath(handler.Prefix) {
		return nil, h.Errf("transfer_log takes one path without wildcards, as in 'transfer_log /transfer-log', not '%s'", handler.Prefix)
	}
	if h.NextArg() || h.NextBlock(h.Nesting()) {
		return nil, h.ArgErr()
	}
	return h.NewRoute(nil, handler), nil
}

// Provision sets up the handler.
func (h *TransferLog) Provision(ctx caddy.Context) error { return h.At.At("", h.provision(ctx)) }

func (h *TransferLog) provision(ctx caddy.Context) (err error) {
	if err := option.Resolve(h, h.At); err != nil {
		return err
	}
	if !option.IsPlainPath(h.Prefix) {
		return errors.New("transfer_log needs a path without wildcards to serve the ledger under")
	}
	h.Prefix = strings.TrimSuffix(h.Prefix, "/")
	if h.app, err = gateway.AppOf(ctx); err != nil {
		return gateway.Missing(err)
	}
	h.logger = repeats.Logger(ctx.Slogger(), time.Now) // whoever reads can ask again and again
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *TransferLog) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	path, ours := strings.CutPrefix(r.URL.Path, h.Prefix+"/")
	if !ours {
		return next.ServeHTTP(w, r)
	}
	if path == "classes" {
		h.serveList(w, r, h.classes)
		return nil
	}
	l, path := h.find(path)
	if path == "epochs" && l != nil {
		h.serveList(w, r, func() (any, error) { return epochsOf(ledger.At(l.Dir())) })
		return nil
	}
	epoch, path, _ := strings.Cut(path, "/")
	path, seen := strings.CutPrefix(path, "witnessed/")
	served, err := h.open(l, epoch, seen)
	if err != nil {
		h.logger.Error("serving the transfer log", "epoch", epoch, "error", err) // the name is one of ours: it was parsed
		w.WriteHeader(http.StatusInternalServerError)
		return nil
	}
	inner := r.Clone(r.Context())
	inner.URL.Path = "/" + path
	served.ServeHTTP(w, inner)
	return nil
}

// find returns the ledger that a path is about, nil if there is no such class, and
// the rest of the path.
func (h *TransferLog) find(path string) (*recorder.Class, string) {
	class, rest, _ := strings.Cut(path, "/")
	name, ok := strings.CutPrefix(class, "class-")
	if !ok {
		return h.app.Recorder().Class(""), path
	}
	if name == record.DefaultClass { // it lies in no folder of its own
		return nil, rest
	}
	return h.app.Recorder().Find(name), rest
}

// classes are the names of the classes of records.
func (h *TransferLog) classes() (any, error) {
	names := []string{}
	for _, c := range h.app.Recorder().Classes() {
		names = append(names, c.Name())
	}
	return names, nil
}

// open returns the log of an epoch of a ledger, given its name in the path, at its
// latest checkpoint or at the latest that witnesses signed. A log that does not
// exist has nothing.
func (h *TransferLog) open(l *recorder.Class, epoch string, seen bool) (*tiles.Handler, error) {
	served := &tiles.Handler{Source: nothing{}, Logger: h.logger}
	number, ok := epochNumber(epoch)
	if !ok || l == nil {
		return served, nil
	}
	view, key, err := l.View(number)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return served, nil
	case err != nil:
		return nil, err
	}
	served.Source, served.Key = view, key
	if seen {
		served.Source = witnessed{view, view.WitnessedFile()}
	}
	return served, nil
}

// epochEntry is an epoch as the list of epochs shows it.
type epochEntry struct {
	Epoch   uint32    `json:"epoch"`
	Origin  string    `json:"origin"`
	Key     string    `json:"vkey"`
	Created time.Time `json:"created"`
}

// epochsOf lists the epochs of a ledger that are left, oldest first.
func epochsOf(dir ledger.Dir) (list []epochEntry, err error) {
	list = []epochEntry{}
	numbers, err := dir.Epochs()
	for _, number := range numbers {
		view, e := dir.View(number)
		if errors.Is(e, fs.ErrNotExist) { // it was deleted just now
			continue
		}
		if err = errors.Join(err, e); e == nil {
			list = append(list, epochEntry{number, view.Origin(), view.VerifierKey(), view.Created()})
		}
	}
	return list, err
}

// serveList answers with a list as JSON.
func (h *TransferLog) serveList(w http.ResponseWriter, r *http.Request, list func() (any, error)) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	all, err := list()
	body, e := json.Marshal(all)
	if err = errors.Join(err, e); err != nil {
		h.logger.Error("listing the epochs of the transfer log", "error", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodGet {
		_, _ = w.Write(append(body, '\n')) // a client that left is nobody's concern
	}
}

// epochNumber reads an epoch's name in a path; 0 is the newest.
func epochNumber(name string) (uint32, bool) {
	if name == "latest" {
		return 0, true
	}
	digits, ok := strings.CutPrefix(name, "epoch-")
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), ok && err == nil && n > 0 && fmt.Sprintf("epoch-%06d", n) == name
}

// witnessed is an epoch at the latest checkpoint that witnesses signed.
type witnessed struct {
	tiles.Source
	file string
}

// Checkpoint implements tiles.Source.
func (w witnessed) Checkpoint() ([]byte, error) { return regular.ReadFile(w.file, regular.KeyLimit) }

// nothing is a log that does not exist.
type nothing struct{}

func (nothing) Checkpoint() ([]byte, error)       { return nil, fs.ErrNotExist }
func (nothing) Tile(tlog.Tile) ([]byte, error)    { return nil, fs.ErrNotExist }
func (nothing) Bundle(int64, int) ([]byte, error) { return nil, fs.ErrNotExist }

// Interface guards
var (
	_ caddy.Provisioner           = (*TransferLog)(nil)
	_ caddyhttp.MiddlewareHandler = (*TransferLog)(nil)
)
