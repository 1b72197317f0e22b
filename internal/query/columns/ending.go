package columns

import (
	"fmt"
	"strconv"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// ending is what entries after some rows tell of the end of transfers in them.
type ending struct {
	first record.ID
	n     int
	ends  map[int]query.Ended // by row
}

// Len implements query.Segment.
func (e *ending) Len() int { return e.n }

// First implements query.Segment.
func (e *ending) First() record.ID { return e.first }

// Later puts what entries after the rows tell of the end of a transfer in them. It is
// called before any column is read.
func (e *ending) Later(of record.ID, end query.Ended) {
	if of.Epoch != e.first.Epoch || of.Index < e.first.Index || of.Index-e.first.Index >= uint64(e.n) { // not negative
		return
	}
	if e.ends == nil {
		e.ends = make(map[int]query.Ended)
	}
	e.ends[int(of.Index-e.first.Index)] = end // below n
}

// corrected is a late column with what entries after the rows tell. column reads one by
// its name.
func (e *ending) corrected(k *query.Key, c *query.Column, column func(string) (*query.Column, error)) (*query.Column, error) {
	if len(e.ends) == 0 {
		return c, nil
	}
	types, err := column("type")
	if err != nil {
		return nil, err
	}
	known := make(map[string]int32)
	for i, end := range e.ends {
		kind := typeAt(types, i)
		if kind != record.TypeAccepted {
			continue // nothing else ends
		}
		value := k.Derived(&query.Row{Type: kind, Ended: end})
		if c.Numbers != nil {
			if c.Numbers[i], err = strconv.ParseInt(value, 10, 64); err != nil {
				return nil, fmt.Errorf("how a transfer ended, as %s: %w", k.Name, err)
			}
			continue
		}
		code, there := known[value]
		if !there {
			var set []string
			if value != "" {
				set = []string{value}
			}
			code = int32(len(c.Sets)) // not more than rows
			c.Sets, known[value] = append(c.Sets, set), code
		}
		c.Codes[i] = code
	}
	return c, nil
}

func typeAt(types *query.Column, i int) string {
	if set := types.Values(i); len(set) > 0 {
		return set[0]
	}
	return ""
}

// endedAt is what is told of the end of the transfer that a row is; nil if nothing is.
func (e *ending) endedAt(i int, s query.Segment) (query.Ended, error) {
	keys := query.EndKeys()
	end := make(query.Ended, len(keys))
	told := false
	for j, k := range keys {
		if k == nil {
			end[j] = record.ID{Epoch: e.first.Epoch, Index: e.first.Index + uint64(i)}.String() // not negative
			continue
		}
		c, err := s.Column(k)
		if err != nil {
			return nil, err
		}
		if set := c.Values(i); len(set) > 0 {
			end[j], told = set[0], true
		}
	}
	if later := e.ends[i]; later != nil {
		return later, nil
	}
	if !told {
		return nil, nil
	}
	return end, nil
}
