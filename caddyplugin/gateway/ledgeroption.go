package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// Ledger says where and how transfers are recorded.
type Ledger struct {
	// The folder of the transfer ledger. Required. It is created when the
	// gateway starts; only one process at a time may write to it.
	Folder string `json:"folder,omitempty"`

	// The file of the Ed25519 key that signs the ledger's checkpoints, as
	// 'transfer ledger keygen' writes it. It is made if the ledger is new.
	// Default: checkpoint.key in the folder
	Key string `json:"key,omitempty"`

	// How many bytes of the volume must be free for the gateway to be ready.
	// Default: 67108864 (64 MiB)
	MinFree uint64 `json:"min_free,omitempty"`

	// How many entries an epoch has at most. A new epoch is also begun each
	// month. Default: 16777216
	EpochEntries uint64 `json:"epoch_entries,omitempty"`
}

// unmarshalLedger parses the option. Syntax:
//
//	ledger <folder> {
//	    key           <file>
//	    min_free      <size>
//	    epoch_entries <number>
//	}
func (a *App) unmarshalLedger(d *caddyfile.Dispenser) error {
	a.Ledger = new(Ledger)
	if err := allArgs(d, "ledger FOLDER", &a.Ledger.Folder); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		word := d.Val()
		if seen[word] {
			return d.Errf("'%s' is written twice", word)
		}
		seen[word] = true
		if err := a.Ledger.unmarshalOption(d, word); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) unmarshalOption(d *caddyfile.Dispenser, word string) (err error) {
	text := ""
	switch word {
	case "key":
		return allArgs(d, "key FILE", &l.Key)

	case "min_free":
		if err := allArgs(d, "min_free SIZE", &text); err != nil {
			return err
		}
		if l.MinFree, err = humanize.ParseBytes(text); err != nil || l.MinFree == 0 {
			return d.Errf("'%s' is not a size such as 512MiB", text)
		}
		return nil

	case "epoch_entries":
		if err := allArgs(d, "epoch_entries NUMBER", &text); err != nil {
			return err
		}
		if _, err := fmt.Sscanf(text, "%d", &l.EpochEntries); err != nil || l.EpochEntries == 0 || fmt.Sprint(l.EpochEntries) != text {
			return d.Errf("'%s' is not a number of entries", text)
		}
		return nil
	}
	return d.Errf("unrecognized ledger option '%s'%s", word, did(word, []string{"key", "min_free", "epoch_entries"}))
}

// provisionLedger finds the process's ledger of the folder; Start opens it.
func (a *App) provisionLedger() error {
	if a.Ledger == nil || a.Ledger.Folder == "" {
		return errors.New("no ledger: name the folder transfers are recorded in, as in 'ledger /var/lib/transfergate/ledger'")
	}
	if err := a.require(a.checkLedgerPlace); err != nil {
		return err
	}
	dir, err := filepath.Abs(a.Ledger.Folder)
	if err != nil {
		return fmt.Errorf("ledger folder '%s': %w", a.Ledger.Folder, err)
	}
	a.ledger, err = loadLedger(dir, a.Ledger.options(a.Node.Name, a.ctx.Slogger()))
	a.pooled = err == nil
	return err
}

// options are the ledger's own settings. A ledger that runs keeps those it was
// opened with until it is closed.
func (l *Ledger) options(node string, logger *slog.Logger) ledger.Options {
	return ledger.Options{
		Node: node, Logger: logger,
		Key: l.Key, MinFree: l.MinFree, EpochEntries: l.EpochEntries,
	}
}
