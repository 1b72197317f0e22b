package query

import (
	"context"
	"fmt"
	"strings"

	"github.com/sparkoo/transfergate/internal/suggest"
)

// namedAtMost is how many values are listed where none is near.
const namedAtMost = 30

// CheckWords tells of a word that no entry has, for a query that finds nothing: a table
// without rows would be no answer to somebody who has misspelt a word. Only keys of few
// values are looked at, whose table does not list them all. The error is an [*Error] of
// the text that the query was read from.
func CheckWords(ctx context.Context, s Source, q *Query, text string) error {
	newest, err := s.Newest(ctx)
	if err != nil {
		return err
	}
	all := new(Query)
	for _, t := range q.Terms {
		if t.Key.Name == typeKey && !t.Not {
			all.Terms = append(all.Terms, t)
		}
	}
	for i := range q.Terms {
		t := &q.Terms[i]
		if t.Not || t.Op != Is || t.Value.starred() || !t.Key.fold || t.Key.Kind != Word || len(t.Key.Values) > 0 {
			continue
		}
		if t.Key.country && checkCountry(t.Value.Text) == "" {
			continue // there is such a country, and nothing of it is recorded
		}
		counts, err := s.Counts(ctx, all, newest, Grouping{By: []*Key{t.Key}})
		if err != nil {
			return err
		}
		var known []string
		there := false
		for _, g := range counts.Groups {
			if g.Values[0] != "" {
				known = append(known, g.Values[0])
				there = there || t.Value.matches(strings.ToLower(g.Values[0]))
			}
		}
		if there {
			continue
		}
		fix := suggest.DidYouMean(t.Value.Text, known)
		if fix == "" {
			shown := known[:min(len(known), namedAtMost)]
			if fix = suggest.OneOf(shown); len(shown) < len(known) {
				fix += fmt.Sprintf(", or one of %d more", len(known)-len(shown))
			}
		}
		return &Error{Query: text, Begin: t.begin, End: t.end, What: "no record has this " + t.Key.Name, Fix: fix}
	}
	return nil
}
