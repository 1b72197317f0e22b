package columns

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/sparkoo/transfergate/internal/query"
)

// column collects the values of a key in rows.
type column struct {
	key  *query.Key
	rows int

	codes   []int32          // nil while no row has a value
	sets    [][]string       // by code
	single  map[string]int32 // code of the only value of a row
	several map[string]int32 // and of several values, with their lengths

	// These stand in the place of codes once a certain part of the rows has a value of
	// its own; see query.Column.
	marks   []uint32
	numbers []int64

	room  []byte
	spare spare
}

// spare is memory of rows before.
type spare struct {
	codes   []int32
	marks   []uint32
	numbers []int64
}

// zeros is memory for rows, of what there is if that is enough.
func zeros[T any](spare []T, rows int) []T {
	if cap(spare) < rows {
		return make([]T, rows)
	}
	clear(spare[:rows])
	return spare[:rows]
}

// reset makes a column for other rows of it, in its memory.
func (c *column) reset(rows int) {
	if c.codes != nil {
		c.spare.codes = c.codes
	}
	if c.marks != nil {
		c.spare.marks = c.marks
	}
	if c.numbers != nil {
		c.spare.numbers = c.numbers
	}
	c.rows, c.codes, c.marks, c.numbers, c.sets = rows, nil, nil, nil, nil
	clear(c.single)
	clear(c.several)
}

// put sets the values of a row.
func (c *column) put(row int, set []string) {
	switch len(set) {
	case 0:
	case 1:
		c.putText(row, []byte(set[0]))
	default:
		c.putCode(row, c.code(set))
	}
}

// code is that of values, of which there are some; 0 if none are kept any more.
func (c *column) code(set []string) int32 {
	if len(set) == 1 {
		return c.codeOf([]byte(set[0]))
	}
	c.room = c.room[:0]
	for _, v := range set {
		c.room = append(binary.AppendUvarint(c.room, uint64(len(v))), v...)
	}
	code, there := c.several[string(c.room)]
	if !there {
		if c.several == nil {
			c.several = make(map[string]int32)
		}
		code = c.add(slices.Clone(set))
		c.several[string(c.room)] = code
	}
	return code
}

func (c *column) codeOf(text []byte) int32 {
	code, there := c.single[string(text)]
	if !there {
		if c.single == nil {
			c.single = make(map[string]int32)
		}
		value := string(text)
		code = c.add([]string{value})
		c.single[value] = code
	}
	return code
}

func (c *column) add(set []string) int32 {
	if c.sets == nil {
		c.sets = [][]string{nil}
	}
	c.sets = append(c.sets, set)
	return int32(len(c.sets) - 1) // not more than rows
}

func (c *column) putCode(row int, code int32) {
	if c.codes == nil {
		c.codes = zeros(c.spare.codes, c.rows)
	}
	c.codes[row] = code
}

// putText sets the only value of a row.
func (c *column) putText(row int, text []byte) {
	switch {
	case c.marks != nil:
		c.marks[row] = query.Mark(text)
	case c.numbers != nil:
		c.numbers[row], _ = strconv.ParseInt(string(text), 10, 64) // it was read as a number
	default:
		c.putCode(row, c.codeOf(text))
		if n := len(c.sets); n > c.rows/8 || n > c.rows/64 && c.key.Numbered() {
			c.spread()
		}
	}
}

// spread gives up codes, if the key lets it.
func (c *column) spread() {
	switch {
	case c.key.Marked():
		c.marks = zeros(c.spare.marks, c.rows)
		for row, code := range c.codes {
			if code != 0 {
				c.marks[row] = query.Mark(c.sets[code][0])
			}
		}
	case c.key.Numbered():
		numbers := []int64{-1}
		for _, set := range c.sets[1:] {
			n, err := strconv.ParseInt(set[0], 10, 64)
			if err != nil || strconv.FormatInt(n, 10) != set[0] || n < 0 {
				return
			}
			numbers = append(numbers, n)
		}
		c.numbers = zeros(c.spare.numbers, c.rows)
		for row := range c.numbers {
			c.numbers[row] = numbers[c.codes[row]]
		}
	default:
		return
	}
	c.spare.codes, c.codes, c.sets = c.codes, nil, nil
	clear(c.single)
}

// owned copies texts that are parts of an entry.
func owned(set []string) []string {
	all := make([]string, len(set))
	for i, v := range set {
		all[i] = strings.Clone(v)
	}
	return all
}
