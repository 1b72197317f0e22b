package verify_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
)

// signedLedger makes a ledger of two epochs and returns the verifier key of its node.
func signedLedger(t *testing.T, dir, key, text string) (vkey string) {
	t.Helper()
	vkey, err := ledger.GenerateKey(key, "transfergate/gw-sg-1")
	if err != nil {
		t.Fatal(err)
	}
	var entries []string
	for i := range 15 {
		entries = append(entries, fmt.Sprint(text, " ", i))
	}
	add(t, open(t, dir, ledger.Options{Node: "gw-sg-1", Key: key, EpochEntries: 10}), entries...)
	return vkey
}

// A ledger that somebody wrote in the place of another one, all of it or its end,
// verifies by the keys it names itself and not by those of the node.
func TestVerifyByKey(t *testing.T) {
	parent := t.TempDir()
	in := func(name string) string { return filepath.Join(parent, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	first := signedLedger(t, in("true"), in("first.key"), "entry")
	theirs := signedLedger(t, in("forged"), in("theirs.key"), "forged")
	second, err := ledger.GenerateKey(in("second.key"), "transfergate/gw-sg-1")
	must(err)

	// An end of somebody's own, which gives a reason for following.
	must(os.CopyFS(in("end"), os.DirFS(in("true"))))
	checkpoint := filepath.Join(in("end"), "epoch-000002", "checkpoint")
	signed, err := os.ReadFile(checkpoint)
	must(err)
	must(os.WriteFile(checkpoint, nil, 0o600))
	must(ledger.NewEpoch(in("end"), ledger.Options{Node: "gw-sg-1", Key: in("theirs.key")}, "the disk was replaced", ""))
	must(os.WriteFile(checkpoint, signed, 0o600))
	add(t, open(t, in("end"), ledger.Options{Node: "gw-sg-1", Key: in("theirs.key")}))

	// The same, by the node itself when it changes its key; and before anything is signed.
	must(os.CopyFS(in("changed"), os.DirFS(in("true"))))
	must(ledger.NewEpoch(in("changed"), ledger.Options{Node: "gw-sg-1", Key: in("first.key")}, "yearly change of keys", in("second.key")))
	must(os.CopyFS(in("unsigned"), os.DirFS(in("true"))))
	must(os.RemoveAll(filepath.Join(in("unsigned"), "epoch-000002")))
	must(os.Remove(filepath.Join(in("unsigned"), "epoch-000001", "checkpoint")))

	for _, test := range []struct {
		dir  string
		keys []string
		want string // in the error; empty: it verifies
	}{
		{"true", nil, ""},
		{"true", []string{first}, ""},
		{"true", []string{theirs, first}, ""},
		{"true", []string{second}, "epoch-000001/EPOCH, offset 0, entry 0: the epoch is signed with the key transfergate/gw-sg-1/"},
		{"forged", nil, ""},
		{"forged", []string{first, second}, "for which none of the keys given vouches"},
		{"end", nil, ""},
		{"end", []string{first}, "epoch-000003/EPOCH, offset 0, entry 0: the epoch is signed with the key"},
		{"changed", []string{first}, ""},
		{"changed", []string{second}, ""},
		{"changed", []string{theirs}, "for which none of the keys given vouches"},
		{"unsigned", nil, "the checkpoint is missing"},
		{"unsigned", []string{first}, "the checkpoint is missing"},
	} {
		r, err := verify.Ledger(in(test.dir), verify.Options{Keys: test.keys})
		if err == nil != (test.want == "") || err != nil && !strings.Contains(filepath.ToSlash(err.Error()), test.want) {
			t.Errorf("%s by %q: %+v, %v", test.dir, test.keys, r, err)
		}
	}
}
