package gateway

import (
	"cmp"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/ledger"
)

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

// unmarshalClass parses a class of the ledger. Syntax:
//
//	class <name> {
//	    activities <activity...>
//	    retain     <number> days|months|years
//	}
func (l *Ledger) unmarshalClass(d *caddyfile.Dispenser) (err error) {
	var c LedgerClass
	if err := allArgs(d, "class NAME", &c.Name); err != nil {
		return err
	}
	if err := ledger.CheckClass(c.Name); err != nil {
		return d.WrapErr(err)
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		word := d.Val()
		if seen[word] {
			return d.Errf("'%s' is written twice", word)
		}
		seen[word] = true
		switch word {
		case "activities":
			if c.Activities = d.RemainingArgs(); len(c.Activities) == 0 {
				return d.ArgErr()
			}
		case "retain":
			if c.Retain, err = unmarshalRetain(d); err != nil {
				return err
			}
		default:
			return d.Errf("unrecognized option '%s' of a ledger's class%s", word, did(word, []string{"activities", "retain"}))
		}
	}
	if c.Retain == "" {
		return d.Errf("the class '%s' says nothing else than the ledger: write how long it keeps records, as in 'retain 18 months'", c.Name)
	}
	l.Classes = append(l.Classes, c)
	return nil
}

// checkClasses finds what is wrong with the classes, and those that have a folder
// and are not there: nobody would delete their records.
func (a *App) checkClasses(dir string) error {
	of := make(map[string]string) // the class of an activity
	for i, c := range a.Ledger.Classes {
		if err := ledger.CheckClass(c.Name); err != nil {
			return err
		}
		if slices.ContainsFunc(a.Ledger.Classes[:i], func(other LedgerClass) bool { return other.Name == c.Name }) {
			return fmt.Errorf("the ledger's class '%s' is written twice", c.Name)
		}
		for _, activity := range c.Activities {
			if other, twice := of[activity]; twice {
				return fmt.Errorf("activity '%s' belongs to the ledger's classes '%s' and '%s': its records can lie in one only", activity, other, c.Name)
			}
			of[activity] = c.Name
		}
	}
	there, err := ledger.Classes(dir)
	if err != nil {
		there = nil // who may not look there cannot open it either, and is told so then
	}
	for _, name := range there {
		if name != ledger.DefaultClass && !slices.ContainsFunc(a.Ledger.Classes, func(c LedgerClass) bool { return c.Name == name }) {
			return fmt.Errorf("%s holds records of a class '%s' that the configuration does not know, which nobody would delete when their time is over; "+
				"keep 'class %s { retain ... }' in the ledger's block, without activities if it has none any more", ledger.ClassFolder(dir, name), name, name)
		}
	}
	return a.require(func(p *decision.Policy) error {
		for activity, class := range of {
			if activityOf(p, activity) == nil {
				return fmt.Errorf("activity '%s' of the ledger's class '%s' is not in the policy%s", activity, class,
					did(activity, ids(p.Activities, func(p decision.Activity) string { return p.ID })))
			}
		}
		return nil
	})
}

// provisionClasses finds the process's ledgers of the classes in the folder, the
// default one first.
func (a *App) provisionClasses(dir string, o ledger.Options) error {
	all := append([]LedgerClass{{Name: ledger.DefaultClass, Retain: a.Ledger.Retain}}, a.Ledger.Classes...)
	a.classOf = make(map[string]*class)
	for _, c := range all {
		keep, err := parseRetain(cmp.Or(c.Retain, defaultRetain))
		if err != nil {
			return fmt.Errorf("ledger: class '%s': retain: %w", c.Name, err)
		}
		l, err := loadLedger(ledger.ClassFolder(dir, c.Name), c.Name, o)
		if err != nil {
			return err
		}
		known := newClass(l, keep, a.logger)
		a.classes, a.pooled = append(a.classes, known), append(a.pooled, known)
		for _, activity := range c.Activities {
			a.classOf[activity] = known
		}
	}
	a.ledger = a.classes[0].ledger
	return nil
}

// class is the class of an activity's records.
func (a *App) class(activity string) *class {
	if c := a.classOf[activity]; c != nil {
		return c
	}
	return a.classes[0]
}

// forClass are the settings of a class's ledger: a place for the latest
// checkpoint takes that of one ledger, so that each class has its own beside it.
func (l *Ledger) forClass(name string) *Ledger {
	if name == ledger.DefaultClass {
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
