package testsupport

import (
	"os"
	"testing"
)

// Golden holds text to what a file has. With update, which is the flag of the test's
// package, the file is written instead, for somebody to read before it is committed.
func Golden(t testing.TB, file, got string, update bool) {
	t.Helper()
	if update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s\n(if it is meant, write it down with -update)", got, want)
	}
}
