package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
)

var errNoHTTP = errors.New("what came back, from the other side or a proxy, is no valid HTTP")

// RefusedError is why a check of the caller's in [Config.TLS] refuses a connection. The error
// is shown as it is.
type RefusedError struct{ Err error }

func (r *RefusedError) Error() string { return r.Err.Error() }
func (r *RefusedError) Unwrap() error { return r.Err }

// unquoted returns the error of a request if it is one of those that never repeat
// what came back. net/http quotes what it can't read, which may be anything.
func unquoted(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, http.ErrSchemeMismatch} {
		if errors.Is(err, known) {
			return err
		}
	}
	var (
		network     net.Error // of connections, names and time
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		refusal     *RefusedError
	)
	if errors.As(err, &network) || errors.As(err, &certificate) || errors.As(err, &record) || errors.As(err, &refusal) {
		return err
	}
	return errNoHTTP
}

// unquotedBody reads an answer with unquoted errors.
type unquotedBody struct{ io.ReadCloser }

func (b unquotedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = unquoted(err)
	}
	return n, err
}
