package tiles_test

import (
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/tiles"
)

func TestPaths(t *testing.T) {
	t.Parallel()
	// The third and fourth are the examples of the tlog-tiles specification.
	for path, want := range map[string]tlog.Tile{
		"tile/0/000":                        {H: 8, L: 0, N: 0, W: 256},
		"tile/1/000.p/1":                    {H: 8, L: 1, N: 0, W: 1},
		"tile/0/x001/x234/067":              {H: 8, L: 0, N: 1234067, W: 256},
		"tile/0/x001/x234/067.p/8":          {H: 8, L: 0, N: 1234067, W: 8},
		"tile/entries/x001/x234/067":        {H: 8, L: -1, N: 1234067, W: 256},
		"tile/entries/x001/000.p/255":       {H: 8, L: -1, N: 1000, W: 255},
		"tile/63/999":                       {H: 8, L: 63, N: 999, W: 256},
		"tile/0/x036/x028/x797/x018/963":    {H: 8, L: 0, N: 36028797018963, W: 256},
		"tile/entries/x999/x999/x999/999":   {H: 8, L: -1, N: 999999999999, W: 256},
		"tile/entries/x999/x999/x999/x0/00": {},
	} {
		got, ok := tiles.ParsePath(path)
		if ok != (want != tlog.Tile{}) || ok && got != want {
			t.Errorf("ParsePath(%q) = %+v, %v, want %+v", path, got, ok, want)
		}
		if ok && tiles.Path(want) != path {
			t.Errorf("Path(%+v) = %q, want %q", want, tiles.Path(want), path)
		}
	}
	for _, path := range []string{
		"", "tile", "tile/", "tile/0", "tile/0/", "checkpoint", "/tile/0/000", "tile/0/000/", "tile//000",
		"tile/64/000", "tile/-1/000", "tile/00/000", "tile/+1/000", "tile/256/000", "tile/x/000",
		"tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000", "tile/0/x000/000", "tile/0/x001/x000", "tile/0/001/000", "tile/0/-01",
		"tile/0/xx01/000", "tile/0/000.p", "tile/0/000.p/", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/1/",
		"tile/0/000.p/1.p/1", "tile/0/000.p/-1", "tile/0/..", "tile/0/x001/../000", "tile/data/000", "tile/8/0/000",
		"tile/0/x999/x999/x999/x999/x999/x999/x999/999",
	} {
		if got, ok := tiles.ParsePath(path); ok {
			t.Errorf("ParsePath(%q) = %+v, want nothing", path, got)
		}
	}
}
