package evidence

import (
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// Make returns the bundle of one entry of a log at a checkpoint. vkey is the
// log's own verifier key, with which the tree was opened; witnesses are the keys of
// all others who signed the checkpoint. policy returns the archived registers of
// a digest, as they were kept when records began to name it; it is not called if
// the record names none.
func Make(tree *tiles.Tree, index int64, vkey string, witnesses []note.Verifier, policy func(digest string) ([]byte, error)) ([]byte, error) {
	record, receipt, err := tree.Receipt(index)
	if err != nil {
		return nil, err
	}
	genesis, genesisReceipt, err := tree.Receipt(0)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		howtoName:          howto,
		keyName:            []byte(strings.TrimSpace(vkey) + "\n"),
		recordName:         record,
		receiptName:        receipt.Bytes(),
		genesisName:        genesis,
		genesisReceiptName: genesisReceipt.Bytes(),
	}
	digest, err := policyOf(record)
	if err != nil {
		return nil, fmt.Errorf("entry %d of %s: %w", index, tree.Origin, err)
	}
	if digest != "" {
		if files[policyName], err = policy(digest); err != nil {
			return nil, fmt.Errorf("entry %d of %s was decided by the policy %s: %w", index, tree.Origin, digest, err)
		}
	}
	bundle := pack(names, files)
	if _, err := Verify(bundle, vkey, witnesses...); err != nil {
		return nil, fmt.Errorf("the bundle of entry %d of %s would not hold: %w", index, tree.Origin, err)
	}
	return bundle, nil
}
