package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A peer that finds its port taken says so and is started again: here by a program that
// complains in Caddy's words the first time, and in others the next.
func TestPortsAreTakenMeanwhile(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	script := "#!/bin/sh\nif [ -e ../once ]; then echo other >&2; exit 1; fi\n: >../once\necho 'bind: Address already in use' >&2\nexit 1\n"
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	m := &measurement{dir: dir, keys: new(keys), upstream: new(upstream)}
	_, err := m.start(Peer{Name: "peer", Program: program, config: "stock.caddyfile"})
	if err == nil || !strings.Contains(err.Error(), "ended at its start: other") {
		t.Errorf("the second start ended with %v", err)
	}
}

func TestFreePortsDiffer(t *testing.T) {
	var a, b string
	if err := freePorts(&a, &b); err != nil || a == b {
		t.Error(a, b, err)
	}
}
