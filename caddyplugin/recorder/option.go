package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// Ledger says where and how transfers are recorded.
type Ledger struct {
	// The folder of the transfer ledger. Required. It is created when the
	// gateway starts; only one process at a time may write to it.
	Folder string `json:"folder,omitempty"`

	// The file of the Ed25519 key that signs the ledger's checkpoints, as
	// 'transfer ledger keygen' writes it. It is made if the ledger is new.
	// Default: checkpoint.key in the folder
	Key string `json:"key,omitempty" secret:"file"`

	// How many bytes of the volume must be free for the gateway to be ready.
	// Default: 67108864 (64 MiB)
	MinFree uint64 `json:"min_free,omitempty"`

	// How many bytes of the volume belong to transfers: when fewer are free, denials
	// of requests that identify nobody are only counted.
	// Default: 268435456 (256 MiB)
	Reserve uint64 `json:"reserve,omitempty"`

	// How many entries an epoch has at most. A new epoch is also begun each
	// month. Default: 16777216
	EpochEntries uint64 `json:"epoch_entries,omitempty"`

	// The master secret that wraps the keys of the pseudonyms: a file, or the
	// secret after the word value, as in value {env.LEDGER_MASTER}. At least 32
	// bytes; blanks around it do not count. Default: made in the folder, where it
	// protects little
	Master option.Secret `json:"master,omitzero"`

	// The secret before it, which may still wrap some of them: they are wrapped
	// anew when the ledger opens, which is at the next start. Default: none
	OldMaster option.Secret `json:"old_master,omitzero"`

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

	// The store of a fleet that the ledger is brought to. A node outside the country
	// in which records are stored needs one. Default: none
	Ship *Ship `json:"ship,omitempty"`
}

// LedgerClass is a class of records that are kept for another time than the
// rest. They lie in the folder class-<name> of the ledger's folder, a ledger of its own:
// with epochs, checkpoints and keys of pseudonyms of its own, so that a person has
// another pseudonym in each class. The signing key, the witnesses and the master
// secret are the same.
type LedgerClass struct {
	// The name of the class: small letters, digits and hyphens. Required.
	Name string `json:"name,omitempty"`

	// Whose records belong to it, transfers and denials. An activity belongs to
	// one class at most. Default: none, for a class whose records are still kept
	Activities []string `json:"activities,omitempty"`

	// How long the records are kept, as in 18 months. Required.
	Retain string `json:"retain,omitempty"`
}

// LedgerWitness is somebody who signs the ledger's checkpoints (C2SP
// tlog-witness), and never those of another history than he has seen.
type LedgerWitness struct {
	// The witness's submission prefix, an https URL. Required.
	URL string `json:"url,omitempty"`

	// The witness's verifier key, <name>+<hash>+<key>, of the type for
	// cosignatures. Required.
	Key string `json:"key,omitempty"`
}

// maxKeyMonths bounds how long one key names people: what a period's key ties
// together, only its end can cut loose.
const maxKeyMonths = 12

// options are the writer's own settings. A ledger that runs keeps those it was
// opened with until it is closed.
func (l *Ledger) options(o *Options) (writer ledger.Options, err error) {
	writer = ledger.Options{
		Node: o.Node, Logger: o.Logger, Now: o.Now, Demo: o.Demo && len(l.Witnesses)+len(l.Copies) == 0,
		Key: l.Key, MinFree: l.MinFree, EpochEntries: l.EpochEntries, PeriodMonths: l.KeyMonths,
		OnSync: func(took time.Duration, _ int) { processMetrics().syncs.Observe(took.Seconds()) },
	}
	if writer.Master, err = readMaster("the master secret", l.Master, o.Logger); err != nil {
		return writer, err
	}
	writer.OldMaster, err = readMaster("the old master secret", l.OldMaster, o.Logger)
	return writer, err
}

// Secret is one for another purpose than the keys of pseudonyms, which follows from the
// master secret: without that, nobody has it. It is read anew each time.
func (l *Ledger) Secret(purpose string) ([]byte, error) {
	master, err := readMaster("the master secret", l.Master, slog.New(slog.DiscardHandler)) // what is odd about it was said already
	if err != nil {
		return nil, err
	}
	return ledger.At(l.Folder).Secret(master, purpose)
}

