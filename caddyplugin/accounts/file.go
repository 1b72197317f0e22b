package accounts

import (
	"errors"
	"log/slog"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/controllers"
	"github.com/sparkoo/transfergate/internal/lastgood"
)

func init() {
	caddy.RegisterModule(File{})
}

// File reads account records from a file, one JSON object a line, and reads it
// again when it changes. A bad line rejects the whole new file and keeps the
// old records, also over a restart, for which the gateway keeps a copy of the file as it
// was good last in the ledger's folder, sealed with what follows from the ledger's master
// secret; see Strict for a line with an invalid country.
type File struct {
	// Path of the file. Required.
	Path string `json:"path,omitempty"`

	// Whether a record with an invalid country refuses the whole file, as any other
	// mistake does. Otherwise the record is named in the log and its person counts as
	// one whose country is unknown: their rights requests pass (§7). Default: false
	Strict bool `json:"strict,omitempty"`

	// Whether no copy of the file is kept in the ledger's folder, sealed as it is. Then a start or a reload at which the file is bad or
	// away fails. A copy of before goes a minute after the start. Default: false
	NoCopy bool `json:"no_copy,omitempty"`

	logger *slog.Logger
	kept   *lastgood.Slot
	file   *controllers.File
}

// watchInterval is how often the file is looked at.
const watchInterval = time.Second

// CaddyModule returns the Caddy module information.
func (File) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "transfer.accounts.file", New: func() caddy.Module { return new(File) }}
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. Syntax:
//
//	accounts file <path> {
//	    strict
//	    no_copy
//	}
func (f *File) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the module's name
	if !d.AllArgs(&f.Path) {
		return d.Err("accounts file takes one path, as in 'accounts file /etc/transfergate/accounts.ndjson'")
	}
	return option.Block(d, nil, func(d *caddyfile.Dispenser, word string) error {
		set := map[string]*bool{"strict": &f.Strict, "no_copy": &f.NoCopy}[word]
		if set == nil || d.NextArg() {
			return d.Errf("accounts file has two options, 'strict' and 'no_copy', each written alone; here is '%s'", d.Val())
		}
		*set = true
		return nil
	})
}

// Provision implements caddy.Provisioner.
func (f *File) Provision(ctx caddy.Context) error {
	if f.Path == "" {
		return errors.New("accounts file needs a path")
	}
	f.logger = ctx.Slogger()
	if !f.NoCopy {
		f.kept = gateway.LastGoodOf(ctx).Sealed("accounts", f.Path)
	}
	return nil
}

// Load implements gateway.AccountSource.
func (f *File) Load(table *controllers.Table) (err error) {
	f.file, err = controllers.LoadFile(controllers.FileConfig{Path: f.Path, Strict: f.Strict, LastGood: f.kept, Logger: f.logger}, table)
	return err
}

// Watch implements gateway.AccountSource.
func (f *File) Watch(ctx caddy.Context) { f.file.Watch(ctx, watchInterval) }

// Status implements gateway.AccountSource.
func (f *File) Status() (synced time.Time, failures uint64) { return f.file.Status() }

// LastGood implements gateway.LastGoodKeeper.
func (f *File) LastGood() time.Time { return f.file.LastGood() }

// Interface guards
var (
	_ caddy.Provisioner      = (*File)(nil)
	_ caddyfile.Unmarshaler  = (*File)(nil)
	_ gateway.AccountSource  = (*File)(nil)
	_ gateway.LastGoodKeeper = (*File)(nil)
)
