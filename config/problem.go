package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong in the registers.
type Problem struct {
	// File is the file as the caller named it.
	File string
	// Line and Column count from 1. They are 0 when the problem is the file
	// itself, for example that it is missing.
	Line, Column int
	// Code names the kind of problem, for example unknown-key. It is stable.
	Code string
	// Text says what is wrong with which value, then, after a semicolon, what to do.
	Text string
}

// String is the problem as one line: file:line:column: text.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Text)
}

// Problems is everything wrong in the registers, in the order of the files'
// names and of the lines in them. It is never empty when returned as an error.
type Problems []Problem

// Error is one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Sort puts the problems in the order a reader walks through the files.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Text, b.Text),
		)
	})
}
