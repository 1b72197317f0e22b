package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// transfers is a ledger with three transfers by two policies.
func transfers(t *testing.T) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "ledger")
	l := ledger.New(folder, ledger.Options{Node: "gw-1"})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	for i, policy := range []string{"d1", "d2", "d1"} {
		e := record.Transfer{Header: record.Header{Node: "gw-1", Time: time.Now()}, Decision: record.Allowed, Activity: "serving", Policy: policy, Country: []string{"BR", "BR", "CL"}[i]}
		if _, err := l.Append(e.Append(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return folder
}

// An export has beside it what it is, and an entry of the ledger tells of it.
func TestExport(t *testing.T) {
	folder := transfers(t)
	for _, c := range []struct {
		f        queryFlags
		records  uint64
		policies []string
	}{
		{queryFlags{csv: true}, 2, []string{"d1", "d2"}},
		{queryFlags{json: true, limit: 1}, 1, []string{"d2"}},
		{queryFlags{csv: true, by: "activity"}, 2, nil},
	} {
		c.f.output, c.f.look.office = filepath.Join(t.TempDir(), "out"), "dpo"
		code, out, warned, err := asked(t, c.f, "", folder, "country:BR")
		if err != nil || code != cli.Fine || !strings.HasPrefix(out, "wrote "+c.f.output+" and ") {
			t.Fatalf("%d, %v\n%s%s", code, err, out, warned)
		}
		data, err := os.ReadFile(c.f.output)
		if err != nil || len(data) == 0 {
			t.Fatal(err)
		}
		beside, err := os.ReadFile(c.f.output + ".about.json")
		var about struct {
			SHA256, Query, Look string
			Bytes, Records      uint64
			Policies            []string
			Checkpoints         []struct{ Log string }
		}
		if err == nil {
			err = json.Unmarshal(beside, &about)
		}
		sum := sha256.Sum256(data)
		if err != nil || about.SHA256 != hex.EncodeToString(sum[:]) || about.Bytes != uint64(len(data)) || about.Records != c.records ||
			!slices.Equal(about.Policies, c.policies) || about.Query != "country:BR" || len(about.Checkpoints) != 1 {
			t.Errorf("%v\n%s", err, beside)
		}
		looks := looksIn(t, folder)
		last := looks[len(looks)-1]
		if last.What != record.LookExport || last.Records != c.records || last.Query != "country:BR" || last.Office != "dpo" || last.Subject != "" {
			t.Errorf("%+v", last)
		}
		code, out, _, err = asked(t, c.f, "", folder, "country:BR")
		if err == nil || code != cli.Error || len(looksIn(t, folder)) != len(looks) {
			t.Errorf("an export over another: %d, %v\n%s", code, err, out)
		}
	}
	if n := len(looksIn(t, folder)); n != 3 {
		t.Errorf("%d looks", n)
	}
}

// Where nothing can be recorded nothing is exported: another has the ledger open, and is no
// gateway that could be asked.
func TestExportIsRecordedFirst(t *testing.T) {
	folder := transfers(t)
	l := ledger.New(folder, ledger.Options{Node: "gw-1"})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	f := queryFlags{csv: true, output: filepath.Join(dir, "out")}
	f.look.addOrders(&cobra.Command{})
	f.look.running.Client.Address = "127.0.0.1:1"
	code, out, _, err := asked(t, f, "", folder, "country:BR")
	left, readErr := os.ReadDir(dir)
	if err == nil || code != cli.Error || out != "" || readErr != nil || len(left) != 0 || !strings.Contains(err.Error(), "record the look") {
		t.Errorf("%d, %v, %v left\n%s", code, err, left, out)
	}
	if code, _, _, err := asked(t, queryFlags{output: filepath.Join(dir, "out")}, "", folder, ""); err == nil || code != cli.Error {
		t.Errorf("a screen is exported: %v", err)
	}
}
