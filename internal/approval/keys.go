package approval

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/regular"
)

// Keys are the public keys of the people who may write and approve policies. The
// zero value trusts nobody.
type Keys struct {
	verifiers []note.Verifier
}

// ParseKeys reads public keys, one per person, as note.GenerateKey writes them:
// name+hash+key. It refuses a name that is given twice and a key that is given
// under two names: one person would count as two.
func ParseKeys(vkeys []string) (*Keys, error) {
	k := new(Keys)
	names, keys := make(map[string]bool), make(map[string]string)
	for _, vkey := range vkeys {
		name, _, _ := strings.Cut(vkey, "+") // the rest is not repeated: it may be a private key
		if name == "PRIVATE" {
			return nil, errors.New("a private key stands where a public one is meant; make its owner a new one")
		}
		v, err := note.NewVerifier(vkey)
		if err != nil {
			return nil, fmt.Errorf("public key of '%s': %w; write it as 'transfer policy keygen' printed it", name, err)
		}
		key, err := publicKey(vkey)
		if err != nil {
			return nil, fmt.Errorf("public key of '%s': %w", name, err)
		}
		switch {
		case names[v.Name()]:
			return nil, fmt.Errorf("two public keys of '%s': one person would count as two; keep one", v.Name())
		case keys[key] != "":
			return nil, fmt.Errorf("'%s' and '%s' have the same public key: one person would count as two; keep one", keys[key], v.Name())
		}
		names[v.Name()], keys[key] = true, v.Name()
		k.verifiers = append(k.verifiers, v)
	}
	return k, nil
}

// keyForm tells a public key from the name of a file.
var keyForm = regexp.MustCompile(`^[^+\s]+\+[0-9a-f]{8}\+`)

// ReadKeys reads public keys, which are given as such or as files with one a line.
// Empty lines and those that begin with # say nothing.
func ReadKeys(given []string) (*Keys, error) {
	var vkeys []string
	for _, key := range given {
		if keyForm.MatchString(key) {
			vkeys = append(vkeys, key)
			continue
		}
		text, err := regular.ReadText(key, regular.KeyLimit)
		if err != nil {
			return nil, fmt.Errorf("reading public keys: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				vkeys = append(vkeys, line)
			}
		}
	}
	return ParseKeys(vkeys)
}

// publicKey is the key in a vkey, as bytes: base64 could spell it in two ways.
func publicKey(vkey string) (string, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return "", errors.New("not name+hash+key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	return string(key), err
}

// Len is how many people there are.
func (k *Keys) Len() int { return len(k.verifiers) }

// IDs names the keys, in the order given: name+hash.
func (k *Keys) IDs() []string {
	var ids []string
	for _, v := range k.verifiers {
		ids = append(ids, keyID(v.Name(), v.KeyHash()))
	}
	return ids
}

// Open reads a note that at least one of the keys signed. Signatures of others are left
// out of Sigs.
func (k *Keys) Open(signed []byte) (*note.Note, error) {
	return note.Open(signed, note.VerifierList(k.verifiers...))
}

// has reports whether the key is one of them.
func (k *Keys) has(id string) bool {
	for _, v := range k.verifiers {
		if keyID(v.Name(), v.KeyHash()) == id {
			return true
		}
	}
	return false
}

// keyID names a key: two keys of one name have different ones.
func keyID(name string, hash uint32) string { return fmt.Sprintf("%s+%08x", name, hash) }
