package query

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error says what is wrong with a query, where, and what to do.
type Error struct {
	Query      string
	Begin, End int // bytes of the query that it is about
	What       string
	Fix        string
}

// Error is a sentence, with the place in bytes from the query's begin, counted from 1.
// It quotes nothing of what somebody may have written by mistake.
func (e *Error) Error() string {
	return fmt.Sprintf("the query at byte %d: %s; %s", e.Begin+1, e.What, e.Fix)
}

// Show is the error with the query and a mark under the place, in three lines.
func (e *Error) Show() string {
	clean := func(s string) string {
		return strings.Map(func(c rune) rune {
			if c < ' ' || c == 0x7f || c == utf8.RuneError {
				return ' '
			}
			return c
		}, s)
	}
	before, marked := utf8.RuneCountInString(e.Query[:e.Begin]), utf8.RuneCountInString(e.Query[e.Begin:e.End])
	return fmt.Sprintf("%s\n%s%s\n%s; %s", clean(e.Query), strings.Repeat(" ", before), strings.Repeat("^", max(1, marked)), e.What, e.Fix)
}
