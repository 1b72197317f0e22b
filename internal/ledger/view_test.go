package ledger_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// tileReader reads tiles as a client of the log does, which trusts nothing but
// the checkpoint.
type tileReader struct{ source tiles.Source }

func (r tileReader) Height() int                     { return tiles.Height }
func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r tileReader) ReadTiles(all []tlog.Tile) (data [][]byte, err error) {
	for _, t := range all {
		b, err := r.source.Tile(t)
		if err != nil {
			return nil, err
		}
		data = append(data, b)
	}
	return data, nil
}

// checkView reads the epoch as a client does and compares the entries.
func checkView(t *testing.T, v *ledger.View, want []string) {
	t.Helper()
	signed, err := v.Checkpoint()
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewVerifier(v.VerifierKey())
	if err != nil {
		t.Fatal(err)
	}
	c, err := tiles.OpenCheckpoint(signed, key)
	if err != nil || c.Origin != v.Origin() {
		t.Fatalf("%+v, %v", c, err)
	}
	if c.N > int64(len(want)) {
		t.Fatalf("the checkpoint covers %d of %d entries", c.N, len(want))
	}
	reader := tlog.TileHashReader(c.Tree, tileReader{v})
	for first := int64(0); first < c.N; first += tiles.Width {
		width := int(min(tiles.Width, c.N-first))
		bundle, err := v.Bundle(first/tiles.Width, width)
		if err != nil {
			t.Fatal(err)
		}
		for i := first; i < first+int64(width); i++ {
			n := int(bundle[0])<<8 | int(bundle[1])
			entry := string(bundle[2:][:n])
			bundle = bundle[2+n:]
			if entry != want[i] {
				t.Fatalf("entry %d is %q, want %q", i, entry, want[i])
			}
			proof, err := tlog.ProveRecord(c.N, i, reader)
			if err == nil {
				err = tlog.CheckRecord(proof, c.N, c.Hash, i, tlog.RecordHash([]byte(entry)))
			}
			if err != nil {
				t.Fatalf("entry %d: %v", i, err)
			}
		}
		if len(bundle) > 0 {
			t.Fatalf("%d bytes after bundle %d", len(bundle), first/tiles.Width)
		}
	}
	for _, tile := range []tlog.Tile{{H: 8, L: 0, N: c.N >> 8, W: int(c.N&255) + 1}, {H: 8, L: 7, N: 0, W: 1}, {H: 8, L: 63, N: 0, W: 1}, {H: 8, L: 0, N: 1 << 60, W: 1}} {
		if _, err := v.Tile(tile); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("tile %+v beyond the checkpoint: %v", tile, err)
		}
	}
	if _, err := v.Bundle(c.N>>8, int(c.N&255)+1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("bundle beyond the checkpoint: %v", err)
	}
}

// A client that trusts only the checkpoint's key reads every entry and its
// proof from the view, whether segments are full or not, beside the writer.
func TestView(t *testing.T) {
	for _, segment := range []int{2, 64, 256, 512, 65536} {
		t.Run(fmt.Sprint(segment), func(t *testing.T) {
			m := newMemFS()
			l := ledger.New("/l", ledger.Options{FS: m, Node: "gw-sg-1", SegmentEntries: segment, CheckpointInterval: 10 * time.Millisecond})
			if err := l.Open(); err != nil {
				t.Fatal(err)
			}
			v, err := ledger.AtFS(m, "/l").View(0)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 600 {
				add(t, l, fmt.Sprint("entry ", i, strings.Repeat("x", i%50)))
				if i%200 == 0 {
					within(t, 5*time.Second, "a checkpoint", func() bool { return l.Stats().Signed == l.Stats().Next })
					checkView(t, v, readMem(t, m))
				}
			}
			shut(t, l)
			if s := l.Stats(); s.Signed != 601 || s.Epoch != 1 {
				t.Errorf("after Close: %+v", s)
			}
			all := readMem(t, m)
			checkView(t, v, all)
			fresh, err := ledger.AtFS(m, "/l").View(1)
			if err != nil {
				t.Fatal(err)
			}
			checkView(t, fresh, all)
			if !strings.HasPrefix(fresh.Origin(), "transfergate/gw-sg-1/") || !strings.HasSuffix(fresh.Origin(), "/epoch-000001") {
				t.Errorf("origin %s", fresh.Origin())
			}
		})
	}
}

// What no log can have is not there, wherever numbers overflow.
func TestViewOfTilesThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	l := ledger.New(dir, ledger.Options{})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for range 300 {
		if _, err := l.Append([]byte("entry")); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	v, err := ledger.At(dir).View(0)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(301) // and the genesis entry
	for level := range 9 {
		for _, width := range []int{0, 1, 128, 256, 257} {
			for shift := range 64 {
				for _, n := range []int64{1<<shift - 1, 1 << shift} {
					there := level < 2 && width > 0 && width <= 256 && n >= 0 && n < 1<<20 && (n<<8+int64(width))<<(8*level) <= size
					if got, err := v.Tile(tlog.Tile{H: 8, L: level, N: n, W: width}); (err == nil) != there {
						t.Fatalf("tile %d of level %d, %d wide: %d bytes, %v", n, level, width, len(got), err)
					}
					if level > 0 {
						continue
					}
					if got, err := v.Bundle(n, width); (err == nil) != there {
						t.Fatalf("bundle %d, %d wide: %d bytes, %v", n, width, len(got), err)
					}
				}
			}
		}
	}
}
