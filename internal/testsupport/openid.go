package testsupport

import (
	"context"
	"embed"
	"encoding/json"
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
		wants(t, "a real OpenID provider", tool)
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
var openIDProgram = sync.OnceValues(func() (string, error) { return npmProgram(openIDFiles, "openid") })
