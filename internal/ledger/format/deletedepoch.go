package format

import "github.com/sparkoo/transfergate/internal/record"

// DeletedMessage is what the ledger's key signs of a deleted epoch. No checkpoint
// looks like it: there the second line is a number.
func DeletedMessage(d *record.DeletedEpoch) []byte {
	return d.Append([]byte("transfergate: a deleted epoch\n"))
}
