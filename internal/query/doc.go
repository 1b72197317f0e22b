// Package query is the language in which people ask a ledger, and what answers it:
// one parser and one evaluator for the command line, reports and exports, so that
// rows on a screen are those of a file.
//
//	country:BR recipient:huawei-cloud-cn       different keys: both hold
//	country:BR country:CL -activity:serving    the same key: either holds; a minus excludes
//	at:2026-10 at:>-7d at:2026-10-01..2026-10-31 bytes:>1000
//	recipient:huawei-* safeguard:none reference:*
//	gw-sg-1#1.42
//
// Every member of the record table (package record) is a key, by its path, as in
// legs.laws.safeguard, or by its last word where that says which; a new row of the
// table is one at once. [Keys] lists them with the few that follow from several
// members, such as outcome. A key with several values in an entry, as those of legs
// have, holds if one of the values does.
//
// Bounds of the same key (at:>A at:<B) narrow, as nobody means by both of them
// either; whatever else the same key is given widens. A day, month or year is the
// whole of it in UTC: at:>2026-10 begins in November.
//
// Words are compared without regard to case where the table says that few values
// stand in many entries, and exactly elsewhere. A star stands for any letters, none
// for no value (safeguard:none also for one that a law asks for and has not), and what is in quotation marks for itself, unchecked.
//
// An entry that cannot be read may be what is asked for, so it is a row of every
// answer, with what is wrong with it.
package query
