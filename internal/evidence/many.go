package evidence

import (
	"archive/tar"
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// MaxRecords is how many records a bundle has at most.
const MaxRecords = 10_000

// maxManyFiles bounds the files of such a bundle.
const maxManyFiles = 4 + 3*MaxRecords

// howtoMany is part of the format: another text would be another version of it.
//
//go:embed howto-many.txt
var howtoMany []byte

// manyName matches the files of a bundle of many records.
var manyName = regexp.MustCompile(`^(HOWTO\.txt|key\.txt|genesis\.json|genesis-receipt\.txt|records/(0|[1-9][0-9]{0,15})(\.json|-receipt\.txt)|policies/[0-9a-f]{64}\.tar)$`)

func entryFile(index int64) string { return "records/" + strconv.FormatInt(index, 10) + ".json" }

func entryReceiptFile(index int64) string {
	return "records/" + strconv.FormatInt(index, 10) + "-receipt.txt"
}

func policyFile(digest string) string { return "policies/" + digest + ".tar" }

// MakeMany returns the bundle of several entries of a log at one checkpoint, of which
// there is at least one. The rest is as in [Make]; a policy is asked for once.
func MakeMany(tree *tiles.Tree, indices []int64, vkey string, witnesses []note.Verifier, policy func(digest string) ([]byte, error)) ([]byte, error) {
	indices = slices.Compact(slices.Sorted(slices.Values(indices)))
	if len(indices) == 0 || len(indices) > MaxRecords {
		return nil, fmt.Errorf("a bundle has 1 to %d records, and these are %d: ask for others at a time", MaxRecords, len(indices))
	}
	genesis, genesisReceipt, err := tree.Receipt(0)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		howtoName: howtoMany, keyName: []byte(strings.TrimSpace(vkey) + "\n"), genesisName: genesis, genesisReceiptName: genesisReceipt.Bytes(),
	}
	digests, size := make(map[string]bool), 0
	for _, index := range indices {
		entry, receipt, err := tree.Receipt(index)
		if err != nil {
			return nil, err
		}
		digest, err := policyOf(entry)
		if err != nil {
			return nil, fmt.Errorf("entry %d of %s: %w", index, tree.Origin, err)
		}
		if digest != "" && !digests[digest] {
			if files[policyFile(digest)], err = policy(digest); err != nil {
				return nil, fmt.Errorf("entry %d of %s was decided by the policy %s: %w", index, tree.Origin, digest, err)
			}
			digests[digest] = true
			size += len(files[policyFile(digest)])
		}
		files[entryFile(index)], files[entryReceiptFile(index)] = entry, receipt.Bytes()
		if size += len(entry) + len(receipt.Bytes()) + 4*blockSize; size > MaxSize-blockSize*32 {
			return nil, fmt.Errorf("a bundle has at most %d bytes, and these records take more: ask for others at a time", MaxSize)
		}
	}
	bundle := pack(manyOrder(indices, digests), files)
	if _, err := VerifyMany(bundle, vkey, witnesses...); err != nil {
		return nil, fmt.Errorf("the bundle of %d entries of %s would not hold: %w", len(indices), tree.Origin, err)
	}
	return bundle, nil
}

// blockSize is that of a tar archive.
const blockSize = 512

// manyOrder is the order of the files.
func manyOrder(indices []int64, digests map[string]bool) []string {
	order := []string{howtoName, keyName, genesisName, genesisReceiptName}
	for _, index := range indices {
		order = append(order, entryFile(index), entryReceiptFile(index))
	}
	for _, digest := range slices.Sorted(maps.Keys(digests)) {
		order = append(order, policyFile(digest))
	}
	return order
}

// ManyFinding is what a bundle of many records proves. Its members are those of Finding.
type ManyFinding struct {
	Log       string          `json:"log"`
	Size      int64           `json:"size"`
	Root      string          `json:"root"`
	Witnesses []string        `json:"witnesses,omitempty"`
	Policies  []string        `json:"policies,omitempty"`
	Genesis   json.RawMessage `json:"genesis"`
	Records   []ManyRecord    `json:"records"`
}

// ManyRecord is one of them.
type ManyRecord struct {
	Index  int64           `json:"index"`
	Record json.RawMessage `json:"record"`
}

// IsMany reports whether a bundle says that it is one of many records.
func IsMany(bundle []byte) bool {
	r := tar.NewReader(bytes.NewReader(bundle))
	header, err := r.Next()
	if err != nil || header.Name != howtoName || header.Size != int64(len(howtoMany)) {
		return false
	}
	text := make([]byte, len(howtoMany))
	n, _ := r.Read(text) // what it is not says the verifier
	return bytes.Equal(text[:n], howtoMany[:n]) && n > 0
}

// VerifyMany is [Verify] for a bundle of many records.
func VerifyMany(bundle []byte, vkey string, witnesses ...note.Verifier) (*ManyFinding, error) {
	order, files, err := unpack(bundle, maxManyFiles, manyName.MatchString)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(files[howtoName], howtoMany) {
		return nil, fmt.Errorf("%s is not the text of this version", howtoName)
	}
	log, err := keyOf(files, genesisReceiptName, vkey)
	if err != nil {
		return nil, err
	}
	genesis, checkpoint, err := verifyEntry(files, genesisName, genesisReceiptName, log)
	if err != nil {
		return nil, err
	}
	if genesis.Index != 0 {
		return nil, fmt.Errorf("%s is of entry %d", genesisReceiptName, genesis.Index)
	}
	f := &ManyFinding{Log: checkpoint.Origin, Size: checkpoint.N, Root: checkpoint.Hash.String(), Genesis: files[genesisName]}
	if f.Witnesses, err = verifyWitnesses(genesis.Checkpoint, log, witnesses); err != nil {
		return nil, err
	}
	var indices []int64
	digests := make(map[string]bool)
	for _, name := range order {
		text, is := strings.CutPrefix(name, "records/")
		text, whole := strings.CutSuffix(text, ".json")
		if !is || !whole {
			continue
		}
		index, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, err // the name has so many digits only
		}
		if err := f.record(files, index, genesis.Checkpoint, log, digests); err != nil {
			return nil, err
		}
		indices = append(indices, index)
	}
	if len(indices) == 0 {
		return nil, errors.New("there is no record")
	}
	if !slices.IsSorted(indices) || !slices.Equal(order, manyOrder(indices, digests)) {
		return nil, errors.New("the files are not those of its records, in their order")
	}
	f.Policies = slices.Sorted(maps.Keys(digests))
	for _, digest := range f.Policies {
		if err := checkPolicy(files[policyFile(digest)], digest); err != nil {
			return nil, fmt.Errorf("%s: %w", policyFile(digest), err)
		}
	}
	return f, nil
}

// record verifies one of the records, and notes the policy that it names.
func (f *ManyFinding) record(files map[string][]byte, index int64, checkpoint []byte, log note.Verifier, digests map[string]bool) error {
	name := entryFile(index)
	receipt, _, err := verifyEntry(files, name, entryReceiptFile(index), log)
	if err != nil {
		return err
	}
	if receipt.Index != index || !bytes.Equal(receipt.Checkpoint, checkpoint) {
		return fmt.Errorf("%s is of entry %d, or leads to another checkpoint than %s", entryReceiptFile(index), receipt.Index, genesisReceiptName)
	}
	digest, err := policyOf(files[name])
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if digest != "" {
		digests[digest] = true
	}
	f.Records = append(f.Records, ManyRecord{index, files[name]})
	return nil
}
