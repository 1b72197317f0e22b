package ledger

import (
	"encoding/base64"
	"fmt"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// deletedJSON is a deleted epoch as entries carry it.
func deletedJSON(d format.DeletedEpoch) []byte {
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
		o.raw("previous", previousJSON(d.Previous))
	}
	o.time("retain_until", d.RetainUntil)
	o.text("vkey", d.Key)
	return append(o, '}')
}

// deletedEntry says that an epoch was deleted because its time ran out. raw is
// the epoch's JSON. Where an epoch that has such an entry goes itself, what it
// says is said again before.
func (l *Log) deletedEntry(raw []byte) ([]byte, error) {
	l.mu.Lock()
	signer := l.integrator.signer
	l.mu.Unlock()
	signature, err := signer.Sign(format.DeletedMessage(raw))
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
	return closing(o, now, format.TypeDeleted), nil
}
