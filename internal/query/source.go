package query

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/record"
)

// Source is where rows are: a ledger's folder, an index of it, a database. Its methods
// may be called by any number of goroutines, and all sources of the same entries give
// the same answers.
type Source interface {
	// Newest is the place before the newest entry there is now.
	Newest(ctx context.Context) (Cursor, error)

	// Rows yields the rows that a query asks for, newest first: in the reverse order of
	// each class's entries, and of several classes the one whose next row was written
	// later. It begins after the place that the cursor names; of a class that it does not
	// name there are none. A row is the caller's. An error, of reading and not of what was read,
	// is yielded last, with the zero Row.
	Rows(ctx context.Context, q *Query, after Cursor) iter.Seq2[Row, error]

	// Counts counts the rows after a place that a query asks for, by what they have in
	// common.
	Counts(ctx context.Context, q *Query, after Cursor, by Grouping) (*Counts, error)
}

// Cursor is a place among the rows of a source: for each class, the entry that the
// rows before it came down to, or the one that would be written next. What is written
// later comes before it, so whoever goes on from it sees each row once.
type Cursor map[string]record.ID

// String writes the cursor: class, epoch and index, as in default:1.42,support:1.7.
func (c Cursor) String() string {
	var parts []string
	for class, id := range c {
		parts = append(parts, class+":"+id.String())
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// ParseCursor is the inverse of String.
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return nil, nil
	}
	c := make(Cursor)
	for part := range strings.SplitSeq(text, ",") {
		class, place, _ := strings.Cut(part, ":")
		id, err := record.ParseID(place)
		if _, twice := c[class]; err != nil || twice || class != record.DefaultClass && record.CheckClass(class) != nil {
			return nil, fmt.Errorf("'%s' is no place to go on from: take it from the end of the page before, as in default:1.42", text)
		}
		c[class] = id
	}
	return c, nil
}

// EachRow hands on at most limit rows after a place. It returns how many there were,
// and where the next page begins; nil if these were the last.
func EachRow(ctx context.Context, s Source, q *Query, after Cursor, limit int, visit func(*Row) error) (n int, next Cursor, err error) {
	at := maps.Clone(after)
	for row, err := range s.Rows(ctx, q, after) {
		if err == nil && n < limit {
			err = visit(&row)
		}
		if err != nil {
			return n, nil, err
		}
		if n == limit {
			return n, at, nil
		}
		n++
		at[row.class()] = row.Name.ID
	}
	return n, nil, nil
}
