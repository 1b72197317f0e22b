package testsupport

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// The S3 server of tests.
const (
	// S3Name is the host name its certificate is for, besides 127.0.0.1.
	S3Name = "s3.ap-southeast-3.example.internal"
	// S3Region is the region that requests to it are signed for.
	S3Region = "ap-southeast-3"

	s3Module  = "github.com/versity/versitygw/cmd/versitygw"
	s3Version = "v1.8.0"
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
	s := &server{t: t, what: "S3 server", dir: t.TempDir(), names: []string{"127.0.0.1", S3Name}}
	certPEM, keyPEM := ca.Issue(S3Name, "127.0.0.1")
	s.write("cert.pem", certPEM)
	s.write("key.pem", keyPEM)
	for _, sub := range []string{"objects", "metadata"} {
		if err := os.Mkdir(s.path(sub), 0o700); err != nil {
			t.Fatalf("making the S3 server's folders: %v", err)
		}
	}
	accessKey, secretKey = "test-access", "test-secret"
	addr, err = s.start(ca, func(ctx context.Context, addr string) *exec.Cmd {
		return exec.CommandContext(ctx, program, "--port", addr, "--region", S3Region, "--quiet",
			"--cert", s.path("cert.pem"), "--key", s.path("key.pem"), "--access", accessKey, "--secret", secretKey,
			"posix", "--sidecar", s.path("metadata"), s.path("objects"))
	})
	if err != nil {
		t.Fatal(err)
	}
	return addr, ca.PEM(), accessKey, secretKey
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
