// Package review says in words what a ledger holds: one record with how it ended, its
// proof, its person's other records and the rows of the policy that decided it.
package review
