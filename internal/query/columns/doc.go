// Package columns keeps the entries of sealed segments by columns, in a Parquet file
// beside each, so that queries are answered without reading the entries.
//
// Such a file is never a second truth: it is made of a segment and names the root of
// the tree of its entries. One that is missing, damaged, of another segment or of
// another version is as good as none, and is made anew; it goes with its epoch. What it
// finds is read from the segment before anybody sees it.
//
// The columns are the keys of the query language that package query calls stored, by
// their names, a row for each entry in the segment's order. A cell has the only value of
// a key, "" if the entry has none, and a JSON array if it has several, or one that would
// be read otherwise. Where nearly each entry has a value of its own, 32-bit hashes of
// them stand instead (query.Mark), or the numbers that they are, and -1 for none. A key
// that no entry has a value of has no column.
// Entries that cannot be read, or are of a type that this program does not know, have
// no values; the file lists them.
//
// Entries that are not sealed yet may be kept in memory in the same way ([Growing]).
package columns
