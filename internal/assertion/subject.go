package assertion

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// MinSubjectKey is the least length of a key for pairwise subjects, in bytes.
const MinSubjectKey = 32

// subjects names accounts, each recipient by a key of its own, so that two of
// them cannot tell that they know the same person (as the pairwise subjects of
// OpenID Connect Core section 8.1).
type subjects struct{ secret []byte }

// newSubjects derives the secret from key material (RFC 5869).
func newSubjects(material []byte) (subjects, error) {
	secret, err := hkdf.Extract(sha256.New, material, []byte("transfer assertion subjects"))
	if err != nil {
		return subjects{}, fmt.Errorf("deriving the key of pairwise subjects: %w", err)
	}
	return subjects{secret}, nil
}

// name returns the account's name for the recipient: 16 bytes of HMAC-SHA256 in
// base64url. It is empty for an empty account.
func (s subjects) name(recipient, account string) string {
	if account == "" {
		return ""
	}
	key, err := hkdf.Expand(sha256.New, s.secret, "recipient:"+recipient, sha256.Size)
	if err != nil {
		return "" // cannot be: it fails only for longer keys
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(account)) // a hash never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// newID returns 16 random bytes in base64url.
func newID() string {
	id := make([]byte, 16)
	rand.Read(id) // never fails
	return base64.RawURLEncoding.EncodeToString(id)
}
