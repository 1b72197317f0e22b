package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing/fstest"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/regular"
)

// ApprovalsFile is the file beside the registers that says who approved them. It
// is no part of the policy and does not change its digest.
const ApprovalsFile = "approvals.txt"

// Folder is a policy's folder as it stood at one moment.
type Folder struct {
	Registers *Registers
	// Approvals is [ApprovalsFile]; nil if there is none.
	Approvals []byte
}

// Load reads the registers in folder dir. All eight files must be there. The
// error is [Problems] when the registers are at fault.
func Load(dir string) (*decision.Policy, error) {
	f, err := LoadFolder(dir)
	if err != nil {
		return nil, err
	}
	return f.Registers.Policy, nil
}

// LoadFolder is [Load] with all that stands in the folder. It reads one state of
// it, never a part of one and a part of another: dir may be a symbolic link, or a
// folder of them, that somebody points elsewhere meanwhile.
func LoadFolder(dir string) (*Folder, error) { return rereadFolder(dir, nil) }

// Reread is [LoadFolder], and reads the embedded registers if dir is empty. Where
// not one byte of the registers differs from what old was made of, they are old
// itself, which was decoded and checked already. old may be nil; it must not have
// been changed.
func Reread(dir string, old *Registers) (*Folder, error) {
	if dir != "" {
		return rereadFolder(dir, old)
	}
	r, err := rereadDefault(old)
	if err != nil {
		return nil, err
	}
	return &Folder{Registers: r}, nil
}

func rereadFolder(dir string, old *Registers) (*Folder, error) {
	files, err := steady(dir)
	if err != nil {
		return nil, err
	}
	r, err := reread(files, dir, old)
	if err != nil {
		return nil, err
	}
	f := &Folder{Registers: r}
	if approvals := files[ApprovalsFile]; approvals != nil {
		f.Approvals = approvals.Data
	}
	return f, nil
}

// Export writes the embedded policy into folder dir, which it makes. It replaces
// nothing: a file that is there is an error.
func Export(dir string) error {
	sub, err := fs.Sub(embedded, "policy")
	if err == nil {
		err = os.CopyFS(dir, sub)
	}
	if err != nil {
		return fmt.Errorf("writing the embedded policy to %s: %w", dir, err)
	}
	// What is embedded can only be read; this is to be edited.
	return fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(filepath.Join(dir, path), 0o644)
	})
}

// Fingerprint tells two states of folder dir apart, be they policies or not, for
// somebody who watches it. The fingerprint of a folder that cannot be read is the
// reason.
func Fingerprint(dir string) string {
	files, err := capture(dir)
	if err != nil {
		return err.Error()
	}
	var list []byte
	for _, name := range slices.Sorted(maps.Keys(files)) {
		list = fmt.Appendf(list, "%x %q\n", sha256.Sum256(files[name].Data), name)
	}
	return fmt.Sprintf("%x", sha256.Sum256(list))
}

// steadyTries is how often a folder is read in the hope that it stays the same.
const steadyTries = 10

// steady reads a folder until it finds the same twice in a row.
func steady(dir string) (fstest.MapFS, error) {
	var last fstest.MapFS
	for range steadyTries {
		files, err := capture(dir)
		switch _, statErr := os.Stat(dir); {
		case errors.Is(err, fs.ErrNotExist) && statErr == nil:
			last = nil // a file went away between two looks
			continue
		case err != nil:
			return nil, fmt.Errorf("reading the registers: %w; name a folder with the eight register files", err)
		case last != nil && same(files, last):
			return files, nil
		}
		last = files
	}
	return nil, fmt.Errorf("the registers in %s change while they are read; put a whole folder in place at once, by renaming it or by a symbolic link", dir)
}

// capture reads what of a folder may belong to a policy.
func capture(dir string) (fstest.MapFS, error) {
	// The link is followed once: all files are of the folder it names now.
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		real = dir // the next error says it as people expect
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if hidden := e.Name()[0] == '.'; hidden || ext != ".yaml" && ext != ".yml" && e.Name() != ApprovalsFile {
			continue // an editor's, or nobody's
		}
		data, err := regular.ReadFile(filepath.Join(real, e.Name()), regular.PolicyLimit)
		if err != nil {
			return nil, err
		}
		files[e.Name()] = &fstest.MapFile{Data: data}
	}
	return files, nil
}

func same(a, b fstest.MapFS) bool {
	return maps.EqualFunc(a, b, func(x, y *fstest.MapFile) bool { return string(x.Data) == string(y.Data) })
}
