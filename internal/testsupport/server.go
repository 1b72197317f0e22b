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
	"testing"
	"time"
)

// startsWithin is how long a server may take until it answers.
const startsWithin = 3 * time.Minute

// server is a program of others that serves one test over TLS.
type server struct {
	t     testing.TB
	what  string   // for messages
	dir   string   // of its files
	names []string // under which it must answer
}

func (s *server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *server) write(name string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), data, 0o600); err != nil {
		s.t.Fatalf("writing %s for the %s: %v", name, s.what, err)
	}
}

// start runs the server on a free port until the test ends, and returns when it
// answers there.
func (s *server) start(ca *Authority, command func(ctx context.Context, addr string) *exec.Cmd) (addr string, err error) {
	for range 3 { // the port is free when it is chosen, but somebody may be quicker
		addr = freeAddr(s.t)
		if err = s.run(ca, command, addr); err == nil {
			return addr, nil
		}
	}
	return "", fmt.Errorf("starting the %s: %w", s.what, err)
}

func (s *server) run(ca *Authority, command func(ctx context.Context, addr string) *exec.Cmd, addr string) error {
	ctx, kill := context.WithCancel(context.Background())
	cmd := command(ctx, addr)
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
	if err := s.await(ca, addr, ended); err != nil {
		kill()
		<-ended
		return fmt.Errorf("%w; it ended with: %v; it said:\n%s", err, why, &output)
	}
	s.t.Cleanup(func() {
		kill()
		<-ended
		if s.t.Failed() {
			s.t.Logf("the %s said:\n%s", s.what, &output)
		}
	})
	return nil
}

// await returns when the server answers a request under all its names, with
// whatever status, or fails when it has ended or the deadline is over.
func (s *server) await(ca *Authority, addr string, ended <-chan struct{}) error {
	deadline := time.After(startsWithin)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		var err error
		for _, name := range s.names {
			err = errors.Join(err, probe(ca, addr, name))
		}
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return errors.New("the server ended before it answered")
		case <-deadline:
			return fmt.Errorf("no answer within %v: %w", startsWithin, err)
		case <-again.C:
		}
	}
}

// probe asks the server at addr for its root under a name.
func probe(ca *Authority, addr, name string) error {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), ServerName: name}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
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
