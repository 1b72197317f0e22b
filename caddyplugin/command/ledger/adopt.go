package ledger

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/regular"
)

func adoptCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adopt FOLDER --node NODE --because REASON",
		Short: "Has a ledger go on under another node's name",
		Long: "A ledger belongs to the node that began it: a gateway with another name does not open it. This ends the newest\n" +
			"epoch of the ledger, and of each of its classes, with an entry that says why, and begins one that names the new\n" +
			"node. No gateway may have it open. Records from before keep their names.\n\n" +
			"Adopt a ledger when its node was renamed. A second node needs a ledger of its own, not a copy of this one.",
		Args: cobra.ExactArgs(1),
	}
	because := cmd.Flags().String("because", "", "why; stands in the ledger from then on, so no personal data (required)")
	node := cmd.Flags().String("node", "", "the new name, as in the Caddyfile (required)")
	key := cmd.Flags().String("key", "", "the file of the key that signs its checkpoints; default: checkpoint.key in FOLDER")
	master := cmd.Flags().String("master", "", "the file of the master secret; default: in FOLDER")
	sign, asJSON := signFlag(cmd), cli.JSONFlag(cmd)
	for _, name := range []string{"because", "node"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flags stand above
		}
	}
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		by, err := orderer(ledger.At(args[0]), *sign)
		if err != nil {
			return cli.Error, err
		}
		if err := cli.ActAsOwner(args[0]); err != nil {
			return cli.Error, err
		}
		o := ledger.Options{Node: *node, Key: *key}
		if *master != "" {
			secret, err := regular.ReadFile(*master, regular.KeyLimit)
			if err != nil {
				return cli.Error, fmt.Errorf("reading the master secret: %w", err)
			}
			o.Master = bytes.TrimSpace(secret)
		}
		return cli.Done(adopt(w, args[0], o, *because, by, *asJSON))
	})
}

// adopted is one ledger that has gone over.
type adopted struct {
	Class  string `json:"class"`
	From   string `json:"from"`
	Epoch  uint32 `json:"epoch"`
	Origin string `json:"origin"`
	Key    string `json:"vkey"`
}

// adopt begins an epoch of another node in the ledger and its classes.
func adopt(w io.Writer, dir string, o ledger.Options, because, by string, asJSON bool) error {
	if o.Node == "" || strings.ContainsAny(o.Node, "/ \t\n") {
		return fmt.Errorf("'%s' cannot name a node", o.Node)
	}
	l := ledger.At(dir)
	if _, err := l.Epochs(); err != nil { // else one would be begun
		return err
	}
	dirs, err := l.Classes()
	if err != nil {
		return err
	}
	var all []adopted
	for _, d := range dirs {
		from := d.Node()
		if from == o.Node {
			continue // it was done before something failed
		}
		if err := ledger.NewEpoch(d.Path, o, because, ""); err != nil {
			return err
		}
		if err := noteBegun(d, o, "ledger adopt", by); err != nil {
			return err
		}
		view, err := d.View(0)
		if err != nil {
			return err
		}
		all = append(all, adopted{d.Class, from, view.Epoch(), view.Origin(), view.VerifierKey()})
	}
	if len(all) == 0 {
		return fmt.Errorf("the ledger in %s belongs to node '%s' already", dir, o.Node)
	}
	if asJSON {
		return cli.PrintJSON(w, all)
	}
	var b strings.Builder
	for _, a := range all {
		fmt.Fprintf(&b, "class %s, of node '%s' before: epoch %d\n%s\n", a.Class, a.From, a.Epoch, a.Key)
	}
	return cli.Flush(w, &b)
}
