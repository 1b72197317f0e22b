package directory_test

import (
	"crypto/tls"
	"errors"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/directory"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// Who the directory is must be proved, by a certificate that is valid, for its name,
// of the right authority and not revoked.
func TestServerCertificate(t *testing.T) {
	for _, test := range []struct {
		name    string
		issue   func(*testsupport.Authority) (cert, key []byte)
		revoked func(ca *testsupport.Authority, cert []byte) []byte
		want    string // in the log; empty: it answers
	}{
		{name: "good", issue: issue("127.0.0.1")},
		{name: "expired", issue: func(ca *testsupport.Authority) ([]byte, []byte) { return ca.IssueExpired("127.0.0.1") },
			want: "certificate has expired"},
		{name: "of another name", issue: issue("accounts.example.internal"), want: "127.0.0.1"},
		{name: "of another authority", issue: func(*testsupport.Authority) ([]byte, []byte) { return testsupport.CA(t).Issue("127.0.0.1") },
			want: "certificate signed by unknown authority"},
		{name: "not revoked", issue: issue("127.0.0.1"),
			revoked: func(ca *testsupport.Authority, _ []byte) []byte {
				other, _ := ca.Issue("127.0.0.1")
				return ca.Revoke(time.Now().Add(time.Hour), other)
			}},
		{name: "revoked", issue: issue("127.0.0.1"),
			revoked: func(ca *testsupport.Authority, cert []byte) []byte {
				return ca.Revoke(time.Now().Add(time.Hour), cert)
			},
			want: "the directory's certificate is revoked"},
		{name: "list out of date", issue: issue("127.0.0.1"),
			revoked: func(ca *testsupport.Authority, _ []byte) []byte { return ca.Revoke(time.Now().Add(-time.Minute)) },
			want:    "is out of date since"},
		{name: "list of another authority", issue: issue("127.0.0.1"),
			revoked: func(*testsupport.Authority, []byte) []byte {
				return testsupport.CA(t).Revoke(time.Now().Add(time.Hour))
			},
			want: "holds no list of who issued the directory's certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &center{ca: testsupport.CA(t), records: map[string]string{"a": `{"account":"a"}`}, at: make(map[string]int)}
			cert, key := test.issue(c.ca)
			c.serve(t, cert, key)
			said := new(logs)
			files := directory.TLSFiles{CA: writeFile(t, "ca.pem", c.ca.PEM())}
			if test.revoked != nil {
				files.Revoked = writeFile(t, "revoked.pem", test.revoked(c.ca, cert))
			}
			l := c.newLookup(t, func(config *directory.LookupConfig) { config.Client.TLS, config.Logger = files, said.logger() })
			_, err := l.Find(t.Context(), registers, "a")
			if (err == nil) != (test.want == "") || err != nil && !errors.Is(err, directory.ErrUnavailable) {
				t.Errorf("got %v", err)
			}
			wantText(t, said.String(), test.want)
			if test.want != "" && c.asked.Load() != 0 {
				t.Error("it was asked all the same")
			}
		})
	}
}

func issue(name string) func(*testsupport.Authority) (cert, key []byte) {
	return func(ca *testsupport.Authority) ([]byte, []byte) { return ca.Issue(name) }
}

// A directory that asks for the gateway's certificate gets it; without one, with one
// of another authority or with an expired one, nothing can be said. A new one is
// taken without a reload.
func TestClientCertificate(t *testing.T) {
	c := newCenter(t)
	c.set("a", `{"account":"a"}`)
	c.Close()
	clients := testsupport.CA(t)
	config := c.TLS.Clone()
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, clients.Pool()
	server := httptest.NewUnstartedServer(c.Config.Handler)
	server.TLS, server.Config.ErrorLog = config, c.Config.ErrorLog
	server.StartTLS()
	defer server.Close()

	good := func() ([]byte, []byte) { return clients.IssueClient("gw-sg-1", "") }
	other := func() ([]byte, []byte) { return testsupport.CA(t).IssueClient("gw-sg-1", "") }
	for _, test := range []struct {
		name  string
		issue func() (cert, key []byte)
		want  bool
	}{
		{"none", nil, false}, {"of another authority", other, false}, {"good", good, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := directory.TLSFiles{CA: c.caFile}
			if test.issue != nil {
				cert, key := test.issue()
				files.Certificate, files.Key = writeFile(t, "client.pem", cert), writeFile(t, "client.key", key)
			}
			l := c.newLookup(t, func(config *directory.LookupConfig) { config.URL, config.Client.TLS = server.URL, files })
			if _, err := l.Find(t.Context(), registers, "a"); (err == nil) != test.want {
				t.Errorf("got %v", err)
			}
			if test.want || test.issue == nil {
				return
			}
			cert, key := good()
			if err := errors.Join(os.WriteFile(files.Certificate, cert, 0o600), os.WriteFile(files.Key, key, 0o600)); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Find(t.Context(), registers, "b"); err != nil { // that it failed is remembered of the other
				t.Errorf("with a new certificate: %v", err)
			}
		})
	}
}

