package ledger_test

import (
	"encoding/binary"
	"hash/crc32"
	"os"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// grow makes a closed ledger of two sealed segments one of so many, by repeating
// the second one: what a test would take hours to append.
func grow(dir string, subtrees int64) error {
	e, err := format.ReadEpoch(format.OS{}, dir, 1)
	if err != nil {
		return err
	}
	path := format.EpochDir(dir, 1)
	packed, err := os.ReadFile(format.ArchivePath(path, 1))
	if err != nil {
		return err
	}
	t := format.NewTree(format.OS{}, path, e)
	if err := t.Load(); err != nil {
		return err
	}
	roots, err := os.ReadFile(format.UpperPath(path))
	if err != nil {
		return err
	}
	root := tlog.Hash(roots[tlog.HashSize:])
	for n := t.Stored(); n < subtrees; n++ {
		moveArchive(packed, uint64(n)*e.SegmentEntries, e.SegmentEntries)
		if err := os.WriteFile(format.ArchivePath(path, n), packed, 0o600); err != nil {
			return err
		}
		if err := os.Link(format.HashPath(path, 1), format.HashPath(path, n)); err != nil {
			return err
		}
		roots = append(roots, root[:]...)
		t.Push(root)
	}
	signed, err := ledger.SignTree(t, dir, e.Origin)
	if err != nil {
		return err
	}
	if err := os.WriteFile(format.UpperPath(path), roots, 0o600); err != nil {
		return err
	}
	return os.WriteFile(format.CheckpointPath(path), signed, 0o600)
}

// moveArchive makes an archive begin with another entry.
func moveArchive(archive []byte, first, entries uint64) {
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.BigEndian.PutUint64(archive[16:], first)
	index := archive[32 : 32+12*(entries/256)]
	binary.BigEndian.PutUint32(archive[28:], crc32.Update(crc32.Checksum(archive[:28], table), table, index))
}
