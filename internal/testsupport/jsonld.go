package testsupport

import (
	"bytes"
	"embed"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// NQuads is a JSON-LD document as the reference processor of others, jsonld.js, reads it:
// canonical N-Quads, a line each. What the processor would drop fails the test. Its first run on a
// machine installs it from the npm registry into the user's cache folder; without npm the
// test is skipped, but see [MustRun].
func NQuads(t testing.TB, document []byte) []string {
	t.Helper()
	wants(t, "a JSON-LD processor", "npm")
	node := wants(t, "a JSON-LD processor", "node")
	dir, err := jsonldProgram()
	if err != nil {
		t.Fatalf("installing jsonld: %v", err)
	}
	cmd := exec.Command(node, filepath.Join(dir, "nquads.mjs"))
	cmd.Stdin = bytes.NewReader(document)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the processor does not read it: %v\n%s", err, &complaints)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

//go:embed jsonld
var jsonldFiles embed.FS

var jsonldProgram = sync.OnceValues(func() (string, error) { return npmProgram(jsonldFiles, "jsonld") })
