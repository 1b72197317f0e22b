package ledger

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/report"
)

// lookFlags are those of commands whose look at the ledger is an entry of it.
type lookFlags struct {
	ledgerFlags
	office, reason, reference string
}

// add adds the flags. Why somebody looks is asked for where one is needed.
func (f *lookFlags) add(cmd *cobra.Command) {
	f.addOrders(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.reason, "reason", "", "why you look, which stands in the ledger from then on: no personal data")
	flags.StringVar(&f.reference, "reference", "", "the request or case, such as DSR-2026-17, which names no person")
	flags.StringVar(&f.office, "office", "", "the office that looks, such as dpo, no person's name")
}

// addOrders adds the flags by which the ledger is written to.
func (f *lookFlags) addOrders(cmd *cobra.Command) {
	f.running = cli.OrderFlags(cmd)
	f.addHere(cmd)
	cmd.Flags().StringVar(&f.key, "key", "", "file of the key that signs the ledger's checkpoints, for a ledger that nobody writes (default: in the folder)")
	cmd.Flags().StringVar(&f.master, "master", "", "file of the master secret that wraps the keys of the pseudonyms (default: in the folder)")
}

// folder is the folder that is named, or that of the running gateway.
func (f *lookFlags) folder(args []string) (ledger.Dir, error) {
	if len(args) > 0 {
		return ledger.At(args[0]), nil
	}
	path, err := f.running.Client.LedgerFolder()
	switch {
	case err != nil:
		return ledger.Dir{}, err
	case !filepath.IsAbs(path):
		return ledger.Dir{}, fmt.Errorf("the running gateway's ledger is in '%s', which is no absolute path; name the folder", path)
	}
	return ledger.At(path), nil
}

// person is somebody whose records are looked for.
type person struct {
	account string
	salts   []string // the present one first
}

// readPerson reads an account id, and the person's salts in the lines after it, the
// present one first. They are no arguments, which others can see.
func readPerson(in io.Reader) (p person, err error) {
	lines := bufio.NewScanner(io.LimitReader(in, regular.KeyLimit))
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		switch {
		case p.account == "":
			p.account = text
		case text != "":
			p.salts = append(p.salts, text)
		}
		if p.account == "" {
			break
		}
	}
	if err := lines.Err(); err != nil || p.account == "" {
		return p, fmt.Errorf("reading the account id from the first line of standard input: %w", cmp.Or(err, io.ErrUnexpectedEOF))
	}
	return p, nil
}

// subjects are the person's pseudonyms under every key of every class, with each salt
// they have had and with none, and the one that new entries of the ledger name them by.
func (f *lookFlags) subjects(dir ledger.Dir, p person) (all []string, now string, err error) {
	var master []byte
	if f.master != "" {
		if master, err = regular.ReadFile(f.master, regular.KeyLimit); err != nil {
			return nil, "", fmt.Errorf("reading the master secret: %w", err)
		}
	}
	classes, err := dir.Classes()
	if err != nil {
		return nil, "", err
	}
	for _, class := range classes {
		for i, salt := range append(p.salts, "") {
			subjects, err := class.Subjects(master, p.account, salt)
			if err != nil {
				return nil, "", fmt.Errorf("class %s: %w", class.Class, err)
			}
			if i == 0 && class.Class == record.DefaultClass {
				now = subjects[len(subjects)-1]
			}
			all = append(all, subjects...)
		}
	}
	return all, now, nil
}

// record has an entry tell of the look: this process writes it, or the gateway that has
// the ledger open.
func (f *lookFlags) record(dir ledger.Dir, look report.Look) (number string, err error) {
	look.Office, look.Because, look.Reference = f.office, f.reason, f.reference
	if err := look.Check(); err != nil {
		return "", fmt.Errorf("--office, --reason and --reference: %w", err)
	}
	if look.Log, err = report.NewestLog(dir); err != nil {
		return "", err
	}
	l, err := f.open(dir, false)
	if errors.Is(err, ledger.ErrLocked) {
		client, err := f.running.Ready()
		if err == nil {
			number, err = client.Look(look)
		}
		if err != nil {
			return "", fmt.Errorf("having the gateway that writes the ledger record the look: %w", err)
		}
		return number, nil
	}
	if err != nil {
		return "", fmt.Errorf("recording the look, without which nothing is shown: %w", err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	id, err := l.Append(look.Entry(dir.Node(), time.Now()))
	if err != nil {
		return "", fmt.Errorf("recording the look, without which nothing is shown: %w", err)
	}
	return record.Name{Node: dir.Node(), ID: id}.String(), nil
}
