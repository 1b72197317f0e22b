package gateway

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// class is a class of records that are kept equally long: a ledger of its own,
// with epochs of its own, because an epoch goes as a whole.
type class struct {
	ledger  *sharedLedger
	keep    ledger.Retain
	release func() // ends one hold of the ledger

	day atomic.Pointer[retainedDay]
}

// retainedDay is how long the records of one day are kept.
type retainedDay struct {
	day   int64 // since 1970, in UTC
	until string
}

func newClass(l *sharedLedger, keep ledger.Retain, logger *zap.Logger) *class {
	c := &class{ledger: l, keep: keep}
	c.release = func() {
		if err := l.release(); err != nil {
			logger.Error("closing the ledger", zap.Error(err))
		}
	}
	return c
}

// until is the last day on which a record of the time t is kept. The date is
// written once a day.
func (c *class) until(t time.Time) string {
	day := t.Unix() / (24 * 60 * 60)
	if known := c.day.Load(); known != nil && known.day == day {
		return known.until
	}
	today := &retainedDay{day, c.keep.Until(t)}
	c.day.Store(today)
	return today.until
}

// defaultRetain is how long records are kept if nothing is said: as long as the
// longest duty to keep them that the registers know of, that of Saudi Arabia.
const defaultRetain = "5 years"

// maxRetain bounds each of the numbers, so that a slip does not keep records for
// ever.
const maxRetain = 36600

// parseRetain reads a length of time such as '18 months'.
func parseRetain(text string) (keep ledger.Retain, err error) {
	digits, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > maxRetain || strconv.Itoa(n) != digits {
		return keep, fmt.Errorf("'%s' is not a length of time such as '5 years', '18 months' or '90 days'", text)
	}
	switch strings.TrimSuffix(unit, "s") {
	case "year":
		keep.Years = n
	case "month":
		keep.Months = n
	case "day":
		keep.Days = n
	default:
		return keep, fmt.Errorf("'%s' is not a length of time such as '5 years', '18 months' or '90 days'", text)
	}
	if keep.After(time.Unix(0, 0)).Year() > 1970+100 {
		return keep, fmt.Errorf("'%s' is more than 100 years", text)
	}
	return keep, nil
}
