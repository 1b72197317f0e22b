package recorder

import (
	"fmt"
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/sparkoo/transfergate/caddyplugin/option"
	"github.com/sparkoo/transfergate/internal/anchor"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// UnmarshalCaddyfile parses the option, at whose name the dispenser stands. Syntax:
//
//	ledger <folder> {
//	    key           <file>
//	    min_free      <size>
//	    reserve       <size>
//	    epoch_entries <number>
//	    retain        <number> days|months|years
//	    class         <name> { ... }
//	    master        [value] <secret> [[value] <old secret>]
//	    key_months    <number>
//	    witness       <url> <key>
//	    copy          <file>|<url>
//	    ship          s3 <url> <bucket> { ... }
//	}
func (l *Ledger) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if err := option.Args(d, "ledger FOLDER", &l.Folder); err != nil {
		return err
	}
	return option.Block(d, []string{"witness", "copy", "class"}, l.unmarshalOption)
}

func (l *Ledger) unmarshalOption(d *caddyfile.Dispenser, word string) (err error) {
	text := ""
	switch word {
	case "key":
		return option.Args(d, "key FILE", &l.Key)

	case "min_free":
		return unmarshalSize(d, word, &l.MinFree)

	case "reserve":
		return unmarshalSize(d, word, &l.Reserve)

	case "master":
		return option.Secrets(d, "master [value] SECRET [[value] OLD]", &l.Master, &l.OldMaster)

	case "key_months":
		if err := option.Args(d, "key_months NUMBER", &text); err != nil {
			return err
		}
		if l.KeyMonths, err = strconv.Atoi(text); err != nil || l.KeyMonths < 1 || l.KeyMonths > maxKeyMonths {
			return d.Errf("'%s' is not a number of months from 1 to %d", text, maxKeyMonths)
		}
		return nil

	case "epoch_entries":
		if err := option.Args(d, "epoch_entries NUMBER", &text); err != nil {
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

	case "ship":
		l.Ship = new(Ship)
		return l.Ship.UnmarshalCaddyfile(d)
	}
	return d.Errf("unrecognized ledger option '%s'; %s", word, suggest.For(word, []string{"key", "min_free", "reserve", "epoch_entries", "retain", "class", "master", "key_months", "witness", "copy", "ship"}))
}

// unmarshalSize parses a number of bytes.
func unmarshalSize(d *caddyfile.Dispenser, word string, size *uint64) (err error) {
	text := ""
	if err := option.Args(d, word+" SIZE", &text); err != nil {
		return err
	}
	if *size, err = humanize.ParseBytes(text); err != nil || *size == 0 {
		return d.Errf("'%s' is not a size such as 512MiB", text)
	}
	return nil
}

// unmarshalClass parses a class of the ledger. Syntax:
//
//	class <name> {
//	    activities <activity...>
//	    retain     <number> days|months|years
//	}
func (l *Ledger) unmarshalClass(d *caddyfile.Dispenser) error {
	var c LedgerClass
	if err := option.Args(d, "class NAME", &c.Name); err != nil {
		return err
	}
	if err := record.CheckClass(c.Name); err != nil {
		return d.WrapErr(err)
	}
	err := option.Block(d, nil, func(d *caddyfile.Dispenser, word string) (err error) {
		switch word {
		case "activities":
			if c.Activities = d.RemainingArgs(); len(c.Activities) == 0 {
				return d.ArgErr()
			}
		case "retain":
			c.Retain, err = unmarshalRetain(d)
		default:
			return d.Errf("unrecognized option '%s' of a ledger's class; %s", word, suggest.For(word, []string{"activities", "retain"}))
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.Retain == "" {
		return d.Errf("the class '%s' says nothing else than the ledger: write how long it keeps records, as in 'retain 18 months'", c.Name)
	}
	l.Classes = append(l.Classes, c)
	return nil
}

// unmarshalPlace parses the options of places outside, each of which may be
// repeated.
func (l *Ledger) unmarshalPlace(d *caddyfile.Dispenser, word string) error {
	if word == "witness" {
		var w LedgerWitness
		if err := option.Args(d, "witness URL KEY", &w.URL, &w.Key); err != nil {
			return err
		}
		if _, err := anchor.NewWitness(w.URL, w.Key); err != nil {
			return d.WrapErr(err)
		}
		l.Witnesses = append(l.Witnesses, w)
		return nil
	}
	target := ""
	if err := option.Args(d, "copy FILE|URL", &target); err != nil {
		return err
	}
	if _, err := anchor.NewCopy(target); err != nil {
		return d.WrapErr(err)
	}
	l.Copies = append(l.Copies, target)
	return nil
}

// unmarshalRetain parses how long records are kept.
func unmarshalRetain(d *caddyfile.Dispenser) (text string, err error) {
	number, unit := "", ""
	if err := option.Args(d, "retain NUMBER days|months|years", &number, &unit); err != nil {
		return "", err
	}
	text = number + " " + unit
	if _, err := parseRetain(text); err != nil {
		return "", d.WrapErr(err)
	}
	return text, nil
}

// Interface guards
var _ caddyfile.Unmarshaler = (*Ledger)(nil)
