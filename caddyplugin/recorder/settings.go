package recorder

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Settings are the lines of a configuration, each of them "name: value", in order.
type Settings []string

// Digest is the SHA-256 of the lines, in hex.
func (s Settings) Digest() string { return digestOf(strings.Join(s, "\n")) }

// Changes says in words what is different in others: settings of one name that have
// another value, that are new and that are gone.
func (s Settings) Changes(others Settings) (changes []string) {
	was, is := s.byName(), others.byName()
	for _, line := range others {
		name, value := split(line)
		switch before, known := was[name]; {
		case known && before == value:
		case known:
			changes = append(changes, name+": was "+before+", is "+value)
		default:
			changes = append(changes, "new: "+line)
		}
	}
	for _, line := range s {
		if name, _ := split(line); !has(is, name) {
			changes = append(changes, "no longer: "+line)
		}
	}
	return fold(changes)
}

func has(settings map[string]string, name string) bool {
	_, ok := settings[name]
	return ok
}

func (s Settings) byName() map[string]string {
	all := make(map[string]string, len(s))
	for _, line := range s {
		name, value := split(line)
		all[name] = value
	}
	return all
}

func split(line string) (name, value string) {
	name, value, _ = strings.Cut(line, ": ")
	return name, value
}

// maxSettings is how many bytes the settings, or their changes, take in an entry at
// most: an entry has room for both, each letter quoted.
const maxSettings = 12 << 10

// NewSettings are the lines of a configuration. What an entry has no room for is left to
// a digest at their end, so that no change of it goes unnoticed.
func NewSettings(lines []string) Settings { return fold(lines) }

func fold(lines []string) []string {
	size := 0
	for i, line := range lines {
		if size += len(line); size > maxSettings {
			rest := digestOf(strings.Join(lines[i:], "\n"))
			return append(lines[:i:i], fmt.Sprintf("more: %d lines with digest %s", len(lines)-i, rest))
		}
	}
	return lines
}

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
