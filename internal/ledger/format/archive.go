package format

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// An archive is a full subtree of entries, compressed: what a segment becomes when
// its hashes are stored. It is a header of 32 bytes, an index of 12 bytes a
// bundle, and the bundles, each a zstd frame of its own (RFC 8878) around the
// bytes of a tlog-tiles entry bundle; all numbers are big-endian:
//
//	offset size
//	     0    4  magic F7 54 47 5A
//	     4    1  version of this format: 1
//	     5    3  zero
//	     8    4  epoch
//	    12    4  number of bundles
//	    16    8  index of the first entry
//	    24    4  number of entries
//	    28    4  CRC-32C of the 28 bytes above and of the index
//
//	     0    4  length of the bundle's zstd frame
//	     4    4  length of the bundle
//	     8    4  CRC-32C of the zstd frame
const (
	archiveMagic   = "\xf7TGZ"
	archiveVersion = 1
	archiveHeader  = 32
	archiveRow     = 12
)

// archive is an open archive.
type archive struct {
	file  File
	path  string
	First uint64
	rows  []archivedBundle
}

// archivedBundle is one row of the index.
type archivedBundle struct {
	offset      int64
	packed, raw uint32
	crc         uint32
}

// BundleEntries is how many entries a bundle of an archive has.
func (e Epoch) BundleEntries() uint64 { return min(e.SegmentEntries, tiles.Width) }

// OpenArchive opens the archive of a subtree and reads its index.
func OpenArchive(fsys FS, path string, e Epoch, subtree int64) (*archive, error) {
	f, err := fsys.Open(path, false)
	if err != nil {
		return nil, fmt.Errorf("opening a sealed segment: %w", err)
	}
	a := &archive{file: f, path: path, First: uint64(subtree) * e.SegmentEntries}
	if err := a.readIndex(e); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return a, nil
}

func (a *archive) readIndex(e Epoch) error {
	bad := func(what string) error { return &CorruptError{File: a.path, Index: a.First, What: what} }
	bundles := e.SegmentEntries / e.BundleEntries()
	b := make([]byte, archiveHeader+archiveRow*bundles)
	if _, err := a.file.ReadAt(b, 0); errors.Is(err, io.EOF) {
		return bad("the file ends within its index")
	} else if err != nil {
		return fmt.Errorf("reading the index of %s: %w", a.path, err)
	}
	rows := make([]archivedBundle, bundles)
	offset := int64(len(b))
	for i := range rows {
		row := b[archiveHeader+archiveRow*i:]
		rows[i] = archivedBundle{offset, binary.BigEndian.Uint32(row), binary.BigEndian.Uint32(row[4:]), binary.BigEndian.Uint32(row[8:])}
		offset += int64(rows[i].packed)
		if rows[i].raw > maxBundle || rows[i].packed > 2*maxBundle {
			return bad(fmt.Sprintf("bundle %d is said to have %d bytes in %d", i, rows[i].raw, rows[i].packed))
		}
	}
	if string(putIndex(e, a.First, rows)) != string(b) {
		return bad("the index is damaged, or of another segment")
	}
	size, err := a.file.Size()
	if err != nil {
		return err
	}
	if size != offset {
		return bad(fmt.Sprintf("the file has %d bytes, its index says %d", size, offset))
	}
	a.rows = rows
	return nil
}

// maxBundle is the length of the longest bundle in bytes.
const maxBundle = tiles.Width * (2 + MaxEntry)

// decoder decompresses whole bundles, for any number of goroutines.
var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBundle))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
})

// Close closes the archive's file.
func (a *archive) Close() error { return a.file.Close() }

// Size is the length of the file in bytes.
func (a *archive) Size() int64 {
	last := a.rows[len(a.rows)-1]
	return last.offset + int64(last.packed)
}

// bundle returns the bytes of a bundle, as a payload, in dst's memory if there
// is room. packed is memory to read into.
func (a *archive) bundle(e Epoch, i int, dst, packed []byte) (payload, memory []byte, err error) {
	r := a.rows[i]
	first := a.First + uint64(i)*e.BundleEntries()
	bad := func(what string) error {
		return &CorruptError{File: a.path, Offset: r.offset, Index: first, What: what}
	}
	if cap(packed) < int(r.packed) {
		packed = make([]byte, r.packed)
	}
	packed = packed[:r.packed]
	if _, err := a.file.ReadAt(packed, r.offset); errors.Is(err, io.EOF) {
		return nil, packed, bad("the file is cut off")
	} else if err != nil {
		return nil, packed, fmt.Errorf("reading %s: %w", a.path, err)
	}
	if sum := crc32.Checksum(packed, castagnoli); sum != r.crc {
		return nil, packed, bad(fmt.Sprintf("the bundle has checksum %08x but the index says %08x", sum, r.crc))
	}
	payload, err = decoder().DecodeAll(packed, dst[:0])
	if err == nil && len(payload) != int(r.raw) {
		err = fmt.Errorf("it has %d bytes, the index says %d", len(payload), r.raw)
	}
	if err != nil {
		return nil, packed, bad("the bundle cannot be decompressed: " + err.Error())
	}
	if n := countEntries(payload); uint64(n) != e.BundleEntries() {
		return nil, packed, bad(fmt.Sprintf("the bundle has %d entries, not %d", n, e.BundleEntries()))
	}
	return payload, packed, nil
}

// BundleOf is where the bundle with an entry lies, and how many bytes it takes.
func (a *archive) BundleOf(e Epoch, index uint64) (offset int64, size int) {
	r := a.rows[(index-a.First)/e.BundleEntries()]
	return r.offset, int(r.packed)
}

// countEntries returns how many entries a payload has, or -1 if it is malformed.
func countEntries(payload []byte) (n int) {
	for ; len(payload) > 0; n++ {
		entry, rest, ok := CutEntry(payload)
		if !ok || len(entry) == 0 {
			return -1
		}
		payload = rest
	}
	return n
}

// Frames hands on the bundles that have an entry from the index on, as frames.
func (a *archive) Frames(e Epoch, from uint64, visit func(*Frame) error) error {
	count := e.BundleEntries()
	var payload, packed []byte
	for i := range a.rows {
		first := a.First + uint64(i)*count
		if first+count <= from {
			continue
		}
		var err error
		if payload, packed, err = a.bundle(e, i, payload, packed); err != nil {
			return err
		}
		h := Header{Kind: KindEntries, Epoch: e.Number, Count: uint32(count), First: first, Length: uint32(len(payload))}
		if err := visit(&Frame{Header: h, Path: a.path, Offset: a.rows[i].offset, Payload: payload}); err != nil {
			return err
		}
	}
	return nil
}
