// Package identity holds the identity sources: guest modules that say who a
// request is about.
//
// jwt.go is long because half of it is what the options of a token's source mean, as
// operators read it.
package identity
