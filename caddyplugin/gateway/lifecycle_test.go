package gateway_test

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// A request that goes where it must not finds a listener that never answers.
func init() { http.DefaultClient.Timeout = time.Minute }

// writePEM writes a certificate to a file.
func writePEM(t testing.TB, der []byte) string {
	t.Helper()
	return writeFile(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// provision loads a configuration and does not start it.
func provision(t testing.TB, raw []byte) caddy.Context {
	t.Helper()
	var config caddy.Config
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	ctx, err := caddy.ProvisionContext(&config)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// insist is get for a gateway that has just been reloaded: it tries again when a
// connection is lost. A reload closes the old socket with the connections that
// wait in its queue, in stock Caddy too, and not at once.
func (g *gate) insist(path string, fields ...string) (a answer) {
	g.t.Helper()
	var problem error
	defer func() {
		if a.Response == nil {
			g.t.Logf("GET %s: %v", path, problem)
		}
	}()
	waitFor(g.t, "GET "+path+" is answered", func() bool {
		res, err := http.DefaultClient.Do(g.request("GET", path, nil, fields...))
		if err != nil {
			problem = err
			return false
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		a, problem = answer{res, string(text)}, err
		return err == nil
	})
	return a
}
