package policy

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/approval"
	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/regular"
)

// policyCommand holds the commands by which a policy is changed: taken out,
// signed, put in force.
func policyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "policy", Short: "Changes a policy: export, sign, reload"}
	cmd.AddCommand(
		exportCommand(),
		keygenCommand(),
		signCommand(),
		signedCommand(),
		reloadCommand(),
	)
	return cmd
}

func exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export FOLDER",
		Short: "Writes the embedded policy into a new folder, to be changed there",
		Args:  cobra.ExactArgs(1),
	}
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		if err := cli.ActAsOwner(filepath.Dir(filepath.Clean(args[0]))); err != nil {
			return cli.Error, err
		}
		if err := config.Export(args[0]); err != nil {
			return cli.Error, err
		}
		return said(fmt.Fprintf(w, "%s holds the registers; name it in the Caddyfile with 'policy %s'\n", args[0], args[0]))
	})
}

// said is the exit code of a command that printed what it had to say.
func said(_ int, err error) (int, error) {
	if err != nil {
		return cli.Error, err
	}
	return cli.Fine, nil
}

func keygenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keygen NAME FILE",
		Short: "Makes a key by which a person signs policies",
		Long: "Writes a private key to FILE, which only its owner may read, and prints the public key. The public keys of\n" +
			"all who may write and approve policies stand in a file, one a line, that the Caddyfile's require_approvals names.",
		Args: cobra.ExactArgs(2),
	}
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		return keygen(w, args[0], args[1])
	})
}

// keygen makes a key. It replaces no file.
func keygen(w io.Writer, name, path string) (int, error) {
	if name == "" || strings.ContainsAny(name, "+ \t\r\n") || name == "PRIVATE" {
		return cli.Error, fmt.Errorf("'%s' is no name for a key: write one word without +", name)
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return cli.Error, fmt.Errorf("making a key: %w", err)
	}
	if err := cli.ActAsOwner(filepath.Dir(path)); err != nil {
		return cli.Error, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return cli.Error, fmt.Errorf("writing the private key: %w", regular.Denied(err))
	}
	_, err = f.WriteString(skey + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return cli.Error, fmt.Errorf("writing the private key: %w", err)
	}
	return said(fmt.Fprintln(w, vkey))
}

func signCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sign --key FILE [--author] FOLDER",
		Short: "Signs the policy in a folder, as its author or as somebody who approves it",
		Long: "The author signs first, with --author: this describes every register and gives the policy a serial number,\n" +
			"one more than that of the signatures that stood there, which are gone. Others approve what is described.\n" +
			"Whoever edits a register afterwards voids all signatures. They stand in " + config.ApprovalsFile + " beside the registers.",
		Args: cobra.ExactArgs(1),
	}
	key := cmd.Flags().String("key", "", "file of the private key")
	author := cmd.Flags().Bool("author", false, "sign as who wrote the policy")
	serial := cmd.Flags().Uint64("serial", 0, "the policy's serial number, with --author (default: one more than the last)")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		if *serial != 0 && !*author {
			return cli.Error, errors.New("--serial is for the author, who signs with --author")
		}
		return signPolicy(w, args[0], *key, *author, *serial)
	})
}

// signPolicy adds a signature to the policy in a folder.
func signPolicy(w io.Writer, dir, keyFile string, author bool, serial uint64) (int, error) {
	if keyFile == "" {
		return cli.Error, errors.New("no key: name its file with --key, as 'transfer policy keygen' wrote it")
	}
	skey, err := regular.ReadText(keyFile, regular.KeyLimit)
	if err != nil {
		return cli.Error, fmt.Errorf("reading the private key: %w", err)
	}
	folder, err := config.LoadFolder(dir)
	if err != nil {
		return cli.Error, err
	}
	path := filepath.Join(dir, config.ApprovalsFile)
	sums, signed := folder.Registers.Sums(), []byte(nil)
	switch key := strings.TrimSpace(string(skey)); {
	case author:
		if serial, err = nextSerial(folder.Approvals, serial, path); err == nil {
			signed, err = approval.Write(sums, serial, key)
		}
	case folder.Approvals == nil:
		err = fmt.Errorf("there is no %s: the author signs first, with --author", path)
	default:
		signed, err = approval.Approve(folder.Approvals, sums, key)
	}
	if err != nil {
		return cli.Error, err
	}
	if err := cli.ActAsOwner(dir); err != nil {
		return cli.Error, err
	}
	if err := durable.WriteFile(path, signed, 0o644); err != nil {
		return cli.Error, fmt.Errorf("writing the signatures: %w", regular.Denied(err))
	}
	m, err := approval.Read(signed)
	if err != nil {
		return cli.Error, err
	}
	return said(fmt.Fprintf(w, "signed: policy %s, serial %d\n", m.Policy, m.Serial))
}

