package evidence_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/sparkoo/transfergate/internal/evidence"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
	"github.com/sparkoo/transfergate/internal/tiles"
	"github.com/sparkoo/transfergate/internal/tiles/tilestest"
)

// manyLog has a genesis and ten records, of two policies and of none.
func manyLog(t *testing.T) (log *tilestest.Log, tree *tiles.Tree, policy func(string) ([]byte, error)) {
	t.Helper()
	one, first := registers(t, "a: b # ")
	two, second := registers(t, "c: d # ")
	log = tilestest.New(t, origin)
	log.Add([]byte(`{"previous":{"epoch":1},"type":"ledger.genesis","v":"test"}`))
	for i := range 10 {
		r := record.Transfer{Header: record.Header{Type: record.TypeAccepted}, Policy: []string{first, second, ""}[i%3]}
		log.Add(r.Append(nil))
	}
	log.Fill(11) // it signs
	tree, err := tiles.OpenTree(log, log.Key())
	if err != nil {
		t.Fatal(err)
	}
	return log, tree, func(digest string) ([]byte, error) {
		return map[string][]byte{first: one, second: two}[digest], nil
	}
}

// One file proves many records by one checkpoint, each also to a program that is not ours.
func TestMany(t *testing.T) {
	t.Parallel()
	log, tree, policy := manyLog(t)
	bundle, err := evidence.MakeMany(tree, []int64{7, 1, 2, 7, 3, 0}, log.Public, nil, policy)
	if err != nil {
		t.Fatal(err)
	}
	f, err := evidence.VerifyMany(bundle, log.Public+"\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, r := range f.Records {
		got = append(got, r.Index)
		if !bytes.Equal(r.Record, log.Entry(r.Index)) {
			t.Errorf("record %d is %s", r.Index, r.Record)
		}
	}
	if fmt.Sprint(got) != "[0 1 2 3 7]" || f.Log != origin || f.Size != 11 || f.Root != tree.Hash.String() || len(f.Policies) != 2 || !evidence.IsMany(bundle) {
		t.Errorf("%v, %+v", got, f)
	}
	files := untar(t, bundle)
	for _, index := range got {
		if err := testsupport.TorchwoodProof(files[fmt.Sprintf("records/%d-receipt.txt", index)], files[fmt.Sprintf("records/%d.json", index)], log.Public); err != nil {
			t.Errorf("torchwood on record %d: %v", index, err)
		}
	}
	single, err := evidence.Make(tree, 1, log.Public, nil, policy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Verify(bundle, log.Public); err == nil || evidence.IsMany(single) {
		t.Error("a bundle of many records is one of one, or the other way round")
	}
	for what, indices := range map[string][]int64{"none": nil, "one that is not there": {3, 11}} {
		if _, err := evidence.MakeMany(tree, indices, log.Public, nil, policy); err == nil {
			t.Errorf("a bundle of %s", what)
		}
	}
}

// No byte can be changed, none cut off, and the key of another log verifies nothing.
func TestEveryChangeOfManyIsFound(t *testing.T) {
	t.Parallel()
	log, tree, policy := manyLog(t)
	bundle, err := evidence.MakeMany(tree, []int64{1, 3}, log.Public, nil, policy)
	if err != nil {
		t.Fatal(err)
	}
	step := 3
	if testsupport.Race {
		step = 61
	}
	for i := 0; i < len(bundle); i += step {
		flipped := bytes.Clone(bundle)
		flipped[i] ^= 1 << (i % 8)
		if _, err := evidence.VerifyMany(flipped, log.Public); err == nil {
			t.Fatalf("byte %d changed from %q to %q, and the bundle verifies", i, bundle[i], flipped[i])
		}
	}
	for cut := 0; cut < len(bundle); cut += 97 {
		if _, err := evidence.VerifyMany(bundle[:cut], log.Public); err == nil {
			t.Fatalf("the first %d of %d bytes verify", cut, len(bundle))
		}
	}
	other := tilestest.New(t, origin)
	other.Fill(11)
	if _, err := evidence.VerifyMany(bundle, other.Public); err == nil {
		t.Error("it verifies by another log's key")
	}
}
