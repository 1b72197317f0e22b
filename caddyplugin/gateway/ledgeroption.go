package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
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

	// The master secret that wraps the keys of the pseudonyms: a file, or a
	// placeholder such as {env.LEDGER_MASTER}. At least 32 bytes; blanks around it
	// do not count. Default: made in the folder, where it protects little
	Master string `json:"master,omitempty"`

	// The secret before it, which may still wrap some of them: they are wrapped
	// anew when the ledger opens, which is at the next start. Default: none
	OldMaster string `json:"old_master,omitempty"`

	// How long records are kept: a number of years, months or days, as in
	// 5 years. Every record names its last day, and a whole epoch is deleted when
	// the last day of its last record has passed, unless a hold keeps it; so a
	// record may stay a month longer, never shorter. A change holds for records
	// written before only if it keeps them longer. Default: 5 years
	Retain string `json:"retain,omitempty"`

	// Classes of records that are kept for another time. Default: none
	Classes []LedgerClass `json:"classes,omitempty"`

	// How many months a key of the pseudonyms is used. Default: 1
	KeyMonths int `json:"key_months,omitempty"`

	// Who signs the ledger's checkpoints, so that nobody can rewrite or cut it
	// unnoticed. Default: nobody
	Witnesses []LedgerWitness `json:"witnesses,omitempty"`

	// Second places for the latest checkpoint: absolute paths of files on other
	// volumes, or https URLs that take it with PUT and give it back with GET.
	// Default: none
	Copies []string `json:"copies,omitempty"`
}

// unmarshalLedger parses the option. Syntax:
//
//	ledger <folder> {
//	    key           <file>
//	    min_free      <size>
//	    epoch_entries <number>
//	    retain        <number> days|months|years
//	    class         <name> { ... }
//	    master        <secret> [<old secret>]
//	    key_months    <number>
//	    witness       <url> <key>
//	    copy          <file>|<url>
//	}
func (a *App) unmarshalLedger(d *caddyfile.Dispenser) error {
	a.Ledger = new(Ledger)
	if err := allArgs(d, "ledger FOLDER", &a.Ledger.Folder); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		word := d.Val()
		if seen[word] && word != "witness" && word != "copy" && word != "class" {
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

	case "master":
		if !d.Args(&l.Master) {
			return d.ArgErr()
		}
		if d.NextArg() {
			l.OldMaster = d.Val()
		}
		if d.NextArg() {
			return d.ArgErr()
		}
		return nil

	case "key_months":
		if err := allArgs(d, "key_months NUMBER", &text); err != nil {
			return err
		}
		if l.KeyMonths, err = strconv.Atoi(text); err != nil || l.KeyMonths < 1 || l.KeyMonths > maxKeyMonths {
			return d.Errf("'%s' is not a number of months from 1 to %d", text, maxKeyMonths)
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

	case "retain":
		l.Retain, err = unmarshalRetain(d)
		return err

	case "class":
		return l.unmarshalClass(d)

	case "witness", "copy":
		return l.unmarshalPlace(d, word)
	}
	return d.Errf("unrecognized ledger option '%s'%s", word, did(word, []string{"key", "min_free", "epoch_entries", "retain", "class", "master", "key_months", "witness", "copy"}))
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
	if err := a.Ledger.checkPlaces(dir); err != nil {
		return err
	}
	o := a.Ledger.options(a.Node.Name, a.ctx.Slogger())
	if o.Master, err = readMaster("master", a.Ledger.Master); err != nil {
		return err
	}
	if o.OldMaster, err = readMaster("old master", a.Ledger.OldMaster); err != nil {
		return err
	}
	if err := a.checkClasses(dir); err != nil {
		return err
	}
	return a.provisionClasses(dir, o)
}

// unmarshalRetain parses how long records are kept.
func unmarshalRetain(d *caddyfile.Dispenser) (text string, err error) {
	number, unit := "", ""
	if err := allArgs(d, "retain NUMBER days|months|years", &number, &unit); err != nil {
		return "", err
	}
	text = number + " " + unit
	if _, err := parseRetain(text); err != nil {
		return "", d.WrapErr(err)
	}
	return text, nil
}

// maxKeyMonths bounds how long one key names people: what a period's key ties
// together, only its end can cut loose.
const maxKeyMonths = 12

// readMaster reads a master secret: what a placeholder stands for, else the
// file of that name. It is nil if none is written.
func readMaster(option, written string) ([]byte, error) {
	if written == "" {
		return nil, nil
	}
	var secret []byte
	if strings.Contains(written, "{") {
		value, err := caddy.NewReplacer().ReplaceOrErr(written, true, true)
		if err != nil {
			return nil, fmt.Errorf("ledger: %s '%s': %w", option, written, err)
		}
		secret = []byte(value)
	} else {
		var err error
		if secret, err = os.ReadFile(written); err != nil {
			return nil, fmt.Errorf("ledger: reading the %s secret: %w", option, err)
		}
	}
	if secret = bytes.TrimSpace(secret); len(secret) < ledger.MinMaster {
		return nil, fmt.Errorf("ledger: the %s secret '%s' has %d bytes; at least %d are needed, as of 'openssl rand -base64 32'",
			option, written, len(secret), ledger.MinMaster)
	}
	return secret, nil
}

// options are the ledger's own settings. A ledger that runs keeps those it was
// opened with until it is closed.
func (l *Ledger) options(node string, logger *slog.Logger) ledger.Options {
	return ledger.Options{
		Node: node, Logger: logger, Now: now,
		Key: l.Key, MinFree: l.MinFree, EpochEntries: l.EpochEntries, PeriodMonths: l.KeyMonths,
		OnSync: func(took time.Duration, _ int) { processMetrics().syncs.Observe(took.Seconds()) },
	}
}
