package ledger

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
	headerSize = 44
	magic      = "\xf7TGL"
	version    = 1

	// MaxEntry is the length in bytes of the longest entry.
	MaxEntry = 1<<16 - 1
	// maxPayload bounds one frame. A longer batch is split.
	maxPayload = 16 << 20
)

// kind is what a frame is for.
type kind uint8

const (
	kindEntries kind = iota
	// kindMark holds nothing but a promise; it is written when a log closes.
	kindMark
	// kindSeal ends a segment that is full.
	kindSeal
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is a frame's header.
type header struct {
	kind   kind
	epoch  uint32
	count  uint32
	first  uint64
	synced int64
	length uint32
	crc    uint32 // of the payload
}

// put writes the header to the first headerSize bytes of b.
func (h header) put(b []byte) {
	copy(b, magic)
	b[4], b[5], b[6], b[7] = version, byte(h.kind), 0, 0
	binary.BigEndian.PutUint32(b[8:], h.epoch)
	binary.BigEndian.PutUint32(b[12:], h.count)
	binary.BigEndian.PutUint64(b[16:], h.first)
	binary.BigEndian.PutUint64(b[24:], uint64(h.synced))
	binary.BigEndian.PutUint32(b[32:], h.length)
	binary.BigEndian.PutUint32(b[36:], h.crc)
	binary.BigEndian.PutUint32(b[40:], crc32.Checksum(b[:40], castagnoli))
}

// parseHeader reads the header in the first headerSize bytes of b. What is
// wrong with it comes back as text, empty when nothing is.
func parseHeader(b []byte) (h header, wrong string) {
	if string(b[:4]) != magic {
		return h, fmt.Sprintf("a frame begins with %x, found %x", magic, b[:4])
	}
	want, found := crc32.Checksum(b[:40], castagnoli), binary.BigEndian.Uint32(b[40:])
	if want != found {
		return h, fmt.Sprintf("the frame's header has checksum %08x but says %08x", want, found)
	}
	h = header{
		kind:   kind(b[5]),
		epoch:  binary.BigEndian.Uint32(b[8:]),
		count:  binary.BigEndian.Uint32(b[12:]),
		first:  binary.BigEndian.Uint64(b[16:]),
		synced: int64(binary.BigEndian.Uint64(b[24:])),
		length: binary.BigEndian.Uint32(b[32:]),
		crc:    binary.BigEndian.Uint32(b[36:]),
	}
	switch {
	case b[4] != version:
		return h, fmt.Sprintf("the frame has format version %d; this program reads %d", b[4], version)
	case h.kind > kindSeal || b[6] != 0 || b[7] != 0:
		return h, fmt.Sprintf("the frame is of unknown kind %x", b[5:8])
	case h.length > maxPayload:
		return h, fmt.Sprintf("the frame says it has %d bytes; %d is the most", h.length, maxPayload)
	case (h.kind == kindEntries) != (h.count > 0) || (h.count > 0) != (h.length > 0):
		return h, fmt.Sprintf("the frame says it has %d entries in %d bytes", h.count, h.length)
	}
	return h, ""
}

// checkPayload tells what is wrong with a frame's payload, if anything is.
func (h header) checkPayload(payload []byte) (wrong string) {
	if sum := crc32.Checksum(payload, castagnoli); sum != h.crc {
		return fmt.Sprintf("the frame's payload has checksum %08x but its header says %08x", sum, h.crc)
	}
	count := uint32(0)
	for rest := payload; len(rest) > 0; count++ {
		entry, after, ok := cutEntry(rest)
		if !ok || len(entry) == 0 {
			return fmt.Sprintf("entry %d of the frame is empty or cut off", count)
		}
		rest = after
	}
	if count != h.count {
		return fmt.Sprintf("the frame has %d entries but its header says %d", count, h.count)
	}
	return ""
}

// appendEntry appends an entry with its length before it.
func appendEntry(dst, entry []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(entry)))
	return append(dst, entry...)
}

// cutEntry takes the first entry off a payload.
func cutEntry(payload []byte) (entry, rest []byte, ok bool) {
	if len(payload) < 2 {
		return nil, nil, false
	}
	end := 2 + int(binary.BigEndian.Uint16(payload))
	if end > len(payload) {
		return nil, nil, false
	}
	return payload[2:end], payload[end:], true
}
