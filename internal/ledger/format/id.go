package format

import "github.com/sparkoo/transfergate/internal/record"

// ID is the place of an entry in a ledger, as records name it.
type ID = record.ID
