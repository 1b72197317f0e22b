package ledger

import (
	"os"
)

// Grow makes a closed ledger of two sealed segments one of so many, by repeating
// the second one: what a test would take hours to append.
func Grow(dir string, spans int64) error {
	e, err := readEpoch(OS, dir, 1)
	if err != nil {
		return err
	}
	path := epochDir(dir, 1)
	a, err := openArchive(OS, archivePath(path, 1), e, 1)
	if err != nil {
		return err
	}
	defer a.file.Close()
	packed, err := os.ReadFile(archivePath(path, 1))
	if err != nil {
		return err
	}
	t := newTree(OS, path, e)
	if err := t.load(); err != nil {
		return err
	}
	root, err := t.hash(t.height, 1)
	if err != nil {
		return err
	}
	roots, err := os.ReadFile(upperPath(path))
	if err != nil {
		return err
	}
	for span := t.stored; span < spans; span++ {
		copy(packed, putIndex(e, uint64(span)*e.SegmentEntries, a.rows))
		if err := os.WriteFile(archivePath(path, span), packed, 0o600); err != nil {
			return err
		}
		if err := os.Link(hashPath(path, 1), hashPath(path, span)); err != nil {
			return err
		}
		roots = append(roots, root[:]...)
		t.push(root)
	}
	key, err := readKey(OS, Options{}.keyFile(dir))
	if err != nil {
		return err
	}
	signer, _, err := signerOf(key, e.Origin)
	if err != nil {
		return err
	}
	signed, _, err := t.sign(e.Origin, signer)
	if err != nil {
		return err
	}
	if err := os.WriteFile(upperPath(path), roots, 0o600); err != nil {
		return err
	}
	return os.WriteFile(checkpointPath(path), signed, 0o600)
}
