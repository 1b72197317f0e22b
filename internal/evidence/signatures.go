package evidence

import (
	"bytes"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// Signed returns a checkpoint with the signatures of the log and these witnesses
// only, all of whom must have signed it.
func Signed(checkpoint []byte, log note.Verifier, witnesses ...note.Verifier) ([]byte, error) {
	n, err := note.Open(checkpoint, note.VerifierList(slices.Concat(witnesses, []note.Verifier{log})...))
	if err != nil {
		return nil, fmt.Errorf("the checkpoint's signatures: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n", n.Text)
	for _, v := range slices.Concat([]note.Verifier{log}, witnesses) {
		i := slices.IndexFunc(n.Sigs, func(s note.Signature) bool { return s.Name == v.Name() && s.Hash == v.KeyHash() })
		if i < 0 {
			return nil, fmt.Errorf("%s+%08x has not signed the checkpoint", v.Name(), v.KeyHash())
		}
		fmt.Fprintf(&b, "— %s %s\n", n.Sigs[i].Name, n.Sigs[i].Base64)
	}
	return b.Bytes(), nil
}
