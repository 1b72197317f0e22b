package token

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sparkoo/transfergate/internal/fetch"
	"github.com/sparkoo/transfergate/internal/lastgood"
)

// kept is the last good set as it stands on disk.
type kept struct {
	Fetched time.Time       `json:"fetched"`
	Set     json.RawMessage `json:"set"`
}

// KeepIn says where the last good set is kept over a restart, nil for nowhere, and takes
// over what is there, unless there is a set already. It counts as fetched when it was: one
// that is older than [KeysConfig.StaleLimit], or was fetched in the future, is not used. What
// cannot be used is told to the logger: the service will be asked anyhow. Pinned keys are
// kept nowhere.
func (k *Keys) KeepIn(slot *lastgood.Slot) {
	if k.pinned {
		return
	}
	k.mu.Lock()
	k.slot = slot
	k.mu.Unlock()
	if k.current.Load() != nil {
		return
	}
	err := slot.Load(2*maxSet, func(body io.Reader, _ time.Time) error {
		s, err := k.read(body)
		if err == nil {
			k.current.CompareAndSwap(nil, s)
		}
		return err
	})
	switch {
	case err == nil:
		k.config.Logger.Info("the key set that was good last is used until the key service has answered",
			"host", fetch.Host(k.config.URL), "fetched", k.current.Load().fetched)
	case !errors.Is(err, lastgood.ErrNone):
		k.config.Logger.Warn("the key set on disk is not used", "host", fetch.Host(k.config.URL), "error", err)
	}
}

// save keeps the set.
func (k *Keys) save(s *set) error {
	k.mu.Lock()
	slot := k.slot
	k.mu.Unlock()
	content, err := json.Marshal(kept{Fetched: s.fetched, Set: s.raw})
	if err != nil {
		return fmt.Errorf("keeping the key set: %w", err)
	}
	return slot.Save(sha256.Sum256(content), bytes.NewReader(content))
}

func (k *Keys) read(body io.Reader) (*set, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var content kept
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, fmt.Errorf("it is not as it was written: %w", err)
	}
	s, err := parseSet(content.Set, k.algorithms)
	if err != nil {
		return nil, err
	}
	s.fetched = content.Fetched
	switch age := fetch.Wall(k.config.Now()).Sub(s.fetched); {
	case age < 0:
		return nil, errors.New("it claims to be fetched in the future")
	case age > k.config.StaleLimit:
		return nil, fmt.Errorf("it was fetched on %s, longer ago than the stale limit of %s", s.fetched.UTC().Format(time.RFC3339), k.config.StaleLimit)
	}
	return s, nil
}
