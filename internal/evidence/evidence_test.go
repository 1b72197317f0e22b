package evidence_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/evidence"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
	"github.com/sparkoo/transfergate/internal/tiles/tilestest"
)

// registers are a policy as sha256sum and tar see it.
func registers(t *testing.T, content string) (archive []byte, digest string) {
	t.Helper()
	var b, list bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"statement.yaml", "laws.yaml"} {
		data := []byte(content + name)
		h := &tar.Header{Name: name, Size: int64(len(data)), Mode: 0o444, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%x  %s\n", sha256.Sum256(data), name)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), fmt.Sprintf("%x", sha256.Sum256(list.Bytes()))
}

const origin = "transfergate/gw-1/0123456789abcdef/epoch-000002"

// newLog has a genesis, a record with a policy at index 1, and others.
func newLog(t *testing.T) (log *tilestest.Log, tree *tiles.Tree, archive []byte) {
	t.Helper()
	archive, digest := registers(t, "a: b # ")
	log = tilestest.New(t, origin)
	r := record.Transfer{Header: record.Header{Type: record.TypeAccepted}, Policy: digest}
	log.Add([]byte(`{"previous":{"epoch":1},"type":"ledger.genesis","v":"test"}`), r.Append(nil))
	log.Fill(9)
	tree, err := tiles.OpenTree(log, log.Key())
	if err != nil {
		t.Fatal(err)
	}
	return log, tree, archive
}

func policies(archive []byte) func(string) ([]byte, error) {
	return func(string) ([]byte, error) { return archive, nil }
}

func TestBundle(t *testing.T) {
	t.Parallel()
	log, tree, archive := newLog(t)
	bundle, err := evidence.Make(tree, 1, log.Public, nil, policies(archive))
	if err != nil {
		t.Fatal(err)
	}
	f, err := evidence.Verify(bundle, log.Public+"\n")
	if err != nil {
		t.Fatal(err)
	}
	if f.Log != origin || f.Index != 1 || f.Size != 9 || !bytes.Equal(f.Record, log.Entry(1)) || !bytes.Equal(f.Genesis, log.Entry(0)) || f.Root != tree.Hash.String() {
		t.Errorf("finding %+v", f)
	}
	again, err := evidence.Make(tree, 1, log.Public, nil, policies(archive))
	if err != nil || !bytes.Equal(again, bundle) {
		t.Errorf("made again it is another file: %v", err)
	}
	// A stranger needs no program of ours.
	files := untar(t, bundle)
	if err := testsupport.TorchwoodProof(files["receipt.txt"], files["record.json"], log.Public); err != nil {
		t.Errorf("torchwood on receipt.txt: %v", err)
	}
	if err := testsupport.TorchwoodProof(files["genesis-receipt.txt"], files["genesis.json"], log.Public); err != nil {
		t.Errorf("torchwood on genesis-receipt.txt: %v", err)
	}
	if !bytes.Equal(files["policy.tar"], archive) || string(files["key.txt"]) != log.Public+"\n" || !strings.Contains(string(files["HOWTO.txt"]), "transfer verify BUNDLE --key KEY") {
		t.Error("the bundle's files are not what was put in")
	}
}

// A record without a policy makes a bundle without one.
func TestBundleWithoutPolicy(t *testing.T) {
	t.Parallel()
	log, tree, _ := newLog(t)
	for _, index := range []int64{0, 5} {
		bundle, err := evidence.Make(tree, index, log.Public, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := evidence.Verify(bundle, log.Public); err != nil || f.Policy != "" || f.Index != index {
			t.Errorf("finding %+v, %v", f, err)
		}
		if untar(t, bundle)["policy.tar"] != nil {
			t.Error("there is a policy")
		}
	}
}

func untar(t *testing.T, archive []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// No byte of a bundle can be changed, and none cut off or added.
func TestEveryChangeIsFound(t *testing.T) {
	t.Parallel()
	log, tree, archive := newLog(t)
	bundle, err := evidence.Make(tree, 1, log.Public, nil, policies(archive))
	if err != nil {
		t.Fatal(err)
	}
	step := 1
	if testsupport.Race {
		step = 17
	}
	for i := 0; i < len(bundle); i += step {
		flipped := bytes.Clone(bundle)
		flipped[i] ^= 1 << (i % 8)
		if _, err := evidence.Verify(flipped, log.Public); err == nil {
			t.Errorf("byte %d changed from %q to %q, and the bundle verifies", i, bundle[i], flipped[i])
		}
	}
	for cut := 0; cut < len(bundle); cut += 97 {
		if _, err := evidence.Verify(bundle[:cut], log.Public); err == nil {
			t.Errorf("the first %d of %d bytes verify", cut, len(bundle))
		}
	}
	for _, more := range [][]byte{{0}, make([]byte, 512), bundle} {
		if _, err := evidence.Verify(append(bytes.Clone(bundle), more...), log.Public); err == nil {
			t.Errorf("%d bytes more, and the bundle verifies", len(more))
		}
	}
}

// Parts of good bundles do not make another good one.
func TestExchangedParts(t *testing.T) {
	t.Parallel()
	log, tree, archive := newLog(t)
	other := tilestest.New(t, origin)
	other.Fill(9)
	if _, err := evidence.Make(tree, 1, other.Public, nil, policies(archive)); err == nil {
		t.Error("a bundle is made with another key")
	}
	wrong, _ := registers(t, "changed: # ")
	for want, policy := range map[string]func(string) ([]byte, error){
		"holds registers with the digest": policies(wrong),
		"not a whole tar":                 policies([]byte("not a tar")),
		"file does not exist":             func(string) ([]byte, error) { return nil, fs.ErrNotExist },
	} {
		if _, err := evidence.Make(tree, 1, log.Public, nil, policy); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a bundle with a wrong policy: %v, want %q", err, want)
		}
	}
	if _, err := evidence.Make(tree, 9, log.Public, nil, nil); !errors.Is(err, tiles.ErrBeyond) {
		t.Errorf("a bundle of an entry that is not there: %v", err)
	}

	bundle, err := evidence.Make(tree, 1, log.Public, nil, policies(archive))
	if err != nil {
		t.Fatal(err)
	}
	second, err := evidence.Make(tree, 5, log.Public, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	log.Fill(12)
	later, err := tiles.OpenTree(log, log.Key())
	if err != nil {
		t.Fatal(err)
	}
	third, err := evidence.Make(later, 1, log.Public, nil, policies(archive))
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"HOWTO.txt", "key.txt", "record.json", "receipt.txt", "genesis.json", "genesis-receipt.txt", "policy.tar"}
	for want, change := range map[string]func(files map[string][]byte){
		"does not prove record.json":  func(f map[string][]byte) { f["record.json"] = untar(t, second)["record.json"] },
		"does not prove genesis.json": func(f map[string][]byte) { f["genesis.json"] = f["record.json"] },
		"leads to another checkpoint": func(f map[string][]byte) { f["genesis-receipt.txt"] = untar(t, third)["genesis-receipt.txt"] },
		"is of entry 1": func(f map[string][]byte) {
			f["genesis-receipt.txt"], f["genesis.json"] = f["receipt.txt"], f["record.json"]
		},
		"and only there; the record":     func(f map[string][]byte) { delete(f, "policy.tar") },
		"the files are":                  func(f map[string][]byte) { delete(f, "key.txt") },
		"by the key given it is":         func(f map[string][]byte) { f["key.txt"] = []byte(other.Public + "\n") },
		"is not the text of this":        func(f map[string][]byte) { f["HOWTO.txt"] = []byte("trust me\n") },
		"receipt.txt: not a tlog-proof":  func(f map[string][]byte) { f["receipt.txt"] = nil },
		`a file "x" does not belong the`: func(f map[string][]byte) { f["x"] = nil },
	} {
		files := untar(t, bundle)
		change(files)
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, name := range append(all, "x") {
			if data, ok := files[name]; ok {
				h := &tar.Header{Name: name, Size: int64(len(data)), Mode: 0o444, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
				if err := w.WriteHeader(h); err != nil {
					t.Fatal(err)
				}
				if _, err := w.Write(data); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.Verify(b.Bytes(), log.Public); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Verify = %v, want %q", err, want)
		}
	}
	if _, err := evidence.Verify(bundle, other.Public); err == nil {
		t.Error("the bundle verifies with another log's key")
	}
	if _, err := evidence.Verify(bundle, "no key"); err == nil {
		t.Error("the bundle verifies without a key")
	}
}
