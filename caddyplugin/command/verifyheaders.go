package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/caddyplugin/logserver"
	"github.com/sparkoo/transfergate/internal/assertion"
	"github.com/sparkoo/transfergate/internal/fields"
)

func verifyHeadersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify-headers",
		Short: "Runs an upstream that answers with the gateway's fields it got, and whether the assertion verifies",
		Long: "Listens as an upstream for a developer to look at: each answer shows the fields of the gateway that arrived,\n" +
			"and what the Transfer-Assertion says if it verifies, or why it does not. It shows personal data: not for production.",
		Args: cobra.NoArgs,
	}
	listen := cmd.Flags().String("listen", "127.0.0.1:9000", "address to listen on")
	jwks := cmd.Flags().String("jwks", "", "URL of the gateway's key set (required)")
	audience := cmd.Flags().String("audience", "", "code of the region this stands for; empty: any")
	return cli.Run(cmd, func(w io.Writer, _ []string) (int, error) {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		if err := verifyHeaders(ctx, w, *listen, *jwks, *audience); err != nil {
			return cli.Error, err
		}
		return cli.Fine, nil
	})
}

// verifyHeaders serves until ctx is done. It prints one line when it listens.
func verifyHeaders(ctx context.Context, out io.Writer, listen, jwks, audience string) error {
	if u, err := url.Parse(jwks); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("jwks '%s' is no URL: write one such as http://localhost:8080%s", jwks, logserver.DefaultJWKSPath)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("listening on '%s': %w", listen, err)
	}
	verifier := &assertion.Verifier{Keys: &assertion.Remote{URL: jwks}, Audience: audience}
	server := &http.Server{Handler: echo(verifier), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // nothing is lost with it
	defer stop()
	if _, err := fmt.Fprintf(out, "listening on http://%s\n", l.Addr()); err != nil {
		return errors.Join(err, l.Close())
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// arrival is what the echo service answers with.
type arrival struct {
	// Fields are ours, as they arrived.
	Fields http.Header `json:"fields"`
	// Verified reports whether an assertion arrived and is valid.
	Verified bool `json:"verified"`
	// Problem says why it is not.
	Problem string `json:"problem,omitempty"`
	// Claims are what a valid assertion says.
	Claims *assertion.Claims `json:"claims,omitempty"`
}

// echo shows each request what of the gateway's fields came with it.
func echo(verifier *assertion.Verifier) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := arrival{Fields: make(http.Header)}
		for _, name := range fields.RequestNames() {
			if values := r.Header.Values(name); len(values) > 0 {
				a.Fields[name] = values
			}
		}
		var err error
		if a.Claims, err = verifyOnly(r, verifier); err != nil {
			a.Problem = err.Error()
		}
		a.Verified = err == nil
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		_ = enc.Encode(a) // a client that left is nobody's concern
	})
}

// verifyOnly verifies the request's one assertion.
func verifyOnly(r *http.Request, verifier *assertion.Verifier) (*assertion.Claims, error) {
	switch tokens := r.Header.Values(fields.TransferAssertion); len(tokens) {
	case 0:
		return nil, errors.New("no Transfer-Assertion arrived: the gateway has no 'assertion', or the request did not come through it")
	case 1:
		return verifier.Verify(r.Context(), tokens[0])
	default:
		return nil, fmt.Errorf("%d Transfer-Assertions arrived, and the gateway sends one: somebody added the others", len(tokens))
	}
}
