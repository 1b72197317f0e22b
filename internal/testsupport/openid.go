package testsupport

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// MustRun is the environment variable that makes a failure of what would otherwise
// be skipped because a tool is missing. CI sets it.
const MustRun = "TRANSFERGATE_TESTS_MUST_RUN"

// OpenIDClient is what an OpenID provider of tests knows.
type OpenIDClient struct {
	ID       string                    `json:"client"`
	Redirect string                    `json:"redirect"` // URI
	Resource string                    `json:"resource"` // audience of access tokens, a URI
	Accounts map[string]map[string]any `json:"accounts"` // further claims, by account
}

// StartOpenID starts a real OpenID provider (npm oidc-provider) on a free port of
// 127.0.0.1, over TLS, and ends it with the test. It returns the issuer's URL, and
// the authority that vouches for it. Its first run on a machine installs it from
// the npm registry into the user's cache folder. With -short, or without Node.js 18
// and npm, the test is skipped, but see [MustRun]; it fails if the provider cannot
// be installed or started.
func StartOpenID(t testing.TB, client OpenIDClient) (issuer string, ca *Authority) {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: not installing an OpenID provider")
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv(MustRun) != "" {
				t.Fatalf("no %s on this machine, and %s asks for all tests", tool, MustRun)
			}
			t.Skipf("NOT TESTED against a real OpenID provider: no %s on this machine", tool)
		}
	}
	dir, err := openIDProgram()
	if err != nil {
		t.Fatalf("installing the OpenID provider: %v", err)
	}
	settings, err := json.Marshal(client)
	if err != nil {
		t.Fatal(err)
	}
	ca = CA(t)
	s := &server{t: t, what: "OpenID provider", dir: t.TempDir(), names: []string{"127.0.0.1"}}
	cert, key := ca.Issue("127.0.0.1")
	s.write("cert.pem", cert)
	s.write("key.pem", key)
	addr, err := s.start(ca, func(ctx context.Context, addr string) *exec.Cmd {
		return exec.CommandContext(ctx, "node", filepath.Join(dir, "provider.mjs"), "https://"+addr, s.path("cert.pem"), s.path("key.pem"), string(settings))
	})
	if err != nil {
		t.Fatal(err)
	}
	return "https://" + addr, ca
}

//go:embed openid
var openIDFiles embed.FS

// openIDProgram installs the provider unless the machine has it, and returns its folder.
var openIDProgram = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "transfergate-tests")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(cache, "LOCK-openid"))
	if err != nil {
		return "", err
	}
	defer unlock()
	files, err := fs.Sub(openIDFiles, "openid")
	if err != nil {
		return "", err
	}
	name, err := digestOf(files)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "openid-"+name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, installOpenID(files, dir)
})

// installOpenID installs the provider in dir, whole or not at all.
func installOpenID(files fs.FS, dir string) (err error) {
	build, err := os.MkdirTemp(filepath.Dir(dir), "openid-build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(build)) }()
	built := filepath.Join(build, "openid")
	if err := os.CopyFS(built, files); err != nil {
		return err
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = built
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return os.Rename(built, dir)
}

// digestOf names the files by their content.
func digestOf(files fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
		return err
	})
	return fmt.Sprintf("%x", sum.Sum(nil)[:8]), err
}
