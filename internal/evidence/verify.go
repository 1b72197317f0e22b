package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// Finding is what a bundle proves.
type Finding struct {
	// Log is the name of the log, its origin.
	Log string `json:"log"`

	// Index is the record's place in it, and Size how many entries the log had
	// when it signed.
	Index int64 `json:"index"`
	Size  int64 `json:"size"`

	// Root is the root hash the log signed, in base64.
	Root string `json:"root"`

	// Witnesses are the names of the witnesses that signed as well.
	Witnesses []string `json:"witnesses,omitempty"`

	// Policy is the digest of the registers in the bundle, empty if the record
	// names none.
	Policy string `json:"policy,omitempty"`

	// Registers is the archive of that policy; nil if the record names none.
	Registers []byte `json:"-"`

	// Record and Genesis are entries of the log, byte by byte.
	Record  json.RawMessage `json:"record"`
	Genesis json.RawMessage `json:"genesis"`
}

// Verify tells what a bundle proves to somebody who trusts the verifier key of
// the log, or of the node it is of (see tiles.LogKey). It reads nothing but its arguments. Whoever else signed the checkpoint
// must be among the witnesses, and all of them must have signed: so no byte of a
// bundle that verifies can be changed. The error names the part that is wrong.
func Verify(bundle []byte, vkey string, witnesses ...note.Verifier) (*Finding, error) {
	files, err := unpackBundle(bundle)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(files[howtoName], howto) {
		return nil, fmt.Errorf("%s is not the text of this version", howtoName)
	}
	log, err := keyOf(files, receiptName, vkey)
	if err != nil {
		return nil, err
	}
	receipt, checkpoint, err := verifyEntry(files, recordName, receiptName, log)
	if err != nil {
		return nil, err
	}
	genesis, _, err := verifyEntry(files, genesisName, genesisReceiptName, log)
	if err != nil {
		return nil, err
	}
	if genesis.Index != 0 || !bytes.Equal(genesis.Checkpoint, receipt.Checkpoint) {
		return nil, fmt.Errorf("%s is of entry %d, or leads to another checkpoint than %s", genesisReceiptName, genesis.Index, receiptName)
	}
	f := &Finding{
		Log: checkpoint.Origin, Index: receipt.Index, Size: checkpoint.N, Root: checkpoint.Hash.String(),
		Record: files[recordName], Genesis: files[genesisName],
	}
	if f.Witnesses, err = verifyWitnesses(receipt.Checkpoint, log, witnesses); err != nil {
		return nil, err
	}
	if f.Policy, err = policyOf(files[recordName]); err != nil {
		return nil, err
	}
	archive, there := files[policyName]
	switch {
	case there != (f.Policy != ""):
		return nil, fmt.Errorf("%s belongs in the bundle of a record that names a policy, and only there; the record names '%s'", policyName, f.Policy)
	case there:
		err = checkPolicy(archive, f.Policy)
	}
	if err != nil {
		return nil, err
	}
	f.Registers = archive
	return f, nil
}

// keyOf returns the log's key, if the trusted one vouches for the log that the
// receipt is of, and the bundle names the same.
func keyOf(files map[string][]byte, receipt, trusted string) (note.Verifier, error) {
	r, err := tiles.ParseReceipt(files[receipt])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", receipt, err)
	}
	c, err := tiles.ReadCheckpoint(r.Checkpoint)
	if err != nil {
		return nil, fmt.Errorf("%s ends in what is %w", receipt, err)
	}
	vkey, err := tiles.LogKey(trusted, c.Origin)
	if err != nil {
		return nil, err
	}
	if string(files[keyName]) != vkey+"\n" {
		return nil, fmt.Errorf("%s says the log's key is '%s'; by the key given it is '%s'", keyName, strings.TrimSpace(string(files[keyName])), vkey)
	}
	return note.NewVerifier(vkey)
}

// verifyEntry verifies an entry of the bundle by its receipt.
func verifyEntry(files map[string][]byte, entry, receipt string, log note.Verifier) (r tiles.Receipt, c tiles.Checkpoint, err error) {
	if r, err = tiles.ParseReceipt(files[receipt]); err == nil {
		c, err = r.Verify(files[entry], log)
	}
	if err != nil {
		return r, c, fmt.Errorf("%s does not prove %s: %w", receipt, entry, err)
	}
	return r, c, nil
}

// verifyWitnesses makes sure that the log and these witnesses signed, and nobody
// else, and returns the witnesses' names.
func verifyWitnesses(signed []byte, log note.Verifier, witnesses []note.Verifier) (found []string, err error) {
	n, err := note.Open(signed, note.VerifierList(slices.Concat(witnesses, []note.Verifier{log})...))
	if err != nil {
		return nil, fmt.Errorf("the checkpoint's signatures: %w", err)
	}
	for _, s := range n.UnverifiedSigs {
		return nil, fmt.Errorf("%s+%08x signed the checkpoint too; give the key of this witness", s.Name, s.Hash)
	}
	// A note counts each signer once, so that others cannot hide behind it.
	if lines := bytes.Count(signed[len(n.Text)+1:], []byte("\n")); lines != len(n.Sigs) {
		return nil, errors.New("the checkpoint has a signature twice")
	}
	if len(n.Sigs) != len(witnesses)+1 {
		return nil, fmt.Errorf("%d of %d witnesses signed the checkpoint", len(n.Sigs)-1, len(witnesses))
	}
	for _, s := range n.Sigs {
		if s.Name != log.Name() || s.Hash != log.KeyHash() {
			found = append(found, s.Name)
		}
	}
	return found, nil
}
