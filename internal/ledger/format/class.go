package format

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/record"
)

// A ledger may keep classes of entries apart that are retained differently: each
// lies in a folder of the ledger's folder and is a ledger by itself, with a writer,
// epochs, keys of pseudonyms and holds of its own. Only the key that signs
// checkpoints is the same, where nothing else is said.

// ClassFolder is the folder of a class of the ledger in dir.
func ClassFolder(dir, class string) string {
	if class == record.DefaultClass {
		return dir
	}
	return filepath.Join(dir, ClassPrefix+class)
}

// Classes lists the classes that have a folder, record.DefaultClass first.
func Classes(fsys FS, dir string) (classes []string, err error) {
	names, err := fsys.Names(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the ledger's classes: %w", err)
	}
	slices.Sort(names)
	classes = append(classes, record.DefaultClass)
	for _, name := range names {
		if class, found := strings.CutPrefix(name, ClassPrefix); found && record.CheckClass(class) == nil {
			classes = append(classes, class)
		}
	}
	return classes, nil
}

// ClassParent is the folder of the ledger of which dir is a class; empty if it is none.
func ClassParent(fsys FS, dir string) string {
	parent := filepath.Dir(dir)
	if !strings.HasPrefix(filepath.Base(dir), ClassPrefix) {
		return ""
	}
	if names, err := fsys.Names(parent); err != nil || !slices.Contains(names, LockName) {
		return ""
	}
	return parent
}
