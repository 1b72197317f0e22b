package accounts

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/directory"
)

// Remote says how a directory of accounts is reached.
type Remote struct {
	// URL of the directory; https, or http on loopback. It is asked when the gateway
	// runs, never while a configuration is validated. Proxies named by the
	// environment are used. Required.
	URL string `json:"url,omitempty"`

	// Bearer token. Write a placeholder, as {env.DIRECTORY_TOKEN}, so that the
	// configuration holds no secret; it is resolved when the configuration is loaded.
	// Default: none
	Token string `json:"token,omitempty" placeholders:"own"`

	// File with a bearer token, read for each request, so that it may be replaced.
	// Default: none
	TokenFile string `json:"token_file,omitempty" secret:"file"`

	// File with the gateway's own certificate for the directory, in PEM. It may be
	// replaced while the gateway runs. Default: none
	Certificate string `json:"certificate,omitempty"`

	// File with that certificate's key. Required with it.
	Key string `json:"key,omitempty" secret:"file"`

	// File with the certificates, in PEM, that vouch for the directory. Default: the
	// system's
	CA string `json:"ca,omitempty"`

	// File with the list of revoked certificates (CRL) of the authority that vouches
	// for the directory, and of those above it if they have one. It is read for each
	// connection and must be kept up to date: one that is out of date refuses every
	// certificate. Default: none, so that revocation is not looked at
	Revoked string `json:"revoked,omitempty"`

	// File that keeps the last good records, so that a restart does not need the
	// directory. It holds account ids and what their records say, and is readable by
	// the gateway's user alone. Each gateway needs its own. Default: none
	State string `json:"state,omitempty"`

	// How long the directory may be silent. Default: 2s for http, 30s for feed
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// Whether a record with an invalid country is refused, with feed the whole answer.
	// Otherwise it is named in the log and its person counts as one whose country is
	// unknown: their rights requests pass (§7). Default: false
	Strict bool `json:"strict,omitempty"`
}

// remoteWords are the options of a Remote, in the order they are documented.
var remoteWords = []string{"token", "token_file", "certificate", "ca", "revoked", "state", "timeout", "strict"}

// provision resolves the token and returns how the directory is reached. It asks no
// network.
func (r *Remote) provision() (directory.ClientConfig, error) {
	if r.URL == "" {
		return directory.ClientConfig{}, errors.New("name the URL of the directory")
	}
	token, err := caddy.NewReplacer().ReplaceOrErr(r.Token, true, true)
	if err != nil {
		return directory.ClientConfig{}, fmt.Errorf("token: %w", err)
	}
	if r.State != "" {
		if r.State, err = filepath.Abs(r.State); err != nil {
			return directory.ClientConfig{}, fmt.Errorf("state file: %w", err)
		}
	}
	return directory.ClientConfig{
		Token: strings.TrimSpace(token), TokenFile: r.TokenFile, // a file's last line ends
		TLS: directory.TLSFiles{CA: r.CA, Certificate: r.Certificate, Key: r.Key, Revoked: r.Revoked},
	}, nil
}

// memoryID is what the memory of a directory depends on: which directory, and where
// it is kept. Settings are not part of it, so that a reload that changes them keeps
// the memory.
type memoryID struct{ url, state string }

// remembered is the memory of a directory in a pool. Whoever uses it ends by their
// own context.
type remembered[T any] struct{ memory T }

// Destruct implements caddy.Destructor.
func (remembered[T]) Destruct() error { return nil }

// acquired is a reference to a memory in a pool.
type acquired[T any] struct {
	pool   *caddy.UsagePool
	id     memoryID
	memory T
}

// acquire refers to a memory of the pool, made by make if it is the first who does.
func acquire[T any](pool *caddy.UsagePool, id memoryID, make func() T) (*acquired[T], error) {
	value, _, err := pool.LoadOrNew(id, func() (caddy.Destructor, error) { return remembered[T]{make()}, nil })
	if err != nil {
		return nil, err
	}
	return &acquired[T]{pool, id, value.(remembered[T]).memory}, nil
}

// release gives the reference back.
func (a *acquired[T]) release() error {
	if a == nil {
		return nil
	}
	_, err := a.pool.Delete(a.id)
	return err
}
