package format

import (
	"encoding/json"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// DeletedEpoch is what is left of an epoch whose time ran out: enough to join
// the epochs around it, and to show that a copy kept elsewhere is whole. The
// ledger's key signs it, so that nobody else can make one.
type DeletedEpoch struct {
	Number uint32 `json:"epoch"`
	Origin string `json:"origin"`
	Key    string `json:"vkey"`
	// Checkpoint is its last signed checkpoint; empty if it had none.
	Checkpoint string `json:"checkpoint"`
	// Previous and Because are those of its genesis entry.
	Previous *Previous `json:"previous"`
	Because  string    `json:"because"`
	// Entries is how many it had, Created when it was begun, and Last the time of
	// its latest entry. All of them could go from RetainUntil on.
	Entries     uint64    `json:"entries"`
	Created     time.Time `json:"created"`
	Last        time.Time `json:"last"`
	RetainUntil time.Time `json:"retain_until"`
	// At is when it was deleted.
	At time.Time `json:"at"`
}

// Epoch is the deleted epoch as far as the epochs around it know it.
func (d DeletedEpoch) Epoch() Epoch {
	return Epoch{Number: d.Number, Origin: d.Origin, Key: d.Key, Previous: d.Previous, Because: d.Because, Created: d.Created}
}

// DeletedMessage is what the ledger's key signs of a deleted epoch's JSON. No
// checkpoint looks like it: there the second line is a number.
func DeletedMessage(raw []byte) []byte {
	return append([]byte("transfergate: a deleted epoch\n"), raw...)
}

// Deletion is the part of an entry that says that an epoch was deleted.
type Deletion struct {
	Deleted   json.RawMessage `json:"deleted"`
	Signature []byte          `json:"signature"`
}

// Parse reads what the entry says, for somebody with the key of the entry's epoch.
func (d Deletion) Parse(key note.Verifier) (gone DeletedEpoch, err error) {
	if !key.Verify(DeletedMessage(d.Deleted), d.Signature) {
		return gone, errors.New("the entry says that an epoch was deleted, but the ledger's key has not signed it")
	}
	err = json.Unmarshal(d.Deleted, &gone)
	return gone, err
}
