package report

import (
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// Look is somebody's look at a ledger, which an entry of it tells of before they see
// anything: at one person's records, or at what they take away.
type Look struct {
	What string `json:"what"` // record.LookPerson or record.LookExport
	// Office wants it, and Because and Reference say why. None of them names a person;
	// of a look at a person's records the last two are needed.
	Office    string `json:"office,omitempty"`
	Because   string `json:"because,omitempty"`
	Reference string `json:"reference,omitempty"`
	// Subject is the person's pseudonym by the key of now.
	Subject string `json:"subject,omitempty"`
	Query   string `json:"query,omitempty"`
	Form    string `json:"form,omitempty"`
	Records uint64 `json:"records,omitempty"`
	// Log is the newest log of the ledger that was looked at, as checkpoints have it.
	Log string `json:"log"`
}

var (
	lookToken   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$`)
	pseudonym   = regexp.MustCompile(`^h1:[0-9a-z-]{1,32}:[A-Za-z0-9_-]{22}$`)
	maxQuery    = 2 << 10
	errNoReason = errors.New("say why you look, in 1 to 256 bytes that name no person")
)

// Check tells what is wrong with a look that is to be recorded. It repeats nothing of it.
func (l *Look) Check() error {
	switch about := l.What == record.LookPerson; {
	case !about && l.What != record.LookExport:
		return errors.New("a look is at a person, or it is an export")
	case about && strings.TrimSpace(l.Because) == "", !plain(l.Because, 256):
		return errNoReason
	case (about || l.Reference != "") && !lookToken.MatchString(l.Reference):
		return errors.New("the reference is no token of at most 64 letters, digits and . _ / : -, which names the request and no person")
	case l.Office != "" && !lookToken.MatchString(l.Office):
		return errors.New("the office is no token of at most 64 letters, digits and . _ / : -, which names no person")
	case l.Subject != "" && !pseudonym.MatchString(l.Subject):
		return errors.New("the subject is no pseudonym")
	case !plain(l.Query, maxQuery) || !plain(l.Form, 16):
		return errors.New("the query is too long to be recorded, or does not print")
	}
	return nil
}

// plain reports whether a text prints and is no longer than so many bytes.
func plain(text string, most int) bool {
	return len(text) <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) })
}

// Of reports whether the look was at this ledger.
func (l *Look) Of(dir ledger.Dir) (bool, error) {
	log, err := NewestLog(dir)
	return err == nil && ledgerOf(log) == ledgerOf(l.Log), err
}

// NewestLog is the name of the newest log of a ledger, by which a look names it.
func NewestLog(dir ledger.Dir) (string, error) {
	view, err := dir.View(0)
	if err != nil {
		return "", err
	}
	return view.Origin(), nil
}

// ledgerOf is what the logs of all epochs of a ledger have in common.
func ledgerOf(log string) string { return log[:max(0, strings.LastIndexByte(log, '/'))] }

// Entry is the entry that tells of it.
func (l *Look) Entry(node string, now time.Time) []byte {
	e := record.Look{
		Header: record.Header{Node: node, Time: now}, What: l.What, Office: l.Office, Because: l.Because, Reference: l.Reference,
		Subject: l.Subject, Query: l.Query, Form: l.Form, Records: l.Records,
	}
	return e.Append(nil)
}
