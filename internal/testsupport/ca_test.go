package testsupport_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

func TestCAIssuesForTheNamesGivenAndNoOther(t *testing.T) {
	ca := testsupport.CA(t)
	certPEM, keyPEM := ca.Issue("one.example.internal", "127.0.0.1")
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Fatalf("certificate and key do not fit: %v", err)
	}
	block, _ := pem.Decode(certPEM)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"one.example.internal": true,
		"127.0.0.1":            true,
		"two.example.internal": false,
		"127.0.0.2":            false,
	} {
		_, err := cert.Verify(x509.VerifyOptions{DNSName: name, Roots: ca.Pool()})
		if got := err == nil; got != want {
			t.Errorf("valid for %s: %v, want %v (%v)", name, got, want, err)
		}
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: testsupport.CA(t).Pool()}); err == nil {
		t.Error("another authority vouches for the certificate")
	}
	fromPEM := x509.NewCertPool()
	if !fromPEM.AppendCertsFromPEM(ca.PEM()) || !fromPEM.Equal(ca.Pool()) {
		t.Error("PEM and Pool are not the same authority")
	}
}
