package decision

import (
	"errors"
	"slices"
	"time"
)

// Age is from which age on people are of age in some countries (§8).
type Age struct {
	Countries []string
	Years     int    // no less than [Adult]
	Confirm   bool   // counsel has yet to confirm this row
	Source    string // where it comes from
	Position  string // file:line of the row, for explanations
}

// Adult is the age that counts where no row names a country.
const Adult = 18

// Birth is what is known about when somebody was born: a year, or a day. The zero
// Birth is nothing. It never stands in a record, an answer or an error.
type Birth struct {
	year       int16
	month, day int8 // both zero when only the year is known
}

// birthYear is the layout of a year.
const birthYear = "2006"

var errBirth = errors.New("neither a year such as 2010 nor a day such as 2010-05-17")

// ParseBirth reads a year from 1900 on, or a day of the calendar: the forms of the
// claim birthdate of OpenID Connect Core section 5.1 that name a year. Its error
// does not show the text.
func ParseBirth(text string) (b Birth, err error) {
	layout := birthYear
	if len(text) != len(birthYear) {
		layout = time.DateOnly
	}
	t, err := time.Parse(layout, text)
	if err != nil || t.Year() < 1900 {
		return Birth{}, errBirth
	}
	b.year = int16(t.Year())
	if layout == time.DateOnly {
		b.month, b.day = int8(t.Month()), int8(t.Day())
	}
	return b, nil
}

// UnmarshalText implements encoding.TextUnmarshaler by way of [ParseBirth].
func (b *Birth) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBirth(string(text))
	return err
}

// String writes what [ParseBirth] reads; the zero Birth is empty.
func (b Birth) String() string {
	switch {
	case b == Birth{}:
		return ""
	case b.month == 0:
		return b.on(0).Format(birthYear)
	}
	return b.on(0).Format(time.DateOnly)
}

// MarshalText implements encoding.TextMarshaler by way of String.
func (b Birth) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// on is the birthday some years later. Of a person of whom only the year is known
// it is the last one they can have.
func (b Birth) on(years int) time.Time {
	month, day := time.Month(b.month), int(b.day)
	if month == 0 {
		month, day = time.December, 31
	}
	return time.Date(int(b.year)+years, month, day, 0, 0, 0, 0, time.UTC)
}

// begunEverywhere is how long after its beginning in UTC a day has begun in the
// last place on earth.
const begunEverywhere = 12 * time.Hour

// Minor reports whether somebody who was born then is, or may be, not of age at a
// moment in one of the countries. It does not say so of people of whom nothing is
// known.
//
//clause:enforces §8.1; record reason clause
func (p *Policy) Minor(born Birth, at time.Time, countries ...string) bool {
	if born == (Birth{}) {
		return false
	}
	years := Adult
	for i := range p.Ages {
		if slices.ContainsFunc(countries, func(code string) bool { return slices.Contains(p.Ages[i].Countries, code) }) {
			years = max(years, p.Ages[i].Years)
		}
	}
	return at.Before(born.on(years).Add(begunEverywhere))
}
