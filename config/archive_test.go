package config_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
)

// An archive holds the files byte by byte, in the order of the digest's comment,
// and reading it gives the same registers under another name.
func TestArchive(t *testing.T) {
	fsys := small(t)
	r, err := config.LoadRegisters(fsys, "p")
	if err != nil {
		t.Fatal(err)
	}
	blob := r.Archive()
	var names []string
	for files := tar.NewReader(bytes.NewReader(blob)); ; {
		header, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(files)
		if err != nil || !bytes.Equal(data, fsys[header.Name].Data) {
			t.Errorf("%s differs in the archive (%v)", header.Name, err)
		}
		names = append(names, header.Name)
	}
	if got := strings.Join(names, " "); got != "statement.yaml controllers.yaml laws.yaml regions.yaml recipients.yaml activities.yaml safeguards.yaml assessments.yaml" {
		t.Errorf("files %s", got)
	}
	again, err := config.LoadArchive(blob, "p", r.Policy.Digest)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, r) {
		t.Errorf("read back: %+v", again)
	}
	if !bytes.Equal(again.Archive(), blob) {
		t.Error("the archive of what was read back differs")
	}
}

// What is not the archive of those registers, byte by byte, is refused.
func TestLoadArchiveRefuses(t *testing.T) {
	r, err := config.LoadRegisters(small(t), "p")
	if err != nil {
		t.Fatal(err)
	}
	blob := r.Archive()
	stamped := bytes.Replace(blob, []byte("0000444"), []byte("0000644"), 1) // the mode, and the sum over it below
	repack := func(name string, copies int) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for range copies {
			if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o444}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, test := range []struct {
		name, digest string
		blob         []byte
		want         string
	}{
		{"another digest", strings.Repeat("0", 64), blob, "the archive p holds registers with digest " + r.Policy.Digest + ", not " + strings.Repeat("0", 64)},
		{"no digest", "", blob, "the archive p holds registers with digest " + r.Policy.Digest + ", not "},
		{"a header changed", r.Policy.Digest, stamped, "reading the archived registers p: archive/tar: invalid tar header"},
		{"something behind it", r.Policy.Digest, append(bytes.Clone(blob), 0), "the archive p is not written as this program writes archives"},
		{"another file", r.Policy.Digest, repack("extra.yaml", 1), `the archive p holds "extra.yaml", which is none of the eight registers, stands there twice or is too long`},
		{"a path", r.Policy.Digest, repack("../laws.yaml", 1), `the archive p holds "../laws.yaml", which is none of the eight registers, stands there twice or is too long`},
		{"a file twice", r.Policy.Digest, repack("laws.yaml", 2), `the archive p holds "laws.yaml", which is none of the eight registers, stands there twice or is too long`},
		{"cut short", r.Policy.Digest, blob[:600], "reading statement.yaml of the archived registers p: unexpected EOF"},
	} {
		if _, err := config.LoadArchive(test.blob, "p", test.digest); err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
}

// Registers of before 2026-12, when a policy had seven, are read as they were meant:
// no law saw a transfer in direct collection, and what a safeguard stated was checked then.
func TestArchiveOfAnEarlierForm(t *testing.T) {
	const digest = "b76f0d81985e4164ed44d30b4ab45d410c623fd90479924e5a03905736173e24"
	blob, err := os.ReadFile("testdata/archived/" + digest + ".tar")
	if err != nil {
		t.Fatal(err)
	}
	r, err := config.LoadArchive(blob, "kept", digest)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Archive(), blob) || strings.Contains(r.Sums(), "assessments") {
		t.Errorf("written again it differs; its sums are\n%s", r.Sums())
	}
	site := decision.Site{Node: nodes[0], Regions: []string{"ap-southeast-3", "cn-north-4"}, Demo: true}
	for _, test := range []struct {
		activity, code string
		want           []string
	}{
		{"storage", "CN", nil},
		{"storage", "AR", nil},
		{"storage", "HK", []string{"hk-pdpo-s33-notinforce"}},
		{"support", "BR", []string{"br-lgpd-art33-iib-scc", "sg-pdpa-s26-contract"}},
	} {
		d := decision.Decide(r.Policy, &site, november, facts(r.Policy, test.activity, test.code))
		if len(d.Candidates) != 1 || !slices.Equal(tags(d.Candidates[0]), test.want) {
			t.Errorf("%s for %s: %s %s", test.activity, test.code, d.Reason, d.Unlock)
		}
	}
}
