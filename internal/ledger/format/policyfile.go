package format

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// MaxPolicy bounds a snapshot in bytes.
const MaxPolicy = 64 << 20

// IsPlain reports whether a digest may name a file.
func IsPlain(digest string) bool {
	for _, c := range digest {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return true
}

// ReadPolicy reads a policy that is kept.
func ReadPolicy(fsys FS, dir, digest string) ([]byte, error) {
	if digest == "" || !IsPlain(digest) {
		return nil, fmt.Errorf("'%s' is not the digest of a policy: %w", digest, fs.ErrNotExist)
	}
	f, err := fsys.Open(PolicyPath(dir, digest), false)
	if err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	blob, err := io.ReadAll(io.NewSectionReader(f, 0, MaxPolicy))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("reading a policy: %w", err)
	}
	return blob, nil
}

// Policies are the digests of the policies that are kept, sorted.
func Policies(fsys FS, dir string) (digests []string, err error) {
	names, err := fsys.Names(filepath.Join(dir, PolicyName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the policies: %w", err)
	}
	for _, name := range names {
		if digest, ok := strings.CutSuffix(name, ".tar"); ok {
			digests = append(digests, digest)
		}
	}
	slices.Sort(digests)
	return digests, nil
}
