package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/regular"
)

func ledgerKeygenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keygen FILE",
		Short: "Makes a key that signs a ledger's checkpoints",
		Long: "Writes an Ed25519 key to FILE, which must not exist, and prints the verifier key for those who check.\n" +
			"Name the file in the Caddyfile with 'key FILE' in the ledger's block. A ledger that has a key already changes it\n" +
			"with 'ledger epoch new --next-key FILE'. In checkpoints the key bears the name of its epoch.\n" +
			"Written by root, the file belongs to the owner of its folder: where that is not the gateway's user, give it to that user.",
		Args: cobra.ExactArgs(1),
	}
	name := cmd.Flags().String("name", "transfergate/node", "the key's name, usually transfergate/ and the node")
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		if err := cli.ActAsOwner(filepath.Dir(args[0])); err != nil {
			return cli.Error, err
		}
		vkey, err := ledger.GenerateKey(args[0], *name)
		if err != nil {
			return cli.Error, err
		}
		if *asJSON {
			err = cli.PrintJSON(w, map[string]string{"file": args[0], "vkey": vkey})
		} else {
			_, err = fmt.Fprintln(w, vkey)
		}
		if err != nil {
			return cli.Error, err
		}
		return cli.Fine, nil
	})
}

func epochCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "epoch", Short: "Epochs of a transfer ledger"}
	cmd.AddCommand(epochNewCommand())
	return cmd
}

func epochNewCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "new FOLDER --because REASON",
		Short: "Begins a new epoch, after damage or with another key",
		Long: "Begins a new epoch of a ledger that no gateway has open. If the newest epoch is sound it is closed by an entry that\n" +
			"names the next one and its key; if it is damaged, or its key is lost, it is left as it is. Either way the new\n" +
			"epoch's first entry carries the last signed checkpoint found, and the reason. A ledger that is lost is begun anew.\n" +
			"Where a copy knows more than FOLDER has, it goes on only with an epoch that commits to what it knows: give it with --known.",
		Args: cobra.ExactArgs(1),
	}
	because := cmd.Flags().String("because", "", "why; stands in the ledger from then on, so no personal data (required)")
	key := cmd.Flags().String("key", "", "the file of the key that signs so far; default: checkpoint.key in FOLDER")
	next := cmd.Flags().String("next-key", "", "the file of the key that signs from now on; default: the same")
	master := cmd.Flags().String("master", "", "the file of the master secret; default: in FOLDER")
	known := cmd.Flags().String("known", "", "the file of a copy that knows more than FOLDER has, which is lost for good")
	node := cmd.Flags().String("node", "", "the node's name in the new epoch's origin, as in the Caddyfile; default: as in the newest epoch")
	sign, asJSON := signFlag(cmd), cli.JSONFlag(cmd)
	if err := cmd.MarkFlagRequired("because"); err != nil {
		panic(err) // the flag stands above
	}
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		by, err := orderer(ledger.At(args[0]), *sign)
		if err != nil {
			return cli.Error, err
		}
		o := ledger.Options{Node: *node, Key: *key}
		if err := cli.ActAsOwner(args[0]); err != nil {
			return cli.Error, err
		}
		if *master != "" {
			secret, err := regular.ReadFile(*master, regular.KeyLimit)
			if err != nil {
				return cli.Error, fmt.Errorf("reading the master secret: %w", err)
			}
			o.Master = bytes.TrimSpace(secret)
		}
		return newEpoch(w, args[0], o, beginning{*because, *next, *known, by}, *asJSON)
	})
}

// beginning is how an epoch is begun: why, with the key in which file, after what a file
// knows, if they are not empty, and by whom.
type beginning struct{ because, nextKey, known, by string }

// newEpoch begins an epoch and prints its origin and verifier key.
func newEpoch(w io.Writer, dir string, o ledger.Options, b beginning, asJSON bool) (int, error) {
	begin := func() error { return ledger.NewEpoch(dir, o, b.because, b.nextKey) }
	if b.known != "" {
		signed, err := regular.ReadFile(b.known, regular.KeyLimit)
		if err != nil {
			return cli.Error, fmt.Errorf("reading a checkpoint kept elsewhere: %w", err)
		}
		begin = func() error { return ledger.NewEpochAfter(dir, o, b.because, b.nextKey, signed) }
	}
	if err := begin(); err != nil {
		return cli.Error, err
	}
	if b.nextKey != "" {
		o.Key = b.nextKey
	}
	if err := noteBegun(ledger.At(dir), o, "ledger epoch new", b.by); err != nil {
		return cli.Error, err
	}
	view, err := ledger.At(dir).View(0)
	if err != nil {
		return cli.Error, err
	}
	if asJSON {
		err = cli.PrintJSON(w, map[string]any{"epoch": view.Epoch(), "origin": view.Origin(), "vkey": view.VerifierKey()})
	} else {
		_, err = fmt.Fprintf(w, "epoch %d\n%s\n", view.Epoch(), view.VerifierKey())
	}
	if err != nil {
		return cli.Error, err
	}
	return cli.Fine, nil
}

// noteBegun records in an epoch that was begun who ordered it. Why stands in its first
// entry.
func noteBegun(dir ledger.Dir, o ledger.Options, order, by string) error {
	o.Node = dir.Node()
	l := ledger.New(dir.Path, o)
	err := l.Open()
	if err == nil {
		err = errors.Join(l.Order(order, by), l.Close())
	}
	if err != nil {
		return fmt.Errorf("the epoch was begun, but who ordered it could not be recorded: %w", err)
	}
	return nil
}
