package coverage

import (
	"fmt"
	"strings"
)

// most is how many names a cell of the table lists before it counts the rest.
const most = 4

// Markdown is the table for people to read.
func Markdown(rows []Row) string {
	var b strings.Builder
	b.WriteString(`# What enforces each clause of the statement

A clause with several sentences that bind has a line for each, as §9.1, and is
answered by all of them. Made from the reasons of denials, the rows of the registers, the policy's tests and
the marks in the sources; do not edit. "transfergate transfer coverage" prints it for
the policy at hand, with all names in --json. After a change:

` + "```" + `
go test ./internal/coverage -run TestUpToDate -update
` + "```" + `

| clause | about | enforced by | shown in | tested by |
|---|---|---|---|---|
`)
	for i := range rows {
		r := &rows[i]
		var shown []string
		if len(r.Record) > 0 {
			shown = append(shown, "record: "+strings.Join(r.Record, ", "))
		}
		if len(r.Header) > 0 {
			shown = append(shown, "header: "+strings.Join(r.Header, ", "))
		}
		if len(r.Elsewhere) > 0 {
			shown = append(shown, "elsewhere: "+strings.Join(r.Elsewhere, ", "))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.Clause, r.Title, r.Answer(), strings.Join(shown, "; "), short(r.Tested))
	}
	return b.String()
}

// short lists the first names and counts the rest.
func short(names []string) string {
	if len(names) <= most {
		return strings.Join(names, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(names[:most-1], "; "), len(names)-most+1)
}

// Answer says what enforces the clause, or why nothing does.
func (r *Row) Answer() string {
	enforced := short(r.Enforced)
	switch {
	case len(r.Parts)+len(r.Open) > 0:
		return strings.TrimSuffix("by its parts "+strings.Join(r.Parts, ", ")+"; also "+enforced, "; also ")
	case r.Not != "" && enforced == "":
		return "not a gateway's task, because " + r.Not
	case r.Not != "":
		return enforced + "; the rest is not a gateway's task, because " + r.Not
	}
	return enforced
}
