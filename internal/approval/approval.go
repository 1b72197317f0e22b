package approval

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Write makes a policy's author sign it: a new manifest with the author's
// signature. Those of an earlier manifest are gone.
func Write(sums string, serial uint64, skey string) ([]byte, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("the author's key: %w", err)
	}
	if serial == 0 {
		return nil, errors.New("serial numbers begin with 1")
	}
	m := newManifest(serial, keyID(signer.Name(), signer.KeyHash()), sums)
	return note.Sign(&note.Note{Text: m.text()}, signer)
}

// Approve adds somebody's signature to what the author signed. The registers must
// be those of the manifest, and the key another than the author's.
func Approve(signed []byte, sums, skey string) ([]byte, error) {
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("the approver's key: %w", err)
	}
	n, m, err := open(signed, new(Keys))
	switch {
	case err != nil:
		return nil, err
	case m.Sums != sums:
		return nil, m.otherRegisters(sums)
	case m.Author == keyID(signer.Name(), signer.KeyHash()):
		return nil, fmt.Errorf("'%s' is the author: somebody else must approve", signer.Name())
	}
	return note.Sign(n, signer)
}

// Read returns the manifest without asking who signed it.
func Read(signed []byte) (Manifest, error) {
	_, m, err := open(signed, new(Keys))
	return m, err
}

// Status says who signed a policy and what is missing.
type Status struct {
	Manifest
	// Signed tells that the author signed, with one of the keys.
	Signed bool
	// Approvers are the names of others who signed with one of the keys, in order.
	Approvers []string
	// Keys are their keys, as name+hash, in the same order.
	Keys []string
	// Strangers are names in signatures that none of the keys made. They count
	// for nothing.
	Strangers []string
	// Required is how many approvers there must be.
	Required int
}

// Check says who signed the policy of these registers. It fails if nobody can have:
// the note is malformed, is about other registers, or a signature is false.
// Whether the signatures suffice is for [Status.Sufficient] to say.
func Check(signed []byte, sums string, keys *Keys, required int) (Status, error) {
	n, m, err := open(signed, keys)
	if err != nil {
		return Status{}, err
	}
	if m.Sums != sums {
		return Status{}, m.otherRegisters(sums)
	}
	s := Status{Manifest: m, Required: required}
	for _, sig := range n.Sigs { // each key once
		if keyID(sig.Name, sig.Hash) == m.Author {
			s.Signed = true
		} else {
			s.Keys = append(s.Keys, keyID(sig.Name, sig.Hash))
		}
	}
	for _, sig := range n.UnverifiedSigs {
		s.Strangers = append(s.Strangers, sig.Name)
	}
	s.Signed = s.Signed && keys.has(m.Author)
	slices.Sort(s.Keys)
	for _, id := range s.Keys {
		s.Approvers = append(s.Approvers, id[:strings.LastIndexByte(id, '+')])
	}
	return s, nil
}

// Sufficient returns what is missing, or nil.
func (s Status) Sufficient() error {
	switch {
	case !s.Signed:
		return fmt.Errorf("its author '%s' did not sign it with one of the keys", s.Author)
	case len(s.Approvers) < s.Required:
		return fmt.Errorf("it has %d of %d approvals by others than its author '%s'", len(s.Approvers), s.Required, s.Author)
	}
	return nil
}

// otherRegisters says that the manifest is about other registers.
func (m Manifest) otherRegisters(sums string) error {
	return fmt.Errorf("the signatures are not for these registers: %s changed after they were signed; the author must sign anew",
		strings.Join(m.differing(sums), ", "))
}

// open reads a signed manifest. Signatures of the keys are checked.
func open(signed []byte, keys *Keys) (*note.Note, Manifest, error) {
	n, err := note.Open(signed, note.VerifierList(keys.verifiers...))
	if unverified := new(note.UnverifiedNoteError); errors.As(err, &unverified) {
		n, err = unverified.Note, nil
	}
	if err != nil {
		return nil, Manifest{}, fmt.Errorf("reading the signatures: %w", err)
	}
	m, err := parse(n.Text)
	if err != nil {
		return nil, Manifest{}, fmt.Errorf("reading what was signed: %w", err)
	}
	return n, m, nil
}
