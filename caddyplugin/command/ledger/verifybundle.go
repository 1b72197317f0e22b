package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/evidence"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/review"
)

func verifyBundleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify BUNDLE --key KEY",
		Short: "Verifies the evidence for one record, or for many, offline",
		Long: "Verifies a bundle that 'ledger prove' wrote, from the bundle and the verifier key of the node or the log\n" +
			"alone: no network, no ledger, and says by the policy in the bundle why it was decided so. KEY is the key itself, <name>+<hash>+<key>, or a file that holds it; take it\n" +
			"from somebody you trust, not from the bundle. Exit code 0: it holds, 1: it could not be read, 2: it does not.",
		Args: cobra.ExactArgs(1),
	}
	v := new(bundleVerifier)
	cmd.Flags().StringVar(&v.key, "key", "", "verifier key of the node or the log, or a file with it (required)")
	cmd.Flags().StringArrayVar(&v.witnesses, "witness", nil, "verifier key of a witness that signed too, or a file with it; may be repeated")
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		v.file, v.json = args[0], *asJSON
		return v.verify(w)
	})
}

// bundleVerifier verifies the evidence for one record.
type bundleVerifier struct {
	file, key string
	witnesses []string
	json      bool
}

func (v *bundleVerifier) verify(w io.Writer) (int, error) {
	if v.key == "" {
		return cli.Error, errors.New("verify needs the verifier key of the log, as in --key KEY")
	}
	vkey, err := readLogKey(v.key)
	if err != nil {
		return cli.Error, err
	}
	witnesses, err := readWitnessKeys(v.witnesses)
	if err != nil {
		return cli.Error, err
	}
	bundle, err := readBundle(v.file)
	if err != nil {
		return cli.Error, err
	}
	var one *evidence.Finding
	var many *evidence.ManyFinding
	if evidence.IsMany(bundle) {
		many, err = evidence.VerifyMany(bundle, vkey, witnesses...)
	} else {
		one, err = evidence.Verify(bundle, vkey, witnesses...)
	}
	if err != nil {
		err = fmt.Errorf("%s does not hold: %w", v.file, err)
		if v.json {
			if e := cli.PrintJSON(w, map[string]any{"ok": false, "problem": err.Error()}); e != nil {
				return cli.Error, e
			}
		}
		return cli.Findings, err
	}
	if many != nil {
		return cli.Done(v.verifyMany(w, many))
	}
	if err := v.print(w, one); err != nil {
		return cli.Error, err
	}
	return cli.Fine, nil
}

func readBundle(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("reading the bundle: %w", err)
	}
	if info.Size() > evidence.MaxSize {
		return nil, fmt.Errorf("%s has %d bytes; a bundle has at most %d", file, info.Size(), evidence.MaxSize)
	}
	return regular.ReadFile(file, evidence.MaxSize)
}

func (v *bundleVerifier) print(w io.Writer, f *evidence.Finding) error {
	shown := review.Offline(f.Record, f.Registers)
	if v.json {
		return cli.PrintJSON(w, struct {
			OK bool `json:"ok"`
			*evidence.Finding
			Explanation  *decision.Explanation `json:"explanation,omitempty"`
			NotExplained string                `json:"not_explained,omitempty"`
			Rows         []review.PolicyRow    `json:"rows,omitempty"`
		}{true, f, shown.Explanation, shown.NotExplained, shown.Rows})
	}
	genesis := new(record.Genesis)
	if err := genesis.Parse(f.Genesis); err != nil {
		return fmt.Errorf("genesis.json: %w", err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "ok: this is entry %d of %s, unchanged since the log signed its %d entries\n", f.Index, f.Log, f.Size)
	for _, name := range f.Witnesses {
		fmt.Fprintf(&b, "signed by the witness %s too\n", name)
	}
	if genesis.Previous != nil {
		fmt.Fprintf(&b, "the log continues %s\n", genesis.Previous.Origin)
	}
	if f.Policy != "" {
		fmt.Fprintf(&b, "decided by the policy %s, which is in the bundle\n", f.Policy)
	}
	fmt.Fprintf(&b, "%s\n", f.Record)
	if err := shown.PrintWhy(&b); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
