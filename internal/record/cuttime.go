package record

import (
	"bytes"
	"time"
)

// Micros reads the JSON of an instant as microseconds since 1970. It returns false if the
// entry is to be parsed.
func (c *Cutter) Micros(text []byte) (at int64, ok bool) {
	const layout = `"` + timeLayout + `"`
	if len(text) != len(layout) || text[0] != '"' || text[len(layout)-1] != '"' {
		return 0, false
	}
	text = text[1 : len(layout)-1]
	if !bytes.Equal(text[:len(c.day)], c.day[:]) { // entries stand in the order of time, nearly
		day, err := time.Parse("2006-01-02T", string(text[:len(c.day)]))
		if err != nil {
			return 0, false
		}
		copy(c.day[:], text)
		c.began = day.UnixMicro()
	}
	text = text[len(c.day):] // 15:04:05.000000Z
	if text[2] != ':' || text[5] != ':' || text[8] != '.' || text[15] != 'Z' {
		return 0, false
	}
	hour, ok1 := number(text[0:2], 23)
	minute, ok2 := number(text[3:5], 59)
	second, ok3 := number(text[6:8], 59)
	micro, ok4 := number(text[9:15], 999_999)
	return c.began + ((hour*60+minute)*60+second)*1_000_000 + micro, ok1 && ok2 && ok3 && ok4
}

// number reads digits.
func number(text []byte, most int64) (n int64, ok bool) {
	for _, b := range text {
		if b < '0' || b > '9' {
			return 0, false
		}
		n = 10*n + int64(b-'0')
	}
	return n, n <= most
}

// CutRows cuts the JSON of a list of rows into the JSON of their values, so many in each:
// texts without escapes, and numbers of at most 15 digits. It returns false if the entry
// is to be parsed. row is valid until visit returns.
func CutRows(text []byte, width int, visit func(row [][]byte) bool) bool {
	if len(text) < 4 || text[0] != '[' {
		return false
	}
	row := make([][]byte, 0, 8)
	for at := 1; ; {
		if at >= len(text) || text[at] != '[' {
			return false
		}
		row = row[:0]
		for len(row) < width {
			end := cell(text, at+1)
			if end <= 0 || end >= len(text) || text[end] != ',' && text[end] != ']' || (text[end] == ']') != (len(row) == width-1) {
				return false
			}
			row = append(row, text[at+1:end])
			at = end
		}
		if at++; at >= len(text) || !visit(row) {
			return false
		}
		if text[at] == ']' {
			return at == len(text)-1
		}
		if text[at] != ',' {
			return false
		}
		at++
	}
}

// cell is where a value of a row ends that begins at a place; 0 if it is an unusual one.
func cell(text []byte, begin int) int {
	if begin >= len(text) {
		return 0
	}
	if text[begin] == '"' {
		n := bytes.IndexByte(text[begin+1:], '"')
		if n < 0 || !plain(text[begin+1:begin+1+n]) {
			return 0
		}
		return begin + n + 2
	}
	end := begin
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	if n := end - begin; n == 0 || n > 15 || n > 1 && text[begin] == '0' {
		return 0
	}
	return end
}

// CutID reads the JSON of a place, of digits as they are written. It returns false if the
// entry is to be parsed.
func CutID(text []byte) (id ID, ok bool) {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return ID{}, false
	}
	epoch, index, found := bytes.Cut(text[1:len(text)-1], []byte{'.'})
	e, ok1 := digitsOf(epoch, 9)
	i, ok2 := digitsOf(index, 15)
	return ID{Epoch: uint32(e), Index: uint64(i)}, found && ok1 && ok2
}

// digitsOf reads a number of so many digits at most, without zeros before it.
func digitsOf(text []byte, most int) (int64, bool) {
	if len(text) == 0 || len(text) > most || len(text) > 1 && text[0] == '0' {
		return 0, false
	}
	return number(text, 1<<62)
}
