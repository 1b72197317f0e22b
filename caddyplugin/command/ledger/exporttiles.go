package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/tiles"
)

func exportTilesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export-tiles FOLDER OUT",
		Short: "Writes the ledger as the files of C2SP tlog-tiles",
		Long: "Writes each epoch of the ledger to OUT/epoch-NNNNNN, in the layout of c2sp.org/tlog-tiles: a web server that\n" +
			"serves it is a mirror that any tool for such logs can read and check. Everything is verified on the way.\n" +
			"Classes of records that are kept apart go to OUT/class-NAME/epoch-NNNNNN.\n" +
			"Into the folder of an earlier export it writes what is new; a folder with another history stays as it is.\n" +
			"It needs no running gateway, and may run beside one.",
		Args: cobra.ExactArgs(2),
	}
	epoch := cmd.Flags().Uint32("epoch", 0, "export only this epoch, and no classes (default all)")
	key := cmd.Flags().String("key", "", "verifier key of the node, or a file with it (default: what the ledger itself says)")
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		if err := exportTiles(w, args[0], args[1], *epoch, *key, *asJSON); err != nil {
			return cli.Error, err
		}
		return cli.Fine, nil
	})
}

// exported is an exported epoch in the command's JSON.
type exported struct {
	Log     string `json:"log"`
	Entries int64  `json:"entries"`
	Before  int64  `json:"entries_before"`
	Files   int    `json:"files_written"`
	Bytes   int64  `json:"bytes_written"`
	Folder  string `json:"folder"`
}

// exportTiles exports one epoch, or all of all classes if it is 0.
func exportTiles(w io.Writer, folder, out string, epoch uint32, key string, asJSON bool) (err error) {
	trusted := ""
	if key != "" {
		if trusted, err = readLogKey(key); err != nil {
			return err
		}
	}
	if err := cli.ActAsOwner(out); err != nil {
		return err
	}
	dirs := []ledger.Dir{ledger.At(folder)}
	if epoch == 0 {
		if dirs, err = dirs[0].Classes(); err != nil {
			return err
		}
	}
	all := []exported{}
	for i, dir := range dirs {
		to := out
		if i > 0 {
			to = filepath.Join(out, filepath.Base(dir.Path))
		}
		done, err := exportEpochs(dir, to, epoch, trusted)
		for _, e := range done {
			if asJSON {
				break
			}
			if _, err := fmt.Fprintf(w, "%s: %d entries, %d before; wrote %d files, %d bytes to %s\n", e.Log, e.Entries, e.Before, e.Files, e.Bytes, e.Folder); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		all = append(all, done...)
	}
	if asJSON {
		return cli.PrintJSON(w, all)
	}
	return nil
}

// exportEpochs exports one epoch of a ledger without classes, or all if it is 0.
func exportEpochs(dir ledger.Dir, out string, epoch uint32, trusted string) (done []exported, err error) {
	epochs := []uint32{epoch}
	if epoch == 0 {
		if epochs, err = dir.Epochs(); err != nil {
			return nil, err
		}
	}
	for _, number := range epochs {
		view, err := dir.View(number)
		if err != nil {
			return done, err
		}
		if _, err := view.Checkpoint(); errors.Is(err, fs.ErrNotExist) && epoch == 0 { // it has begun just now
			continue
		}
		e, err := exportEpoch(view, out, trusted)
		if err != nil {
			return done, err
		}
		done = append(done, e)
	}
	return done, nil
}

func exportEpoch(view *ledger.View, out, trusted string) (done exported, err error) {
	vkey := view.VerifierKey()
	if trusted != "" {
		if vkey, err = tiles.LogKey(trusted, view.Origin()); err != nil {
			return done, err
		}
	}
	log, err := note.NewVerifier(vkey)
	if err != nil {
		return done, err
	}
	dir := filepath.Join(out, filepath.Base(view.Dir()))
	e, err := tiles.Export(view, log, dir)
	return exported{e.Origin, e.N, e.Before, e.Files, e.Bytes, dir}, err
}
