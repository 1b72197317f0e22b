package ledger

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/ledger/format"
)

// ErrNoSigningKey: the file of the signing key is missing although the ledger has
// checkpoints, or holds another key than the epoch was begun with. Put the key
// back, or begin a new epoch with another key (see NewEpoch).
var ErrNoSigningKey = errors.New("the key that signs the ledger's checkpoints is not there")

// noKey says what is wrong with the file of the signing key, and the two lawful
// ways on. Signing with another key in its place would be another log.
func noKey(wrong error) error {
	return fmt.Errorf("%w: %w; nothing was changed; either put the key back, or begin a new epoch with another one by "+
		"'transfergate transfer ledger epoch new FOLDER --because REASON --next-key FILE'", ErrNoSigningKey, wrong)
}

// GenerateKey makes an Ed25519 signing key in the file, which must not exist,
// and returns its verifier key. Both are in the text form of signed notes
// (C2SP signed-note); name is usually transfergate/<node>. Every epoch signs
// under a name of its own, its origin, with the same key.
func GenerateKey(file, name string) (vkey string, err error) {
	return generateKey(format.OS{}, file, name)
}

func generateKey(fsys format.FS, file, name string) (vkey string, err error) {
	if f, err := fsys.Open(file, false); err == nil {
		return "", errors.Join(fmt.Errorf("%s exists: %w", file, fs.ErrExist), f.Close())
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("making a signing key: %w", err)
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", fmt.Errorf("making a signing key named '%s': %w", name, err)
	}
	if err := format.WriteDurable(fsys, file, []byte(skey+"\n")); err != nil {
		return "", fmt.Errorf("writing the signing key: %w", err)
	}
	return vkey, nil
}

// readKey reads a signing key's file.
func readKey(fsys format.FS, file string) (ed25519.PrivateKey, error) {
	data, err := format.ReadFile(fsys, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, noKey(err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the signing key: %w", err)
	}
	skey := strings.TrimSpace(string(data))
	if _, err := note.NewSigner(skey); err != nil {
		return nil, noKey(fmt.Errorf("%s holds no signing key of the form PRIVATE+KEY+<name>+<hash>+<key>", file))
	}
	parts := strings.SplitN(skey, "+", 5)
	key, err := base64.StdEncoding.DecodeString(parts[4])
	if err != nil || len(key) != 1+ed25519.SeedSize {
		return nil, noKey(fmt.Errorf("%s holds no Ed25519 key", file))
	}
	return ed25519.NewKeyFromSeed(key[1:]), nil
}

// signerOf returns the key as the signer of a log, and its verifier key. The
// name of both is the log's origin, as tlog-checkpoint demands.
func signerOf(key ed25519.PrivateKey, origin string) (s note.Signer, vkey string, err error) {
	vkey, err = note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, "", err
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, "", fmt.Errorf("'%s' cannot name a log: %w", origin, err)
	}
	secret := base64.StdEncoding.EncodeToString(append([]byte{1}, key.Seed()...)) // 1: Ed25519
	s, err = note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, v.KeyHash(), secret))
	return s, vkey, err
}

// keyFile is the file of the log's signing key.
func (o Options) keyFile(dir string) string {
	if o.Key != "" {
		return o.Key
	}
	if parent := format.ClassParent(o.FS, dir); parent != "" {
		dir = parent
	}
	return filepath.Join(dir, format.CheckpointKeyName)
}

// loadKey reads the signing key, and makes it if the ledger is new.
func (l *Log) loadKey(fresh bool) (ed25519.PrivateKey, error) {
	file := l.o.keyFile(l.dir)
	key, err := readKey(l.o.FS, file)
	if !fresh || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	vkey, err := generateKey(l.o.FS, file, "transfergate/"+l.o.nodeName())
	if err != nil {
		return nil, err
	}
	l.o.Logger.Info("made the key that signs the ledger's checkpoints; keep a copy elsewhere, and give the verifier key to those who check",
		"file", file, "vkey", vkey)
	return readKey(l.o.FS, file)
}
