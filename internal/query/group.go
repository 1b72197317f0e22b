package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// Grouping is by what rows are counted: at most two keys and one bucket of time. The
// zero Grouping counts all rows together.
type Grouping struct {
	By     []*Key
	Bucket Bucket
}

// Bucket is a stretch of time, in UTC.
type Bucket string

// The buckets. A week begins on Monday and is called after that day.
const (
	Hour  Bucket = "hour"
	Day   Bucket = "day"
	Week  Bucket = "week"
	Month Bucket = "month"
	Year  Bucket = "year"
)

var buckets = []Bucket{Hour, Day, Week, Month, Year}

// ParseGrouping reads keys and a bucket with commas between them, as in
// controller,recipient,month.
func ParseGrouping(text string) (g Grouping, err error) {
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		k := KeyNamed(name)
		switch {
		case slices.Contains(buckets, Bucket(name)):
			if g.Bucket != "" {
				return g, fmt.Errorf("counting by '%s': there is one bucket of time; leave out %s or %s", text, g.Bucket, name)
			}
			g.Bucket = Bucket(name)
		case k == nil:
			return g, fmt.Errorf("counting by '%s': there is no '%s'; %s", text, name, suggest.For(name, groupNames()))
		case k.Kind == Moment || k.Kind == Part:
			return g, fmt.Errorf("counting by '%s': %s has a value of its own in each record; use one of hour, day, week, month, year, or another key", text, name)
		case slices.Contains(g.By, k):
			return g, fmt.Errorf("counting by '%s': '%s' stands twice; leave one out", text, name)
		default:
			g.By = append(g.By, k)
		}
	}
	if len(g.By) > 2 {
		return g, fmt.Errorf("counting by '%s': these are %d keys; at most two, and a bucket of time", text, len(g.By))
	}
	return g, nil
}

// groupNames are the names by which rows are counted.
func groupNames() (names []string) {
	for _, k := range Keys() {
		if k.Kind != Moment && k.Kind != Part && (k.In(record.TypeAccepted) || k.derive != nil) {
			names = append(names, k.Name)
		}
	}
	for _, b := range buckets {
		names = append(names, string(b))
	}
	slices.Sort(names)
	return names
}

// Names are those of the columns: the keys', then the bucket's.
func (g Grouping) Names() (names []string) {
	for _, k := range g.By {
		names = append(names, k.Name)
	}
	if g.Bucket != "" {
		names = append(names, string(g.Bucket))
	}
	return names
}

// Counts are rows counted. A row with several values of a key counts once for each, so
// that the groups may add up to more than the total.
type Counts struct {
	Total  Count
	Groups []Count // by their values if there is a bucket of time, else the largest first
	// Damaged are the rows that cannot be read, which may be any: no group has them,
	// nor has the total.
	Damaged []Row
	// Uncounted is how many denials the query asks for stand in no record of their own:
	// entries of the type refusals.counted say their number.
	Uncounted uint64
}

// Count is a group of rows.
type Count struct {
	Values      []string // by Grouping.Names; empty where a row has no value
	Rows        uint64
	First, Last time.Time // when the oldest and the newest of them were written
}

func (c *Count) add(at int64) {
	t := time.UnixMicro(at).UTC()
	if c.Rows == 0 || t.Before(c.First) {
		c.First = t
	}
	if c.Rows == 0 || t.After(c.Last) {
		c.Last = t
	}
	c.Rows++
}

// MaxGroups is the most groups that are counted.
const MaxGroups = 100_000

// Counter counts rows one by one, for sources. It is for one goroutine.
type Counter struct {
	counts Counts
	by     Grouping
	reader *reader
	groups map[string]*Count
}

// NewCounter returns a counter of nothing yet.
func NewCounter(by Grouping) *Counter {
	return &Counter{by: by, reader: newReader(by.By), groups: make(map[string]*Count)}
}

// Add counts a row.
func (c *Counter) Add(row *Row) error {
	if row.Damage == nil {
		row.Damage = c.reader.read(row)
	}
	if row.Damage != nil {
		c.counts.Damaged = append(c.counts.Damaged, *row)
		return nil
	}
	c.counts.Total.add(row.Time)
	if len(c.by.Names()) == 0 {
		return nil
	}
	values := make([]string, 0, 3)
	return c.each(row, values)
}

// each counts the row in all groups of the values it has.
func (c *Counter) each(row *Row, values []string) error {
	if i := len(values); i < len(c.by.By) {
		all := c.reader.values[i]
		if len(all) == 0 {
			return c.each(row, append(values, ""))
		}
		for _, value := range all {
			if err := c.each(row, append(values, value)); err != nil {
				return err
			}
		}
		return nil
	}
	if c.by.Bucket != "" {
		values = append(values, c.by.Bucket.of(row.Time))
	}
	g, err := c.group(values)
	if err == nil {
		g.add(row.Time)
	}
	return err
}

// group is the group of these values.
func (c *Counter) group(values []string) (*Count, error) {
	key := strings.Join(values, "\x00")
	g := c.groups[key]
	if g == nil {
		if len(c.groups) == MaxGroups {
			return nil, fmt.Errorf("there are more than %d groups by %s: ask for less, or count by keys with fewer values", MaxGroups, strings.Join(c.by.Names(), ", "))
		}
		g = &Count{Values: cloneAll(values)}
		c.groups[key] = g
	}
	return g, nil
}

// cloneAll copies texts that are parts of an entry.
func cloneAll(values []string) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = strings.Clone(v)
	}
	return all
}

// Uncounted notes denials that have no record of their own.
func (c *Counter) Uncounted(n uint64) { c.counts.Uncounted += n }

// Counts is what was counted.
func (c *Counter) Counts() *Counts {
	for _, g := range c.groups {
		c.counts.Groups = append(c.counts.Groups, *g)
	}
	slices.SortFunc(c.counts.Groups, func(a, b Count) int {
		if c.by.Bucket != "" {
			return slices.Compare(a.Values, b.Values)
		}
		return cmp.Or(cmp.Compare(b.Rows, a.Rows), slices.Compare(a.Values, b.Values))
	})
	return &c.counts
}

// bounds are when the stretch that a moment lies in begins, and when it has ended.
func (b Bucket) bounds(at int64) (low, high int64) {
	t := time.UnixMicro(at).UTC()
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	begin, end := day, day.AddDate(0, 0, 1)
	switch b {
	case Hour:
		begin = t.Truncate(time.Hour)
		end = begin.Add(time.Hour)
	case Week:
		begin = day.AddDate(0, 0, -(int(t.Weekday())+6)%7)
		end = begin.AddDate(0, 0, 7)
	case Month:
		begin = day.AddDate(0, 0, 1-t.Day())
		end = begin.AddDate(0, 1, 0)
	case Year:
		begin = time.Date(t.Year(), time.January, 1, 0, 0, 0, 0, time.UTC)
		end = begin.AddDate(1, 0, 0)
	case Day:
	}
	return begin.UnixMicro(), end.UnixMicro()
}

// of names the stretch that a moment lies in.
func (b Bucket) of(at int64) string {
	t := time.UnixMicro(at).UTC()
	switch b {
	case Hour:
		return t.Format("2006-01-02T15Z")
	case Week:
		return t.AddDate(0, 0, -(int(t.Weekday())+6)%7).Format(time.DateOnly)
	case Month:
		return t.Format("2006-01")
	case Year:
		return t.Format("2006")
	default:
		return t.Format(time.DateOnly)
	}
}
