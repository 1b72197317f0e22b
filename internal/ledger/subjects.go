package ledger

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// Subjects are the account's pseudonyms under every key of this ledger that exists,
// oldest first, as [Log.Subjects] gives them; it changes nothing, and works beside the
// writer. master is the secret that wraps the keys; nil for the one in the folder.
// ErrNoKey if there is no key.
func (d Dir) Subjects(master []byte, account, salt string) ([]string, error) {
	text, err := d.master(master)
	if err != nil {
		return nil, err
	}
	secret, err := newMaster(text)
	if err != nil {
		return nil, err
	}
	keys, err := d.periodKeys(secret)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("the ledger %s: %w", d.Path, ErrNoKey)
	}
	subjects := make([]string, 0, len(keys))
	for _, k := range keys {
		subjects = append(subjects, k.pseudonyms.subject(account, salt))
	}
	return subjects, nil
}

// master is the secret that wraps the keys: the one that is given, or the one in the folder.
func (d Dir) master(given []byte) ([]byte, error) {
	if given == nil {
		var err error
		if given, err = format.ReadFile(d.fsys, filepath.Join(d.Path, format.MasterName)); err != nil {
			return nil, fmt.Errorf("reading the master secret, which wraps the keys of the pseudonyms: %w; name its file if it is kept elsewhere", err)
		}
	}
	return bytes.TrimSpace(given), nil
}

// Secret is one of 32 bytes for another purpose than to wrap keys, derived from the master
// secret, as in Subjects; it says nothing about that, nor about one for a third purpose.
func (d Dir) Secret(master []byte, purpose string) ([]byte, error) {
	text, err := d.master(master)
	if err != nil {
		return nil, err
	}
	if len(text) < MinMaster {
		return nil, errShortMaster(len(text))
	}
	return hkdf.Key(sha256.New, text, nil, "transfergate ledger: "+purpose, keySize)
}

// periodKeys are the keys in the folder, oldest first.
func (d Dir) periodKeys(secret *master) (keys []*periodKey, err error) {
	dir := filepath.Join(d.Path, format.KeysName)
	names, err := d.fsys.Names(dir)
	if err != nil {
		return nil, fmt.Errorf("listing the pseudonyms' keys: %w", err)
	}
	stands, err := d.Standing()
	if err != nil {
		return nil, fmt.Errorf("reading which keys of the pseudonyms were destroyed: %w", err)
	}
	for _, name := range names {
		period, found := strings.CutSuffix(name, keySuffix)
		if !found || slices.Contains(stands.Destroyed, period) {
			continue
		}
		data, err := format.ReadFile(d.fsys, filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // destroyed meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("reading a key of the pseudonyms: %w", err)
		}
		k, err := secret.unwrap(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
		keys = append(keys, k)
	}
	slices.SortStableFunc(keys, func(a, b *periodKey) int { return a.From.Compare(b.From) })
	return keys, nil
}
