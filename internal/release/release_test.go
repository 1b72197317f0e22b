package release_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/release"
)

// What is signed is a signed note for others, and what sha256sum reads.
func TestSigned(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "transfergate-v1.2.3-linux-amd64.tar.gz", "abc")
	write(t, dir, "a.deb", "")
	skey, vkey := newKey(t, "releases")
	r, err := release.Of("v1.2.3", []string{path, filepath.Join(dir, "a.deb")})
	if err != nil {
		t.Fatal(err)
	}
	// The first examples of FIPS 180: of "abc" and of nothing.
	const sums = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.deb\n" +
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  transfergate-v1.2.3-linux-amd64.tar.gz\n"
	if r.Sums() != sums {
		t.Errorf("sums:\n%s", r.Sums())
	}
	signed, err := r.Sign(skey)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil || n.Text != "transfergate release v1\nversion v1.2.3\n"+sums {
		t.Errorf("others read %v, %v", n, err)
	}

	opened, by, err := release.Open(signed, keys(t, vkey))
	if err != nil || opened.Version != "v1.2.3" || strings.Join(by, " ") != "releases" {
		t.Fatalf("opened: %v by %v, %v", opened, by, err)
	}
	if err := opened.Check(path); err != nil {
		t.Error(err)
	}
	write(t, dir, filepath.Base(path), "abd")
	if err := opened.Check(path); !errors.Is(err, release.ErrOther) {
		t.Errorf("a changed file: %v", err)
	}
	if err := opened.Check(write(t, dir, "b.deb", "")); !errors.Is(err, release.ErrOther) {
		t.Errorf("a file of another name: %v", err)
	}
	if err := opened.Check(filepath.Join(dir, "none", "a.deb")); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, release.ErrOther) {
		t.Errorf("no file: %v", err)
	}
}

// Nothing but what a trusted key signed as a release is one.
func TestRefused(t *testing.T) {
	skey, vkey := newKey(t, "releases")
	other, otherKey := newKey(t, "releases")
	const sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	const good = "transfergate release v1\nversion v1.2.3\n" + sum + "  a.deb\n"
	if _, _, err := release.Open(sign(t, good, skey), keys(t, vkey)); err != nil {
		t.Fatal(err)
	}
	for name, signed := range map[string][]byte{
		"signed by another key": sign(t, good, other),
		"changed":               []byte(strings.Replace(string(sign(t, good, skey)), "a.deb", "b.deb", 1)),
		"of a policy":           sign(t, strings.Replace(good, "release", "policy approval", 1), skey),
		"without files":         sign(t, "transfergate release v1\nversion v1.2.3\n", skey),
		"without a version":     sign(t, "transfergate release v1\nversion \n"+sum+"  a.deb\n", skey),
		"with a path":           sign(t, strings.Replace(good, "a.deb", "../a.deb", 1), skey),
		"with a file twice":     sign(t, good+strings.Repeat("0", 64)+"  a.deb\n", skey),
		"with another line":     sign(t, good+"and more\n", skey),
		"no note":               []byte(good),
	} {
		if r, _, err := release.Open(signed, keys(t, vkey)); err == nil {
			t.Errorf("%s: it is %v", name, r)
		}
	}
	if _, by, err := release.Open(sign(t, good, skey, other), keys(t, otherKey)); err != nil || len(by) != 1 {
		t.Errorf("signed by two, of whom one is trusted: %v, %v", by, err)
	}
}

func TestOf(t *testing.T) {
	dir := t.TempDir()
	a := write(t, dir, "a.deb", "")
	for name, c := range map[string]struct {
		version string
		paths   []string
	}{
		"no version":   {"", []string{a}},
		"two lines":    {"v1\nv2", []string{a}},
		"no files":     {"v1.2.3", nil},
		"a file twice": {"v1.2.3", []string{a, a}},
		"an odd name":  {"v1.2.3", []string{write(t, dir, "a b", "")}},
		"a folder":     {"v1.2.3", []string{dir}},
	} {
		if r, err := release.Of(c.version, c.paths); err == nil {
			t.Errorf("%s: it is %v", name, r)
		}
	}
}

func newKey(t *testing.T, name string) (skey, vkey string) {
	t.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	return skey, vkey
}

func keys(t *testing.T, vkeys ...string) *approval.Keys {
	t.Helper()
	k, err := approval.ParseKeys(vkeys)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t *testing.T, text string, skeys ...string) []byte {
	t.Helper()
	var signers []note.Signer
	for _, skey := range skeys {
		s, err := note.NewSigner(skey)
		if err != nil {
			t.Fatal(err)
		}
		signers = append(signers, s)
	}
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
