// Package console is the pages on which people review what a ledger holds: what is
// wrong first, then transfers by query, one record with its proof, safeguards, the
// policy and reports. Rows are found and exported by package query, so that they are
// those of the command line; this package only lays them out.
//
// The server renders everything. Pages work without scripts, ask for nothing from
// elsewhere, and name each other by relative addresses of one level, so that they may
// stand under any prefix. A page's address is its whole state; who a look-up of a
// person is about never stands in one.
//
// Whatever a record says is shown by [query.Visible] and escaped: it was written by
// whoever sent a request.
//
// The methods of visit stand in a file for each page: who changes a page finds all of it
// in one place.
package console
