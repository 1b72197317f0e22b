package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/anchor"
	"github.com/sparkoo/transfergate/internal/regular"
)

// readVerifierKey returns a verifier key that is given itself, or as a file that
// holds it.
func readVerifierKey(given string) (string, error) {
	data, err := regular.ReadText(given, regular.KeyLimit)
	if errors.Is(err, fs.ErrNotExist) && strings.Contains(given, "+") {
		return strings.TrimSpace(given), nil
	}
	if err != nil {
		return "", fmt.Errorf("'%s' is neither a verifier key of the form <name>+<hash>+<key> nor a file with one: %w", given, err)
	}
	return strings.TrimSpace(string(data)), nil
}

// readLogKey is readVerifierKey for the key of a log or a node.
func readLogKey(given string) (string, error) {
	vkey, err := readVerifierKey(given)
	if err != nil {
		return "", err
	}
	if _, err := note.NewVerifier(vkey); err != nil {
		return "", fmt.Errorf("'%s' is not a verifier key of the form <name>+<hash>+<key>: %w", given, err)
	}
	return vkey, nil
}

// readWitnessKeys reads the verifier keys of witnesses.
func readWitnessKeys(given []string) (witnesses []note.Verifier, err error) {
	for _, g := range given {
		vkey, err := readVerifierKey(g)
		if err != nil {
			return nil, err
		}
		v, err := anchor.NewVerifier(vkey)
		if err != nil {
			return nil, err
		}
		witnesses = append(witnesses, v)
	}
	return witnesses, nil
}
