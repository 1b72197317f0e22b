package testsupport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// The S3 server of tests.
const (
	// S3Name is the host name its certificate is for, besides 127.0.0.1.
	S3Name = "s3.ap-southeast-3.example.internal"
	// S3Region is the region that requests to it are signed for.
	S3Region = "ap-southeast-3"

	s3Module  = "github.com/versity/versitygw/cmd/versitygw"
	s3Version = "v1.8.0"

	s3StartsWithin = 30 * time.Second
)

// StartS3 starts a real S3 server (versitygw over a folder of the test) on a
// free port of 127.0.0.1, over TLS, and ends it with the test. It returns when
// the server answers. Buckets are addressed by path; there is none yet. The
// certificate is for S3Name and 127.0.0.1 and is signed by the authority whose
// certificate caPEM is.
//
// The server is built from the Go module proxy the first time a machine needs
// it, which can take minutes, and kept in the user's cache folder. With -short
// the test is skipped; it fails if the server cannot be built or started.
func StartS3(t testing.TB) (addr string, caPEM []byte, accessKey, secretKey string) {
	t.Helper()
	switch {
	case testing.Short():
		t.Skip("-short: not building an S3 server")
	case runtime.GOOS == "windows":
		t.Skip("the S3 server stores its objects' metadata in a way Windows lacks")
	}
	program, err := s3Program()
	if err != nil {
		t.Fatalf("building the S3 server: %v; it needs the Go module proxy once, or use -short to skip its tests", err)
	}
	ca := CA(t)
	dir := t.TempDir()
	certPEM, keyPEM := ca.Issue(S3Name, "127.0.0.1")
	s := &s3Server{t: t, program: program, dir: dir}
	s.write("cert.pem", certPEM)
	s.write("key.pem", keyPEM)
	for _, sub := range []string{"objects", "metadata"} {
		if err := os.Mkdir(s.path(sub), 0o700); err != nil {
			t.Fatalf("making the S3 server's folders: %v", err)
		}
	}
	accessKey, secretKey = "test-access", "test-secret"
	// The port is free when it is chosen, but somebody may be quicker.
	for range 3 {
		addr = freeAddr(t)
		if err = s.start(ca, addr, accessKey, secretKey); err == nil {
			return addr, ca.PEM(), accessKey, secretKey
		}
	}
	t.Fatalf("starting the S3 server: %v", err)
	panic("unreachable")
}

// s3Program builds the server unless the machine has it, once per test binary.
var s3Program = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "transfergate-tests")
	name := fmt.Sprintf("versitygw-%s-%s-%s-%s", s3Version, runtime.GOOS, runtime.GOARCH, runtime.Version())
	program := filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Test binaries of several packages run at the same time; one builds.
	unlock, err := lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	return program, install(program)
})

// install builds the server and puts it in place, whole or not at all.
func install(program string) (err error) {
	bin, err := os.MkdirTemp(filepath.Dir(program), "build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(bin)) }()
	build := exec.Command("go", "install", s3Module+"@"+s3Version)
	build.Dir = bin // not in this module: its go.mod has no say
	build.Env = append(os.Environ(), "GOBIN="+bin, "GOFLAGS=-trimpath", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go install %s@%s: %w\n%s", s3Module, s3Version, err, out)
	}
	return os.Rename(filepath.Join(bin, "versitygw"), program)
}

// s3Server is one server of one test.
type s3Server struct {
	t       testing.TB
	program string
	dir     string
}

func (s *s3Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *s3Server) write(name string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), data, 0o600); err != nil {
		s.t.Fatalf("writing %s for the S3 server: %v", name, err)
	}
}

// start runs the server until the test ends, and returns when it answers.
func (s *s3Server) start(ca *Authority, addr, accessKey, secretKey string) error {
	ctx, kill := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, s.program, "--port", addr, "--region", S3Region, "--quiet",
		"--cert", s.path("cert.pem"), "--key", s.path("key.pem"), "--access", accessKey, "--secret", secretKey,
		"posix", "--sidecar", s.path("metadata"), s.path("objects"))
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir} // not the user's own settings
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		kill()
		return err
	}
	ended := make(chan struct{})
	var why error
	go func() {
		defer close(ended)
		why = cmd.Wait()
	}()
	if err := awaitTLS(ca, addr, ended); err != nil {
		kill()
		<-ended
		return fmt.Errorf("%w; it ended with: %v; it said:\n%s", err, why, &output)
	}
	s.t.Cleanup(func() {
		kill()
		<-ended
		if s.t.Failed() {
			s.t.Logf("the S3 server said:\n%s", &output)
		}
	})
	return nil
}

// awaitTLS returns when the server answers a request under both its names, with
// whatever status, or fails when it has ended or the deadline is over.
func awaitTLS(ca *Authority, addr string, ended <-chan struct{}) error {
	deadline := time.After(s3StartsWithin)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := errors.Join(probe(ca, addr, "127.0.0.1"), probe(ca, addr, S3Name))
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return errors.New("the server ended before it answered")
		case <-deadline:
			return fmt.Errorf("no answer within %v: %w", s3StartsWithin, err)
		case <-again.C:
		}
	}
}

// probe asks the server at addr for its root under a name.
func probe(ca *Authority, addr, name string) error {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), ServerName: name}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	response, err := client.Get("https://" + addr + "/")
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// freeAddr returns an address of 127.0.0.1 at which nobody listens.
func freeAddr(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("looking for a free port: %v", err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatalf("giving back the free port %s: %v", addr, err)
	}
	return addr
}
