package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/anchor"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/ledger/verify"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/tiles"
)

func verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify FOLDER",
		Short: "Checks that every entry is whole and none is missing",
		Long: "Reads every epoch of the ledger from its first entry and checks frames, checksums and numbering, the Merkle tree\n" +
			"against its files and signed checkpoints, the kept policies, and that each epoch follows the one before. An epoch\n" +
			"that is missing is damage, unless a signed entry says that it was deleted when its time had run out. What 'epoch new'\n" +
			"gave up for lost is said in one sentence, and is no damage. Files that only say again what entries say, the holds, the\n" +
			"destroyed keys and the note beside the folder, are held against the entries. Classes of records that are kept apart, in the folders\n" +
			"class-NAME, are checked too.\n" +
			"It needs no running gateway and changes nothing. Give it the node's key, by a way that does not lead over the\n" +
			"ledger's disk: who can write there can write another ledger and sign it with a key of their own. Entries cut off\n" +
			"together with every trace of them are missed by a checkpoint kept elsewhere alone, see --known.\n" +
			"Exit code 0: fine, 1: error, 2: damage, or a file that says something else than the entries.",
		Args: cobra.ExactArgs(1),
	}
	asJSON := cli.JSONFlag(cmd)
	var o verify.Options
	var keys, known []string
	cmd.Flags().StringArrayVar(&keys, "key", nil, "verifier key of the node or of an epoch, or a file with it; may be repeated. Without it the keys that the ledger itself names are believed")
	cmd.Flags().StringArrayVar(&known, "known", nil, "file with a checkpoint of the ledger that was kept elsewhere, as a copy or a witness has it, or a copy's .history with one of each day; may be repeated. Without it an older copy of the ledger is not told from a newer one")
	cmd.Flags().Uint32Var(&o.From, "from-epoch", 0, "read this epoch and later ones only, and no classes")
	cmd.Flags().StringVar(&o.State, "resume", "", "note in this file what was found right, and do not read it again after an interruption")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		if isTerminal(os.Stderr) {
			o.Progress = progressBar(os.Stderr)
		}
		var err error
		if o.Keys, o.Known, err = readTrust(keys, known); err != nil {
			return cli.Error, err
		}
		return verifyLedger(w, args[0], o, *asJSON)
	})
}

// readTrust reads verifier keys, or files with them, and files of checkpoints that were
// kept elsewhere.
func readTrust(keys, known []string) (vkeys []string, kept [][]byte, err error) {
	for _, text := range keys {
		key, err := readLogKey(text)
		if err != nil {
			return nil, nil, err
		}
		vkeys = append(vkeys, key)
	}
	for _, file := range known {
		data, err := regular.ReadFile(file, anchor.KeptLimit)
		if err != nil {
			return nil, nil, fmt.Errorf("reading a checkpoint kept elsewhere: %w", err)
		}
		signed, err := anchor.ReadKept(data)
		if err != nil {
			return nil, nil, fmt.Errorf("%s is %w", file, err)
		}
		kept = append(kept, signed...)
	}
	return vkeys, kept, nil
}

// verifyLedger checks the ledger, with its classes unless an epoch to begin with is
// given, and prints what was found.
func verifyLedger(w io.Writer, dir string, o verify.Options, asJSON bool) (int, error) {
	if o.State != "" {
		if err := cli.ActAsOwner(filepath.Dir(o.State)); err != nil {
			return cli.Error, err
		}
	}
	dirs, err := ledger.At(dir).Classes()
	if err != nil {
		return cli.Error, err
	}
	if o.From > 0 {
		dirs = dirs[:1]
	}
	known := knownOf(dirs, o.Known)
	var result verifyJSON
	var damage error
	differ := 0
	for i, d := range dirs {
		o.Known = known[d.Class]
		report, err := verify.Ledger(d.Path, o)
		var corrupt *ledger.CorruptError
		if err != nil && !errors.As(err, &corrupt) {
			return cli.Error, err
		}
		if corrupt != nil && damage == nil {
			damage = corrupt
		}
		differ += len(report.Differences)
		if i == 0 {
			result = verifyResult(report, corrupt)
		} else {
			r := verifyResult(report, corrupt)
			r.Class = d.Class
			result.Classes, result.OK = append(result.Classes, r), result.OK && r.OK
		}
		if asJSON {
			continue
		}
		if i > 0 {
			if _, err := fmt.Fprintf(w, "class %s:\n", d.Class); err != nil {
				return cli.Error, err
			}
		}
		if err := printVerified(w, report, corrupt); err != nil {
			return cli.Error, err
		}
	}
	if asJSON {
		if err := cli.PrintJSON(w, result); err != nil {
			return cli.Error, err
		}
	}
	switch {
	case damage != nil:
		return cli.Findings, damage
	case differ > 0:
		return cli.Findings, fmt.Errorf("the entries are sound, and %d files beside them say something else", differ)
	}
	return cli.Fine, nil
}

// knownOf tells checkpoints that were kept elsewhere apart by the class whose ledger
// they are of; those of none are held against the first.
func knownOf(dirs []ledger.Dir, known [][]byte) map[string][][]byte {
	of := make(map[string]string) // the class, by the beginning of its epochs' origins
	for _, d := range dirs[1:] {
		numbers, err := d.Epochs()
		if err != nil {
			continue // verifying says what is wrong
		}
		for _, number := range numbers {
			if view, err := d.View(number); err == nil {
				of[path.Dir(view.Origin())] = d.Class
			}
		}
	}
	sorted := make(map[string][][]byte)
	for _, signed := range known {
		class := dirs[0].Class
		if c, err := tiles.ReadCheckpoint(signed); err == nil && of[path.Dir(c.Origin)] != "" {
			class = of[path.Dir(c.Origin)]
		}
		sorted[class] = append(sorted[class], signed)
	}
	return sorted
}

