package testsupport

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

// LockedS3 is a real S3 server whose buckets can lock objects, which a test can kill and
// start again. Its users are made by AddUser.
type LockedS3 struct {
	Addr           string // at which it answers, over TLS
	CA             []byte // certificate of the authority that signed the server's, in PEM
	Access, Secret string // of its administrator

	t       testing.TB
	program string
	server  *server
	ca      *Authority
	kill    func()
}

// StartLockedS3 is like [StartS3], of a server that versions and locks.
func StartLockedS3(t testing.TB) *LockedS3 {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: not building an S3 server")
	}
	program, err := s3Program()
	if err != nil {
		t.Fatalf("building the S3 server: %v; it needs the Go module proxy once, or use -short to skip its tests", err)
	}
	s := &LockedS3{
		Access: "test-access", Secret: "test-secret", t: t, program: program, ca: CA(t),
		server: &server{t: t, what: "S3 server", dir: t.TempDir(), names: []string{"127.0.0.1"}},
	}
	s.CA = s.ca.PEM()
	cert, key := s.ca.Issue("127.0.0.1")
	s.server.write("cert.pem", cert)
	s.server.write("key.pem", key)
	for _, sub := range []string{"objects", "metadata", "versions", "users"} {
		if err := os.Mkdir(s.server.path(sub), 0o700); err != nil {
			t.Fatalf("making the S3 server's folders: %v", err)
		}
	}
	s.Addr = freeAddr(t)
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// Start starts the server after Kill, and returns when it answers.
func (s *LockedS3) Start() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	at := s.server.path
	cmd := exec.CommandContext(ctx, s.program, "--port", s.Addr, "--region", S3Region, "--quiet", "--keep-alive",
		"--cert", at("cert.pem"), "--key", at("key.pem"), "--access", s.Access, "--secret", s.Secret, "--iam-dir", at("users"),
		"posix", "--sidecar", at("metadata"), "--versioning-dir", at("versions"), at("objects"))
	cmd.Dir, cmd.Env = s.server.dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.server.dir}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		cancel()
		s.t.Fatalf("starting the S3 server: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is killed
	}()
	s.kill = func() {
		cancel()
		<-ended
	}
	if err := s.server.await(s.ca, s.Addr, ended); err != nil {
		s.kill()
		s.t.Fatalf("starting the S3 server: %v; it said:\n%s", err, &output)
	}
}

// Kill kills the server, which keeps what it has.
func (s *LockedS3) Kill() { s.kill() }

// AddUser makes a user who may do nothing until a bucket's policy says so.
func (s *LockedS3) AddUser(access, secret string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, "admin", "--access", s.Access, "--secret", s.Secret, "--region", S3Region,
		"--endpoint-url", "https://"+s.Addr, "--allow-insecure", "create-user", "--access", access, "--secret", secret, "--role", "user")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("making a user of the S3 server: %v\n%s", err, out)
	}
}
