package format

import "github.com/sparkoo/transfergate/internal/record"

// EntryEnd is how an entry that the ledger makes ends: its last members, which
// tell its type without parsing it. The members of entries are sorted, so that no
// other follows.
func EntryEnd(kind string) []byte {
	return []byte(`,"type":"` + kind + `","v":"` + record.Version + `"}`)
}
