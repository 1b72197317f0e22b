package record

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// The versions of the entries. The second says of a denial what was denied, of staff
// who asked, and of the configuration what it was.
const (
	version1 = "xfer/1"
	version2 = "xfer/2"
)

// Version is the version that entries are written in, the value of their member v.
const Version = version2

var versions = []string{version1, version2}

// Versions are those that are read, oldest first. The slice is the caller's.
func Versions() []string { return slices.Clone(versions) }

// The types of entries.
const (
	TypeAccepted  = "transfer.accepted" // written before the first byte of a transfer leaves
	TypeRefused   = "transfer.refused"  // a denial
	TypeOutcome   = "transfer.outcome"  // how transfers ended
	TypeCounted   = "refusals.counted"  // denials that have no record of their own
	TypeGenesis   = "ledger.genesis"    // entry 0 of an epoch
	TypeRecovered = "ledger.recovered"  // the torn end of the log was cut off after a crash
	TypePolicy    = "policy.snapshot"   // a policy that records name was kept
	TypeClosed    = "epoch.closed"      // the last entry of an epoch that another follows
	TypeDeleted   = "epoch.deleted"     // an epoch's time ran out, and it was deleted
	TypeStanding  = "ledger.standing"   // what stands from then on, beside the holds

	TypeKeyCreated    = "key.created"    // a period's key of the pseudonyms was made
	TypeKeyDestroyed  = "key.destroyed"  // it was destroyed, and the period's links with it
	TypeKeysRewrapped = "keys.rewrapped" // another master secret wraps them

	TypeHoldSet    = "hold.set" // epochs are kept beyond their time
	TypeHoldLifted = "hold.lifted"

	TypeStarted       = "gateway.started"   // a gateway records from then on
	TypeStopped       = "gateway.stopped"   // it ended, and what it counted last
	TypeHeartbeat     = "gateway.heartbeat" // what it counted in an hour
	TypeConfigChanged = "config.changed"    // how it is set from then on

	TypeOversight = "oversight.changed" // another configuration asks for other approvals, or obeys others

	TypeLook  = "ledger.look"  // somebody looked at a person's records, or exported some
	TypeOrder = "order.obeyed" // somebody ordered a change, and was obeyed
)

// Entry is one entry of a ledger: [*Transfer], [*Outcomes], [*Counted], [*Genesis],
// [*Recovered], [*Policy], [*Closed], [*Deleted], [*KeyChange], [*HoldChange],
// [*Oversight], [*Standing], [*Started], [*Beat], [*ConfigChanged], [*Look], [*Order] or [*Other].
type Entry interface {
	// Append appends the entry as it stands in the ledger.
	Append(dst []byte) []byte
	// Head is the part that all entries have; it is the entry's own.
	Head() *Header
}

// Header is what every entry has.
type Header struct {
	Type    string
	Version string // empty for Version
	Node    string // name of the gateway's node
	// ID is a UUIDv7 and Salt keeps the hash of an entry from confirming what was
	// in it. Append makes them up if they are zero.
	ID   [16]byte
	Salt [16]byte
	Time time.Time // when it was written, by the node's clock
	// Unknown are members that the table does not name, in order.
	Unknown []Unknown
}

// Head returns the header itself.
func (h *Header) Head() *Header { return h }

// stamp fills in what is not given.
func (h *Header) stamp(kind string) {
	if h.Type == "" {
		h.Type = kind
	}
	if h.Version == "" {
		h.Version = Version
	}
	if h.ID == ([16]byte{}) {
		h.ID = newID(h.Time)
	}
	if h.Salt == ([16]byte{}) {
		rand.Read(h.Salt[:]) // never fails: crypto/rand ends the process instead
	}
}

// newID is a UUID version 7 (RFC 9562): 48 bits of Unix milliseconds, and
// random bits.
func newID(t time.Time) (id [16]byte) {
	rand.Read(id[:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(t.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = 0x70 | id[6]&0x0f
	id[8] = 0x80 | id[8]&0x3f
	return id
}

// headerRows are the rows of what every entry of the types has.
func headerRows[T any, P interface {
	*T
	Head() *Header
}](types ...string) []member[T] {
	return []member[T]{
		row("id", Key, func(t *T) field { return (*uuid)(&P(t).Head().ID) },
			"UUID version 7 (RFC 9562) of the entry, made up when it was written", "§5(j)"),
		row("node", Label, func(t *T) field { return (*text)(&P(t).Head().Node) },
			"name of the gateway's node that wrote the entry", "§5(j)"),
		row("salt", NoColumn, func(t *T) field { return (*random)(&P(t).Head().Salt) },
			"random bytes, so that the hash of an entry that is gone confirms nothing of what was in it", "§5(d)"),
		row("time", Moment, func(t *T) field { return (*instant)(&P(t).Head().Time) },
			"when the entry was written, by the node's clock", "§5(j)"),
		row("type", Label, func(t *T) field { return (*must)(&P(t).Head().Type) },
			"what the entry is about", "§5(j)").of(types...),
		row("v", Label, func(t *T) field { return (*must)(&P(t).Head().Version) },
			"version of the rules that the entry was written by"),
	}
}

// row is a row of a table, of a member there was from the first version on.
func row[T any](name string, c Column, f func(*T) field, means string, clauses ...string) member[T] {
	return member[T]{Member: Member{Name: name, Since: version1, Means: means, Clauses: clauses, Column: c}, field: f}
}

// since says which later version brought the member.
func (m member[T]) since(version string) member[T] {
	m.Since = version
	return m
}

// of gives all values there are.
func (m member[T]) of(values ...string) member[T] {
	m.Values = values
	return m
}

// entryTable is the table of a type of entry, with the rows of the header.
func entryTable[T any, P interface {
	*T
	Head() *Header
}](types []string, rows ...member[T]) *object[T] {
	unknown := func(t *T) *[]Unknown { return &P(t).Head().Unknown }
	return newObject(unknown, append(headerRows[T, P](types...), rows...)...)
}

// parse reads an entry of one of the types into t.
func parse[T any, P interface {
	*T
	Head() *Header
}](o *object[T], t *T, data []byte, types ...string) error {
	s := scanner{text: string(data)} // what is read are parts of this one copy
	if !o.parse(&s, t) || !s.end() {
		return s.err()
	}
	h := P(t).Head()
	switch {
	case !slices.Contains(types, h.Type):
		return &Error{Member: "type", What: fmt.Sprintf("the type is one of %q", types)}
	case !slices.Contains(versions, h.Version):
		return &Error{Member: "v", What: fmt.Sprintf("the version is one of %q", versions)}
	}
	return nil
}

// Parse reads an entry. It keeps nothing of data. The error is an [*Error].
func Parse(data []byte) (Entry, error) {
	kind, version := kindOf(data)
	e := newEntry(kind, version)
	if err := e.parse(data); err != nil {
		return nil, err
	}
	return e, nil
}

// parser is an entry that is not read yet.
type parser interface {
	Entry
	parse(data []byte) error
}

// newEntry is an empty entry of a type and version.
func newEntry(kind, version string) parser {
	for i := range kinds {
		if k := &kinds[i]; k.name == kind && k.in(version) {
			return k.empty()
		}
	}
	return new(Other)
}
