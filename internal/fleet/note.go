package fleet

import (
	"encoding/json"
	"fmt"

	"github.com/sparkoo/transfergate/internal/record"
)

// note is what a shipper keeps beside its ledger, so that the next process goes on where
// it was. It is a cache: without it all is put again, which changes nothing in the store.
type note struct {
	Origin string `json:"origin"`
	// Shipped is the first entry that is not known to be in the store.
	Shipped place `json:"shipped"`
	// Planned are the objects that the entries from there on were being put in. The note is
	// durable before the first of them is put, so that they are cut in the same places
	// again: no entry lies in the store twice.
	Planned []planned `json:"planned,omitempty"`
	// Doubt is where the ledger ended when there was no note: what lies before it may have
	// been put by a process whose note is lost.
	Doubt place `json:"doubt"`
	// Checkpoint is the last one that was put, by epoch and size.
	Checkpoint place `json:"checkpoint"`
	// Sealed is the first segment that was not put, by epoch and number.
	Sealed place `json:"sealed"`
}

type planned struct {
	First place  `json:"first"`
	Count uint64 `json:"count"`
}

// place is an id as a note has it.
type place struct{ record.ID }

// MarshalText implements encoding.TextMarshaler.
func (p place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *place) UnmarshalText(text []byte) (err error) {
	p.ID, err = record.ParseID(string(text))
	return err
}

// readNote reads a note; there is none of this origin if it is not one.
func readNote(data []byte, o Origin) (n note, found bool) {
	if err := json.Unmarshal(data, &n); err != nil || n.Origin != o.String() {
		return note{}, false
	}
	return n, true
}

func (n note) encode() ([]byte, error) {
	data, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("noting what is shipped: %w", err)
	}
	return append(data, '\n'), nil
}
