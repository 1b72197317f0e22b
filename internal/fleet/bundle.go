package fleet

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// An object of live entries is one zstd frame (RFC 8878), with its checksum, around the
// entries as an entry bundle of tlog-tiles has them: each after its length in two bytes.

// maxBundle bounds the entries of one object in bytes. The last one may go beyond it.
const maxBundle = 1 << 20

// packed compresses the bytes of entries.
func packed(entries []byte) []byte { return encoder().EncodeAll(entries, nil) }

var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderCRC(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
})