// printVerified prints what was found of one ledger.
func printVerified(w io.Writer, report verify.Report, corrupt *ledger.CorruptError) error {
	var b strings.Builder
	switch {
	case corrupt == nil:
		fmt.Fprintf(&b, "ok: %d entries, %d bytes\nepochs %d to %d; %d entries signed; %d policies kept\n",
			report.Entries, report.Bytes, report.First, report.Epoch, report.Signed, report.Policies)
		if unsigned := report.Entries - report.Signed; unsigned > 0 {
			fmt.Fprintf(&b, "no checkpoint covers the last %d entries: nothing proves that these are unchanged. A gateway at work signs within a second\n", unsigned)
		}
		if report.Resumed > 0 {
			fmt.Fprintf(&b, "%d of the entries were read by an earlier call, as the file of --resume says, and not again\n", report.Resumed)
		}
		if report.Deleted > 0 {
			fmt.Fprintf(&b, "%d epochs were deleted when their time had run out, as signed entries say\n", report.Deleted)
		}
		for _, loss := range report.Losses {
			fmt.Fprintf(&b, "%s\n", lossText(loss))
		}
		for _, d := range report.Differences {
			fmt.Fprintf(&b, "%s: %s\n", d.File, d.What)
		}
		if report.NotRuledOut != "" {
			fmt.Fprintf(&b, "%s\n", report.NotRuledOut)
		}
		if report.Torn {
			fmt.Fprintf(&b, "the end is of a crash, of a gateway at work, or was cut off: %s\n", report.Tail)
		}
	case corrupt.Expected != "":
		fmt.Fprintf(&b, "entry %d: expected hash %s, found %s\n", corrupt.Index, corrupt.Expected, corrupt.Found)
	}
	return cli.Flush(w, &b)
}

// lossText says what is lost and who said so.
func lossText(l verify.Loss) string {
	return fmt.Sprintf("lost, and acknowledged: what follows %s up to epoch %d, which was begun because '%s'; found at %s: %s", l.From, l.Until, l.Because, l.Found.File, l.Found.What)
}

// verifyJSON is the result for programs.
type verifyJSON struct {
	OK         bool   `json:"ok"`
	Class      string `json:"class,omitempty"`
	Entries    uint64 `json:"entries"`
	Bytes      uint64 `json:"bytes"`
	FirstEpoch uint32 `json:"first_epoch"`
	LastEpoch  uint32 `json:"last_epoch"`
	Deleted    int    `json:"deleted_epochs"`
	Signed     uint64 `json:"signed"`
	Policies   int    `json:"policies"`
	Resumed    uint64 `json:"resumed,omitempty"`
	Tail       string `json:"tail,omitempty"`
	// Losses are what is damaged or missing, and acknowledged by the ledger itself.
	Losses []string `json:"losses,omitempty"`
	// Differences are files beside the entries that say something else than these.
	Differences []verifyDifference `json:"differences,omitempty"`
	// NotRuledOut is what nobody can tell who has the folder alone.
	NotRuledOut string         `json:"not_ruled_out,omitempty"`
	Problem     *verifyProblem `json:"problem,omitempty"`
	// Classes are the ledgers of records that are kept apart; ok is about all.
	Classes []verifyJSON `json:"classes,omitempty"`
}

// verifyDifference is a file that says something else than the entries.
type verifyDifference struct {
	File string `json:"file"`
	What string `json:"text"`
}

// verifyProblem is the first bad place.
type verifyProblem struct {
	Text     string `json:"text"`
	Epoch    uint32 `json:"epoch"`
	Index    uint64 `json:"index"`
	File     string `json:"file"`
	Offset   int64  `json:"offset"`
	Expected string `json:"expected,omitempty"`
	Found    string `json:"found,omitempty"`
}

func verifyResult(r verify.Report, corrupt *ledger.CorruptError) verifyJSON {
	v := verifyJSON{
		OK: corrupt == nil && len(r.Differences) == 0, Entries: r.Entries, Bytes: r.Bytes, FirstEpoch: r.First, LastEpoch: r.Epoch, Deleted: r.Deleted,
		Signed: r.Signed, Policies: r.Policies, Resumed: r.Resumed, Tail: r.Tail, NotRuledOut: r.NotRuledOut,
	}
	for _, loss := range r.Losses {
		v.Losses = append(v.Losses, lossText(loss))
	}
	for _, d := range r.Differences {
		v.Differences = append(v.Differences, verifyDifference(d))
	}
	if corrupt != nil {
		v.Problem = &verifyProblem{corrupt.Error(), r.Epoch, corrupt.Index, corrupt.File, corrupt.Offset, corrupt.Expected, corrupt.Found}
	}
	return v
}

// isTerminal reports whether a person watches the file.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// progressBar draws how much has been done, over one line.
func progressBar(w io.Writer) func(done, total int64) {
	const width = 40
	return func(done, total int64) {
		part := width
		if total > 0 {
			part = int(min(done, total) * width / total)
		}
		bar := strings.Repeat("#", part) + strings.Repeat(".", width-part)
		end := ""
		if done >= total {
			end = "\n"
		}
		_, _ = fmt.Fprintf(w, "\r[%s] %d of %d MiB%s", bar, done>>20, total>>20, end) // nobody waits for a picture
	}
}
