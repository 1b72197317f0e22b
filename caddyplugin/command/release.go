package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/release"
)

// sumsFile lists the files of a release for sha256sum; with noteEnd it is the signed note.
const (
	sumsFile = "SHA256SUMS"
	noteEnd  = ".note"
)

func releaseCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "release", Short: "Signs the files of a release, and verifies them"}
	cmd.AddCommand(releaseSignCommand(), releaseVerifyCommand())
	return cmd
}

func releaseSignCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sign --key FILE --version VERSION FOLDER",
		Short: "Signs all files of a folder as a release",
		Long: "Writes " + sumsFile + ", which sha256sum reads, and the signed note " + sumsFile + noteEnd + " into FOLDER, for all other\n" +
			"files in it. 'transfer policy keygen' makes a key; give its public half to whoever verifies, by another way\n" +
			"than the files, and sign nothing else with it.",
		Args: cobra.ExactArgs(1),
	}
	key := cmd.Flags().String("key", "", "file of the private key")
	version := cmd.Flags().String("version", "", "the release's version, vX.Y.Z")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		return cli.Done(signRelease(w, args[0], *key, *version))
	})
}

// signRelease signs what lies in a folder.
func signRelease(w io.Writer, dir, keyFile, version string) error {
	if keyFile == "" {
		return errors.New("no key: name its file with --key, as 'transfer policy keygen' wrote it")
	}
	skey, err := regular.ReadText(keyFile, regular.KeyLimit)
	if err != nil {
		return fmt.Errorf("reading the private key: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the folder of the release: %w", err)
	}
	var paths []string
	for _, entry := range entries {
		if name := entry.Name(); name != sumsFile && name != sumsFile+noteEnd {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	r, err := release.Of(version, paths)
	if err != nil {
		return err
	}
	signed, err := r.Sign(strings.TrimSpace(string(skey)))
	if err != nil {
		return err
	}
	if err := cli.ActAsOwner(dir); err != nil {
		return err
	}
	path := filepath.Join(dir, sumsFile)
	if err := errors.Join(durable.WriteFile(path, []byte(r.Sums()), 0o644), durable.WriteFile(path+noteEnd, signed, 0o644)); err != nil {
		return fmt.Errorf("writing the sums: %w", regular.Denied(err))
	}
	_, err = fmt.Fprintf(w, "signed: %s, %s\n", r.Version, cli.Counted(len(r.Files), "file"))
	return err
}

func releaseVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify --key KEY NOTE FILE...",
		Short: "Says whether files are those of a release that a key signed",
		Long: "NOTE is the release's " + sumsFile + noteEnd + ", and each FILE one that was downloaded, under its own name. Have the new\n" +
			"version verified by the one that runs.\n\n" +
			"Exit code 0: they are, 1: something cannot be read, 2: they are not, or nobody of the keys signed.",
		Args: cobra.MinimumNArgs(2),
	}
	keys := cmd.Flags().StringArray("key", nil, "public key of who signs releases, or a file with one a line; may be repeated")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		return verifyRelease(w, args[0], args[1:], *keys)
	})
}

// verifyRelease holds files to a release's note.
func verifyRelease(w io.Writer, noteFile string, files, given []string) (int, error) {
	if len(given) == 0 {
		return cli.Error, errors.New("no key: give the public key of who signs releases with --key")
	}
	keys, err := approval.ReadKeys(given)
	if err != nil {
		return cli.Error, err
	}
	signed, err := regular.ReadFile(noteFile, release.Limit)
	if err != nil {
		return cli.Error, fmt.Errorf("reading the note: %w", err)
	}
	r, by, err := release.Open(signed, keys)
	if err != nil {
		_, said := fmt.Fprintf(w, "%s: %v\n", noteFile, err)
		return cli.Findings, said
	}
	code := cli.Fine
	for _, file := range files {
		err := r.Check(file)
		switch {
		case errors.Is(err, release.ErrOther):
			code = cli.Findings
			_, err = fmt.Fprintln(w, err)
		case err == nil:
			_, err = fmt.Fprintf(w, "%s: as %s signed it for %s\n", file, strings.Join(by, " and "), r.Version)
		}
		if err != nil {
			return cli.Error, err
		}
	}
	return code, nil
}
