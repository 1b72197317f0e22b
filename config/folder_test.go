package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sparkoo/transfergate/config"
)

// exported is a copy of the embedded policy, with text replaced in one file.
func exported(t *testing.T, file, old, text string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "policy")
	if err := config.Export(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, file)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s lacks %q", file, old)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(data), old, text)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func load(t *testing.T, dir string) *config.Folder {
	t.Helper()
	f, err := config.LoadFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The exported policy is the embedded one, and replaces nothing.
func TestExport(t *testing.T) {
	dir := exported(t, "laws.yaml", "", "")
	embedded, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	if got := load(t, dir).Registers.Policy.Digest; got != embedded.Digest {
		t.Errorf("digest %s, want %s", got, embedded.Digest)
	}
	if err := config.Export(dir); err == nil || !strings.Contains(err.Error(), "exist") {
		t.Errorf("a policy was replaced: %v", err)
	}
}

// Signatures and what editors leave are no part of a policy, but of the state of
// its folder.
func TestFolderHoldsMore(t *testing.T) {
	dir := exported(t, "laws.yaml", "", "")
	before, seen := load(t, dir), config.Fingerprint(dir)
	if before.Approvals != nil {
		t.Error("approvals out of nothing")
	}
	for _, name := range []string{".laws.yaml.swp", "laws.yaml~", ".#laws.yaml", "NOTES.md"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if config.Fingerprint(dir) != seen {
		t.Error("an editor's files change the fingerprint")
	}
	if err := os.WriteFile(filepath.Join(dir, config.ApprovalsFile), []byte("signed"), 0o600); err != nil {
		t.Fatal(err)
	}
	after := load(t, dir)
	if string(after.Approvals) != "signed" || after.Registers.Policy.Digest != before.Registers.Policy.Digest {
		t.Errorf("approvals %q, digest %s, want %s", after.Approvals, after.Registers.Policy.Digest, before.Registers.Policy.Digest)
	}
	if config.Fingerprint(dir) == seen {
		t.Error("signatures do not change the fingerprint")
	}
}

// However often somebody points the link at another folder while it is read, what
// is loaded is one of the two, never a part of each.
func TestSwappedFolder(t *testing.T) {
	one := exported(t, "statement.yaml", "", "")
	two := exported(t, "safeguards.yaml", "Support agreement, annex Brazil", "Second support agreement, annex Brazil")
	// The last register differs, and the first, which is read long before it.
	text, err := os.ReadFile(filepath.Join(two, "activities.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(two, "activities.yaml"), append([]byte("# two\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{load(t, one).Registers.Policy.Digest: true, load(t, two).Registers.Policy.Digest: true}
	link := filepath.Join(t.TempDir(), "current")
	swap := func(target string) {
		if err := os.Symlink(target, link+".new"); err != nil {
			t.Error(err)
		}
		if err := os.Rename(link+".new", link); err != nil {
			t.Error(err)
		}
	}
	swap(one)
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				swap([]string{one, two}[i%2])
			}
		}
	})
	defer swapping.Wait()
	defer close(stop)
	for range 30 {
		f, err := config.LoadFolder(link)
		if err != nil {
			if strings.Contains(err.Error(), "change while they are read") {
				continue
			}
			t.Fatal(err)
		}
		if !known[f.Registers.Policy.Digest] {
			t.Fatalf("a policy that is neither: %s", f.Registers.Policy.Digest)
		}
	}
}
