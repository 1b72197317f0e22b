// Package accounts holds the sources of account records: guest modules that
// bring the Account Center's word into the gateway. README.md tells operators
// which one to choose and what a directory has to answer.
package accounts
