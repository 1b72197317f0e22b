//go:build !unix

package testsupport

// lock does nothing: where there are no such locks, nothing is built.
func lock(string) (unlock func(), err error) { return func() {}, nil }
