package testsupport

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// wants skips the test where the machine has none of some commands, which are names for
// one, but see [MustRun]. It returns the path of the one there is.
func wants(t testing.TB, what string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv(MustRun) != "" {
		t.Fatalf("no %s on this machine, and %s asks for all tests", names[0], MustRun)
	}
	t.Skipf("NOT TESTED against %s: no %s on this machine", what, names[0])
	return ""
}

// npmProgram installs what a folder of ours asks for from the npm registry, unless the
// machine has it, and returns the folder in the user's cache folder.
func npmProgram(all embed.FS, name string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "transfergate-tests")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := lock(filepath.Join(cache, "LOCK-"+name))
	if err != nil {
		return "", err
	}
	defer unlock()
	files, err := fs.Sub(all, name)
	if err != nil {
		return "", err
	}
	digest, err := digestOf(files)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, name+"-"+digest)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, npmInstall(files, name, dir)
}

// npmInstall installs it in dir, whole or not at all.
func npmInstall(files fs.FS, name, dir string) (err error) {
	build, err := os.MkdirTemp(filepath.Dir(dir), name+"-build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(build)) }()
	built := filepath.Join(build, name)
	if err := os.CopyFS(built, files); err != nil {
		return err
	}
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = built
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return os.Rename(built, dir)
}

// digestOf names the files by their content.
func digestOf(files fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content)
		return err
	})
	return fmt.Sprintf("%x", sum.Sum(nil)[:8]), err
}
