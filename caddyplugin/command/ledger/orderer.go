package ledger

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/regular"
)

// signFlag adds the flag of commands that order something of a folder alone.
func signFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("sign", "", "file of the private key of an operator; needed where the gateway of FOLDER was configured with operators last")
}

// orderer is who orders something of a ledger's folder, as the entry of it says: an
// operator, by the key in the file sign, or else the user who started this program. Where
// the gateway was configured with operators last, as the ledger's entries say, nobody else
// is obeyed. It is asked before this program becomes the folder's owner, who may not be let
// read the key.
func orderer(dir ledger.Dir, sign string) (string, error) {
	if dir.Class != record.DefaultClass { // what was asked for stands in the ledger that it belongs to
		dir = ledger.At(filepath.Dir(filepath.Clean(dir.Path)))
	}
	standing, err := dir.Standing()
	if err != nil {
		return "", fmt.Errorf("reading whose orders are obeyed: %w", err)
	}
	var operators []string
	if standing.Oversight != nil {
		operators = standing.Oversight.Operators
	}
	switch {
	case sign == "" && len(operators) == 0:
		return cli.Orderer(), nil
	case sign == "":
		return "", fmt.Errorf("the gateway of %s was configured with operators last, and only their orders are obeyed: sign with the key of one, --sign FILE (hashes of their keys: %s)",
			dir.Path, strings.Join(operators, ", "))
	case len(operators) == 0:
		return "", errors.New("the gateway's configuration named no operators, so nobody can sign orders: leave --sign out")
	}
	text, err := regular.ReadText(sign, regular.KeyLimit)
	if err != nil {
		return "", fmt.Errorf("reading the operator's key: %w", err)
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(text)))
	if err != nil {
		return "", fmt.Errorf("the operator's key: %w; 'transfer policy keygen' makes one", err)
	}
	hash := fmt.Sprintf("%08x", signer.KeyHash())
	if !slices.Contains(operators, hash) {
		return "", fmt.Errorf("the key with the hash %s is none of the operators' whom the gateway of %s was configured with last: %s", hash, dir.Path, strings.Join(operators, ", "))
	}
	return "key " + hash, nil
}
