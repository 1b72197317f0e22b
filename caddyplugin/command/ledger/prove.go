package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/evidence"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/tiles"
)

func proveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prove [FOLDER] RECORD",
		Short: "Writes the evidence for one record, or for many, to a file",
		Long: "Writes a bundle that proves a record to whoever has the node's verifier key: the record, its place\n" +
			"in the log, the signed checkpoint, and the policy it was decided by. RECORD is its number, as in 1.18402\n" +
			"or gw-1#1.18402, or gw-1/support#1.18402 for a class of records that is kept apart. It needs no running gateway, and may run beside one.\n" +
			"Without FOLDER the record is in the ledger of the gateway that runs here.\n" +
			"With --query, or --from and --to, it is FOLDER alone: one bundle proves all records that are asked for, in the language of\n" +
			"'ledger query', by one checkpoint. Records of several epochs or classes, which are logs of their own, make a bundle each,\n" +
			"FILE-CLASS-EPOCH. That these are all there are, only 'ledger verify' of the whole log can say.\n" +
			"With --witness the checkpoint is the latest one that these witnesses signed too.",
		Args: cobra.RangeArgs(1, 2),
	}
	p := new(prover)
	cmd.Flags().StringVarP(&p.file, "output", "o", "", "the file to write (default evidence-RECORD.tar)")
	cmd.Flags().StringArrayVar(&p.witnesses, "witness", nil, "verifier key of a witness that must have signed, or a file with it; may be repeated")
	cmd.Flags().StringVar(&p.query, "query", "", "prove the records that this query asks for, such as 'country:BR recipient:huawei-*'")
	cmd.Flags().StringVar(&p.from, "from", "", "prove the records from this day on, as 2026-10-01, in UTC")
	cmd.Flags().StringVar(&p.to, "to", "", "last day of them")
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		if p.many() {
			if len(args) != 1 {
				return cli.Error, errors.New("with --query, --from or --to the folder is named and no record: prove --query QUERY FOLDER")
			}
			p.folder, p.json = args[0], *asJSON
			return cli.Done(p.proveMany(cmd.Context(), w))
		}
		p.record, p.json = args[len(args)-1], *asJSON
		if len(args) > 1 {
			p.folder = args[0]
		}
		if err := p.prove(w); err != nil {
			return cli.Error, err
		}
		return cli.Fine, nil
	})
}

// prover writes the evidence for one record.
type prover struct {
	folder, record, file string
	query, from, to      string // of many records
	witnesses            []string
	json                 bool
}

func (p *prover) prove(w io.Writer) error {
	l, id, err := p.find()
	if err != nil {
		return err
	}
	witnesses, err := readWitnessKeys(p.witnesses)
	if err != nil {
		return err
	}
	view, err := l.View(id.Epoch)
	if err != nil {
		return err
	}
	tree, err := p.await(view, witnesses, int64(id.Index))
	if err != nil {
		return err
	}
	bundle, err := evidence.Make(tree, int64(id.Index), view.VerifierKey(), witnesses, l.Policy)
	if err != nil {
		return err
	}
	if p.file == "" {
		p.file = "evidence-" + id.String() + ".tar"
	}
	if err := cli.ActAsOwner(filepath.Dir(p.file)); err != nil {
		return err
	}
	if err := os.WriteFile(p.file, bundle, 0o600); err != nil {
		return fmt.Errorf("writing the evidence: %w", regular.Denied(err))
	}
	if p.json {
		return cli.PrintJSON(w, map[string]any{"file": p.file, "bytes": len(bundle), "log": tree.Origin, "index": id.Index, "size": tree.N, "vkey": view.VerifierKey()})
	}
	_, err = fmt.Fprintf(w, "wrote %s: entry %d of the %d of %s\nverify it with 'transfergate transfer verify %s --key KEY'; the log says its key is\n%s\n",
		p.file, id.Index, tree.N, tree.Origin, p.file, view.VerifierKey())
	return err
}

func writeBundle(file string, bundle []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing the evidence: %w", err)
	}
	_, err = f.Write(bundle)
	if err = errors.Join(err, cli.GiveToOwner(f), f.Close()); err != nil {
		return fmt.Errorf("writing the evidence: %w", err)
	}
	return nil
}

// find returns the ledger and the place of the record.
func (p *prover) find() (l ledger.Dir, id record.ID, err error) {
	if p.folder == "" {
		return cli.FindRecord(p.record)
	}
	return cli.RecordIn(p.folder, p.record)
}

// signedWithin is how long a record that was just written waits for a checkpoint:
// a running gateway signs one each second.
const signedWithin = 3 * time.Second

// await returns the epoch at a checkpoint that covers the entry.
func (p *prover) await(view *ledger.View, witnesses []note.Verifier, index int64) (*tiles.Tree, error) {
	for deadline := time.Now().Add(signedWithin); ; time.Sleep(signedWithin / 30) {
		tree, err := p.tree(view, witnesses)
		late := time.Now().After(deadline)
		switch {
		case err != nil && (late || !errors.Is(err, fs.ErrNotExist)): // a new log has no checkpoint yet
			return nil, err
		case err == nil && index < tree.N:
			return tree, nil
		case late:
			return nil, fmt.Errorf("record %d.%d: %w, which covers the %d entries before %d", view.Epoch(), index, tiles.ErrBeyond, tree.N, tree.N)
		}
	}
}

// tree is the epoch at its latest checkpoint, or at the latest one that the
// witnesses signed.
func (p *prover) tree(view *ledger.View, witnesses []note.Verifier) (*tiles.Tree, error) {
	key, err := note.NewVerifier(view.VerifierKey())
	if err != nil {
		return nil, err
	}
	if len(witnesses) == 0 {
		return tiles.OpenTree(view, key)
	}
	file := view.WitnessedFile()
	signed, err := regular.ReadFile(file, regular.KeyLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no witness has signed a checkpoint of %s yet: %w", view.Origin(), err)
	}
	if err == nil {
		signed, err = evidence.Signed(signed, key, witnesses...)
	}
	if err != nil {
		return nil, err
	}
	return tiles.OpenTreeAt(view, signed, key)
}
