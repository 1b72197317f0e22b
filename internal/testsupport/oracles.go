package testsupport

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"filippo.io/torchwood"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"k8s.io/klog/v2"
)

// oracleTimeout ends a verification that hangs.
const oracleTimeout = 3 * time.Minute

// TorchwoodPolicy is torchwood's policy of trusting a log by its one key.
func TorchwoodPolicy(vkey string) (torchwood.Policy, error) {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	return torchwood.ThresholdPolicy(2, torchwood.OriginPolicy(v.Name()), torchwood.SingleVerifierPolicy(v)), nil
}

// TorchwoodFolder has torchwood's client read and verify every entry of a log
// that lies in a folder as tlog-tiles has it. It returns how many there are.
func TorchwoodFolder(folder fs.FS, vkey string) (int64, error) {
	tiles, err := torchwood.NewTileFS(folder)
	if err != nil {
		return 0, err
	}
	return torchwoodLog(tiles, vkey)
}

// TorchwoodURL is TorchwoodFolder for a log that is served over HTTP.
func TorchwoodURL(url, vkey string) (int64, error) {
	tiles, err := torchwood.NewTileFetcher(url)
	if err != nil {
		return 0, err
	}
	return torchwoodLog(tiles, vkey)
}

func torchwoodLog(tiles torchwood.TileReader, vkey string) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), oracleTimeout)
	defer cancel()
	policy, err := TorchwoodPolicy(vkey)
	if err != nil {
		return 0, err
	}
	signed, err := tiles.ReadEndpoint(ctx, "checkpoint")
	if err != nil {
		return 0, err
	}
	checkpoint, _, err := torchwood.VerifyCheckpoint(signed, policy)
	if err != nil {
		return 0, err
	}
	reader, err := torchwood.NewClient(tiles)
	if err != nil {
		return 0, err
	}
	var count int64
	for index := range reader.AllEntries(ctx, checkpoint.Tree, 0) {
		if index != count {
			return count, fmt.Errorf("entry %d comes after %d entries", index, count)
		}
		count++
	}
	if err := reader.Err(); err != nil {
		return count, err
	}
	if count != checkpoint.N {
		return count, fmt.Errorf("%d entries of %d", count, checkpoint.N)
	}
	return count, nil
}

// TorchwoodProof has torchwood verify a tlog-proof of an entry.
func TorchwoodProof(proof, entry []byte, vkey string) error {
	policy, err := TorchwoodPolicy(vkey)
	if err != nil {
		return err
	}
	return torchwood.VerifyProof(policy, tlog.RecordHash(entry), proof)
}

// TesseraFolder has Tessera's fsck build the tree of a log anew that lies in a
// folder as tlog-tiles has it, and compare every tile.
//
// With few workers fsck waits for ever after a mismatch
// (transparency-dev/tessera#1098), and it fails by a panic on a bundle with too
// few entries: so many workers, a time limit, and a panic is an error.
func TesseraFolder(dir, vkey string) error {
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), oracleTimeout)
	defer cancel()
	silenceTessera()
	result := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				result <- fmt.Errorf("tessera's fsck panicked: %v", p)
			}
		}()
		result <- fsck.New(v.Name(), v, client.FileFetcher{Root: dir}, leafHashes, fsck.Opts{N: 16}).Check(ctx)
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("tessera's fsck: %w", ctx.Err())
	}
}

func leafHashes(bundle []byte) ([][]byte, error) {
	var entries api.EntryBundle
	if err := entries.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(entries.Entries))
	for _, entry := range entries.Entries {
		hashes = append(hashes, rfc6962.DefaultHasher.HashLeaf(entry))
	}
	return hashes, nil
}

// silenceTessera keeps fsck from telling standard error what it does.
var silenceTessera = sync.OnceFunc(func() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
})
