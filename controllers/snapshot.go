package controllers

import (
	"iter"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
)

// Snapshot is a table at one moment. It never changes, and any number of
// goroutines may use it. What it returns is shared and must not be changed.
// The zero Snapshot knows nobody: it answers every question with nil.
type Snapshot struct {
	accounts *records // nil for none
	roster   *Roster
}

// The pairs of sources that can disagree about a data subject.
const (
	// ConflictCountry: the account record has another registered country than
	// the one claimed. The record's holds.
	ConflictCountry = "account-country/claimed-country"
	// ConflictParty: the account record has another contracting party than the
	// country table. The record's holds (§11).
	ConflictParty = "account-party/country-table"
	// ConflictClaim: the account record has another contracting party than the
	// one claimed. The record's holds (§11).
	ConflictClaim = "account-party/claimed-party"
	// ConflictClaimTable: the contracting party claimed is another than the
	// country table's. The claim's holds (§11).
	ConflictClaimTable = "claimed-party/country-table"
	// ConflictInvalid: the account record has a country that is no code of ISO
	// 3166-1. The registered country is not known, whatever is claimed.
	ConflictInvalid = "account-country/iso-3166"
)

// Subject is what the table knows about a data subject. The zero Subject has
// no controller, which denies.
type Subject struct {
	// Controller is responsible for the subject's data; nil when the question
	// could not be answered.
	Controller *decision.Controller
	// Basis says on what ground; empty without a controller.
	Basis decision.Basis
	// Country is the registered country: the account record's or, if it has
	// none, the one claimed; empty when neither is known, or the record's is invalid.
	Country string
	// Account is the account's record; nil when there is none.
	Account *Account
	// Conflicts are the pairs of sources that disagreed, each one of the
	// Conflict constants.
	Conflicts []string
}

// Subject looks a data subject up. The account is empty when nobody is
// identified; the country is the registered country an identity source
// claimed, the party the id of the contracting party it claimed, each empty
// when none did. The account record is believed before the claims, and a claimed
// party before the country table (§11). A claimed country that is not an ISO
// 3166-1 alpha-2 code, or a claimed party that is no controller of the registers,
// gives the zero Subject, whatever the record says: whoever claimed it can't be
// trusted.
func (s *Snapshot) Subject(account, claimed, party string) Subject {
	return s.SubjectOf(s.accounts.get(account), claimed, party)
}

// SubjectOf is [Snapshot.Subject] for a record that need not stand in the table,
// nil if there is none. It is shared from then on.
func (s *Snapshot) SubjectOf(record *Account, claimed, party string) Subject {
	claim, listed := s.Controller(party)
	if claimed != "" && !country.Valid(claimed) || party != "" && !listed {
		return Subject{}
	}
	sub := Subject{Country: claimed, Account: record}
	switch {
	case record == nil:
	case record.Invalid:
		sub.Country, sub.Conflicts = "", append(sub.Conflicts, ConflictInvalid)
	default:
		if record.Country != "" {
			sub.Country = record.Country
		}
		if claimed != "" && claimed != sub.Country {
			sub.Conflicts = append(sub.Conflicts, ConflictCountry)
		}
	}
	sub.choose(s, claim)
	return sub
}

// choose finds the controller: the record's contracting party, else the one
// claimed, else the country table's (§11).
//
//clause:enforces §11.3; record controller basis conflicts; header Data-Controller-Basis; off sub.Account = nil
func (sub *Subject) choose(s *Snapshot, claim *decision.Controller) {
	sub.Controller, sub.Basis = s.byTable(sub.Country)
	var table, record *decision.Controller
	if sub.Country != "" { // otherwise the table has nothing to say
		table = sub.Controller
	}
	if claim != nil {
		sub.Controller, sub.Basis = claim, decision.BasisTokenClaim
	}
	if a := sub.Account; a != nil && (a.Controller != "" || a.Party != nil) {
		record = s.party(a)
		sub.Controller, sub.Basis = record, decision.BasisAccountCenter
		if record == nil {
			sub.Basis = ""
		}
	}
	sub.compare(ConflictParty, record, table)
	sub.compare(ConflictClaim, record, claim)
	sub.compare(ConflictClaimTable, claim, table)
}

// compare notes a pair of sources that both answer, and differently.
func (sub *Subject) compare(pair string, one, other *decision.Controller) {
	if one != nil && other != nil && one != other {
		sub.Conflicts = append(sub.Conflicts, pair)
	}
}

// Resolve returns the controller and the basis that [Snapshot.Subject] finds when
// no contracting party is claimed:
// the account record's contracting party, else the country's controller, which
// is the default for "countries other than the above", else, without a country,
// the default as not registered. It returns nil and "" for an invalid country.
func (s *Snapshot) Resolve(account, country string) (*decision.Controller, decision.Basis) {
	sub := s.Subject(account, country, "")
	return sub.Controller, sub.Basis
}

// Account returns the record of an account, and whether there is one.
func (s *Snapshot) Account(id string) (*Account, bool) {
	record := s.accounts.get(id)
	return record, record != nil
}

// Accounts are all records, in no order.
func (s *Snapshot) Accounts() iter.Seq[*Account] { return s.accounts.all }

// Known returns the ids that accounts may name. The slices are shared and must not
// be changed.
func (s *Snapshot) Known() Known {
	if s.roster == nil {
		return Known{}
	}
	return s.roster.known
}

// Controller returns the controller with that id, and whether there is one.
// Unlisted parties are not among them.
func (s *Snapshot) Controller(id string) (*decision.Controller, bool) {
	if s.roster == nil {
		return nil, false
	}
	c, ok := s.roster.byID[id]
	return c, ok
}

// Roster returns the registers' part of the snapshot; nil for the zero Snapshot.
func (s *Snapshot) Roster() *Roster { return s.roster }

// Under returns the snapshot's accounts under another roster, so that somebody
// who works by one policy sees the accounts as they stand, and that policy's
// controllers. Under a roster that lacks an account's contracting party its
// subject has no controller, which denies.
func (s *Snapshot) Under(r *Roster) Snapshot { return Snapshot{accounts: s.accounts, roster: r} }

// party returns the contracting party of a record that has one.
func (s *Snapshot) party(a *Account) *decision.Controller {
	if a.Party != nil {
		return a.Party.controller()
	}
	c, _ := s.Controller(a.Controller)
	return c
}

// byTable answers from the country table alone; code is valid or empty.
func (s *Snapshot) byTable(code string) (*decision.Controller, decision.Basis) {
	if s.roster == nil {
		return nil, "" // the zero Snapshot
	}
	basis := decision.BasisRegisteredCountry
	if code == "" {
		basis = decision.BasisNotRegistered
	}
	return s.roster.byCountry.Controller(code), basis
}
