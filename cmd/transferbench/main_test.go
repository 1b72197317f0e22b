package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/bench"
)

// TestShort runs all works for a moment: every peer that is installed does all of them,
// and table, numbers and picture are there. It says nothing of times.
func TestShort(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the CPU time of processes is read on Linux only")
	}
	dir := t.TempDir()
	numbers, picture := filepath.Join(dir, "numbers.json"), filepath.Join(dir, "ratios.svg")
	var out strings.Builder
	if err := run(t.Context(), []string{"-short", "-dir", dir, "-json", numbers, "-svg", picture}, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, column := range []string{"CPU s / 10,000", "ratio", "(range)", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "MiB", "failed", "the disk"} {
		if !strings.Contains(out.String(), column) {
			t.Errorf("the output has no %q:\n%s", column, out.String())
		}
	}
	data, err := os.ReadFile(numbers)
	if err != nil {
		t.Fatal(err)
	}
	var result bench.Result
	if err := json.Unmarshal(data, &result); err != nil {
		t.Fatal(err)
	}
	if got, want := len(result.Works), len(bench.Works()); got != want {
		t.Errorf("%d works of %d", got, want)
	}
	for _, w := range result.Works {
		if want := map[bool]int{true: 2, false: 4}[w.Pair]; len(w.Peers) < want {
			t.Errorf("%s: %d peers", w.Name, len(w.Peers))
		}
		for _, p := range w.Peers {
			if p.Failed > 0 {
				t.Errorf("%s: %s failed %d times, first with %q", w.Name, p.Peer, p.Failed, p.Failure)
			}
		}
	}
	wantPicture(t, picture)
	if left, err := filepath.Glob(filepath.Join(dir, "transferbench-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q %v", left, err)
	}
}

// wantPicture wants well-formed XML with a bar for the gateway.
func wantPicture(t *testing.T, name string) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	bars := 0
	for decoder := xml.NewDecoder(file); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
			bars++
		}
	}
	if bars < len(bench.Works()) {
		t.Errorf("%d bars", bars)
	}
}

func TestArguments(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-works none", `-works "none" matches none of "no transfer", "anonymous"`},
		{"-works (", "-works: error parsing regexp"},
		{"-gateway a -caddy b -peers apache", `-peers: "apache" is none of "caddy"`},
		{"-gateway a -caddy b -peers transfergate", `stock Caddy, "caddy", is not among the peers`},
		{"more", `unexpected argument "more"`},
	} {
		err := run(t.Context(), strings.Fields(test.args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.args, err)
		}
	}
}
