package testsupport

import (
	"embed"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Chromium is the path of a Chromium or Chrome. With -short, or without one, the test is
// skipped, but see [MustRun].
func Chromium(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: not starting a browser")
	}
	return wants(t, "a real browser", "chromium", "chromium-browser", "google-chrome")
}

// Axe is the text of axe-core, a checker of accessibility that runs in a page. Its first
// run on a machine installs it from the npm registry into the user's cache folder;
// without npm the test is skipped, but see [MustRun].
func Axe(t testing.TB) string {
	t.Helper()
	wants(t, "a checker of accessibility", "npm")
	dir, err := axeProgram()
	if err != nil {
		t.Fatalf("installing axe-core: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

//go:embed axe
var axeFiles embed.FS

var axeProgram = sync.OnceValues(func() (string, error) { return npmProgram(axeFiles, "axe") })
