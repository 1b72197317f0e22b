package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"sync"
)

// pseudonyms turns account ids into the subjects of records under one period's
// key, so that a record names nobody to whoever lacks the key.
type pseudonyms struct {
	prefix string    // h1:<period>:
	macs   sync.Pool // of *mac
}

// mac is a keyed hash with room for its message and sum.
type mac struct {
	hash hash.Hash
	buf  []byte
}

func newPseudonyms(period string, key []byte) *pseudonyms {
	p := &pseudonyms{prefix: "h1:" + period + ":"}
	p.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, key), buf: make([]byte, 0, 256)} }
	return p
}

// subject returns h1:<period>:<16 bytes in base64url>. The bytes are the first of
// HMAC-SHA-256 over the prefix, the length of the account id in two bytes, the
// id, and the person's salt: without the salt nobody can compute them again.
func (p *pseudonyms) subject(account, salt string) string {
	m := p.macs.Get().(*mac)
	defer p.macs.Put(m)
	m.buf = append(m.buf[:0], p.prefix...)
	m.buf = binary.BigEndian.AppendUint16(m.buf, uint16(len(account)))
	m.buf = append(append(m.buf, account...), salt...)
	m.hash.Reset()
	m.hash.Write(m.buf) // a hash never fails
	sum := m.hash.Sum(m.buf[:0])
	text := base64.RawURLEncoding.AppendEncode(append(sum, p.prefix...), sum[:16])
	m.buf = text
	return string(text[len(sum):])
}
