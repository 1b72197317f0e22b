package console

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/sparkoo/transfergate/internal/query"
)

// asked is a query as a page's address has it.
type asked struct {
	Text   string // as it was written
	Query  *query.Query
	Frozen string // the place that nothing newer than is shown; empty for what there is now
	From   query.Cursor
}

// ask reads the query of the address. A query that cannot be read is a *query.Error.
func (v *visit) ask() (a asked, err error) {
	a.Text, a.Frozen = strings.TrimSpace(v.form.Get("q")), v.form.Get("frozen")
	if a.From, err = query.ParseCursor(a.Frozen); err != nil {
		return a, errBadPlace
	}
	if a.From == nil {
		if a.From, err = v.Source.Newest(v.ctx); err != nil {
			return a, err
		}
	}
	a.Query, err = query.Parse(a.Text, v.now)
	return a, err
}

var errBadPlace = &refusal{http.StatusBadRequest, "This address names no place in the ledger", "Take it from a link of the page before."}

// chip is a part of a query with the address of the query without it.
type chip struct{ Text, Without string }

// chips are the parts of the query.
func (a *asked) chips() (all []chip) {
	for i := range a.Query.Terms {
		var rest []string
		for j := range a.Query.Terms {
			if i != j {
				rest = append(rest, a.Query.Terms[j].String())
			}
		}
		all = append(all, chip{query.Visible(a.Query.Terms[i].String()), to("transfers", "q", strings.Join(rest, " "), "frozen", a.Frozen)})
	}
	return all
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// term asks for a value of a key, empty for none.
func term(key, value string) string {
	switch {
	case value == "":
		return key + ":none"
	case plainWord.MatchString(value) && value != "none":
		return key + ":" + value
	}
	t := query.Equal(key, value)
	return t.String()
}

// and is a query that asks for one more thing.
func (a *asked) and(terms ...string) string {
	return strings.TrimSpace(strings.Join(append([]string{a.Text}, terms...), " "))
}

// pass counts the rows of a query in several ways while it reads them once. It is cut
// short when the time for it is over: whole is false then.
func (v *visit) pass(ctx context.Context, a *asked, visit func(*query.Row) error) (whole bool, err error) {
	for row, err := range v.Source.Rows(ctx, a.Query, a.From) {
		if err == nil {
			err = visit(&row)
		}
		switch {
		case errors.Is(err, context.DeadlineExceeded) && v.ctx.Err() == nil:
			return false, nil
		case err != nil:
			return false, err
		}
	}
	return true, nil
}
