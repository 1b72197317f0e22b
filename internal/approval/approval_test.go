package approval_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/approval"
)

// person has a key.
type person struct{ skey, vkey string }

func newPerson(t *testing.T, name string) person {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	return person{skey, vkey}
}

// Two registers, and the same with one edited.
var (
	sums = strings.Repeat("ab", 32) + "  laws.yaml\n" + strings.Repeat("cd", 32) + "  safeguards.yaml\n"
	// edited differs in safeguards.yaml.
	edited = strings.Repeat("ab", 32) + "  laws.yaml\n" + strings.Repeat("ce", 32) + "  safeguards.yaml\n"
)

// office is an author and two others, and their keys.
type office struct {
	ana, bea, cem person
	keys          *approval.Keys
}

func newOffice(t *testing.T) office {
	t.Helper()
	o := office{ana: newPerson(t, "ana"), bea: newPerson(t, "bea"), cem: newPerson(t, "cem")}
	var err error
	if o.keys, err = approval.ParseKeys([]string{o.ana.vkey, o.bea.vkey, o.cem.vkey}); err != nil {
		t.Fatal(err)
	}
	return o
}

// signed is what ana wrote and others approved.
func signed(t *testing.T, author person, approvers ...person) []byte {
	t.Helper()
	n, err := approval.Write(sums, 7, author.skey)
	for _, p := range approvers {
		if err == nil {
			n, err = approval.Approve(n, sums, p.skey)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// insufficient checks a note and returns what it lacks, empty for nothing.
func (o office) insufficient(n []byte, required int) string {
	s, err := approval.Check(n, sums, o.keys, required)
	if err == nil {
		err = s.Sufficient()
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestSufficient(t *testing.T) {
	o := newOffice(t)
	n := signed(t, o.ana, o.cem, o.bea)
	s, err := approval.Check(n, sums, o.keys, 2)
	if err != nil || s.Sufficient() != nil {
		t.Fatalf("%v, %v", err, s.Sufficient())
	}
	if s.Serial != 7 || !s.Signed || !slices.Equal(s.Approvers, []string{"bea", "cem"}) || s.Strangers != nil || !strings.HasPrefix(s.Author, "ana+") {
		t.Errorf("got %+v", s)
	}
}

// Attacks: each must leave the policy unapproved.
func TestAttacks(t *testing.T) {
	o := newOffice(t)
	stranger := newPerson(t, "dan")
	impostor := newPerson(t, "bea")  // a key of its own under somebody's name
	twice := func(n []byte) []byte { // the last signature once more
		lines := strings.SplitAfter(string(n), "\n")
		return []byte(string(n) + lines[len(lines)-2])
	}
	renamed := func(n []byte, from, to string) []byte {
		return []byte(strings.Replace(string(n), "— "+from+" ", "— "+to+" ", 1))
	}
	older, err := approval.Write(edited, 6, o.ana.skey)
	if err != nil {
		t.Fatal(err)
	}
	if older, err = approval.Approve(older, edited, o.bea.skey); err != nil {
		t.Fatal(err)
	}
	olderSignatures := older[strings.Index(string(older), "\n\n"):]
	now := signed(t, o.ana)
	moved := append(now[:strings.Index(string(now), "\n\n"):strings.Index(string(now), "\n\n")], olderSignatures...)
	for name, c := range map[string]struct {
		note     []byte
		required int
		want     string
	}{
		"nobody approved":                  {signed(t, o.ana), 1, "0 of 1 approvals"},
		"short":                            {signed(t, o.ana, o.bea), 2, "1 of 2 approvals"},
		"one signature twice":              {twice(signed(t, o.ana, o.bea)), 2, "1 of 2 approvals"},
		"the author's signature twice":     {twice(signed(t, o.ana)), 1, "0 of 1 approvals"},
		"a signature under another's name": {renamed(signed(t, o.ana, o.bea), "bea", "cem"), 1, "0 of 1 approvals"},
		"a stranger's approval":            {signed(t, o.ana, stranger), 1, "0 of 1 approvals"},
		"another key of a known name":      {signed(t, o.ana, impostor), 1, "0 of 1 approvals"},
		"a stranger as the author":         {signed(t, stranger, o.bea, o.cem), 1, "did not sign it"},
		"signatures of an older manifest":  {moved, 1, "invalid signature"},
		"a manifest for other registers":   {older, 1, "not for these registers: safeguards.yaml changed"},
		"a serial raised afterwards":       {[]byte(strings.Replace(string(signed(t, o.ana, o.bea)), "serial 7", "serial 8", 1)), 1, "invalid signature"},
		"an author changed afterwards":     {[]byte(strings.Replace(string(signed(t, o.ana, o.bea)), "author ana", "author bea", 1)), 1, "invalid signature"},
		"no signature":                     {now[:strings.Index(string(now), "\n\n")+2], 0, "malformed note"},
		"no note":                          {[]byte("signed: yes\n"), 0, "malformed note"},
	} {
		if got := o.insufficient(c.note, c.required); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// A note that people signed, but that is no manifest of registers.
func TestForeignNotes(t *testing.T) {
	o := newOffice(t)
	signer, err := note.NewSigner(o.ana.skey)
	if err != nil {
		t.Fatal(err)
	}
	other, err := note.NewSigner(o.bea.skey)
	if err != nil {
		t.Fatal(err)
	}
	whole := string(signed(t, o.ana))
	text := whole[:strings.Index(whole, "\n\n")+1]
	for name, c := range map[string]struct{ text, want string }{
		"a checkpoint":      {"transfergate/gw-sg-1\n7\nq83v\n", "does not begin with"},
		"a serial of zero":  {strings.Replace(text, "serial 7", "serial 0", 1), "no serial number"},
		"a serial with +":   {strings.Replace(text, "serial 7", "serial +7", 1), "no serial number"},
		"a serial with 0":   {strings.Replace(text, "serial 7", "serial 07", 1), "written differently"},
		"another digest":    {strings.Replace(text, "\npolicy ", "\npolicy 0", 1), "digest is not that"},
		"a line that is no": {text + "and anything else\n", "no line of a register"},
	} {
		n, err := note.Sign(&note.Note{Text: c.text}, signer, other)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.insufficient(n, 1); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestApprove(t *testing.T) {
	o := newOffice(t)
	n := signed(t, o.ana)
	if _, err := approval.Approve(n, sums, o.ana.skey); err == nil || !strings.Contains(err.Error(), "'ana' is the author") {
		t.Errorf("the author approved: %v", err)
	}
	if _, err := approval.Approve(n, edited, o.bea.skey); err == nil || !strings.Contains(err.Error(), "safeguards.yaml changed") {
		t.Errorf("other registers were approved: %v", err)
	}
	again, err := approval.Approve(signed(t, o.ana, o.bea), sums, o.bea.skey)
	if err != nil || string(again) != string(signed(t, o.ana, o.bea)) {
		t.Errorf("approving twice is not as approving once: %v\n%s", err, again)
	}
	if _, err := approval.Write(sums, 0, o.ana.skey); err == nil {
		t.Error("a serial of 0 was taken")
	}
	if m, err := approval.Read(n); err != nil || m.Serial != 7 || m.Sums != sums {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestParseKeys(t *testing.T) {
	ana, other := newPerson(t, "ana"), newPerson(t, "ana")
	parts := strings.SplitN(ana.vkey, "+", 3)
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	alias, err := note.NewEd25519VerifierKey("bea", ed25519.PublicKey(raw[1:]))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		keys []string
		want string
	}{
		"one key under two names": {[]string{ana.vkey, alias}, "'ana' and 'bea' have the same public key"},
		"two keys of one name":    {[]string{ana.vkey, other.vkey}, "two public keys of 'ana'"},
		"one key twice":           {[]string{ana.vkey, ana.vkey}, "two public keys of 'ana'"},
		"a private key":           {[]string{"PRIVATE+KEY+" + parts[0]}, "a private key stands"},
		"another hash":            {[]string{parts[0] + "+00000000+" + parts[2]}, "invalid verifier hash"},
	} {
		if _, err := approval.ParseKeys(c.keys); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
