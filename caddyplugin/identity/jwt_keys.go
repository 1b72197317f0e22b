package identity

import (
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/sparkoo/transfergate/internal/lastgood"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/token"
)

// keySets holds the process's key sets, so that a reload while a key service is
// down does not lose the keys, and sources with one URL fetch it once.
var keySets = caddy.NewUsagePool()

// keySetID is what a key set depends on.
type keySetID struct {
	url, algorithms, cache string
	staleLimit             time.Duration
	roots                  [sha256.Size]byte
}

// sharedKeys are keys in the pool.
type sharedKeys struct {
	id   keySetID
	keys *token.Keys
}

// Destruct implements caddy.Destructor. Whoever runs the keys ends by their own
// context.
func (*sharedKeys) Destruct() error { return nil }

// provisionKeys loads pinned keys, or takes part in a key set of the pool.
func (j *JWT) provisionKeys(room *lastgood.Room) (err error) {
	if j.Keys != "" {
		j.keys, err = token.PinnedKeys(j.Keys, j.Algorithms)
		return err
	}
	config := token.KeysConfig{
		URL: j.URL, Algorithms: j.Algorithms, StaleLimit: time.Duration(j.StaleLimit), Logger: j.logger,
	}
	id := keySetID{url: j.URL, algorithms: strings.Join(j.Algorithms, " "), cache: j.Cache, staleLimit: config.StaleLimit}
	if j.CA != "" {
		pem, err := regular.ReadText(j.CA, regular.CertLimit)
		if err != nil {
			return fmt.Errorf("reading the certificates for the key service: %w", err)
		}
		if config.Roots = x509.NewCertPool(); !config.Roots.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s holds no certificate in PEM", j.CA)
		}
		id.roots = sha256.Sum256(pem)
	}
	value, _, err := keySets.LoadOrNew(id, func() (caddy.Destructor, error) {
		keys, err := token.NewKeys(config)
		if err != nil {
			return nil, err
		}
		return &sharedKeys{id, keys}, nil
	})
	if err != nil {
		return err
	}
	j.shared = value.(*sharedKeys)
	j.keys = j.shared.keys
	if j.Cache != "" {
		room = lastgood.In(j.Cache)
	}
	j.keys.KeepIn(room.Slot("keys", j.URL))
	return nil
}

// Cleanup gives back the keys.
func (j *JWT) Cleanup() error {
	if j.shared == nil {
		return nil
	}
	_, err := keySets.Delete(j.shared.id)
	j.shared = nil
	return err
}
