package assertion

import "crypto"

// Open checks a JWS's signature alone, as vectors of standards need it.
func Open(raw, algorithm string, public crypto.PublicKey) ([]byte, error) {
	return open(raw, algorithm, public)
}

// Public is the public half of a key.
func (k Key) Public() crypto.PublicKey { return k.public }

// Kept is how many assertions the signer keeps for reuse.
func (s *Signer) Kept() int { return s.reused.kept.Len() }
