package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// keys are made for one run: a certificate for localhost, which the peers and the upstream
// share, and access tokens with what they are verified with.
type keys struct {
	certificate tls.Certificate
	trusted     *x509.CertPool
	tokens      map[string]string // by registered country

	Certificate, Key, Both string // files in PEM: each, and both in one
	Set                    string // JSON Web Key Set
	PublicKey              string // that of tokens, in PEM
}

// lasts is how long certificate and tokens are good for.
const lasts = 24 * time.Hour

func newKeys(dir string) (*keys, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	k := &keys{trusted: x509.NewCertPool()}
	return k, errors.Join(k.certify(dir, private), k.issue(dir, private))
}

// certify makes the certificate.
func (k *keys) certify(dir string, private *ecdsa.PrivateKey) error {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lasts),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	certificate, key := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	if k.certificate, err = tls.X509KeyPair(certificate, key); err != nil {
		return err
	}
	k.trusted.AppendCertsFromPEM(certificate)
	return errors.Join(write(dir, "certificate.pem", certificate, &k.Certificate), write(dir, "key.pem", key, &k.Key), write(dir, "both.pem", append(certificate, key...), &k.Both))
}

// issue makes the tokens.
func (k *keys) issue(dir string, private *ecdsa.PrivateKey) error {
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: "bench", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: "bench"}}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		return err
	}
	k.tokens = make(map[string]string)
	for _, country := range []string{"SG", "BR"} {
		k.tokens[country], err = jwt.Signed(signer).Claims(map[string]any{
			"iss": "https://login.example.com", "aud": "developer", "sub": "jane-" + strings.ToLower(country), "country": country,
			"iat": time.Now().Unix(), "exp": time.Now().Add(lasts).Unix(),
		}).Serialize()
		if err != nil {
			return err
		}
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return errors.Join(write(dir, "keys.json", set, &k.Set), write(dir, "public.pem", public, &k.PublicKey))
}

// write writes a file for the peers, and says where it is.
func write(dir, name string, data []byte, at *string) error {
	*at = filepath.Join(dir, name)
	if err := os.WriteFile(*at, data, 0o600); err != nil {
		return fmt.Errorf("writing for the peers: %w", err)
	}
	return nil
}
