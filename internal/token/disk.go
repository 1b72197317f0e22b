package token

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/fetch"
	"github.com/sparkoo/transfergate/internal/regular"
)

// kept is the last good set as it stands on disk.
type kept struct {
	URL     string          `json:"url"`
	Fetched time.Time       `json:"fetched"`
	Set     json.RawMessage `json:"set"`
}

// path is the file of this URL's set.
func (k *Keys) path() string {
	sum := sha256.Sum256([]byte(k.config.URL))
	return filepath.Join(k.config.Cache, "jwks-"+hex.EncodeToString(sum[:8])+".json")
}

// save replaces the file.
func (k *Keys) save(s *set) error {
	content, err := json.Marshal(kept{URL: k.config.URL, Fetched: s.fetched, Set: s.raw})
	if err != nil {
		return fmt.Errorf("keeping the key set: %w", err)
	}
	if err := os.MkdirAll(k.config.Cache, 0o700); err != nil {
		return fmt.Errorf("keeping the key set: %w", err)
	}
	if err := durable.WriteFile(k.path(), content, 0o600); err != nil {
		return fmt.Errorf("keeping the key set: %w", err)
	}
	return nil
}

// load takes over the set on disk, if there is a good one. It counts as fetched
// when it was. One that cannot be used is reported: the service will be asked
// anyhow.
func (k *Keys) load() {
	s, err := k.read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		k.config.Logger.Warn("the key set on disk is not used", "file", k.path(), "error", err)
		return
	}
	k.current.Store(s)
}

func (k *Keys) read() (*set, error) {
	file, err := regular.Open(k.path(), 2*maxSet)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	raw, err := fetch.ReadAll(file, maxSet+maxSet/2) // the set, as JSON may spell it, and what stands beside it
	if err != nil {
		return nil, err
	}
	var content kept
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, fmt.Errorf("it is not as it was written: %w", err)
	}
	if content.URL != k.config.URL {
		return nil, errors.New("it is of another key service")
	}
	s, err := parseSet(content.Set, k.algorithms)
	if err != nil {
		return nil, err
	}
	s.fetched = content.Fetched
	if now := fetch.Wall(k.config.Now()); s.fetched.After(now) {
		return nil, errors.New("it claims to be fetched in the future")
	}
	return s, nil
}
