package directory

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sparkoo/transfergate/internal/fetch"
	"github.com/sparkoo/transfergate/internal/regular"
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
	// authority that vouches for the directory. In PEM there may be several, of the
	// authorities above too. They are read at each handshake. A list that can't be
	// read or is out of date, and a file without one of the directory's own authority,
	// refuse every certificate. Default: none
	Revoked string
}

// load reads the files once, so that mistakes are found when a configuration is
// loaded.
func (f TLSFiles) load() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		raw, err := regular.ReadText(f.CA, regular.CertLimit)
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
		pair, err := f.pair()
		if err != nil {
			return nil, fmt.Errorf("reading the client certificate: %w", err)
		}
		var last atomic.Pointer[tls.Certificate]
		last.Store(&pair)
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if pair, err := f.pair(); err == nil {
				last.Store(&pair)
			}
			return last.Load(), nil
		}
	}
	if f.Revoked != "" {
		if _, err := readRevoked(f.Revoked); err != nil {
			return nil, err
		}
		config.VerifyConnection = func(state tls.ConnectionState) error {
			if err := f.checkRevoked(state.VerifiedChains); err != nil {
				return &fetch.RefusedError{Err: err}
			}
			return nil
		}
	}
	return config, nil
}

// pair reads the client certificate.
func (f TLSFiles) pair() (pair tls.Certificate, err error) {
	certificate, err := regular.ReadText(f.Certificate, regular.CertLimit)
	if err != nil {
		return pair, err
	}
	key, err := regular.ReadText(f.Key, regular.KeyLimit)
	if err != nil {
		return pair, err
	}
	return tls.X509KeyPair(certificate, key)
}

func readRevoked(path string) ([]*x509.RevocationList, error) {
	raw, err := regular.ReadText(path, regular.CertLimit)
	if err != nil {
		return nil, fmt.Errorf("reading revoked certificates: %w", err)
	}
	var lists []*x509.RevocationList
	for block, rest := pem.Decode(raw); len(raw) > 0; block, rest = pem.Decode(rest) {
		der := raw
		if block != nil {
			der = block.Bytes
		}
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("%s is no list of revoked certificates: %w", path, err)
		}
		lists = append(lists, list)
		if block == nil || len(bytes.TrimSpace(rest)) == 0 {
			return lists, nil
		}
	}
	return nil, fmt.Errorf("%s is no list of revoked certificates: it is empty", path)
}

// checkRevoked lets a connection pass if one of its chains holds no certificate
// that its issuer revoked.
func (f TLSFiles) checkRevoked(chains [][]*x509.Certificate) error {
	lists, err := readRevoked(f.Revoked)
	if err != nil {
		return err
	}
	for _, list := range lists {
		if !list.NextUpdate.IsZero() && time.Now().After(list.NextUpdate) {
			return fmt.Errorf("%s is out of date since %s: get a new one", f.Revoked, list.NextUpdate.Format(time.RFC3339))
		}
	}
	err = errors.New("the directory's certificate is not vouched for")
	for _, chain := range chains {
		if err = passes(chain, lists, f.Revoked); err == nil {
			return nil
		}
	}
	return err
}

// passes holds a chain against the lists. There must be one of who issued the first
// certificate, the directory's own.
func passes(chain []*x509.Certificate, lists []*x509.RevocationList, path string) error {
	spoken := false
	for i, cert := range chain[:max(0, len(chain)-1)] {
		for _, list := range lists {
			if list.CheckSignatureFrom(chain[i+1]) != nil {
				continue
			}
			spoken = spoken || i == 0
			if slices.ContainsFunc(list.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(cert.SerialNumber) == 0 }) {
				return errors.New("the directory's certificate is revoked")
			}
		}
	}
	if !spoken {
		return fmt.Errorf("%s holds no list of who issued the directory's certificate", path)
	}
	return nil
}
