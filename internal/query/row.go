package query

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/sparkoo/transfergate/internal/record"
)

// Pending is the outcome of a transfer of whose end no entry tells yet. It counts as
// unknown.
const Pending = "pending"

// Row is one entry of a ledger, with how it ended if it is a transfer.
type Row struct {
	// Name is the number by which people know it.
	Name record.Name
	// Data is the entry as it stands; nil where Damage says why it cannot be read.
	Data []byte
	// Type is that of the entry, and Time when it was written, in microseconds since
	// 1970.
	Type string
	Time int64
	// Ended is what an entry tells of the end of a transfer; nil if none does.
	Ended Ended
	// Damage is what is wrong with an entry that cannot be read. Nobody knows what
	// stands in it, so it is a row of every answer.
	Damage error
}

// NewRow is the row of an entry, of which it keeps the bytes. class is empty for the
// default one, and node the one to name if the entry cannot be read.
func NewRow(node, class string, id record.ID, data []byte) Row {
	if class == record.DefaultClass {
		class = ""
	}
	r := Row{Name: record.Name{Node: node, Class: class, ID: id}, Data: data}
	e, err := record.Parse(data)
	if err != nil {
		r.Data, r.Damage = nil, err
		return r
	}
	h := e.Head()
	r.Name.Node, r.Type, r.Time = cmp.Or(h.Node, node), h.Type, h.Time.UnixMicro()
	if version := cmp.Or(h.Version, "no version"); !slices.Contains(record.Versions(), version) {
		r.Damage = fmt.Errorf("it is of version %q, and this program reads %q", version, record.Versions())
	}
	return r
}

func (r *Row) class() string { return cmp.Or(r.Name.Class, record.DefaultClass) }

// Outcome is how the row ended, as the key of that name has it; empty for what does not end.
func (r *Row) Outcome() string {
	switch r.Type {
	case record.TypeRefused, record.TypeCounted:
		return record.Denied
	case record.TypeAccepted:
		return cmp.Or(r.Ended.Get(stateMember), Pending)
	}
	return ""
}

// Ended is how a transfer ended: the values of a row of outcomes, in the order of the
// table.
type Ended []string

// The members of a row of outcomes that have a meaning of their own here.
const (
	recordMember = "record"
	stateMember  = "state"
)

// types are those of the record table.
var types = sync.OnceValue(record.Types)

// outcomes are the members of an entry that tells how transfers ended.
func outcomes() []record.Member {
	for _, t := range types() {
		if t.Name == record.TypeOutcome {
			return t.Members
		}
	}
	return nil
}

// endMembers are the members of a row of it.
func endMembers() []record.Member {
	for _, m := range outcomes() {
		if m.Kind == record.Rows {
			return m.Members
		}
	}
	return nil
}

// Get is the value of a member; empty if nothing tells.
func (e Ended) Get(member string) string {
	for i, m := range endMembers() {
		if m.Name == member {
			return e.at(i)
		}
	}
	return ""
}

func (e Ended) at(i int) string {
	if i >= len(e) {
		return ""
	}
	return e[i]
}

// ReadOutcomes hands on what an entry of that type tells: how each transfer ended. The
// error is a [*record.Error].
func ReadOutcomes(data []byte, visit func(of record.ID, e Ended)) error {
	columns := endMembers()
	var row Ended
	var wrong error
	err := record.Walk(data, outcomes(), func(m *record.Member, value string) {
		if len(row) == len(columns) || m != &columns[len(row)] {
			return // not of a row
		}
		if row = append(row, value); len(row) < len(columns) {
			return
		}
		id, err := record.ParseID(row.Get(recordMember))
		if err != nil && wrong == nil {
			wrong = err
		}
		visit(id, row)
		row = nil
	})
	return cmp.Or(err, wrong)
}
