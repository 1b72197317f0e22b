package verify

import (
	"errors"

	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/record"
)

// readLosses notes which epochs say that entries before them are lost. Their own first
// entries, which are verified, commit to what they say.
func (v *verification) readLosses(numbers []uint32) {
	for _, number := range numbers {
		e, err := format.ReadEpoch(v.fsys, v.dir, number)
		if err != nil {
			continue // it is damaged, which is found when it is read
		}
		if _, some := e.LostAt(); some {
			v.losses = append(v.losses, e)
		}
	}
	v.found = make([]*format.CorruptError, len(v.losses))
}

// lost reports whether an error is of damage in an epoch, or of its absence, that a later
// epoch says is lost.
func (v *verification) lost(number uint32, err error) bool {
	bad, damaged := errors.AsType[*format.CorruptError](err)
	if !damaged {
		return false
	}
	for i, e := range v.losses {
		if from, _ := e.LostAt(); number < e.Number && from.Compare(record.ID{Epoch: number, Index: bad.Index}) <= 0 {
			if v.found[i] == nil {
				v.found[i] = bad
			}
			return true
		}
	}
	return false
}

// tellLosses brings what was found lost into the report.
func (v *verification) tellLosses() {
	for i, e := range v.losses {
		if v.found[i] != nil {
			from, _ := e.LostAt()
			v.report.Losses = append(v.report.Losses, Loss{From: from, Until: e.Number, Because: e.Because, Found: v.found[i]})
		}
	}
}
