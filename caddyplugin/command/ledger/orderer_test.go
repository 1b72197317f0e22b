package ledger

import (
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

// operatorKey makes an operator's key and returns its file, with its hash.
func operatorKey(t *testing.T) (file, hash string) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "ana.lee")
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ops.key")
	if err := os.WriteFile(file, []byte(private+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, strings.Split(public, "+")[1]
}

// overseen makes a ledger whose gateway was configured with that operator last, or with
// none. One of an epoch before says otherwise.
func overseen(t *testing.T, operators ...string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "ledger")
	for _, of := range [][]string{{"0badc0de"}, operators} {
		l := ledger.New(dir, ledger.Options{Node: "gw-1"})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		if err := l.State(func(s *record.Standing) { s.Oversight = &record.Overseers{Operators: of} }); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// orders are the commands that change a ledger's folder.
var orders = map[string]func() (*cobra.Command, []string){
	"ledger hold set": func() (*cobra.Command, []string) {
		return holdSetCommand(), []string{"case-7", "--by", "legal-sg", "--because", "x", "--ledger"}
	},
	"ledger keys rotate": func() (*cobra.Command, []string) { return ledgerKeysCommand(), []string{"rotate", "--ledger"} },
	"ledger epoch new":   func() (*cobra.Command, []string) { return epochCommand(), []string{"new", "--because", "x"} },
	"ledger adopt":       func() (*cobra.Command, []string) { return adoptCommand(), []string{"--because", "x", "--node", "gw-2"} },
}

// entriesOf are the entries of a ledger that say who ordered something, and how many there are.
func entriesOf(t *testing.T, dir string) (by []string, all int) {
	t.Helper()
	for e, err := range ledger.At(dir).Entries(record.ID{}) {
		if err != nil {
			t.Fatal(err)
		}
		var order record.Order
		if all++; record.IsOf(e.Data, record.TypeOrder) {
			if err := order.Parse(e.Data); err != nil {
				t.Fatal(err)
			}
			by = append(by, order.Order+" by "+order.By)
		}
	}
	return by, all
}

// Where the gateway of a folder was configured with operators last, whoever orders
// something by a command on the folder is one of them, or nothing is done.
func TestOrdersOfAFolderAreTheOperators(t *testing.T) {
	key, hash := operatorKey(t)
	stranger, _ := operatorKey(t)
	noKey := filepath.Join(t.TempDir(), "no.key")
	if err := os.WriteFile(noKey, []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for order, command := range orders {
		t.Run(order, func(t *testing.T) {
			run := func(dir string, more ...string) error {
				cmd, args := command()
				cmd.SetArgs(append(append(args, dir), more...))
				cmd.SetOut(io.Discard)
				cmd.SetErr(io.Discard)
				cmd.SilenceErrors, cmd.SilenceUsage = true, true
				return cmd.Execute()
			}
			dir := overseen(t, hash)
			_, before := entriesOf(t, dir)
			for want, more := range map[string][]string{
				"only their orders are obeyed":       nil,
				"none of the operators'":             {"--sign", stranger},
				"reading the operator's key":         {"--sign", key + ".gone"},
				"'transfer policy keygen' makes one": {"--sign", noKey},
			} {
				if err := run(dir, more...); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%q: got %v, want %q", more, err, want)
				}
			}
			if by, after := entriesOf(t, dir); after != before || len(by) > 0 {
				t.Errorf("%d entries, before %d: %q", after, before, by)
			}
			if err := run(dir, "--sign", key); err != nil {
				t.Fatal(err)
			}
			if by, _ := entriesOf(t, dir); len(by) != 1 || by[0] != order+" by key "+hash {
				t.Errorf("entries %q", by)
			}

			dir = overseen(t)
			if err := run(dir, "--sign", key); err == nil || !strings.Contains(err.Error(), "named no operators") {
				t.Errorf("nobody was named: %v", err)
			}
			if err := run(dir); err != nil {
				t.Fatal(err)
			}
			if by, _ := entriesOf(t, dir); len(by) != 1 || !strings.HasPrefix(by[0], order+" by uid ") {
				t.Errorf("entries %q", by)
			}
		})
	}
}
