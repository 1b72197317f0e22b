package gateway_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// overTLS is a configuration of site's kind served over HTTP/1.1, HTTP/2 and
// HTTP/3 to every host name. Options are those of the directive tls; {cert} and
// {key} are to be replaced.
func overTLS(t testing.TB, config, options string) string {
	t.Helper()
	config = replaced(t, config, "http://{addr} {", "https://:{port} {\n\tbind 127.0.0.1\n\ttls {cert} {key} {\n"+options+"\n\t}")
	return replaced(t, config, "admin off", "admin off\n\tauto_https disable_redirects\n\tdefault_sni gw.test")
}

// secure is a running gateway that speaks TLS.
type secure struct {
	*gate
	ca *testsupport.Authority
}

// startSecure runs such a configuration. Options may name {clients}, a file with
// the certificate of the authority that vouches for the server, too.
func startSecure(t testing.TB, config, options string, vars map[string]string) *secure {
	t.Helper()
	ca := testsupport.CA(t)
	certify(t, ca, vars)
	vars["clients"] = writeFile(t, "clients.pem", string(ca.PEM()))
	return &secure{startGate(t, overTLS(t, config, options), vars), ca}
}

// certify adds the server's certificate to the variables of a configuration.
func certify(t testing.TB, ca *testsupport.Authority, vars map[string]string) {
	t.Helper()
	cert, key := ca.Issue("gw.test")
	vars["cert"], vars["key"] = writeFile(t, "cert.pem", string(cert)), writeFile(t, "key.pem", string(key))
}

// client is a TLS configuration that trusts the gateway, with client certificates.
func (s *secure) client(certificates ...tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: s.ca.Pool(), ServerName: "gw.test", Certificates: certificates}
}

// protocols are the versions of HTTP that a secure gateway speaks.
var protocols = []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"}

// over is a client for one version of HTTP.
func (s *secure) over(protocol string, config *tls.Config) *http.Client {
	if protocol == "HTTP/3.0" {
		transport := &http3.Transport{TLSClientConfig: config, Dial: func(ctx context.Context, _ string, config *tls.Config, q *quic.Config) (*quic.Conn, error) {
			return quic.DialAddr(ctx, s.addr, config, q)
		}}
		s.t.Cleanup(func() { transport.Close() })
		return &http.Client{Transport: transport}
	}
	transport := &http.Transport{TLSClientConfig: config, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.addr)
	}, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(protocol == "HTTP/1.1")
	transport.Protocols.SetHTTP2(protocol == "HTTP/2.0")
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// ask sends a request with the fields given as name, value pairs.
func ask(t testing.TB, client *http.Client, method, path string, fields ...string) answer {
	t.Helper()
	a, err := trial(client, method, path, fields...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// trial is ask for a request that may fail.
func trial(client *http.Client, method, path string, fields ...string) (answer, error) {
	req, err := http.NewRequest(method, "https://gw.test"+path, strings.NewReader(""))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Add(fields[i], fields[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res, string(text)}, err
}
