package ledger

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// deletedEpoch is what is left of an epoch whose time ran out: enough to join
// the epochs around it, and to show that a copy kept elsewhere is whole. The
// ledger's key signs it, so that nobody else can make one.
type deletedEpoch struct {
	Number uint32 `json:"epoch"`
	Origin string `json:"origin"`
	Key    string `json:"vkey"`
	// Checkpoint is its last signed checkpoint; empty if it had none.
	Checkpoint string `json:"checkpoint"`
	// Previous and Because are those of its genesis entry.
	Previous *previous `json:"previous"`
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

// json is the epoch as entries carry it.
func (d deletedEpoch) json() []byte {
	o := object("{")
	o.time("at", d.At)
	o.text("because", d.Because)
	o.text("checkpoint", d.Checkpoint)
	o.time("created", d.Created)
	o.number("entries", int64(d.Entries))
	o.number("epoch", int64(d.Number))
	o.time("last", d.Last)
	o.text("origin", d.Origin)
	if d.Previous != nil {
		o.raw("previous", d.Previous.json())
	}
	o.time("retain_until", d.RetainUntil)
	o.text("vkey", d.Key)
	return append(o, '}')
}

// epoch is the deleted epoch as far as the epochs around it know it.
func (d deletedEpoch) epoch() epoch {
	return epoch{Number: d.Number, Origin: d.Origin, Key: d.Key, Previous: d.Previous, Because: d.Because, Created: d.Created}
}

// deletedMessage is what the ledger's key signs of a deleted epoch's JSON. No
// checkpoint looks like it: there the second line is a number.
func deletedMessage(raw []byte) []byte {
	return append([]byte("transfergate: a deleted epoch\n"), raw...)
}

// deletedEntry says that an epoch was deleted because its time ran out. raw is
// the epoch's JSON. Where an epoch that has such an entry goes itself, what it
// says is said again before.
func (l *Log) deletedEntry(raw []byte) ([]byte, error) {
	l.mu.Lock()
	signer := l.keeper.signer
	l.mu.Unlock()
	signature, err := signer.Sign(deletedMessage(raw))
	if err != nil {
		return nil, fmt.Errorf("signing that an epoch was deleted: %w", err)
	}
	now := l.o.Now()
	o := object("{")
	o.raw("deleted", raw)
	o.id("id", newID(now))
	o.text("node", l.o.Node)
	salt := newSalt()
	o.base64("salt", salt[:])
	o.text("signature", base64.StdEncoding.EncodeToString(signature))
	return closing(o, now, TypeDeleted), nil
}

// deletion is the part of an entry that says that an epoch was deleted.
type deletion struct {
	Deleted   json.RawMessage `json:"deleted"`
	Signature []byte          `json:"signature"`
}

// parse reads what the entry says, for somebody with the key of the entry's epoch.
func (d deletion) parse(key note.Verifier) (gone deletedEpoch, err error) {
	if !key.Verify(deletedMessage(d.Deleted), d.Signature) {
		return gone, errors.New("the entry says that an epoch was deleted, but the ledger's key has not signed it")
	}
	err = json.Unmarshal(d.Deleted, &gone)
	return gone, err
}
