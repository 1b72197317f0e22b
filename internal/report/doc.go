// Package report makes what auditors and authorities are handed: statements about a
// stretch of time, over all classes and epochs of a ledger's folder, as a page that
// prints well, as CSV and as JSON. What a report cannot rule out it says.
//
// register.go is long because what a register has and how it is gathered stand side by
// side: a member that nobody fills is seen at once.
//
// The package is long because each report is one: what it gathers, and the forms it is
// written in, stand in files of their own, and only the head and the names are shared.
package report
