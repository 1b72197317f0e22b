package config

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Archive is the registers as one file: a USTAR archive of the eight files (seven before 2026-12), in the
// order in which they are hashed. Registers with one digest have one archive, byte
// by byte. The slice is the caller's.
func (r *Registers) Archive() []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range fileNames {
		data := r.files[name]
		if data == nil {
			continue
		}
		header := &tar.Header{Name: name, Size: int64(len(data)), Mode: 0o444, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := errors.Join(w.WriteHeader(header), write(w, data)); err != nil {
			panic("config: archiving the registers: " + err.Error()) // a buffer takes everything
		}
	}
	if err := w.Close(); err != nil {
		panic("config: archiving the registers: " + err.Error())
	}
	return b.Bytes()
}

func write(w io.Writer, data []byte) error {
	_, err := w.Write(data)
	return err
}

// LoadArchive reads the registers out of an [Registers.Archive]. Problems and
// positions call it name. The error says so when blob is no such archive, byte by
// byte, or when it holds other registers than those of digest. Registers are read in
// the form they had when they were in force.
func LoadArchive(blob []byte, name, digest string) (*Registers, error) {
	files := map[string][]byte{}
	archive := tar.NewReader(bytes.NewReader(blob))
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading the archived registers %s: %w", name, err)
		}
		if !slices.Contains(fileNames, header.Name) || files[header.Name] != nil || header.Size > maxRegister {
			return nil, fmt.Errorf("the archive %s holds %q, which is none of the eight registers, stands there twice or is too long", name, header.Name)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			return nil, fmt.Errorf("reading %s of the archived registers %s: %w", header.Name, name, err)
		}
		files[header.Name] = data
	}
	if found := digestOf(files); found != digest {
		return nil, fmt.Errorf("the archive %s holds registers with digest %s, not %s", name, found, digest)
	}
	if r := (&Registers{files: files}); !bytes.Equal(r.Archive(), blob) {
		return nil, fmt.Errorf("the archive %s is not written as this program writes archives", name)
	}
	return load(files, name, nil, true)
}

// maxRegister is how long a register may be, in bytes.
const maxRegister = 16 << 20
