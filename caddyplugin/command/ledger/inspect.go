package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/tiles"
)

func inspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect FOLDER",
		Short: "Shows a ledger's epochs, keys, checkpoints, witnesses and disk use on one screen",
		Long: "Shows what a ledger's folder holds. It reads no entries and verifies nothing but the checkpoints' signatures,\n" +
			"with the keys the ledger itself names: 'ledger verify' does the rest. It may run beside a running gateway.",
		Args: cobra.ExactArgs(1),
	}
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		l, err := inspectClasses(args[0])
		if err != nil {
			return cli.Error, err
		}
		if *asJSON {
			err = cli.PrintJSON(w, l)
		} else {
			err = l.print(w)
		}
		if err != nil {
			return cli.Error, err
		}
		return cli.Fine, nil
	})
}

// inspected is what a ledger's folder holds.
type inspected struct {
	Folder   string           `json:"folder"`
	Entries  int64            `json:"entries"` // under checkpoints
	Bytes    int64            `json:"bytes"`   // of the ledger's files, without what is reserved
	Reserved int64            `json:"reserved_bytes"`
	Epochs   []inspectedEpoch `json:"epochs"`
	Policies []string         `json:"policies"` // digests of the snapshots kept
	Classes  []*inspected     `json:"classes,omitempty"`
}

// inspectedEpoch is one epoch of it.
type inspectedEpoch struct {
	Epoch     uint32     `json:"epoch"`
	Origin    string     `json:"origin"`
	Key       string     `json:"vkey"`
	Created   time.Time  `json:"created"`
	Because   string     `json:"because,omitempty"`
	Entries   int64      `json:"entries"`
	Root      string     `json:"root,omitempty"`
	Signed    *time.Time `json:"signed,omitempty"` // when the checkpoint's file was written
	Bytes     int64      `json:"bytes"`            // without what is reserved
	Reserved  int64      `json:"reserved_bytes"`
	Witnessed int64      `json:"witnessed_entries"`
	Witnesses []string   `json:"witnesses,omitempty"` // who signed, by their word: their keys are not known here
}

