// Package record writes and reads the entries of a ledger: which there are, what
// their members mean, and how they stand as bytes. It is the one place that knows.
//
// An entry is one JSON object in the form of RFC 8785: members in the order of
// their names, no spaces, the fewest escapes, integers below 2^53. Times are
// RFC 3339 in UTC with six digits, lists stand as they were given, and what is not
// known makes no member: there is no null and no empty text or list. There is
// one way to write an entry, so whatever Parse accepts, Append writes again byte
// for byte; proofs are of the stored bytes in any case.
//
// One table per type of entry says which members there are (see [Types]). It
// writes the entry and parses it, and makes the JSON Schema ([Schema]) and the
// page that documents it ([Markdown]). A new member is a field of the Go type and
// a row of the table.
//
// # What this version does not know
//
// The member v says by which version of these rules an entry was written
// ([Versions]). Within a version members and types may be added, so:
//
//   - A member that the table does not name is kept in Header.Unknown (or the
//     Unknown of an inner object), and written again where it stood. It must be
//     JSON in the same form.
//   - An entry of a type that is not known, or of a version that is not, is an
//     [Other]: its bytes are kept, and of its members only those are read that
//     every entry has. Nothing is concluded from the rest.
//
// Everything else that is not as it should be is an [Error], which says in which
// member and at which byte.
//
// field.go is long because it holds all kinds of fields side by side, each a few lines:
// a new kind is written after the pattern of its neighbours.
package record
