package token

import (
	"slices"
	"testing"
)

// A claim that none of enough tokens had is told once, and no longer unseen when one
// has it.
func TestUnseenClaims(t *testing.T) {
	var told [][]string
	tell := func(names []string) { told = append(told, names) }
	v := &Verifier{config: Config{Enough: 3}}
	v.sightings.unseen = []string{"sub", "minor", "party"}
	note := func(lacks ...string) { v.sightings.note(&Token{lacks: lacks}, v.config.Enough, tell) }
	note("minor", "party")
	note("minor", "party")
	if got := v.Unseen(); got != nil || told != nil {
		t.Errorf("of two tokens it is said of %v, told %v", got, told)
	}
	note("minor")
	note("minor", "party")
	if got := v.Unseen(); !slices.Equal(got, []string{"minor"}) {
		t.Errorf("unseen %v, want minor", got)
	}
	if len(told) != 1 || !slices.Equal(told[0], []string{"minor"}) {
		t.Errorf("told %v, want minor once", told)
	}
	note()
	if got := v.Unseen(); len(got) != 0 {
		t.Errorf("unseen %v, and a token had it", got)
	}
}