// nextSerial is the serial asked for, or one more than that of the last signatures.
func nextSerial(last []byte, asked uint64, path string) (uint64, error) {
	if asked != 0 || last == nil {
		return max(asked, 1), nil
	}
	m, err := approval.Read(last)
	if err != nil {
		return 0, fmt.Errorf("%s: %w; say the serial number with --serial", path, err)
	}
	return m.Serial + 1, nil
}

func signedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status --keys FILE FOLDER",
		Short: "Says who signed the policy in a folder, and what is missing",
		Long:  "Exit code 0: as many people stand behind the policy as must, 1: error, 2: it is not signed, or by too few.",
		Args:  cobra.ExactArgs(1),
	}
	keys := cmd.Flags().StringArray("keys", nil, "file of public keys, one a line, or a key; may be repeated")
	required := cmd.Flags().Int("require", 1, "how many people besides the author must have signed")
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		return signedBy(w, args[0], *keys, *required, *asJSON)
	})
}

// signedStatus is what status prints.
type signedStatus struct {
	Policy    string   `json:"policy"` // digest
	Serial    uint64   `json:"serial,omitempty"`
	Author    string   `json:"author,omitempty"`
	Signed    bool     `json:"signed"` // by its author
	Approvers []string `json:"approvers"`
	Strangers []string `json:"strangers,omitempty"`
	Required  int      `json:"required"`
	Missing   string   `json:"missing,omitempty"`
}

// signedBy says who signed a policy.
func signedBy(w io.Writer, dir string, given []string, required int, asJSON bool) (int, error) {
	if len(given) == 0 {
		return cli.Error, errors.New("no public keys: name their file with --keys, the one that the Caddyfile's require_approvals names")
	}
	keys, err := approval.ReadKeys(given)
	if err != nil {
		return cli.Error, err
	}
	folder, err := config.LoadFolder(dir)
	if err != nil {
		return cli.Error, err
	}
	s := signedStatus{Policy: folder.Registers.Policy.Digest, Required: required, Approvers: []string{}}
	if folder.Approvals == nil {
		s.Missing = "nobody signed it"
	} else {
		found, err := approval.Check(folder.Approvals, folder.Registers.Sums(), keys, required)
		if err == nil {
			s.Serial, s.Author, s.Signed, s.Strangers = found.Serial, found.Author, found.Signed, found.Strangers
			s.Approvers = append(s.Approvers, found.Approvers...)
			err = found.Sufficient()
		}
		if err != nil {
			s.Missing = err.Error()
		}
	}
	if asJSON {
		err = cli.PrintJSON(w, s)
	} else {
		err = s.print(w)
	}
	switch {
	case err != nil:
		return cli.Error, err
	case s.Missing != "":
		return cli.Findings, nil
	}
	return cli.Fine, nil
}

func (s *signedStatus) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "policy    %s\n", s.Policy)
	if s.Serial != 0 {
		fmt.Fprintf(&b, "serial    %d\n", s.Serial)
	}
	if s.Signed {
		fmt.Fprintf(&b, "author    %s\n", s.Author)
	}
	for _, name := range s.Approvers {
		fmt.Fprintf(&b, "approved  %s\n", name)
	}
	for _, name := range s.Strangers {
		fmt.Fprintf(&b, "ignored   %s, whose key is none of those given\n", name)
	}
	if s.Missing != "" {
		fmt.Fprintf(&b, "missing   %s\n", s.Missing)
	} else {
		fmt.Fprintf(&b, "ok        %d approvals of %d\n", len(s.Approvers), s.Required)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func reloadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Makes the running gateway read its policy's folder now",
		Long: "Asks the running gateway by way of Caddy's admin API. All of the policy is taken or, if anything about it\n" +
			"is wrong, nothing: the old one stays in force, and the error says why.",
		Args: cobra.NoArgs,
	}
	orders := cli.OrderFlags(cmd)
	return cli.Run(cmd, func(w io.Writer, _ []string) (int, error) {
		running, err := orders.Ready()
		if err != nil {
			return cli.Error, err
		}
		return reloadPolicy(w, running)
	})
}

// reloadPolicy asks a running gateway to reload its policy.
func reloadPolicy(w io.Writer, running *adminapi.Client) (int, error) {
	answer, err := running.ReloadPolicy()
	if err != nil {
		return cli.Error, err
	}
	if !answer.Changed {
		return said(fmt.Fprintf(w, "nothing changed: policy %s is in force\n", answer.Digest))
	}
	return said(fmt.Fprintf(w, "policy %s is in force\n", answer.Digest))
}
