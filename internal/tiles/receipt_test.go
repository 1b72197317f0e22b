package tiles_test

import (
	"bytes"
	"strings"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/sparkoo/transfergate/internal/tiles"
	"github.com/sparkoo/transfergate/internal/tiles/tilestest"
)

// A receipt is written as torchwood writes it.
func TestReceiptForm(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, "log.example/form")
	log.Fill(5)
	_, receipt, err := openTree(t, log).Receipt(3)
	if err != nil {
		t.Fatal(err)
	}
	want := torchwood.FormatProof(3, receipt.Proof, receipt.Checkpoint)
	if got := receipt.Bytes(); !bytes.Equal(got, want) {
		t.Errorf("receipt:\n%swant:\n%s", got, want)
	}
}

func TestParseReceiptRefuses(t *testing.T) {
	t.Parallel()
	hash := tlog.RecordHash(nil).String() + "\n"
	for name, text := range map[string]string{
		"":                 "",
		"tlog-proof":       "c2sp.org/tlog-proof@v2\nindex 1\n\ncheckpoint\n",
		"extra data":       "c2sp.org/tlog-proof@v1\nextra eA==\nindex 1\n\ncheckpoint\n",
		"is not an index":  "c2sp.org/tlog-proof@v1\nIndex 1\n\ncheckpoint\n",
		"an empty line":    "c2sp.org/tlog-proof@v1\nindex 1\n" + hash,
		"at most 63":       "c2sp.org/tlog-proof@v1\nindex 1\n" + strings.Repeat(hash, 64) + "\ncheckpoint\n",
		"not a number":     "c2sp.org/tlog-proof@v1\nindex one\n\ncheckpoint\n",
		"99999999999999":   "c2sp.org/tlog-proof@v1\nindex 99999999999999999999\n\ncheckpoint\n",
		"the one form":     "c2sp.org/tlog-proof@v1\nindex 01\n\ncheckpoint\n",
		"line 4":           "c2sp.org/tlog-proof@v1\nindex 1\n" + hash + "x" + hash + "\ncheckpoint\n",
		"line 3 of the tl": "c2sp.org/tlog-proof@v1\nindex 1\nAAAA\n\ncheckpoint\n",
	} {
		if _, err := tiles.ParseReceipt([]byte(text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("ParseReceipt(%q) = %v, want an error with %q", text, err, name)
		}
	}
}

// After a change of any one byte, a receipt proves nothing.
func TestFlippedReceipts(t *testing.T) {
	t.Parallel()
	log := tilestest.New(t, "log.example/flips")
	log.Fill(11)
	entry, receipt, err := openTree(t, log).Receipt(7)
	if err != nil {
		t.Fatal(err)
	}
	text := receipt.Bytes()
	for i := range text {
		for _, bit := range []byte{1, 4, 0x20, 0x80} {
			flipped := bytes.Clone(text)
			flipped[i] ^= bit
			r, err := tiles.ParseReceipt(flipped)
			if err == nil {
				_, err = r.Verify(entry, log.Key())
			}
			if err == nil {
				t.Errorf("byte %d changed from %q to %q and the receipt is taken", i, text[i], flipped[i])
			}
		}
	}
}
