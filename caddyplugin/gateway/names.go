package gateway

import "regexp"

var tokenPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,62}$`)

// isToken reports whether s may stand bare in our header fields and records.
func isToken(s string) bool { return tokenPattern.MatchString(s) }
