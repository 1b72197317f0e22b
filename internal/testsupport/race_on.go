//go:build race

package testsupport

// Race tells that the test binary was built with the race detector, which
// makes it several times slower. Tests that move much data move less of it.
const Race = true
