//go:build unix

package regular_test

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sparkoo/transfergate/internal/regular"
)

// Only regular files are read, and nothing else makes the reader wait.
func TestOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	pipe, socket, link, folder := filepath.Join(dir, "pipe"), filepath.Join(dir, "s"), filepath.Join(dir, "link"), filepath.Join(dir, "folder")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Skip(err) // the folder's name is too long for a socket
	}
	defer l.Close()
	for path, want := range map[string]string{
		pipe: "is a named pipe", link: "is a named pipe", socket: "is a socket", folder: "is a folder", "/dev/zero": "is a device",
	} {
		_, err := regular.ReadFile(path, 100)
		if err == nil || !strings.Contains(err.Error(), path+": it "+want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if _, err := fs.ReadFile(regular.FS(dir), filepath.Base(path)); err == nil && path != folder {
			t.Errorf("%s was read as a file of a folder", path)
		}
	}
}

func TestReadFileLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for size, long := range map[int]bool{0: false, 99: false, 100: false, 101: true, 5000: true} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		data, err := regular.ReadFile(path, 100)
		if long != (err != nil) || !long && len(data) != size {
			t.Errorf("%d bytes: %d, %v", size, len(data), err)
		}
	}
	// A file whose length is not known beforehand.
	if _, err := regular.ReadFile("/proc/self/status", 10); err == nil {
		if _, err := os.Stat("/proc/self/status"); err == nil {
			t.Error("more was read than the limit")
		}
	}
}
