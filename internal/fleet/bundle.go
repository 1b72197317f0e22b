package fleet

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// An object of live entries is one zstd frame (RFC 8878), with its checksum, around the
// entries as an entry bundle of tlog-tiles has them: each after its length in two bytes.

// maxBundle bounds the entries of one object in bytes. The last one may go beyond it.
const maxBundle = 1 << 20

// packed compresses the bytes of entries.
func packed(entries []byte) []byte { return encoder().EncodeAll(entries, nil) }

// unpacked returns the entries of an object, which must be as many as its name says.
func unpacked(n Name, data []byte) (entries [][]byte, err error) {
	rest, err := decoder().DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("it cannot be decompressed: %w", err)
	}
	for len(rest) > 0 {
		entry, after, ok := format.CutEntry(rest)
		if !ok || len(entry) == 0 {
			return nil, fmt.Errorf("after %d entries comes what is none", len(entries))
		}
		entries, rest = append(entries, entry), after
	}
	if uint64(len(entries)) != n.Count {
		return nil, fmt.Errorf("it has %d entries, its name says %d", len(entries), n.Count)
	}
	return entries, nil
}

var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
})

var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(2*maxBundle))
	if err != nil {
		panic(err) // the options are constants
	}
	return d
})
