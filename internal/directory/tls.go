package directory

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// TLSFiles are the files of a mutually authenticated connection, in PEM.
type TLSFiles struct {
	// CA vouches for the directory's certificate. Default: the system's
	CA string

	// Certificate and Key are the gateway's own. They are read at each handshake, so
	// that they may be replaced; while they can't be read the last ones are used.
	// Both or none. Default: none
	Certificate, Key string

	// Revoked is a list of revoked certificates (CRL), in PEM or DER, of the
	// authority that vouches for the directory. It is read at each handshake. A list
	// that can't be read, that is out of date, or that somebody else signed refuses
	// every certificate. Default: none
	Revoked string
}

// load reads the files once, so that mistakes are found when a configuration is
// loaded.
func (f TLSFiles) load() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		raw, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("reading the certificates for the directory: %w", err)
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", f.CA)
		}
	}
	if (f.Certificate == "") != (f.Key == "") {
		return nil, errors.New("a client certificate needs two files: the certificate and its key")
	}
	if f.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key)
		if err != nil {
			return nil, fmt.Errorf("reading the client certificate: %w", err)
		}
		var last atomic.Pointer[tls.Certificate]
		last.Store(&pair)
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if pair, err := tls.LoadX509KeyPair(f.Certificate, f.Key); err == nil {
				last.Store(&pair)
			}
			return last.Load(), nil
		}
	}
	if f.Revoked != "" {
		if _, err := readRevoked(f.Revoked); err != nil {
			return nil, err
		}
		config.VerifyConnection = func(state tls.ConnectionState) error { return f.checkRevoked(state.VerifiedChains) }
	}
	return config, nil
}

func readRevoked(path string) (*x509.RevocationList, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading revoked certificates: %w", err)
	}
	if block, _ := pem.Decode(raw); block != nil {
		raw = block.Bytes
	}
	list, err := x509.ParseRevocationList(raw)
	if err != nil {
		return nil, fmt.Errorf("%s is no list of revoked certificates: %w", path, err)
	}
	return list, nil
}

// checkRevoked lets a connection pass if one of its chains holds no certificate
// that its issuer revoked. The list speaks for the certificates of one issuer.
func (f TLSFiles) checkRevoked(chains [][]*x509.Certificate) error {
	list, err := readRevoked(f.Revoked)
	if err != nil {
		return err
	}
	if !list.NextUpdate.IsZero() && time.Now().After(list.NextUpdate) {
		return fmt.Errorf("%s is out of date since %s: get a new one", f.Revoked, list.NextUpdate.Format(time.RFC3339))
	}
	err = errors.New("the directory's certificate is not vouched for")
	for _, chain := range chains {
		if err = passes(chain, list, f.Revoked); err == nil {
			return nil
		}
	}
	return err
}

func passes(chain []*x509.Certificate, list *x509.RevocationList, path string) error {
	spoken := false
	for i, cert := range chain[:max(0, len(chain)-1)] {
		if list.CheckSignatureFrom(chain[i+1]) != nil {
			continue
		}
		spoken = true
		for _, entry := range list.RevokedCertificateEntries {
			if entry.SerialNumber.Cmp(cert.SerialNumber) == 0 {
				return errors.New("the directory's certificate is revoked")
			}
		}
	}
	if !spoken {
		return fmt.Errorf("%s is signed by none of those who vouch for the directory's certificate", path)
	}
	return nil
}
