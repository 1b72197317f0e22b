// Package format is how a ledger lies on the disk: the folder's layout, and the
// files' bytes. It reads and writes single files and knows nothing of commits,
// keys or retention: the writer
// ([github.com/sparkoo/transfergate/internal/ledger]) and the verifier
// ([github.com/sparkoo/transfergate/internal/ledger/verify]) stand on it side by
// side.
//
//   - layout.go has the names of files and folders, [FS] what is needed of a file system.
//   - A segment is a row of frames: [Header], [Frame]; [Walker] goes through an epoch's
//     segments in order and is the one place that tells the trace of a crash from damage,
//     which is a [CorruptError].
//   - A full segment becomes an [Archive]; its hashes lie beside it, see [Tree].
//   - [Epoch] is what a log of the ledger says of itself.
//
// What entries say is package record's.
package format

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A segment is a row of frames. A frame is a header of 44 bytes and a payload;
// all numbers are big-endian:
//
//	offset size
//	     0    4  magic F7 54 47 4C; F7 never occurs in UTF-8, so no record can look like a frame
//	     4    1  version of this format: 1
//	     5    1  kind
//	     6    2  zero
//	     8    4  epoch
//	    12    4  number of entries
//	    16    8  index of the first entry, or of the next one if there are none
//	    24    8  synced offset
//	    32    4  length of the payload
//	    36    4  CRC-32C of the payload
//	    40    4  CRC-32C of the 40 bytes above
//
// The payload is each entry with its length as two bytes before it: the bytes
// of an entry bundle of C2SP tlog-tiles, so that a bundle is cut out of
// payloads without a change.
//
// The synced offset is a promise: every byte of the segment before it was
// durable before this frame was written. A frame that is broken although a
// later one promises it was not torn by a crash.
const (
	HeaderSize = 44
	magic      = "\xf7TGL"
	version    = 1

	// MaxEntry is the length in bytes of the longest entry.
	MaxEntry = 1<<16 - 1
	// MaxPayload bounds one frame. A longer batch is split.
	MaxPayload = 16 << 20
)

// Kind is what a frame is for.
type Kind uint8

const (
	KindEntries Kind = iota
	// KindMark holds nothing but a promise; it is written when a log closes.
	KindMark
	// KindSeal ends a segment that is full.
	KindSeal
)

// Checksum is a payload's, as its frame's header carries it.
func Checksum(payload []byte) uint32 { return crc32.Checksum(payload, castagnoli) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Header is a frame's header.
type Header struct {
	Kind   Kind
	Epoch  uint32
	Count  uint32
	First  uint64
	Synced int64
	Length uint32
	CRC    uint32 // of the payload
}

// Put writes the header to the first headerSize bytes of b.
func (h Header) Put(b []byte) {
	copy(b, magic)
	b[4], b[5], b[6], b[7] = version, byte(h.Kind), 0, 0
	binary.BigEndian.PutUint32(b[8:], h.Epoch)
	binary.BigEndian.PutUint32(b[12:], h.Count)
	binary.BigEndian.PutUint64(b[16:], h.First)
	binary.BigEndian.PutUint64(b[24:], uint64(h.Synced))
	binary.BigEndian.PutUint32(b[32:], h.Length)
	binary.BigEndian.PutUint32(b[36:], h.CRC)
	binary.BigEndian.PutUint32(b[40:], crc32.Checksum(b[:40], castagnoli))
}

// parseHeader reads the header in the first headerSize bytes of b. What is
// wrong with it comes back as text, empty when nothing is.
func parseHeader(b []byte) (h Header, wrong string) {
	if string(b[:4]) != magic {
		return h, fmt.Sprintf("a frame begins with %x, found %x", magic, b[:4])
	}
	want, found := crc32.Checksum(b[:40], castagnoli), binary.BigEndian.Uint32(b[40:])
	if want != found {
		return h, fmt.Sprintf("the frame's header has checksum %08x but says %08x", want, found)
	}
	h = Header{
		Kind:   Kind(b[5]),
		Epoch:  binary.BigEndian.Uint32(b[8:]),
		Count:  binary.BigEndian.Uint32(b[12:]),
		First:  binary.BigEndian.Uint64(b[16:]),
		Synced: int64(binary.BigEndian.Uint64(b[24:])),
		Length: binary.BigEndian.Uint32(b[32:]),
		CRC:    binary.BigEndian.Uint32(b[36:]),
	}
	switch {
	case b[4] != version:
		return h, fmt.Sprintf("the frame has format version %d; this program reads %d", b[4], version)
	case h.Kind > KindSeal || b[6] != 0 || b[7] != 0:
		return h, fmt.Sprintf("the frame is of unknown kind %x", b[5:8])
	case h.Length > MaxPayload:
		return h, fmt.Sprintf("the frame says it has %d bytes; %d is the most", h.Length, MaxPayload)
	case (h.Kind == KindEntries) != (h.Count > 0) || (h.Count > 0) != (h.Length > 0):
		return h, fmt.Sprintf("the frame says it has %d entries in %d bytes", h.Count, h.Length)
	}
	return h, ""
}

// checkPayload tells what is wrong with a frame's payload, if anything is.
func (h Header) checkPayload(payload []byte) (wrong string) {
	if sum := Checksum(payload); sum != h.CRC {
		return fmt.Sprintf("the frame's payload has checksum %08x but its header says %08x", sum, h.CRC)
	}
	count := uint32(0)
	for rest := payload; len(rest) > 0; count++ {
		entry, after, ok := CutEntry(rest)
		if !ok || len(entry) == 0 {
			return fmt.Sprintf("entry %d of the frame is empty or cut off", count)
		}
		rest = after
	}
	if count != h.Count {
		return fmt.Sprintf("the frame has %d entries but its header says %d", count, h.Count)
	}
	return ""
}

// AppendEntry appends an entry with its length before it.
func AppendEntry(dst, entry []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(entry)))
	return append(dst, entry...)
}

// CutEntry takes the first entry off a payload.
func CutEntry(payload []byte) (entry, rest []byte, ok bool) {
	if len(payload) < 2 {
		return nil, nil, false
	}
	end := 2 + int(binary.BigEndian.Uint16(payload))
	if end > len(payload) {
		return nil, nil, false
	}
	return payload[2:end], payload[end:], true
}
