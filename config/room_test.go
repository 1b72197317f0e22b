package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/policystore"
	"github.com/sparkoo/transfergate/internal/record"
)

// TestNoRegisterFillsARecord: whatever a register says, it is refused before a record
// of what it decides could be longer than an entry of the ledger.
func TestNoRegisterFillsARecord(t *testing.T) {
	var countries, fields, laws strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&countries, "c%d, ", i)
	}
	for i := range 100 {
		fmt.Fprintf(&fields, "'field:X-%s-%d', ", strings.Repeat("a", 100), i)
	}
	for i := range 100 {
		fmt.Fprintf(&laws, `
  - id: law-%d
    title: A law
    articles: Art. 1
    countries: [BR]
    default: prohibited
    direct_collection: {as: none, source: a book}
    returns: {as: none, source: a book}
    source: a book
    mechanisms:
      - {tag: law-%d-clauses, title: Clauses, dpv: [dpv:DataTransferLegalBasis]}`, i, i)
	}
	for _, test := range []struct{ name, file, old, new, want string }{
		{"a list", "regions.yaml", "near: [BR]", "near: [" + countries.String() + "BR]", "regions.yaml:14:11: a list of 1002 entries is too long; write at most 1000"},
		{"what is withheld", "recipients.yaml", "withhold: [", "withhold: [" + fields.String(), "bytes of a record; at most 8192"},
		{"what laws say", "laws.yaml", "laws:", "laws:" + laws.String(), "bytes of a record; at most 32768"},
	} {
		fsys := small(t)
		edit(t, fsys, test.file, test.old, test.new)
		if _, err := config.LoadFS(fsys, "p"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %.500v", test.name, err)
		}
	}
}

// TestTheLongestRecordFits: with every part at its bound a record is an entry. The bounds
// of what a register says are those of the table in room.go; of what an account record
// or a request says, those of packages controllers and reference.
func TestTheLongestRecordFits(t *testing.T) {
	name := strings.Repeat("n", 128)
	r := record.Transfer{
		Header: record.Header{Type: record.TypeAccepted, Time: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC), Node: name, ID: [16]byte{1}, Salt: [16]byte{1}},
		Site:   strings.Repeat("s", 253), Activity: name, Statement: name, Policy: name,
		Controller: name, ControllerName: strings.Repeat(`"`, 1024), Basis: name, Country: "XK", CountrySource: name, Origin: "XK",
		Requester: name + "@XK", Staff: name, Ticket: name, AccessReason: name, Approval: name + name, Conflicts: []string{name, name, name, name, name, name, name, name},
		Legs: []byte("[" + strings.Repeat(" ", 32<<10) + "]"), Region: name, Recipient: name,
		Purposes: []string{"2a", "2b", "2c", "2d", "2e", "2f", "2g"}, Categories: []string{"1a", "1b", "1c", "1d", "1e", "1f", "1g", "1h", "1i", "1j", "1k", "1l"},
		LegalBasis: name, Reference: name + name, Withheld: []string{strings.Repeat("w", 8<<10)}, Subject: name,
		Method: name, Route: strings.Repeat(`"`, 4096), Bytes: 1 << 62, Decision: record.Allowed, Enforced: true, Reason: name, Cause: name, Clause: name, Law: name,
		Shadow: []byte(strings.Repeat(" ", policystore.MaxMember)), RetainUntil: "2031-11-30", Demo: true, Trace: name,
	}
	if n := len(r.Append(nil)); n > ledger.MaxEntry {
		t.Errorf("%d bytes, an entry has at most %d", n, ledger.MaxEntry)
	}
}
