package tiles

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// Height is the height of a hash tile, as tlog-tiles fixes it.
	Height = 8

	// Width is how many hashes a full tile has, and how many entries a full
	// entry bundle.
	Width = 1 << Height

	// maxLevel is the highest level of a tile that a path may name.
	maxLevel = 63

	// bundles is what tlog calls the level of entry bundles.
	bundles = -1
)

// BundleTile returns the coordinates of an entry bundle.
func BundleTile(n int64, width int) tlog.Tile {
	return tlog.Tile{H: Height, L: bundles, N: n, W: width}
}

// Path returns where tlog-tiles keeps a tile or, with level -1, an entry
// bundle: "tile/0/x001/234" or "tile/entries/x001/234.p/56".
func Path(t tlog.Tile) string {
	level := "entries"
	if t.L != bundles {
		level = strconv.Itoa(t.L)
	}
	p := "tile/" + level + "/" + number(t.N)
	if t.W != Width {
		p += ".p/" + strconv.Itoa(t.W)
	}
	return p
}

// number writes n in groups of three digits, all but the last with an x.
func number(n int64) string {
	s := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		s = fmt.Sprintf("x%03d/%s", n%1000, s)
	}
	return s
}

// ParsePath is the inverse of Path: only what Path writes is a path.
func ParsePath(p string) (tlog.Tile, bool) {
	rest, ok := strings.CutPrefix(p, "tile/")
	level, rest, ok2 := strings.Cut(rest, "/")
	if !ok || !ok2 {
		return tlog.Tile{}, false
	}
	t := tlog.Tile{H: Height, L: bundles, W: Width}
	if level != "entries" {
		l, err := strconv.ParseUint(level, 10, 8)
		if err != nil || l > maxLevel {
			return tlog.Tile{}, false
		}
		t.L = int(l)
	}
	if before, width, ok := strings.Cut(rest, ".p/"); ok {
		w, err := strconv.ParseUint(width, 10, 16)
		if err != nil || w == 0 || w >= Width {
			return tlog.Tile{}, false
		}
		rest, t.W = before, int(w)
	}
	for group := range strings.SplitSeq(rest, "/") {
		digits := strings.TrimPrefix(group, "x")
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || len(digits) != 3 || t.N > maxNumber {
			return tlog.Tile{}, false
		}
		t.N = t.N*1000 + int64(n)
	}
	return t, Path(t) == p
}

// maxNumber keeps a tile's number, and the index of its entries, in an int64.
const maxNumber = (1<<63 - 1) / 1000 / Width / 1000
