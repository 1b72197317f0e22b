// Package report makes what auditors and authorities are handed: statements about a
// stretch of time, over all classes and epochs of a ledger's folder, as a page that
// prints well, as CSV and as JSON. What a report cannot rule out it says.
package report