// Files that can't be used are found when the configuration is loaded.
func TestTLSFiles(t *testing.T) {
	ca := testsupport.CA(t)
	cert, _ := ca.IssueClient("a", "")
	_, key := ca.IssueClient("b", "")
	certFile, keyFile, none := writeFile(t, "c.pem", cert), writeFile(t, "k.pem", key), "/nonexistent"
	for _, test := range []struct {
		files directory.TLSFiles
		want  string
	}{
		{directory.TLSFiles{CA: none}, "reading the certificates for the directory: "},
		{directory.TLSFiles{CA: keyFile}, keyFile + " holds no certificate in PEM"},
		{directory.TLSFiles{Certificate: certFile, Key: keyFile}, "reading the client certificate: "},
		{directory.TLSFiles{Certificate: none, Key: none}, "reading the client certificate: "},
		{directory.TLSFiles{Revoked: none}, "reading revoked certificates: "},
		{directory.TLSFiles{Revoked: certFile}, certFile + " is no list of revoked certificates: "},
	} {
		_, err := directory.NewFeed(directory.FeedConfig{URL: "https://x", Client: directory.ClientConfig{TLS: test.files}}, directory.NewFeedMemory("https://x", ""))
		if err == nil {
			t.Errorf("%+v is taken", test.files)
			continue
		}
		wantText(t, err.Error(), test.want)
	}
}

// A file may hold the lists of several authorities, and must hold that of the one
// that vouches for the directory itself.
func TestSeveralRevocationLists(t *testing.T) {
	other := testsupport.CA(t)
	for _, test := range []struct {
		name  string
		lists func(ca *testsupport.Authority, cert []byte) [][]byte
		want  string // in the log; empty: it answers
	}{
		{"good", func(ca *testsupport.Authority, _ []byte) [][]byte {
			return [][]byte{other.Revoke(time.Now().Add(time.Hour)), ca.Revoke(time.Now().Add(time.Hour))}
		}, ""},
		{"revoked by the second", func(ca *testsupport.Authority, cert []byte) [][]byte {
			return [][]byte{ca.Revoke(time.Now().Add(time.Hour)), ca.Revoke(time.Now().Add(time.Hour), cert)}
		}, "the directory's certificate is revoked"},
		{"second out of date", func(ca *testsupport.Authority, _ []byte) [][]byte {
			return [][]byte{ca.Revoke(time.Now().Add(time.Hour)), other.Revoke(time.Now().Add(-time.Minute))}
		}, "is out of date since"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCenter(t)
			c.set("a", `{"account":"a"}`)
			cert, key := c.ca.Issue("127.0.0.1")
			c.Close()
			c.serve(t, cert, key)
			var file []byte
			for _, list := range test.lists(c.ca, cert) {
				file = append(file, list...)
			}
			said := new(logs)
			l := c.newLookup(t, func(config *directory.LookupConfig) {
				config.Client.TLS.Revoked, config.Logger = writeFile(t, "revoked.pem", file), said.logger()
			})
			if _, err := l.Find(t.Context(), registers, "a"); (err == nil) != (test.want == "") {
				t.Errorf("got %v", err)
			}
			wantText(t, said.String(), test.want)
		})
	}
}

// A certificate that is revoked while a connection is open ends it after a while, as
// busy as it may be. Records that were heard before are believed as long as ever.
func TestRevokedOnAConnection(t *testing.T) {
	c := newCenter(t)
	cert, key := c.ca.Issue("127.0.0.1")
	c.Close()
	c.serve(t, cert, key)
	c.set("a", `{"account":"a","contracting_party":"sparkoo-sg"}`)
	c.set("b", `{"account":"b","contracting_party":"sparkoo-sg"}`)
	list := writeFile(t, "revoked.pem", c.ca.Revoke(time.Now().Add(time.Hour)))
	said := new(logs)
	l := c.newLookup(t, func(config *directory.LookupConfig) { config.Client.TLS.Revoked, config.Logger = list, said.logger() })
	find(t, l, "a")
	if err := os.WriteFile(list, c.ca.Revoke(time.Now().Add(time.Hour), cert), 0o600); err != nil {
		t.Fatal(err)
	}
	l.Renew()
	if got, err := l.Find(t.Context(), registers, "b"); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("b is %s, %v", partyOf(got), err)
	}
	wantText(t, said.String(), "the directory's certificate is revoked")
	if got := partyOf(find(t, l, "a")); got != "sparkoo-sg" {
		t.Errorf("a is %s", got)
	}
	if n := c.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}