// inspectClasses inspects a ledger and the classes of records in its folder.
func inspectClasses(folder string) (*inspected, error) {
	dirs, err := ledger.At(folder).Classes()
	if err != nil {
		return nil, err
	}
	var all []*inspected
	for _, dir := range dirs {
		l, err := inspectLedger(dir)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	all[0].Classes = all[1:]
	return all[0], nil
}

func inspectLedger(dir ledger.Dir) (*inspected, error) {
	numbers, err := dir.Epochs()
	if err != nil {
		return nil, err
	}
	l := &inspected{Folder: dir.Path}
	for _, number := range numbers {
		e, err := inspectEpoch(dir, number)
		if err != nil {
			return nil, err
		}
		l.Entries, l.Reserved = l.Entries+e.Entries, l.Reserved+e.Reserved
		l.Epochs = append(l.Epochs, e)
	}
	if l.Bytes, err = bytesOf(dir); err != nil {
		return nil, err
	}
	l.Bytes = max(0, l.Bytes-l.Reserved) // a writer may have given some back meanwhile
	policies, err := dir.Policies()
	l.Policies = append([]string{}, policies...)
	return l, err
}

func inspectEpoch(dir ledger.Dir, number uint32) (e inspectedEpoch, err error) {
	view, err := dir.View(number)
	if err != nil {
		return e, err
	}
	e = inspectedEpoch{Epoch: number, Origin: view.Origin(), Key: view.VerifierKey(), Created: view.Created(), Because: view.Because()}
	if e.Reserved, err = dir.Reserved(number); err != nil {
		return e, err
	}
	if e.Bytes, err = bytesUnder(view.Dir()); err != nil {
		return e, err
	}
	e.Bytes = max(0, e.Bytes-e.Reserved)
	key, err := note.NewVerifier(e.Key)
	if err != nil {
		return e, err
	}
	signed, err := view.Checkpoint()
	if errors.Is(err, fs.ErrNotExist) {
		return e, nil
	}
	if err != nil {
		return e, err
	}
	c, err := tiles.OpenCheckpoint(signed, key)
	if err != nil {
		return e, err
	}
	e.Entries, e.Root = c.N, c.Hash.String()
	if info, err := os.Stat(view.CheckpointFile()); err == nil {
		at := info.ModTime().UTC().Truncate(time.Second)
		e.Signed = &at
	}
	return e, e.inspectWitnessed(view.WitnessedFile(), key)
}

// inspectWitnessed reads the latest checkpoint that witnesses signed, if any.
func (e *inspectedEpoch) inspectWitnessed(file string, key note.Verifier) error {
	signed, err := regular.ReadFile(file, regular.KeyLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the witnessed checkpoint: %w", err)
	}
	c, err := tiles.OpenCheckpoint(signed, key)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	n, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	e.Witnessed = c.N
	for _, s := range n.UnverifiedSigs {
		e.Witnesses = append(e.Witnesses, s.Name)
	}
	return nil
}

// bytesOf is how many bytes the files of a ledger have, with those of its classes. What
// else lies in its folder, as lost+found, may not even be readable.
func bytesOf(dir ledger.Dir) (total int64, err error) {
	dirs, err := dir.Classes()
	for _, d := range dirs {
		names, err := d.Names()
		if err != nil {
			return 0, err
		}
		for _, name := range names {
			if path := filepath.Join(d.Path, name); !slices.ContainsFunc(dirs, func(c ledger.Dir) bool { return c.Path == path }) {
				n, err := bytesUnder(path)
				if err != nil {
					return 0, err
				}
				total += n
			}
		}
	}
	return total, err
}

// bytesUnder is how many bytes a file has, or those of a folder, also behind a link.
// Files that go away meanwhile do not count.
func bytesUnder(folder string) (total int64, err error) {
	if behind, err := filepath.EvalSymlinks(folder); err == nil {
		folder = behind
	}
	err = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil && d.Type().IsRegular() {
			if info, err = d.Info(); err == nil {
				total += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measuring the ledger: %w", err)
	}
	return total, nil
}

// print shows the ledger on one screen.
func (l *inspected) print(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "ledger %s: %d epochs, %d entries under checkpoints, %d bytes and %d reserved for more, %d policy snapshots\n\n",
		l.Folder, len(l.Epochs), l.Entries, l.Bytes, l.Reserved, len(l.Policies))
	rows := []byte("epoch\tbegun\tentries\tbytes/entry\tsigned\twitnessed\twitnesses\n")
	for _, e := range l.Epochs {
		signed, witnesses, each := "never", "none", "-"
		if e.Signed != nil {
			signed = e.Signed.Format(time.RFC3339)
		}
		if len(e.Witnesses) > 0 {
			witnesses = strings.Join(e.Witnesses, ", ")
		}
		if e.Entries > 0 {
			each = fmt.Sprint(e.Bytes / e.Entries)
		}
		rows = fmt.Appendf(rows, "%d\t%s\t%d\t%s\t%s\t%d\t%s\n", e.Epoch, e.Created.Format(time.RFC3339), e.Entries, each, signed, e.Witnessed, witnesses)
	}
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, err := table.Write(rows)
	if err := errors.Join(err, table.Flush()); err != nil {
		return err
	}
	for _, e := range l.Epochs {
		fmt.Fprintf(&b, "\nepoch %d\n  key:  %s\n  root: %s\n", e.Epoch, e.Key, e.Root)
		if e.Because != "" {
			fmt.Fprintf(&b, "  begun because: %s\n", e.Because)
		}
	}
	for _, c := range l.Classes {
		b.WriteByte('\n')
		if err := c.print(&b); err != nil {
			return err
		}
	}
	_, err = w.Write(b.Bytes())
	return err
}
