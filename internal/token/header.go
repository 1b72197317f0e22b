package token

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4/json"
)

// header is what matters of a token's header (RFC 7515 section 4.1). Keys that
// it carries or points to (jwk, jku, x5c, x5u) are never looked at.
type header struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Type      string          `json:"typ"`
	Critical  json.RawMessage `json:"crit"`
	Unencoded json.RawMessage `json:"b64"` // RFC 7797: means nothing without crit
}

// encoding refuses spellings of a text that its encoder does not produce.
var encoding = base64.RawURLEncoding.Strict()

// parse takes a token in compact form apart (RFC 7515 section 7.1). The payload
// is not verified.
func parse(raw string) (h header, payload []byte, err error) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 || strings.ContainsAny(raw, "\r\n") { // which the decoder would skip
		return h, nil, invalid(Malformed)
	}
	decoded := make([][]byte, len(parts))
	for i, part := range parts {
		decoded[i], err = encoding.DecodeString(part)
		if err != nil || part == "" && i != 1 {
			return h, nil, invalid(Malformed)
		}
	}
	if json.Unmarshal(decoded[0], &h) != nil {
		return h, nil, invalid(Malformed)
	}
	return h, decoded[1], nil
}

// checkHeader holds a token's header to what is configured.
func (v *Verifier) checkHeader(h header) error {
	switch {
	case h.Critical != nil || h.Unencoded != nil:
		return invalid(Critical)
	case !slices.Contains(v.keys.algorithms, h.Algorithm):
		return invalid(BadAlgorithm)
	case !v.acceptsType(h.Type):
		return invalid(BadType)
	case len(h.KeyID) > maxKeyID:
		return invalid(UnknownKey)
	}
	return nil
}

// acceptsType compares media types (RFC 7515 section 4.1.9): in any case, with
// or without "application/". A token without a type is a JWT.
func (v *Verifier) acceptsType(typ string) bool {
	if typ == "" {
		typ = "JWT"
	}
	return slices.Contains(v.config.Types, mediaType(typ))
}

// mediaType is a type as it is compared.
func mediaType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}
