package policydiff

// Everything makes a comparison ask what cannot differ, too.
func Everything(s Scope) Scope {
	s.everything = true
	return s
}
