package format

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A ledger may keep classes of entries apart that are retained differently: each
// lies in a folder of the ledger's folder and is a ledger by itself, with a writer,
// epochs, keys of pseudonyms and holds of its own. Only the key that signs
// checkpoints is the same, where nothing else is said.

// DefaultClass names the entries that lie in the ledger's folder itself.
const DefaultClass = "default"

var className = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// CheckClass tells what is wrong with the name of a class, if anything is.
func CheckClass(name string) error {
	if !className.MatchString(name) {
		return fmt.Errorf("'%s' cannot name a class: a letter and at most 31 small letters, digits and hyphens", name)
	}
	if name == DefaultClass {
		return fmt.Errorf("'%s' is the class of what belongs to no other", name)
	}
	return nil
}

// ClassFolder is the folder of a class of the ledger in dir.
func ClassFolder(dir, class string) string {
	if class == DefaultClass {
		return dir
	}
	return filepath.Join(dir, ClassPrefix+class)
}

// Classes lists the classes that have a folder, DefaultClass first.
func Classes(dir string) (classes []string, err error) { return ClassesIn(OS{}, dir) }

// ClassesIn is Classes on a file system.
func ClassesIn(fsys FS, dir string) (classes []string, err error) {
	names, err := fsys.Names(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the ledger's classes: %w", err)
	}
	slices.Sort(names)
	classes = append(classes, DefaultClass)
	for _, name := range names {
		if class, found := strings.CutPrefix(name, ClassPrefix); found && CheckClass(class) == nil {
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