// readMaster reads a master secret. It is nil if none is written.
func readMaster(what string, written option.Secret, logger *slog.Logger) ([]byte, error) {
	secret, name, err := written.Read(what, secretItself, logger)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if written.IsZero() {
		return nil, nil
	}
	if secret = bytes.TrimSpace(secret); len(secret) < ledger.MinMaster {
		return nil, fmt.Errorf("ledger: %s has %d bytes; at least %d are needed, as of 'openssl rand -base64 32'",
			name, len(secret), ledger.MinMaster)
	}
	return secret, nil
}

// secretItself reports whether a placeholder stands for a secret and not for a file's
// name, as it formerly always did. Neither a file that is there nor a path below a
// folder that is there is taken for a secret: it could be guessed.
func secretItself(written, value string) bool {
	if !strings.Contains(written, "{") {
		return false
	}
	if _, err := os.Stat(value); err == nil || errors.Is(err, fs.ErrPermission) {
		return false
	}
	if !filepath.IsAbs(value) {
		return true
	}
	volume := filepath.VolumeName(value)
	first, _, deeper := strings.Cut(filepath.ToSlash(value[len(volume)+1:]), "/")
	if !deeper || first == "" {
		return true
	}
	_, err := os.Stat(filepath.Join(volume+string(filepath.Separator), first))
	return err != nil
}

// checkClasses finds what is wrong with the classes, and those that have a folder
// and are not there: nobody would delete their records.
func (l *Ledger) checkClasses(dir string) error {
	of := make(map[string]string) // the class of an activity
	for i, c := range l.Classes {
		if err := record.CheckClass(c.Name); err != nil {
			return err
		}
		if slices.ContainsFunc(l.Classes[:i], func(other LedgerClass) bool { return other.Name == c.Name }) {
			return fmt.Errorf("the ledger's class '%s' is written twice", c.Name)
		}
		for _, activity := range c.Activities {
			if other, twice := of[activity]; twice {
				return fmt.Errorf("activity '%s' belongs to the ledger's classes '%s' and '%s': its records can lie in one only", activity, other, c.Name)
			}
			of[activity] = c.Name
		}
	}
	there, err := ledger.At(dir).Classes()
	if err != nil {
		there = nil // who may not look there cannot open it either, and is told so then
	}
	for _, d := range there {
		if d.Class != record.DefaultClass && !slices.ContainsFunc(l.Classes, func(c LedgerClass) bool { return c.Name == d.Class }) {
			return fmt.Errorf("%s holds records of a class '%s' that the configuration does not know, which nobody would delete when their time is over; "+
				"keep 'class %s { retain ... }' in the ledger's block, without activities if it has none any more", d.Path, d.Class, d.Class)
		}
	}
	return nil
}

// forClass are the settings of a class's ledger: a place for the latest
// checkpoint takes that of one ledger, so that each class has its own beside it.
func (l *Ledger) forClass(name string) *Ledger {
	if name == record.DefaultClass {
		return l
	}
	own := *l
	own.Copies = make([]string, len(l.Copies))
	for i, target := range l.Copies {
		own.Copies[i] = target + "-" + name
		if u, err := url.Parse(target); err == nil && u.Host != "" && !filepath.IsAbs(target) {
			u.Path = strings.TrimSuffix(u.Path, "/") + "-" + name
			own.Copies[i] = u.String()
		}
	}
	return &own
}

// defaultReserve is four times what must be free for the gateway to be ready.
const defaultReserve = 256 << 20

// defaultRetain is how long records are kept if nothing is said: as long as the
// longest duty to keep them that the registers know of, that of Saudi Arabia.
const defaultRetain = "5 years"

// maxRetain bounds each of the numbers, so that a slip does not keep records for
// ever.
const maxRetain = 36600

// parseRetain reads a length of time such as '18 months'.
func parseRetain(text string) (keep ledger.Retain, err error) {
	digits, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > maxRetain || strconv.Itoa(n) != digits {
		return keep, fmt.Errorf("'%s' is not a length of time such as '5 years', '18 months' or '90 days'", text)
	}
	switch strings.TrimSuffix(unit, "s") {
	case "year":
		keep.Years = n
	case "month":
		keep.Months = n
	case "day":
		keep.Days = n
	default:
		return keep, fmt.Errorf("'%s' is not a length of time such as '5 years', '18 months' or '90 days'", text)
	}
	if keep.After(time.Unix(0, 0)).Year() > 1970+100 {
		return keep, fmt.Errorf("'%s' is more than 100 years", text)
	}
	return keep, nil
}
