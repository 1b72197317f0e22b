package recorder

import (
	"fmt"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// views are the views of a ledger's epochs, kept because each learns where the
// entries of its last segment lie.
type views struct {
	dir ledger.Dir

	mu   sync.Mutex
	kept map[uint32]*ledger.View
}

// maxViews bounds the views that are kept.
const maxViews = 8

// open returns a view of an epoch, 0 for the newest, and the key of its
// checkpoints. It looks each time whether the epoch is still there: the error is
// fs.ErrNotExist if it is not.
func (v *views) open(number uint32) (*ledger.View, note.Verifier, error) {
	view, err := v.dir.View(number)
	if err != nil {
		return nil, nil, err
	}
	key, err := note.NewVerifier(view.VerifierKey())
	if err != nil {
		return nil, nil, fmt.Errorf("the key of %s: %w", view.Origin(), err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if known := v.kept[view.Epoch()]; known != nil && known.VerifierKey() == view.VerifierKey() {
		return known, key, nil
	}
	if v.kept == nil || len(v.kept) == maxViews {
		v.kept = make(map[uint32]*ledger.View)
	}
	v.kept[view.Epoch()] = view
	return view, key, nil
}
