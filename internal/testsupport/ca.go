package testsupport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"testing"
	"time"
)

// Authority is a certificate authority made for one test. It is trusted by
// nobody who was not given its PEM.
type Authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certificatesLast is how long all certificates of an authority are valid.
const certificatesLast = time.Hour

// CA makes an authority. It fails the test if it cannot.
func CA(t testing.TB) *Authority {
	t.Helper()
	key := newKey(t)
	template := newTemplate(t, "transfergate tests")
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatalf("making the test authority's certificate: %v", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("reading the test authority's certificate: %v", err)
	}
	return &Authority{t: t, cert: cert, key: key}
}

// PEM returns the authority's own certificate.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Pool returns a pool that trusts this authority and no other.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Issue returns a server's certificate for host names and IP addresses, and its
// private key, both in PEM. It fails the test if it cannot.
func (a *Authority) Issue(names ...string) (certPEM, keyPEM []byte) {
	a.t.Helper()
	return a.issueServer(newTemplate(a.t, names[0]), names)
}

// IssueExpired is [Authority.Issue] for a certificate that was valid until a
// minute ago.
func (a *Authority) IssueExpired(names ...string) (certPEM, keyPEM []byte) {
	a.t.Helper()
	template := newTemplate(a.t, names[0])
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
	return a.issueServer(template, names)
}

func (a *Authority) issueServer(template *x509.Certificate, names []string) (certPEM, keyPEM []byte) {
	a.t.Helper()
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return a.issue(template)
}

// IssueClient returns a client's certificate, in an organizational unit unless it
// is empty, with URIs among its names, and its private key, both in PEM. It fails
// the test if it cannot.
func (a *Authority) IssueClient(name, unit string, uris ...string) (certPEM, keyPEM []byte) {
	a.t.Helper()
	return a.IssueClientUntil(time.Now().Add(certificatesLast), name, unit, uris...)
}

// IssueClientUntil is [Authority.IssueClient] for a certificate that is valid until a
// moment, in whole seconds.
func (a *Authority) IssueClientUntil(until time.Time, name, unit string, uris ...string) (certPEM, keyPEM []byte) {
	a.t.Helper()
	template := newTemplate(a.t, name)
	template.NotAfter = until
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if unit != "" {
		template.Subject.OrganizationalUnit = []string{unit}
	}
	for _, text := range uris {
		uri, err := url.Parse(text)
		if err != nil {
			a.t.Fatalf("a certificate's URI: %v", err)
		}
		template.URIs = append(template.URIs, uri)
	}
	return a.issue(template)
}

// Revoke returns a list of revoked certificates, in PEM, that is valid until a
// moment and holds the certificates given in PEM.
func (a *Authority) Revoke(until time.Time, certPEMs ...[]byte) []byte {
	a.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: until.Add(-certificatesLast), NextUpdate: until}
	for _, certPEM := range certPEMs {
		block, _ := pem.Decode(certPEM)
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			a.t.Fatalf("reading a certificate to revoke: %v", err)
		}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: cert.SerialNumber, RevocationTime: list.ThisUpdate})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	if err != nil {
		a.t.Fatalf("signing a list of revoked certificates: %v", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// issue signs the template and encodes it with its new key.
func (a *Authority) issue(template *x509.Certificate) (certPEM, keyPEM []byte) {
	a.t.Helper()
	key := newKey(a.t)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatalf("issuing a certificate for %q: %v", template.Subject.CommonName, err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatalf("encoding the key for %q: %v", template.Subject.CommonName, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("making a test key: %v", err)
	}
	return key
}

func newTemplate(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatalf("drawing a serial number: %v", err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Minute), // clocks of two processes may differ
		NotAfter:     now.Add(certificatesLast),
	}
}
