package anchor

import "fmt"

// AheadError says that a place outside has seen more of a log than its folder
// has, or something else: entries are lost, or history was rewritten.
type AheadError struct {
	Place  string // where it was seen
	Origin string // of which log
	What   string // what was seen there, and what is here
}

func (e *AheadError) Error() string {
	return fmt.Sprintf("%s knows another history of %s: %s", e.Place, e.Origin, e.What)
}
