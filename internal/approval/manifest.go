// Package approval says who stands behind a policy (§5(g), separation of duties):
// a manifest of its registers that its author and other people sign, as one
// signed note (https://c2sp.org/signed-note) with Ed25519 keys.
//
//	transfergate policy approval v1
//	serial 7
//	policy 5f0c…                      the policy's digest
//	author ana+1a2b3c4d               the author's key
//	9b1e…  statement.yaml             the sums whose SHA-256 is the digest
//	…
//
//	— ana sig
//	— bea sig
//
// The signatures cover every byte of every register: whoever changes one voids
// them all. The serial number rises with each policy, so that an old one, however
// well signed, is not taken for a new one.
package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// header is the manifest's first line. A key that signs other notes too signs none
// that begins with it.
const header = "transfergate policy approval v1"

// Manifest is what is signed.
type Manifest struct {
	// Serial is the policy's number, from 1. It rises.
	Serial uint64
	// Policy is the digest: the SHA-256 of Sums in lower-case hex.
	Policy string
	// Author is the key of who wrote the policy, as name+hash.
	Author string
	// Sums are the registers' SHA-256, as config.Registers.Sums gives them.
	Sums string
}

// newManifest describes registers.
func newManifest(serial uint64, author, sums string) Manifest {
	sum := sha256.Sum256([]byte(sums))
	return Manifest{Serial: serial, Policy: hex.EncodeToString(sum[:]), Author: author, Sums: sums}
}

// text is the manifest as it is signed.
func (m Manifest) text() string {
	return fmt.Sprintf("%s\nserial %d\npolicy %s\nauthor %s\n%s", header, m.Serial, m.Policy, m.Author, m.Sums)
}

// sumLine is a register's line.
var sumLine = regexp.MustCompile(`^[0-9a-f]{64}  [a-z]+\.yaml$`)

// parse reads a manifest that is written as text writes it, byte by byte.
func parse(text string) (Manifest, error) {
	lines := strings.SplitN(text, "\n", 5)
	if len(lines) != 5 || lines[0] != header {
		return Manifest{}, fmt.Errorf("it does not begin with %q", header)
	}
	serial, err := strconv.ParseUint(strings.TrimPrefix(lines[1], "serial "), 10, 63)
	if err != nil || serial == 0 {
		return Manifest{}, fmt.Errorf("%q is no serial number", lines[1])
	}
	m := newManifest(serial, strings.TrimPrefix(lines[3], "author "), lines[4])
	for line := range strings.Lines(m.Sums) {
		if !sumLine.MatchString(strings.TrimSuffix(line, "\n")) {
			return Manifest{}, fmt.Errorf("%q is no line of a register", strings.TrimSpace(line))
		}
	}
	if m.text() != text {
		return Manifest{}, errors.New("the digest is not that of the registers it lists, or a line is written differently")
	}
	return m, nil
}

// differing names the registers of which the manifest has another sum.
func (m Manifest) differing(sums string) (names []string) {
	for line := range strings.Lines(sums) {
		if _, name, _ := strings.Cut(strings.TrimSpace(line), "  "); !strings.Contains("\n"+m.Sums, "\n"+line) {
			names = append(names, name)
		}
	}
	return names
}
