package testsupport

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// goProgram builds a program of others from the Go module proxy, unless the
// machine has it, and returns its path. The program is kept in the user's cache
// folder. The modules, as "path version", are its own and those whose versions it
// does not choose itself.
func goProgram(pkg string, modules ...string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "transfergate-tests")
	_, version, _ := strings.Cut(modules[0], " ")
	program := filepath.Join(dir, fmt.Sprintf("%s-%s-%s-%s-%s", path.Base(pkg), version, runtime.GOOS, runtime.GOARCH, runtime.Version()))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Test binaries of several packages run at the same time; one builds.
	unlock, err := lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	return program, buildProgram(program, pkg, modules)
}

// buildProgram builds the program and puts it in place, whole or not at all.
func buildProgram(program, pkg string, modules []string) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(program), "build-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// A module of its own: this one's go.mod has no say.
	mod := "module build\n\ngo 1.26\n\nrequire (\n\t" + strings.Join(modules, "\n\t") + "\n)\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o600); err != nil {
		return err
	}
	built := filepath.Join(dir, "program")
	build := exec.Command("go", "build", "-mod=mod", "-trimpath", "-o", built, pkg)
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s of %s: %w\n%s", pkg, modules[0], err, out)
	}
	return os.Rename(built, program)
}
