package anchor

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// algCosignatureV1 is the type of a witness's key (C2SP tlog-cosignature): a
// timestamped Ed25519 signature.
const algCosignatureV1 = 4

// cosigner verifies the cosignatures of one witness.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

// NewVerifier returns the verifier of a witness's key, written as a signed note's
// verifier key: <name>+<hash>+<base64 of 0x04 and the Ed25519 key>.
func NewVerifier(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3) // base64 has pluses too
	if len(parts) != 3 || parts[0] == "" || strings.ContainsAny(parts[0], " \t\r\n") {
		return nil, fmt.Errorf("the witness's key '%s' is not of the form <name>+<hash>+<key>", vkey)
	}
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil || len(parts[1]) != 8 {
		return nil, fmt.Errorf("the witness's key '%s' has no hash of eight hexadecimal digits", vkey)
	}
	key, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != algCosignatureV1 {
		return nil, fmt.Errorf("the witness's key '%s' is not a key for cosignatures (type 4, Ed25519); a log's own key is none", vkey)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if want := binary.BigEndian.Uint32(sum[:]); uint32(hash) != want {
		return nil, fmt.Errorf("the witness's key '%s' has the hash %08x; it was copied wrongly", vkey, want)
	}
	return &cosigner{parts[0], uint32(hash), key[1:]}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

// Verify verifies a cosignature of a checkpoint's text: eight bytes of Unix time
// and the signature over both.
func (c *cosigner) Verify(text, sig []byte) bool {
	if _, err := tiles.ParseCheckpoint(string(text)); err != nil || len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	message := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), text)
	return ed25519.Verify(c.key, message, sig[8:])
}
