package verify_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/format"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/record"
)

// small are the settings of ledgers with segments of 4 entries and epochs of 20.
var small = ledger.Options{Node: "gw-sg-1", SegmentEntries: 4, EpochEntries: 20, CheckpointInterval: time.Millisecond}

func open(t *testing.T, dir string, o ledger.Options) *ledger.Log {
	t.Helper()
	l := ledger.New(dir, o)
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	return l
}

// add appends entries and closes the log.
func add(t *testing.T, l *ledger.Log, entries ...string) {
	t.Helper()
	for _, entry := range entries {
		if _, err := l.Append([]byte(entry)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// numbered are so many entries.
func numbered(n int) (entries []string) {
	for i := range n {
		entries = append(entries, fmt.Sprintf("entry %02d", i))
	}
	return entries
}

// newLedger makes a ledger of three epochs, the first of which are sealed, with a
// policy, and leaves the state of its first epoch before that was full in dir+".early".
func newLedger(t *testing.T, dir string) {
	t.Helper()
	l := open(t, dir, small)
	if err := l.Snapshot("0123abcd", []byte("the policy")); err != nil {
		t.Fatal(err)
	}
	add(t, l, numbered(7)...)
	copyTo(t, dir+".early", dir)
	add(t, open(t, dir, small), numbered(32)...)
	for epoch := 1; epoch <= 2; epoch++ { // what is full is sealed behind the writer
		l := open(t, dir, small)
		for deadline := time.Now().Add(time.Minute); !isFile(filepath.Join(dir, fmt.Sprintf("epoch-%06d/sealed/000004.zst", epoch))); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("epoch %d is not sealed", epoch)
			}
		}
		add(t, l)
	}
}

func isFile(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func copyTo(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// change rewrites a file of a ledger.
func change(t *testing.T, name string, by func(data []byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	after := by(bytes.Clone(data))
	if bytes.Equal(data, after) {
		t.Fatalf("%s was not changed", name)
	}
	if err := os.WriteFile(name, after, 0o600); err != nil {
		t.Fatal(err)
	}
}

// forge replaces text by other text of the same length in a segment's frames, whose
// checksums it makes right: by the format's doc, the payload's stands at byte 36 of a
// header of 44, and that of the header at its end.
func forge(from, to string) func([]byte) []byte {
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	return func(data []byte) []byte {
		data = bytes.ReplaceAll(data, []byte(from), []byte(to))
		for rest := data; len(rest) > format.HeaderSize && string(rest[:4]) == string(data[:4]); {
			header, end := rest[:format.HeaderSize], format.HeaderSize+int(binary.BigEndian.Uint32(rest[32:]))
			binary.BigEndian.PutUint32(header[36:], crc32.Checksum(rest[format.HeaderSize:end], castagnoli))
			binary.BigEndian.PutUint32(header[40:], crc32.Checksum(header[:40], castagnoli))
			rest = rest[end:]
		}
		return data
	}
}

// firstFrame is a segment without what follows its first frame.
func firstFrame(data []byte) []byte {
	return data[:format.HeaderSize+int(binary.BigEndian.Uint32(data[32:]))]
}

func flip(at int) func([]byte) []byte {
	return func(data []byte) []byte { data[at] ^= 4; return data }
}

func cut(by int) func([]byte) []byte {
	return func(data []byte) []byte { return data[:len(data)-by] }
}

func replace(from, to string) func([]byte) []byte {
	return func(data []byte) []byte { return bytes.ReplaceAll(data, []byte(from), []byte(to)) }
}

// Every kind of damage is refused, and named with the file that has it.
func TestRefuses(t *testing.T) {
	base := filepath.Join(t.TempDir(), "ledger")
	newLedger(t, base)
	other := filepath.Join(t.TempDir(), "other")
	newLedger(t, other)
	edit := func(name string, by func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) { change(t, filepath.Join(dir, name), by) }
	}
	remove := func(name string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	swap := func(name, from string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			remove(name)(t, dir)
			if info, err := os.Stat(filepath.Join(from, name)); err != nil {
				t.Fatal(err)
			} else if info.IsDir() {
				copyTo(t, filepath.Join(dir, name), filepath.Join(from, name))
				return
			}
			copyFile(t, filepath.Join(dir, name), filepath.Join(from, name))
		}
	}
	begun := func(t *testing.T, dir string) {
		signed, err := os.ReadFile(filepath.Join(dir, "epoch-000003", "checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		origin, _, _ := strings.Cut(string(signed), "\n")
		if err := os.WriteFile(format.BegunPath(dir), []byte(strings.Replace(origin, "epoch-000003", "epoch-000004", 1)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	both := func(all ...func(*testing.T, string)) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			for _, f := range all {
				f(t, dir)
			}
		}
	}
	write := func(entry string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { add(t, open(t, dir, small), entry) }
	}
	header := record.Header{Node: "gw-sg-1", Time: time.Unix(1, 0)}
	unkept := record.Policy{Header: header, Policy: "ffff", SHA256: "00"}
	gone := record.Deleted{Header: header, Deleted: record.DeletedEpoch{Epoch: record.Epoch{Number: 1, Origin: "x", Key: "y"}}, Signature: []byte("none")}

	for _, test := range []struct {
		name       string
		damage     func(t *testing.T, dir string)
		file, want string
	}{
		{"settings are no JSON", edit("epoch-000002/EPOCH", flip(0)), "epoch-000002/EPOCH", "not the JSON of an epoch"},
		{"settings in another form", edit("epoch-000002/EPOCH", replace(",", ", ")), "epoch-000002/EPOCH", "was not written by this program"},
		{"settings of another epoch", edit("epoch-000002/EPOCH", replace(`"epoch":2`, `"epoch":3`)), "epoch-000002/EPOCH", "it says epoch 3"},
		{"settings that the genesis does not name", edit("epoch-000002/EPOCH", replace(`"created":"2`, `"created":"1`)), "epoch-000002/EPOCH", "not the one the genesis entry names"},
		{"no settings", remove("epoch-000003/EPOCH"), "epoch-000003/EPOCH", "the file is missing"},
		{"an epoch is missing", remove("epoch-000002"), "epoch-000002", "no entry says that its time ran out"},
		{"the newest epoch is missing", remove("epoch-000003"), "epoch-000003", "the newest epoch is missing: the last entry of"},
		{"the newest epoch is missing, as the note beside the folder says", begun, "epoch-000004", "the newest epoch is missing"},
		{"the first epoch is missing", remove("epoch-000001"), "epoch-000001", "no entry says that its time ran out"},
		{"an epoch of another ledger", swap("epoch-000002", other), "epoch-000002", "the genesis entry names the epoch transfergate/gw-sg-1/"},
		{"the epoch before was set back", both(swap("epoch-000001", base+".early"), remove("epoch-000003")), "epoch-000002", "has no last entry that says that this epoch follows"},

		{"a changed checkpoint", edit("epoch-000001/checkpoint", flip(60)), "epoch-000001/checkpoint", "checking the checkpoint's signature"},
		{"no checkpoint", remove("epoch-000001/checkpoint"), "epoch-000001/checkpoint", "the checkpoint is missing"},
		{"the checkpoint of another log", swap("epoch-000001/checkpoint", other), "epoch-000001/checkpoint", "checking the checkpoint's signature"},
		{"a witnessed checkpoint of another log", func(t *testing.T, dir string) {
			copyFile(t, filepath.Join(dir, "epoch-000001", format.WitnessedName), filepath.Join(other, "epoch-000001", "checkpoint"))
		}, "epoch-000001/checkpoint.witnessed", "checking the checkpoint's signature"},
		{"the end is cut off", edit("epoch-000003/seg/000000.log", firstFrame), "epoch-000003/checkpoint", "entries are lost"},

		{"a changed entry", edit("epoch-000003/seg/000000.log", replace("entry 31", "entry XX")), "epoch-000003/seg/000000.log", "the frame's payload has checksum"},
		{"a forged entry", edit("epoch-000003/seg/000000.log", forge("entry 31", "entry XX")), "epoch-000003/checkpoint", "entries were changed"},
		{"no genesis", edit("epoch-000003/seg/000000.log", forge("ledger.genesis", "ledger.genesiz")), "epoch-000003/checkpoint", "entries were changed"},
		{"a forged entry, nothing signed", both(edit("epoch-000003/seg/000000.log", forge("entry 31", "entry XX")), remove("epoch-000003/checkpoint")),
			"epoch-000003/checkpoint", "the checkpoint is missing"},
		{"a missing segment", remove("epoch-000003/seg/000000.log"), "epoch-000003/checkpoint", "entries are lost"},

		{"a sealed segment is missing", remove("epoch-000001/sealed/000001.zst"), "epoch-000001/sealed/000001.zst", "the sealed segment is missing"},
		{"a changed sealed segment", edit("epoch-000001/sealed/000001.zst", flip(50)), "epoch-000001/sealed/000001.zst", "the bundle has checksum"},
		{"the sealed segment of another ledger", swap("epoch-000001/sealed/000000.zst", other), "epoch-000001/sealed/000000.zst", "the entry is not the one the tree has"},
		{"changed hashes", edit("epoch-000001/hash/000001.tiles", flip(70)), "epoch-000001/hash/000001.tiles", "the hash is not that of the entry"},
		{"hashes are cut off", edit("epoch-000001/hash/000001.tiles", cut(32)), "epoch-000001/hash/000001.tiles", "bytes, not"},
		{"a changed root", edit("epoch-000001/upper.tiles", flip(40)), "epoch-000001/upper.tiles", "the root of a full segment is not that of its entries"},
		{"a root is missing", edit("epoch-000001/upper.tiles", cut(32)), "epoch-000001/upper.tiles", "full segments; "},
		{"a root is cut off", edit("epoch-000001/upper.tiles", cut(1)), "epoch-000001/upper.tiles", "the file ends within a hash"},
		{"a root too many", edit("epoch-000001/upper.tiles", func(b []byte) []byte { return append(b, b[:32]...) }), "epoch-000001/upper.tiles", "full segments; 21 entries are there"},

		{"no policy", remove("policy/0123abcd.tar"), "policy/0123abcd.tar", "the policy that the entry names is missing"},
		{"another policy", edit("policy/0123abcd.tar", flip(0)), "policy/0123abcd.tar", "the policy is not the one the entry names"},
		{"a policy that was never kept", write(string(unkept.Append(nil))), "policy/ffff.tar", "the policy that the entry names is missing"},
		{"an entry of a policy that is none", write(`{"type":"policy.snapshot","v":"xfer/1"}`), "epoch-000003", "the entry is malformed"},
		{"a deletion that nobody signed", write(string(gone.Append(nil))), "epoch-000003", "the ledger's key has not signed it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "ledger")
			copyTo(t, dir, base)
			if _, err := verify.Ledger(dir, verify.Options{}); err != nil {
				t.Fatalf("before the damage: %v", err)
			}
			test.damage(t, dir)
			bad := new(format.CorruptError)
			r, err := verify.Ledger(dir, verify.Options{})
			if !errors.As(err, &bad) || bad.File != filepath.Join(dir, filepath.FromSlash(test.file)) || !strings.Contains(bad.What, test.want) {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}
