package identity_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/caddyplugin/identity"
	"github.com/sparkoo/transfergate/internal/decision"
)

// certificates makes an authority and a certificate of its staff, each in force for
// so long from now.
func certificates(t *testing.T, authority, staff time.Duration) (root, leaf *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issue := func(unit string, lasts time.Duration, parent *x509.Certificate) *x509.Certificate {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(7), Subject: pkix.Name{OrganizationalUnit: []string{unit}},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(lasts), IsCA: parent == nil, BasicConstraintsValid: true,
		}
		if parent == nil {
			parent = template
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	root = issue("CA", authority, nil)
	return root, issue("Support", staff, root)
}

// A certificate is believed while a chain that was verified when the connection was
// made is in force, and no longer: connections may last for days.
func TestCertificateExpires(t *testing.T) {
	const later, past = time.Hour, -time.Minute
	for _, test := range []struct {
		name             string
		authority, staff time.Duration
		verified         bool
		want             string // the reason; "staff" or "nobody" without one
	}{
		{"in force", later, later, true, "staff"},
		{"expired", later, past, true, "identity_broken"},
		{"authority expired", past, later, true, "identity_broken"},
		{"not verified", later, later, false, "nobody"},
		{"expired and not verified", later, past, false, "nobody"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root, leaf := certificates(t, test.authority, test.staff)
			file := filepath.Join(t.TempDir(), "staff.pem")
			if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), 0o600); err != nil {
				t.Fatal(err)
			}
			source := &identity.Certificate{
				CA: file, Staff: []identity.CertificateRow{{By: "ou", Value: "Support", Entity: "huawei-cloud-cn", Country: "CN"}},
				Subject: &identity.Subject{Field: "Subject-Account"},
			}
			if err := source.Provision(caddy.Context{}); err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest("GET", "/", nil)
			r = r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, make(map[string]any)))
			r.Header.Set("Subject-Account", "ana")
			r.TLS = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{leaf}}
			if test.verified {
				r.TLS.VerifiedChains = [][]*x509.Certificate{{leaf, root}}
			}
			id, err := source.Identify(r)
			got := "nobody"
			if id.Found && id.Account == "ana" && *id.Staff == (decision.Place{Entity: "huawei-cloud-cn", Country: "CN"}) {
				got = "staff"
			}
			if e := new(gateway.IdentityError); errors.As(err, &e) {
				got = string(e.Reason)
			}
			if got != test.want {
				t.Errorf("got %s, want %s (%v)", got, test.want, err)
			}
		})
	}
}
