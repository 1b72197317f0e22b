package demo_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/sparkoo/transfergate/caddyplugin"
	"github.com/sparkoo/transfergate/caddyplugin/command/demo"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

func init() { testsupport.TakeStderr() }

// Whoever starts the demonstration is told of a page, which shows both ledgers, and the
// altered one as broken. When it ends nothing is left, and the gateway is stopped.
func TestThePageToOpen(t *testing.T) {
	testsupport.LogTo(t)
	t.Setenv("TMPDIR", t.TempDir())
	ctx, end := context.WithCancel(context.Background())
	defer end()
	said, out := io.Pipe()
	cmd := demo.Command()
	cmd.SetArgs([]string{"--records", "200"})
	cmd.SetOut(out)
	ended := make(chan error, 1)
	go func() {
		err := cmd.ExecuteContext(ctx)
		out.CloseWithError(err)
		ended <- err
	}()
	page := ""
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "open "); ok {
			page, _, _ = strings.Cut(rest, " ")
			break
		}
	}
	if page == "" {
		t.Fatalf("no page is named: %v", lines.Err())
	}
	for address, want := range map[string]string{
		"/overview":                    "sparkoo-br",
		"/of/altered/":                 "found wrong",
		"/policy":                      "pe-example",
		"/transfers?q=requester%3Acn*": "<h1>Transfers</h1>",
		"/start":                       "Somebody in Brazil",
	} {
		waitForPage(t, page+address, want)
	}
	end()
	if err := <-ended; err != nil {
		t.Errorf("it ends with %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "*")); err != nil || len(left) > 0 {
		t.Errorf("it leaves %q, %v", left, err)
	}
	if res, err := http.Get(page); err == nil {
		res.Body.Close()
		t.Error("it still serves when it has ended")
	}
}

// waitForPage asks until a page has a text.
func waitForPage(t *testing.T, address, want string) {
	t.Helper()
	last := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if last = string(body); strings.Contains(last, want) {
			return
		}
	}
	t.Fatalf("gave up waiting for %q at %s in\n%s", want, address, last)
}
