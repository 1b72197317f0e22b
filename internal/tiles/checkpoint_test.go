package tiles_test

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// example is the checkpoint of the tlog-checkpoint specification.
const example = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"

func TestCheckpointText(t *testing.T) {
	t.Parallel()
	c, err := tiles.ParseCheckpoint(example)
	if err != nil || c.Origin != "example.com/behind-the-sofa" || c.N != 20852163 || c.String() != example {
		t.Errorf("ParseCheckpoint = %+v, %v", c, err)
	}
	for _, bad := range []string{
		"", "\n\n\n", strings.TrimSuffix(example, "\n"), example + "extension\n", "\n" + example,
		strings.Replace(example, "20852163", "020852163", 1), strings.Replace(example, "20852163", "-1", 1),
		strings.Replace(example, "20852163", "9223372036854775808", 1), strings.Replace(example, "q2I=", "q2J=", 1),
		strings.Replace(example, "CsUY", "CsU", 1), strings.ReplaceAll(example, "\n", "\r\n"),
	} {
		if c, err := tiles.ParseCheckpoint(bad); err == nil {
			t.Errorf("ParseCheckpoint(%q) = %+v, want an error", bad, c)
		}
	}
}

func TestOpenCheckpoint(t *testing.T) {
	t.Parallel()
	secret, public := newKey(t, "log.example/one")
	c := tiles.Checkpoint{Origin: "log.example/one", Tree: tlog.Tree{N: 3, Hash: tlog.RecordHash([]byte("x"))}}
	signed := sign(t, secret, c.String())
	if got, err := tiles.OpenCheckpoint(signed, verifier(t, public)); err != nil || got != c {
		t.Errorf("OpenCheckpoint = %+v, %v, want %+v", got, err, c)
	}
	if got, err := tiles.ReadCheckpoint(signed); err != nil || got != c {
		t.Errorf("ReadCheckpoint = %+v, %v, want %+v", got, err, c)
	}
	_, other := newKey(t, "log.example/one")
	if _, err := tiles.OpenCheckpoint(signed, verifier(t, other)); err == nil {
		t.Error("another key of the same name is taken")
	}
	c.Origin = "log.example/two"
	if _, err := tiles.OpenCheckpoint(sign(t, secret, c.String()), verifier(t, public)); err == nil {
		t.Error("a key of another log is taken")
	}
	if _, err := tiles.OpenCheckpoint(sign(t, secret, "no checkpoint\n"), verifier(t, public)); err == nil {
		t.Error("a note that is no checkpoint is taken")
	}
}

func newKey(t testing.TB, name string) (secret, public string) {
	t.Helper()
	secret, public, err := note.GenerateKey(nil, name)
	if err != nil {
		t.Fatal(err)
	}
	return secret, public
}

func verifier(t testing.TB, public string) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sign(t testing.TB, secret, text string) []byte {
	t.Helper()
	s, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
