package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/regular"
)

// ledgerKeysCommand holds the commands that tend the keys of the pseudonyms.
func ledgerKeysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Lists, makes and destroys the keys of the pseudonyms",
		Long: "Each period has a random key of its own, which turns account ids into the pseudonyms of its records.\n" +
			"Destroying a period's key cuts everybody's records of that period loose from their persons, for good.\n\n" +
			"Classes of records that are kept apart have keys of their own: the running gateway lists and changes all of them.\n\n" +
			"The commands ask the running gateway, or work on the folder of a ledger, or of a class, that nobody writes (--ledger).",
	}
	cmd.AddCommand(
		keysCommand("list", "Lists the keys that exist", "", func(t keyTender, _ []string) ([]ledger.ClassKey, error) { return t.Keys() }),
		keysCommand("rotate", "Makes a new key, which new records use from now on", "",
			func(t keyTender, _ []string) ([]ledger.ClassKey, error) { return t.RotateKeys() }),
		keysCommand("destroy PERIOD", "Destroys the key of a period, for good",
			"The records stay as they are, and so do their proofs. The ledger says that the key was destroyed.\n"+
				"The current period's key is replaced first.",
			func(t keyTender, args []string) ([]ledger.ClassKey, error) { return t.DestroyKey(args[0]) }),
	)
	return cmd
}

// keyTender is who tends the keys: the running gateway, or this process.
type keyTender interface {
	Keys() ([]ledger.ClassKey, error)
	RotateKeys() ([]ledger.ClassKey, error)
	DestroyKey(period string) ([]ledger.ClassKey, error)
}

// ledgerFlags say which ledger is meant: that of the running gateway, or a folder.
type ledgerFlags struct {
	dir, key, master string
	here             bool
	running          *cli.Orders
	json             *bool
}

// add adds the flags to a command.
func (f *ledgerFlags) add(cmd *cobra.Command) {
	f.running = cli.OrderFlags(cmd)
	cmd.Flags().StringVar(&f.dir, "ledger", "", "folder of a ledger that nobody writes")
	cmd.Flags().StringVar(&f.key, "key", "", "with --ledger: file of the key that signs its checkpoints (default: in the folder)")
	cmd.Flags().StringVar(&f.master, "master", "", "with --ledger: file of the master secret (default: in the folder)")
	f.addHere(cmd)
	f.json = cli.JSONFlag(cmd)
}

// addHere adds the flag by which somebody vouches for a folder.
func (f *ledgerFlags) addHere(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.here, "here", false, "write to the folder though no note stands beside it: it is the ledger itself, and no copy")
}

// checkHome refuses to write to a copy: what is written there is not in the ledger, whose
// history the copy's would contradict from then on.
func (f *ledgerFlags) checkHome(dir ledger.Dir) error {
	home, err := dir.AtHome()
	if err != nil || home || f.here {
		return err
	}
	if _, err := dir.Epochs(); err != nil {
		return err // there is no ledger
	}
	return fmt.Errorf("%s looks like a copy of a ledger: there is no %s, which whoever writes a ledger leaves beside its folder; an entry of this command in a copy would fork the log's history; "+
		"run it where the ledger is written, or, if this is the ledger itself, say so with --here", dir.Path, dir.Note())
}

func keysCommand(use, short, long string, do func(keyTender, []string) ([]ledger.ClassKey, error)) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.NoArgs}
	if use == "destroy PERIOD" {
		cmd.Args = cobra.ExactArgs(1)
	}
	f := new(ledgerFlags)
	f.add(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) { return cli.Done(f.tendKeys(w, cmd.Name(), args, do)) })
}

func (f *ledgerFlags) tendKeys(w io.Writer, name string, args []string, do func(keyTender, []string) ([]ledger.ClassKey, error)) (err error) {
	var tender keyTender
	if f.dir == "" {
		if tender, err = f.running.Ready(); err != nil {
			return err
		}
	} else {
		dir, folderErr := f.folder()
		if folderErr != nil {
			return folderErr
		}
		by := ""
		if name != "list" {
			if by, err = orderer(dir, f.running.Sign()); err != nil {
				return err
			}
		}
		local, openErr := f.open(dir, name == "rotate")
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, local.Close()) }()
		if by != "" {
			if err := local.Order("ledger keys "+name, by); err != nil {
				return err
			}
		}
		tender = localKeys{local}
	}
	keys, err := do(tender, args)
	if err != nil {
		return err
	}
	return printKeys(w, keys, *f.json)
}

// folder is the folder of a ledger that is there.
func (f *ledgerFlags) folder() (ledger.Dir, error) {
	dir := ledger.At(f.dir)
	_, err := dir.Epochs()
	return dir, err
}

// open opens the ledger of a class for writing, with a new key if asked for: a ledger
// that has lost its keys does not open otherwise.
func (f *ledgerFlags) open(dir ledger.Dir, newKey bool) (*ledger.Log, error) {
	if err := cli.ActAsOwner(dir.Path); err != nil {
		return nil, err
	}
	if err := f.checkHome(dir); err != nil {
		return nil, err
	}
	o := ledger.Options{Node: dir.Node(), Key: f.key, NewKey: newKey} // it may begin an epoch, which bears the node's name
	if f.master != "" {
		secret, err := regular.ReadFile(f.master, regular.KeyLimit)
		if err != nil {
			return nil, fmt.Errorf("reading the master secret: %w", err)
		}
		o.Master = bytes.TrimSpace(secret)
	}
	l := ledger.New(dir.Path, o)
	if err := l.Open(); err != nil {
		return nil, fmt.Errorf("opening the ledger: %w; while a gateway writes it, leave --ledger out", err)
	}
	return l, nil
}

// withSet calls do with the ledgers of a class, or of all if none is named, open for
// writing.
func (f *ledgerFlags) withSet(class string, do func(*ledger.Set) error) (err error) {
	dir, err := f.folder()
	if err != nil {
		return err
	}
	dirs, err := dir.Named(class)
	if err != nil {
		return err
	}
	var members []ledger.Member
	for _, d := range dirs {
		l, openErr := f.open(d, false)
		if openErr != nil {
			return fmt.Errorf("class %s: %w", d.Class, openErr)
		}
		defer func() { err = errors.Join(err, l.Close()) }()
		members = append(members, ledger.Member{Class: d.Class, Log: l})
	}
	return do(ledger.NewSet(members...))
}

// localKeys are those of a ledger this process writes.
type localKeys struct{ log *ledger.Log }

func (k localKeys) Keys() (rows []ledger.ClassKey, err error) {
	for _, key := range k.log.Keys() {
		rows = append(rows, ledger.ClassKey{KeyInfo: key})
	}
	return rows, nil
}

// RotateKeys finds the new key made: the ledger was opened with one.
func (k localKeys) RotateKeys() ([]ledger.ClassKey, error) { return k.Keys() }

func (k localKeys) DestroyKey(period string) ([]ledger.ClassKey, error) {
	if err := k.log.DestroyKey(period); err != nil {
		return nil, err
	}
	return k.Keys()
}

func printKeys(w io.Writer, keys []ledger.ClassKey, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, map[string]any{"keys": keys})
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, k := range keys {
		use := "past"
		if k.Current {
			use = "current"
		}
		class := ""
		if k.Class != "" {
			class = "\tclass " + k.Class
		}
		if _, err := fmt.Fprintf(table, "%s\t%s\tfrom %s\tuntil %s%s\n", k.Period, use, k.From.Format(time.DateOnly), k.Until.Format(time.DateOnly), class); err != nil {
			return err
		}
	}
	return table.Flush()
}
