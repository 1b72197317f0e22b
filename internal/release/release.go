// Package release says which files a release consists of, in a signed note
// (https://c2sp.org/signed-note) with Ed25519 keys, as policies are signed:
//
//	transfergate release v1
//	version v1.2.3
//	9b1e…  transfergate-v1.2.3-linux-amd64.tar.gz    SHA-256, as sha256sum prints it
//	…
//
//	— releases sig
//
// Whoever has the public key and nothing of ours verifies the note with
// golang.org/x/mod/sumdb/note, and the files with sha256sum.
package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/regular"
)

// header is the note's first line. A key that signs other notes too signs none that
// begins with it.
const header = "transfergate release v1"

// Limit is how long a note may be, in bytes.
const Limit = 1 << 20

// Release is a version and its files.
type Release struct {
	// Version is the semantic version, with its v.
	Version string
	// Files has the SHA-256 of each file, in lower-case hex, by its name.
	Files map[string]string
}

var (
	versionForm = regexp.MustCompile(`^v[0-9A-Za-z.+-]+$`)
	nameForm    = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._+~-]*$`)
	lineForm    = regexp.MustCompile(`^([0-9a-f]{64})  (\S+)$`)
)

// Of reads the files of a release, each at its path.
func Of(version string, paths []string) (Release, error) {
	r := Release{Version: version, Files: make(map[string]string)}
	if !versionForm.MatchString(version) {
		return Release{}, fmt.Errorf("'%s' is no version: write vX.Y.Z", version)
	}
	if len(paths) == 0 {
		return Release{}, errors.New("a release without files")
	}
	for _, path := range paths {
		name := filepath.Base(path)
		if !nameForm.MatchString(name) {
			return Release{}, fmt.Errorf("'%s' is no name for a file of a release: letters, digits and ._+~- make one", name)
		}
		if _, twice := r.Files[name]; twice {
			return Release{}, fmt.Errorf("two files are called '%s'", name)
		}
		sum, err := sumOf(path)
		if err != nil {
			return Release{}, err
		}
		r.Files[name] = sum
	}
	return r, nil
}

// sumOf is the SHA-256 of a file.
func sumOf(path string) (sum string, err error) {
	f, err := regular.Open(path, math.MaxInt64)
	if err != nil {
		return "", fmt.Errorf("reading a file of the release: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading a file of the release: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Sums are the files as sha256sum prints them, and checks them with -c, by name.
func (r Release) Sums() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		fmt.Fprintf(&b, "%s  %s\n", r.Files[name], name)
	}
	return b.String()
}

// Sign makes the note that a key's owner answers for.
func (r Release) Sign(skey string) ([]byte, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("the key that signs: %w", err)
	}
	return note.Sign(&note.Note{Text: r.text()}, signer)
}

// text is what is signed.
func (r Release) text() string { return header + "\nversion " + r.Version + "\n" + r.Sums() }

// Open returns what a note says that at least one of the keys signed, and the names of
// the keys that did. A note that nobody of them signed, that a false signature stands
// in or that is of something else is an error.
func Open(signed []byte, keys *approval.Keys) (r Release, by []string, err error) {
	n, err := keys.Open(signed)
	if err != nil {
		return Release{}, nil, fmt.Errorf("the signature does not hold: %w", err)
	}
	if r, err = parse(n.Text); err != nil {
		return Release{}, nil, fmt.Errorf("what was signed is no release: %w", err)
	}
	for _, sig := range n.Sigs {
		by = append(by, sig.Name)
	}
	return r, by, nil
}

// parse reads a text that is written as text writes it, byte by byte.
func parse(text string) (Release, error) {
	r := Release{Files: make(map[string]string)}
	rest, ok := strings.CutPrefix(text, header+"\nversion ")
	if !ok {
		return Release{}, fmt.Errorf("it does not begin with '%s' and a version", header)
	}
	r.Version, rest, _ = strings.Cut(rest, "\n")
	for line := range strings.Lines(rest) {
		m := lineForm.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil || !nameForm.MatchString(m[2]) {
			return Release{}, fmt.Errorf("the line %q is none of a file", line)
		}
		r.Files[m[2]] = m[1]
	}
	if len(r.Files) == 0 || r.text() != text || !versionForm.MatchString(r.Version) {
		return Release{}, errors.New("it is not written as such a note is")
	}
	return r, nil
}

// ErrOther is a file that is not the release's.
var ErrOther = errors.New("not a file of this release")

// Check holds a file to the one that the release has under its name. It fails with
// [ErrOther] if the release has none of that name, or another.
func (r Release) Check(path string) error {
	name := filepath.Base(path)
	want, listed := r.Files[name]
	if !listed {
		return fmt.Errorf("%s: %w: %s has none of this name", path, ErrOther, r.Version)
	}
	got, err := sumOf(path)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("%s: %w: its SHA-256 is %s, that of %s is %s", path, ErrOther, got, r.Version, want)
	}
	return nil
}
