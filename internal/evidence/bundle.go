package evidence

import (
	"archive/tar"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// The files of a bundle, in their order.
const (
	howtoName          = "HOWTO.txt"
	keyName            = "key.txt"
	recordName         = "record.json"
	receiptName        = "receipt.txt"
	genesisName        = "genesis.json"
	genesisReceiptName = "genesis-receipt.txt"
	policyName         = "policy.tar"
)

var names = []string{howtoName, keyName, recordName, receiptName, genesisName, genesisReceiptName, policyName}

// howto is part of the format: another text would be another version of it.
//
//go:embed howto.txt
var howto []byte

// MaxSize bounds a bundle in bytes.
const MaxSize = 80 << 20

// pack writes files as the one archive they can be.
func pack(order []string, files map[string][]byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range order {
		data, ok := files[name]
		if !ok {
			continue
		}
		header := &tar.Header{Name: name, Size: int64(len(data)), Mode: 0o444, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		err := w.WriteHeader(header)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			panic("evidence: writing an archive to memory: " + err.Error()) // only a name too long, and ours are short
		}
	}
	if err := w.Close(); err != nil {
		panic("evidence: writing an archive to memory: " + err.Error())
	}
	return b.Bytes()
}

// maxFiles bounds the files of the bundle of one record, and of an archive of registers.
const maxFiles = 64

// unpack reads an archive that pack wrote, of at most so many files named as known says, and
// returns them with their order.
func unpack(archive []byte, most int, known func(name string) bool) (order []string, files map[string][]byte, err error) {
	files = map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("not a whole tar archive: %w", err)
		}
		if _, twice := files[header.Name]; twice || !known(header.Name) || len(order) == most {
			return nil, nil, fmt.Errorf("a file %q does not belong there, or not twice", header.Name)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, nil, fmt.Errorf("not a whole tar archive: %w", err)
		}
		order, files[header.Name] = append(order, header.Name), data
	}
	if !bytes.Equal(pack(order, files), archive) {
		return nil, nil, errors.New("the tar archive is not written in the one form it has: its headers or its padding were changed")
	}
	return order, files, nil
}

// unpackBundle reads a bundle's files, all of which must be there but the policy.
func unpackBundle(bundle []byte) (map[string][]byte, error) {
	order, files, err := unpack(bundle, maxFiles, func(name string) bool { return slices.Contains(names, name) })
	if err != nil {
		return nil, err
	}
	if want := names[:len(names)-1]; !slices.Equal(order, names) && !slices.Equal(order, want) {
		return nil, fmt.Errorf("the files are %q, want %q", order, names)
	}
	return files, nil
}
