package tiles_test

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
	"github.com/sparkoo/transfergate/internal/tiles/tilestest"
)

func openTree(t testing.TB, l *tilestest.Log) *tiles.Tree {
	t.Helper()
	tree, err := tiles.OpenTree(l, l.Key())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// Every receipt of small logs, and some of one with tiles of three levels, are
// taken by torchwood for its entry and for no other.
func TestTorchwoodTakesReceipts(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, "log.example/receipts")
	for _, size := range []int{1, 2, 3, 255, 256, 257, 600, 1<<16 + 300} {
		log.Fill(size)
		tree := openTree(t, log)
		step := max(1, size/50)
		for i := 0; i < size; i += step {
			entry, receipt, err := tree.Receipt(int64(i))
			if err != nil {
				t.Fatalf("receipt of entry %d of %d: %v", i, size, err)
			}
			if !bytes.Equal(entry, log.Entry(int64(i))) {
				t.Fatalf("entry %d of %d is %s", i, size, entry)
			}
			if err := testsupport.TorchwoodProof(receipt.Bytes(), entry, log.Public); err != nil {
				t.Fatalf("torchwood refuses the receipt of entry %d of %d: %v\n%s", i, size, err, receipt.Bytes())
			}
			if err := testsupport.TorchwoodProof(receipt.Bytes(), []byte("another"), log.Public); err == nil {
				t.Fatal("torchwood takes a receipt for another entry: the comparison is worth nothing")
			}
			parsed, err := tiles.ParseReceipt(receipt.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if c, err := parsed.Verify(entry, log.Key()); err != nil || c.N != int64(size) {
				t.Fatalf("entry %d of %d: checkpoint %+v, %v", i, size, c, err)
			}
			if _, err := parsed.Verify([]byte("another"), log.Key()); err == nil {
				t.Fatal("a receipt is taken for another entry")
			}
		}
		if _, _, err := tree.Receipt(int64(size)); !errors.Is(err, tiles.ErrBeyond) {
			t.Errorf("receipt beyond the tree: %v", err)
		}
		if _, _, err := tree.Receipt(-1); !errors.Is(err, tiles.ErrBeyond) {
			t.Errorf("receipt of entry -1: %v", err)
		}
	}
}

func TestEmptyLog(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, "log.example/empty")
	if _, err := tiles.OpenTree(log, log.Key()); err == nil {
		t.Error("a log without a checkpoint opens")
	}
	log.Sign()
	if _, _, err := openTree(t, log).Receipt(0); !errors.Is(err, tiles.ErrBeyond) {
		t.Errorf("receipt from an empty log: %v", err)
	}
	forged := sign(t, log.Secret, tiles.Checkpoint{Origin: log.Origin}.String())
	if _, err := tiles.OpenTreeAt(log, forged, log.Key()); err == nil {
		t.Error("an empty tree with a wrong root hash opens")
	}
}

// For every pair of sizes the consistency proof shows that the log grew.
func TestConsistency(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, "log.example/consistency")
	sizes := []int{0, 1, 2, 7, 255, 256, 257, 511, 700}
	var roots []tlog.Hash
	for _, size := range sizes {
		log.Fill(size)
		tree := openTree(t, log)
		roots = append(roots, tree.Hash)
		for i, root := range roots {
			old := int64(sizes[i])
			proof, err := tree.Consistency(old)
			if err != nil {
				t.Fatalf("from %d to %d: %v", old, size, err)
			}
			if old == 0 || old == int64(size) {
				if len(proof) != 0 {
					t.Errorf("from %d to %d: the proof has %d hashes", old, size, len(proof))
				}
			} else if err := tlog.CheckTree(proof, tree.N, tree.Hash, old, root); err != nil {
				t.Errorf("from %d to %d: %v", old, size, err)
			}
		}
		if _, err := tree.Consistency(int64(size) + 1); !errors.Is(err, tiles.ErrBeyond) {
			t.Errorf("from %d to %d: %v", size+1, size, err)
		}
	}
}

// changed is a log whose entry bundles or tiles were changed.
type changed struct {
	*tilestest.Log
	bundle, tile func([]byte) []byte
}

func (c changed) Bundle(n int64, width int) ([]byte, error) {
	b, err := c.Log.Bundle(n, width)
	if c.bundle != nil {
		b = c.bundle(bytes.Clone(b))
	}
	return b, err
}

func (c changed) Tile(t tlog.Tile) ([]byte, error) {
	b, err := c.Log.Tile(t)
	if c.tile != nil {
		b = c.tile(bytes.Clone(b))
	}
	return b, err
}

func TestAChangedSourceIsFound(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, "log.example/changed")
	log.Fill(300)
	for name, source := range map[string]changed{
		"an entry":          {bundle: func(b []byte) []byte { b[5] ^= 1; return b }},
		"a length":          {bundle: func(b []byte) []byte { b[1] ^= 1; return b }},
		"a bundle's end":    {bundle: func(b []byte) []byte { return b[:len(b)-1] }},
		"an entry too many": {bundle: func(b []byte) []byte { return tiles.AppendEntry(b, []byte("x")) }},
		"an entry too few":  {bundle: func(b []byte) []byte { return b[2+len(log.Entry(0)):] }},
		"an empty bundle":   {bundle: func([]byte) []byte { return nil }},
		"a hash":            {tile: func(b []byte) []byte { b[5] ^= 1; return b }},
		"a tile's end":      {tile: func(b []byte) []byte { return b[:len(b)-32] }},
	} {
		source.Log = log
		tree, err := tiles.OpenTree(source, log.Key())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := tree.Receipt(0); err == nil {
			t.Errorf("%s was changed, and there is a receipt", name)
		}
		if _, err := tiles.Export(source, log.Key(), t.TempDir()); err == nil {
			t.Errorf("%s was changed, and it is exported", name)
		}
	}
}
