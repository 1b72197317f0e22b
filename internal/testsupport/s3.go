package testsupport

import (
	"context"
	"os"
	"os/exec"
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

// s3Program builds the server once per test binary.
var s3Program = sync.OnceValues(func() (string, error) {
	return goProgram("github.com/versity/versitygw/cmd/versitygw", "github.com/versity/versitygw v1.8.0")
})
