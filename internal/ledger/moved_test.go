package ledger_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// A folder that is not the one that was opened any more, because a volume was taken away or
// another one lies over it, takes nothing, and nothing is written to what is in its place.
func TestFolderIsAnotherWhileOpen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the folder of an open file cannot be moved")
	}
	for _, covered := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "ledger")
		l := open(t, dir, ledger.Options{CheckpointInterval: 10 * time.Millisecond})
		add(t, l, "entry 1")
		within(t, 3*time.Minute, "all is signed", func() bool { s := l.Stats(); return s.Signed == s.Next })
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		before := map[string]string{}
		if covered {
			if err := os.CopyFS(dir, os.DirFS(dir+".away")); err != nil {
				t.Fatal(err)
			}
			before = filesIn(t, dir)
		}
		within(t, 3*time.Minute, "nothing is taken", func() bool {
			_, err := l.Append([]byte("found by nobody"))
			return errors.Is(err, ledger.ErrLost)
		})
		if err := l.Ready(); !errors.Is(err, ledger.ErrLost) {
			t.Errorf("covered %t: ready: %v", covered, err)
		}
		_ = l.Close() // it says so again
		if covered {
			after := filesIn(t, dir)
			for name, text := range before {
				if after[name] != text {
					t.Errorf("%s was changed", name)
				}
			}
			if len(after) != len(before) {
				t.Errorf("%d files, and %d before", len(after), len(before))
			}
		} else if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the folder was made anew: %v", err)
		}
	}
}

// filesIn are all files in a folder.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
