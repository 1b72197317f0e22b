package tiles

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	receiptHeader = "c2sp.org/tlog-proof@v1\n"

	// maxProof bounds the hashes of a receipt; no tree of an int64 needs more.
	maxProof = 63
)

// Receipt is the proof that an entry stands at an index of a log. Its text is a
// tlog-proof. It does not hold the entry.
type Receipt struct {
	Index int64
	Proof tlog.RecordProof

	// Checkpoint is the signed checkpoint that the proof leads to.
	Checkpoint []byte
}

// Receipt returns an entry and its receipt. The error is ErrBeyond if the tree
// does not reach so far.
func (t *Tree) Receipt(index int64) (entry []byte, r Receipt, err error) {
	entry, proof, err := t.Entry(index)
	if err != nil {
		return nil, Receipt{}, err
	}
	return entry, Receipt{Index: index, Proof: proof, Checkpoint: t.Signed}, nil
}

// Bytes returns the receipt's text.
func (r Receipt) Bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%sindex %d\n", receiptHeader, r.Index)
	for _, h := range r.Proof {
		fmt.Fprintf(&b, "%s\n", h)
	}
	b.WriteByte('\n')
	b.Write(r.Checkpoint)
	return b.Bytes()
}

// ParseReceipt reads a receipt's text, of which it takes only the form that
// Bytes writes. Extra data, which nothing in a tlog-proof vouches for and which
// our logs do not add, is refused.
func ParseReceipt(text []byte) (r Receipt, err error) {
	rest, ok := strings.CutPrefix(string(text), receiptHeader)
	if !ok {
		return r, fmt.Errorf("not a tlog-proof: its first line is not %q", strings.TrimSpace(receiptHeader))
	}
	head, checkpoint, ok := strings.Cut(rest, "\n\n")
	lines := strings.Split(head, "\n")
	index, isIndex := strings.CutPrefix(lines[0], "index ")
	switch {
	case strings.HasPrefix(head, "extra "):
		return r, fmt.Errorf("the tlog-proof carries extra data, which no signature covers")
	case !ok || !isIndex || len(lines)-1 > maxProof:
		return r, fmt.Errorf("the tlog-proof is not an index, at most %d hashes, an empty line and a checkpoint", maxProof)
	}
	if r.Index, err = strconv.ParseInt(index, 10, 64); err != nil {
		return r, fmt.Errorf("the tlog-proof's index %q is not a number", index)
	}
	for i, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return r, fmt.Errorf("line %d of the tlog-proof is not a hash", i+3)
		}
		r.Proof = append(r.Proof, h)
	}
	r.Checkpoint = []byte(checkpoint)
	if !bytes.Equal(r.Bytes(), text) {
		return r, fmt.Errorf("the tlog-proof is not written in the one form it has")
	}
	return r, nil
}

// Verify reports whether the entry stands at the receipt's index of the log whose
// key is given, and returns the checkpoint that says so.
func (r Receipt) Verify(entry []byte, log note.Verifier) (Checkpoint, error) {
	c, err := OpenCheckpoint(r.Checkpoint, log)
	if err != nil {
		return Checkpoint{}, err
	}
	if r.Index < 0 || r.Index >= c.N {
		return Checkpoint{}, fmt.Errorf("entry %d of %d of %s: %w", r.Index, c.N, c.Origin, ErrBeyond)
	}
	if err := tlog.CheckRecord(r.Proof, c.N, c.Hash, r.Index, tlog.RecordHash(entry)); err != nil {
		return Checkpoint{}, fmt.Errorf("this is not entry %d of %s: the proof does not lead from it to the root hash of the checkpoint of %d entries",
			r.Index, c.Origin, c.N)
	}
	return c, nil
}
