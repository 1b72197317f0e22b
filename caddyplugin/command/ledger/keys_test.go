package ledger

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
)

// keys runs a command of 'ledger keys' on a folder and returns what it prints.
func keys(t *testing.T, dir, name string, args ...string) (periods []string, err error) {
	t.Helper()
	do := map[string]func(keyTender, []string) ([]ledger.ClassKey, error){
		"list":    func(k keyTender, _ []string) ([]ledger.ClassKey, error) { return k.Keys() },
		"rotate":  func(k keyTender, _ []string) ([]ledger.ClassKey, error) { return k.RotateKeys() },
		"destroy": func(k keyTender, args []string) ([]ledger.ClassKey, error) { return k.DestroyKey(args[0]) },
	}[name]
	var out strings.Builder
	asJSON := true
	f := &ledgerFlags{dir: dir, running: new(cli.Orders), json: &asJSON}
	if err := f.tendKeys(&out, name, args, do); err != nil {
		return nil, err
	}
	var result struct{ Keys []ledger.ClassKey }
	if err := json.Unmarshal([]byte(out.String()), &result); err != nil {
		t.Fatal(err)
	}
	for _, k := range result.Keys {
		periods = append(periods, k.Period)
	}
	return periods, nil
}

func TestLedgerKeys(t *testing.T) {
	dir := t.TempDir()
	if _, err := keys(t, dir, "list"); err == nil || err.Error() != dir+" holds no ledger: no epoch-... folder with an EPOCH file" {
		t.Errorf("got %v", err)
	}
	l := ledger.New(dir, ledger.Options{Node: "gw-1"})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	if _, err := keys(t, dir, "list"); err == nil || !strings.Contains(err.Error(), "while a gateway writes it, leave --ledger out") {
		t.Errorf("while it is written: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	first, err := keys(t, dir, "list")
	if err != nil || len(first) != 1 {
		t.Fatal(first, err)
	}
	second, err := keys(t, dir, "rotate")
	if err != nil || len(second) != 2 || second[0] != first[0] {
		t.Fatal(second, err)
	}
	left, err := keys(t, dir, "destroy", first[0])
	if err != nil || len(left) != 1 || left[0] != second[1] {
		t.Fatal(left, err)
	}
	if _, err := keys(t, dir, "destroy", first[0]); err == nil || !strings.Contains(err.Error(), "no key of that period") {
		t.Errorf("destroying again: %v", err)
	}
	// A ledger that lost its keys goes on with a new one only when told to.
	if err := os.RemoveAll(filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	if _, err := keys(t, dir, "list"); err == nil || !strings.Contains(err.Error(), "'transfergate transfer ledger keys rotate --ledger'") {
		t.Errorf("without keys: %v", err)
	}
	if anew, err := keys(t, dir, "rotate"); err != nil || len(anew) != 1 || anew[0] == left[0] {
		t.Error(anew, err)
	}
}
