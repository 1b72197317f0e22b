// Package report makes what auditors and authorities are handed: statements about a
// stretch of time, over all classes and epochs of a ledger's folder, as a page that
// prints well, as CSV and as JSON. What a report cannot rule out it says.
//
// register.go is long because what a register has and how it is gathered stand side by
// side: a member that nobody fills is seen at once.
package report
