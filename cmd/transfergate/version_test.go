package main_test

import (
	"debug/buildinfo"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// The program says its own version and Caddy's, as Go wrote them into its file.
func TestVersion(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	p := newProcess(t)
	for _, word := range []string{"version", "--version"} {
		out, err := p.command(word).Output()
		if err != nil {
			t.Fatal(err)
		}
		file, err := built()
		if err != nil {
			t.Fatal(err)
		}
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		want := "transfergate " + info.Main.Version + ", Caddy "
		for _, m := range info.Deps {
			if m.Path == caddy.ImportPath {
				want += m.Version + " " + m.Sum + "\n"
			}
		}
		if string(out) != want {
			t.Errorf("'transfergate %s' prints %q, want %q", word, out, want)
		}
	}
}
