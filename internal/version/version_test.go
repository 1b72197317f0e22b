package version_test

import (
	"runtime/debug"
	"testing"

	"github.com/sparkoo/transfergate/internal/version"
)

func TestOf(t *testing.T) {
	const ours = "github.com/sparkoo/transfergate"
	caddy := &debug.Module{Path: "github.com/caddyserver/caddy/v2", Version: "v2.11.9"}
	strangers := func(dep debug.Module) debug.BuildInfo {
		return debug.BuildInfo{Main: debug.Module{Path: "example.com/proxy", Version: "v9.9.9"}, Deps: []*debug.Module{caddy, &dep}}
	}
	for _, c := range []struct {
		name string
		info debug.BuildInfo
		want string
	}{
		{"our program, of a tag", debug.BuildInfo{Main: debug.Module{Path: ours, Version: "v1.2.3"}, Deps: []*debug.Module{caddy}}, "v1.2.3"},
		{"our program, tests of it", debug.BuildInfo{Main: debug.Module{Path: ours}}, "(devel)"},
		{"somebody else's", strangers(debug.Module{Path: ours, Version: "v1.2.3"}), "v1.2.3"},
		{"with a folder in its place", strangers(debug.Module{Path: ours, Version: "v1.2.3", Replace: &debug.Module{Path: "/home/ana/transfergate"}}), "(devel)"},
		{"with a fork in its place", strangers(debug.Module{Path: ours, Version: "v1.2.3", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.2.4"}}), "example.com/fork v1.2.4"},
		{"a program without it", debug.BuildInfo{Main: debug.Module{Path: "example.com/proxy", Version: "v9.9.9"}, Deps: []*debug.Module{caddy}}, "unknown"},
		{"nothing known", debug.BuildInfo{}, "unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := version.Of(&c.info); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
