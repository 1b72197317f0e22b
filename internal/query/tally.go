package query

import "slices"

// Columnar reports whether all that rows of a segment are counted by stands in columns
// of it.
func (c *Counter) Columnar(s Segment) (bool, error) {
	for _, k := range c.by.By {
		column, err := s.Column(k)
		if err != nil || !column.coded() {
			return false, err
		}
	}
	return true, nil
}

// AddSegment counts the rows of a segment of which the answer is Yes. The segment is
// Columnar.
func (c *Counter) AddSegment(s Segment, answers []Answer) error {
	times, err := s.Times()
	if err != nil {
		return err
	}
	none := &Column{Codes: make([]int32, s.Len()), Sets: [][]string{nil}}
	columns := []*Column{none, none}
	for i, k := range c.by.By {
		if columns[i], err = s.Column(k); err != nil {
			return err
		}
	}
	a, b := columns[0], columns[1]
	t := &tally{bucket: c.by.Bucket, width: int64(len(b.Sets)), size: int64(len(a.Sets)) * int64(len(b.Sets)), buckets: make(map[string]*cells)}
	for i, answer := range answers {
		if answer == Yes {
			t.at(times[i]).add(int64(a.Codes[i])*t.width+int64(b.Codes[i]), times[i])
		}
	}
	for bucket, cells := range t.buckets {
		for i := range cells.batches {
			n := &cells.batches[i]
			c.counts.Total.join(n)
			sets := [][]string{a.Sets[n.key/t.width], b.Sets[n.key%t.width]}
			if err := c.eachSet(sets[:len(c.by.By)], nil, bucket, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// eachSet counts rows with the same values in all groups of these.
func (c *Counter) eachSet(sets [][]string, values []string, bucket string, n *batch) error {
	if len(sets) > 0 {
		all := sets[0]
		if len(all) == 0 {
			all = []string{""}
		}
		for _, value := range all {
			if err := c.eachSet(sets[1:], append(slices.Clip(values), value), bucket, n); err != nil {
				return err
			}
		}
		return nil
	}
	if c.by.Bucket != "" {
		values = append(slices.Clip(values), bucket)
	}
	if len(values) == 0 {
		return nil
	}
	g, err := c.group(values)
	if err == nil {
		g.join(n)
	}
	return err
}

// batch are rows of the same values: how many, and when the first and the last of them
// were written.
type batch struct {
	key         int64
	rows        uint64
	first, last int64
}

// join counts them.
func (c *Count) join(n *batch) {
	rows := c.Rows
	c.add(n.first)
	c.add(n.last)
	c.Rows = rows + n.rows
}

// tally counts rows by a number below size and a bucket of time.
type tally struct {
	bucket      Bucket
	width, size int64
	buckets     map[string]*cells

	now       *cells
	low, high int64 // when the bucket begins and ends that now is of
}

// at are the cells of the bucket of a moment, which is mostly that of the row before.
func (t *tally) at(moment int64) *cells {
	if t.now != nil && (t.bucket == "" || t.low <= moment && moment < t.high) {
		return t.now
	}
	name := ""
	if t.bucket != "" {
		name = t.bucket.of(moment)
		t.low, t.high = t.bucket.bounds(moment)
	}
	if t.now = t.buckets[name]; t.now == nil {
		t.now = new(cells)
		if t.size <= denseCells {
			t.now.dense = make([]int32, t.size)
		} else {
			t.now.sparse = make(map[int64]int32)
		}
		t.buckets[name] = t.now
	}
	return t.now
}

// denseCells is how many cells are found by their place.
const denseCells = 1 << 16

// cells are batches by their keys: where each is, counted from 1.
type cells struct {
	batches []batch
	dense   []int32
	sparse  map[int64]int32
}

func (c *cells) add(key, at int64) {
	var i int32
	if c.dense != nil {
		i = c.dense[key]
	} else {
		i = c.sparse[key]
	}
	if i == 0 {
		c.batches = append(c.batches, batch{key: key, first: at, last: at})
		i = int32(len(c.batches)) // not more than rows of a segment
		if c.dense != nil {
			c.dense[key] = i
		} else {
			c.sparse[key] = i
		}
	}
	s := &c.batches[i-1]
	s.rows++
	s.first, s.last = min(s.first, at), max(s.last, at)
}
