package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/sparkoo/transfergate/internal/suggest"
)

// Algorithms returns the names of every algorithm that can be allowed (RFC 7518,
// RFC 8037), which is also the default list. All are asymmetric: with an HMAC,
// whoever can verify can forge, and "none" verifies nothing. The slice is the
// caller's.
func Algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// allowList checks the names of algorithms; none stands for all of them.
func allowList(names []string) ([]string, error) {
	if len(names) == 0 {
		return Algorithms(), nil
	}
	for i, name := range names {
		switch {
		case !slices.Contains(Algorithms(), name):
			return nil, fmt.Errorf("algorithm '%s' cannot be allowed; %s", name, suggest.OneOf(Algorithms()))
		case slices.Contains(names[:i], name):
			return nil, fmt.Errorf("algorithm '%s' is written twice", name)
		}
	}
	return slices.Clone(names), nil
}

// algorithmOf returns the one algorithm a key is for: the one it names or, if it
// names none, the first of the list that fits it.
func algorithmOf(public any, named string, allowed []string) (jose.SignatureAlgorithm, error) {
	for _, name := range allowed {
		if (named == "" || named == name) && fits(name, public) {
			return jose.SignatureAlgorithm(name), nil
		}
	}
	return "", errors.New("algorithm")
}

// fits reports whether a public key is of the kind, and on the curve, that an
// algorithm is defined for.
func fits(algorithm string, public any) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		return algorithm == "ES256" && public.Curve == elliptic.P256() ||
			algorithm == "ES384" && public.Curve == elliptic.P384() ||
			algorithm == "ES512" && public.Curve == elliptic.P521()
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}
