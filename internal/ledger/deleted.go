package ledger

import (
	"fmt"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// deletedEntry says that an epoch was deleted because its time ran out. Where an
// epoch that has such an entry goes itself, what it says is said again before.
func (l *Log) deletedEntry(d record.DeletedEpoch) ([]byte, error) {
	l.mu.Lock()
	signer := l.integrator.signer
	l.mu.Unlock()
	signature, err := signer.Sign(format.DeletedMessage(&d))
	if err != nil {
		return nil, fmt.Errorf("signing that an epoch was deleted: %w", err)
	}
	entry := record.Deleted{Header: l.header(record.TypeDeleted), Deleted: d, Signature: signature}
	return entry.Append(nil), nil
}
