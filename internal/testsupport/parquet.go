package testsupport

import (
	"embed"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// ReadParquet reads a Parquet file with hyparquet, a reader that is not ours, and returns
// its rows, a JSON object a line. Its first run on a machine installs it from the npm
// registry into the user's cache folder; without npm the test is skipped, but see
// [MustRun].
func ReadParquet(t testing.TB, path string) []byte {
	t.Helper()
	wants(t, "another reader of Parquet", "npm")
	node := wants(t, "another reader of Parquet", "node")
	dir, err := hyparquetProgram()
	if err != nil {
		t.Fatalf("installing hyparquet: %v", err)
	}
	command := exec.Command(node, filepath.Join(dir, "read.mjs"), path) // a test's own file
	out, err := command.Output()
	if err != nil {
		detail := ""
		if exit, ok := err.(*exec.ExitError); ok { // of Output itself
			detail = string(exit.Stderr)
		}
		t.Fatalf("reading %s: %v\n%s", path, err, detail)
	}
	return out
}

//go:embed hyparquet
var hyparquetFiles embed.FS

var hyparquetProgram = sync.OnceValues(func() (string, error) { return npmProgram(hyparquetFiles, "hyparquet") })
