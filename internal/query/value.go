package query

import (
	"strconv"
	"strings"
	"time"
)

// Op says how a value is compared.
type Op string

// The comparisons. Word and Truth know the first, Part only the last two.
const (
	Is     Op = "="
	Range  Op = ".."
	Above  Op = ">"
	From   Op = ">="
	Below  Op = "<"
	Until  Op = "<="
	Absent Op = "none"
	There  Op = "*"
)

// bound reports whether the comparison narrows, as one of two ends.
func (o Op) bound() bool { return o == Above || o == From || o == Below || o == Until }

// Value is what is compared with.
type Value struct {
	// Text is the value as it is written, without quotation marks.
	Text string
	// Exact tells that it was in quotation marks: a star in it is a star.
	Exact bool

	low, high int64    // of a number, or of a moment in microseconds; high is part of it
	parts     []string // of a word: what stands between its stars
}

// pattern reads stars. Where case counts for nothing, the value is kept in small
// letters, and so are the words that it is compared with.
func (v *Value) pattern(fold bool) {
	text := v.Text
	if fold {
		text = strings.ToLower(text)
	}
	v.parts = []string{text}
	if !v.Exact {
		v.parts = strings.Split(text, "*")
	}
}

// starred reports whether the value is a pattern.
func (v *Value) starred() bool { return len(v.parts) > 1 }

// matches reports whether a word is the value.
func (v *Value) matches(word string) bool {
	rest, ok := strings.CutPrefix(word, v.parts[0])
	last := len(v.parts) - 1
	if last == 0 {
		return ok && rest == ""
	}
	for _, part := range v.parts[1:last] {
		if !ok {
			return false
		}
		_, rest, ok = strings.Cut(rest, part)
	}
	return ok && strings.HasSuffix(rest, v.parts[last])
}

// number reads a whole number.
func (v *Value) number() (what string) {
	n, err := strconv.ParseInt(v.Text, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != v.Text {
		return "a whole number is wanted here"
	}
	v.low, v.high = n, n
	return ""
}

// layouts are the ways to write a moment, with how long each is.
var layouts = []struct {
	layout string
	end    func(time.Time) time.Time
}{
	{"2006", func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
	{"2006-01", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
	{time.DateOnly, func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
	{"2006-01-02T15:04Z07:00", func(t time.Time) time.Time { return t.Add(time.Minute) }},
	{"2006-01-02T15:04:05Z07:00", func(t time.Time) time.Time { // a fraction of a second may follow
		if t.Nanosecond() != 0 {
			return t.Add(time.Microsecond)
		}
		return t.Add(time.Second)
	}},
}

// units are those of a span before now.
var units = map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}

const momentForms = "write a day, month or year in UTC (2026-10-31, 2026-10, 2026), a time (2026-10-31T14:00Z), or a span before now (-7d, -12h)"

// moment reads a moment.
func (v *Value) moment(now time.Time) (what string) {
	if back, ok := span(v.Text); ok {
		v.low = now.Add(-back).UnixMicro()
		v.high = v.low
		return ""
	}
	for _, l := range layouts {
		if t, err := time.Parse(l.layout, v.Text); err == nil {
			v.low, v.high = t.UnixMicro(), l.end(t).UnixMicro()-1
			return ""
		}
	}
	return "this is no moment"
}

// span reads a span before now, such as -7d; at most a hundred years.
func span(text string) (time.Duration, bool) {
	digits, ok := strings.CutPrefix(text, "-")
	if !ok || len(digits) < 2 {
		return 0, false
	}
	unit := units[digits[len(digits)-1]]
	n, err := strconv.ParseUint(digits[:len(digits)-1], 10, 31)
	most := 100 * 366 * 24 * time.Hour
	if err != nil || unit == 0 || n > uint64(most/unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

// in reports whether a number or moment is what a test of this kind asks for.
func (t *Test) in(n int64) bool {
	switch t.Op {
	case Is:
		return t.Value.low <= n && n <= t.Value.high
	case Range:
		return t.Value.low <= n && n <= t.High.high
	case Above:
		return n > t.Value.high
	case From:
		return n >= t.Value.low
	case Below:
		return n < t.Value.low
	case Until:
		return n <= t.Value.high
	default:
		return false
	}
}

// instant reads a moment as it stands in an entry; false if it is none.
func instant(text string) (int64, bool) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}
