package columns

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Parquet has checksums of its pages and none of the footer, which says where the pages
// of each column are: one that is damaged could pass those of one column for another's.
// So what a file says of itself there begins with the CRC-32 of the footer, which is
// computed with zeros in its place.

// noChecksum is what stands in the place of the checksum, with the blank after it.
const noChecksum = "00000000 "

// afterChecksum is what the JSON after it begins with.
const afterChecksum = ` {"version":`

var errFooter = errors.New("the file is damaged")

// signFooter puts in the checksum.
func signFooter(file []byte) error {
	footer, err := footerOf(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return err
	}
	at := bytes.Index(footer, []byte(noChecksum[:8]+afterChecksum))
	if at < 0 {
		return errFooter
	}
	copy(file[len(file)-8-len(footer)+at:], fmt.Sprintf("%08x", crc32.ChecksumIEEE(footer)))
	return nil
}

// checkFooter returns an error if the checksum is another one.
func checkFooter(file io.ReaderAt, size int64) error {
	footer, err := footerOf(file, size)
	if err != nil {
		return err
	}
	at := bytes.Index(footer, []byte(afterChecksum)) - 8
	if at < 0 {
		return errFooter
	}
	sum := string(footer[at : at+8])
	copy(footer[at:], noChecksum[:8])
	if sum != fmt.Sprintf("%08x", crc32.ChecksumIEEE(footer)) {
		return errFooter
	}
	return nil
}

// footerOf is the footer of a Parquet file, before its length and the magic at the end.
func footerOf(file io.ReaderAt, size int64) ([]byte, error) {
	var end [8]byte
	if size < int64(len(end)) {
		return nil, errFooter
	}
	if _, err := file.ReadAt(end[:], size-8); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(end[:4]))
	if string(end[4:]) != "PAR1" || n > size-8 {
		return nil, errFooter
	}
	footer := make([]byte, n)
	_, err := file.ReadAt(footer, size-8-n)
	return footer, err
}
