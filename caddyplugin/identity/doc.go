// Package identity holds the identity sources: guest modules that say who a
// request is about.
package identity
