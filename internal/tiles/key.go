package tiles

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// LogKey returns the verifier key of a log, given a verifier key that vouches for
// it: one with the log's own name, or one whose name is a beginning of it, up to
// a slash. A node has one key, named transfergate/<node>, and signs each epoch
// under a name of its own, so that its key is good for all of them.
func LogKey(vkey, origin string) (string, error) {
	vkey = strings.TrimSpace(vkey)
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return "", fmt.Errorf("the key '%s' is not a verifier key of the form <name>+<hash>+<key>: %w", vkey, err)
	}
	if v.Name() == origin {
		return vkey, nil
	}
	if !strings.HasPrefix(origin, v.Name()+"/") {
		return "", fmt.Errorf("the log is '%s'; the key is for '%s'", origin, v.Name())
	}
	parts := strings.SplitN(vkey, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize {
		return "", fmt.Errorf("the key '%s' is no Ed25519 key", vkey)
	}
	return note.NewEd25519VerifierKey(origin, key[1:])
}
