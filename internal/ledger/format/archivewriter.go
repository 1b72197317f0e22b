package format

import (
	"encoding/binary"
	"hash/crc32"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// archiveWriter writes the archive of a full subtree: its bundles in order, and at
// last the index before them. It is not safe for concurrent use.
type archiveWriter struct {
	file   File
	epoch  Epoch
	first  uint64
	rows   []archivedBundle
	offset int64
	packed []byte
}

// NewArchiveWriter returns a writer of the archive of a subtree to an empty file,
// which stays the caller's to sync and to close.
func NewArchiveWriter(f File, e Epoch, subtree int64) *archiveWriter {
	bundles := int(e.SegmentEntries / e.BundleEntries())
	return &archiveWriter{
		file: f, epoch: e, first: uint64(subtree) * e.SegmentEntries,
		rows: make([]archivedBundle, 0, bundles), offset: int64(archiveHeader + archiveRow*bundles),
	}
}

// Add compresses the next bundle, of bundleEntries entries, and writes it. It
// returns how many bytes that took.
func (w *archiveWriter) Add(bundle []byte) (written int, err error) {
	w.packed = encoder().EncodeAll(bundle, w.packed[:0])
	if _, err := w.file.WriteAt(w.packed, w.offset); err != nil {
		return 0, err
	}
	w.rows = append(w.rows, archivedBundle{w.offset, uint32(len(w.packed)), uint32(len(bundle)), crc32.Checksum(w.packed, castagnoli)})
	w.offset += int64(len(w.packed))
	return len(w.packed), nil
}

// Finish writes the index, when every bundle was added.
func (w *archiveWriter) Finish() error {
	_, err := w.file.WriteAt(putIndex(w.epoch, w.first, w.rows), 0)
	return err
}

// putIndex writes the header and the index of an archive.
func putIndex(e Epoch, first uint64, rows []archivedBundle) []byte {
	b := make([]byte, archiveHeader, archiveHeader+archiveRow*len(rows))
	copy(b, archiveMagic)
	b[4] = archiveVersion
	binary.BigEndian.PutUint32(b[8:], e.Number)
	binary.BigEndian.PutUint32(b[12:], uint32(len(rows)))
	binary.BigEndian.PutUint64(b[16:], first)
	binary.BigEndian.PutUint32(b[24:], uint32(e.SegmentEntries))
	for _, r := range rows {
		b = binary.BigEndian.AppendUint32(b, r.packed)
		b = binary.BigEndian.AppendUint32(b, r.raw)
		b = binary.BigEndian.AppendUint32(b, r.crc)
	}
	binary.BigEndian.PutUint32(b[28:], crc32.Update(crc32.Checksum(b[:28], castagnoli), castagnoli, b[archiveHeader:]))
	return b
}

// encoder compresses whole bundles.
var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
})
