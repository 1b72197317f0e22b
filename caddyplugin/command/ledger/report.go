package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/regular"
	"github.com/sparkoo/transfergate/internal/report"
)

// reportCommand holds the commands that make what auditors and authorities are handed.
func reportCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "report", Short: "Makes reports of the ledger for auditors and authorities"}
	cmd.AddCommand(registerCommand(), personCommand(), incidentCommand(), staffCommand(), noticeCommand(), completenessCommand())
	return cmd
}

// reportFlags are those of every report.
type reportFlags struct {
	from, to  string
	file      string
	html, csv bool
	xlsx, dpv bool // of the register
	json      *bool
}

func (f *reportFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.from, "from", "", "first day, as 2026-10-01, in UTC")
	cmd.Flags().StringVar(&f.to, "to", "", "last day, which is part of it")
	cmd.Flags().BoolVar(&f.html, "html", false, "print a page, which needs nothing else and prints well")
	cmd.Flags().BoolVar(&f.csv, "csv", false, "print a table (RFC 4180)")
	cmd.Flags().StringVarP(&f.file, "output", "o", "", "write it to this file, which must not be there yet (default: print it)")
	f.json = cli.JSONFlag(cmd)
}

// form is the form that is asked for.
func (f *reportFlags) form() string {
	switch {
	case f.html:
		return "html"
	case f.csv:
		return "csv"
	case f.xlsx:
		return "xlsx"
	case f.dpv:
		return "dpv"
	case *f.json:
		return "json"
	}
	return "text"
}

// writer is a report that can be written in each form.
type writer interface {
	Text(w io.Writer) error
	HTML(w io.Writer) error
	CSV(w io.Writer) error
}

// registerWriter is the register, which has more forms than other reports.
type registerWriter interface {
	XLSX(w io.Writer) error
	DPV(w io.Writer) error
}

var _ registerWriter = (*report.Register)(nil)

// write writes the report in the form that is asked for, into the file if one is named.
// Beside a table stands what it is of, which other forms say themselves: h is nil where
// the report has no head.
func (f *reportFlags) write(w io.Writer, r writer, h *report.Head) error {
	if f.file == "" {
		return f.writeTo(w, r)
	}
	if err := cli.ActAsOwner(filepath.Dir(f.file)); err != nil {
		return err
	}
	if h != nil && (f.csv || f.xlsx) {
		return f.writeTable(w, r, h)
	}
	file, err := os.OpenFile(f.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the report: %w", regular.Denied(err))
	}
	if err := errors.Join(f.writeTo(file, r), file.Close()); err != nil {
		return fmt.Errorf("writing the report: %w", errors.Join(err, os.Remove(f.file)))
	}
	_, err = fmt.Fprintf(w, "wrote %s\n", f.file)
	return err
}

// writeTable writes the report as a table, with what it is of beside it.
func (f *reportFlags) writeTable(w io.Writer, r writer, h *report.Head) error {
	file, err := newExport(f.file)
	if err != nil {
		return err
	}
	if err := f.writeTo(file, r); err != nil {
		return errors.Join(err, file.drop())
	}
	if err := file.finish(report.About{Form: f.form(), Head: *h}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "wrote %s and %[1]s%s\n", f.file, report.AboutSuffix)
	return err
}

func (f *reportFlags) writeTo(w io.Writer, r writer) error {
	forms := 0
	for _, given := range []bool{f.html, f.csv, f.xlsx, f.dpv, *f.json} {
		if given {
			forms++
		}
	}
	switch {
	case forms > 1:
		return errors.New("--html, --csv, --xlsx, --dpv and --json are different forms: give one of them")
	case f.html:
		return r.HTML(w)
	case f.csv:
		return r.CSV(w)
	case f.xlsx:
		return r.(registerWriter).XLSX(w) // only it has the flags
	case f.dpv:
		return r.(registerWriter).DPV(w)
	case *f.json:
		return cli.PrintJSON(w, r)
	}
	return r.Text(w)
}

func registerCommand() *cobra.Command {
	cmd, f := reportOf(&cobra.Command{
		Use:   "register --from DAY --to DAY FOLDER",
		Short: "Makes the register of processing and transfers of a period (GDPR Art 30, LGPD Art 37, PIPL Art 55 and 56)",
		Long: "Makes the register of a period from the ledgers of all classes in the folder: by controller, with its contacts, and by\n" +
			"activity whose people's data it was, which categories, what for and on what basis; each step the data took with recipient,\n" +
			"role, countries, and what each law says of it: the safeguard with instrument, module, assessment and evidence, or why there is\n" +
			"no transfer; what was denied; and which policies decided. Names and instruments are those of the policy that decided.\n" +
			"It needs no running gateway. Exit code 0: made, 1: error, 2: made, and an entry cannot be read which may belong there.",
		Example: "  transfergate transfer report register --from 2026-10-01 --to 2026-10-31 --html -o october.html data/ledger",
	}, func(ctx context.Context, l report.Ledger, p report.Period, now time.Time) (writer, *report.Head, error) {
		r, err := report.RegisterOf(ctx, l, p, now)
		if err != nil {
			return nil, nil, err
		}
		return r, &r.Head, nil
	})
	cmd.Flags().BoolVar(&f.xlsx, "xlsx", false, "write a workbook (XLSX), with -o")
	cmd.Flags().BoolVar(&f.dpv, "dpv", false, "print JSON-LD in the Data Privacy Vocabulary 2.3: a dpv:ROPA with dpv:DataTransferRecords")
	return cmd
}

func staffCommand() *cobra.Command {
	return periodCommand(&cobra.Command{
		Use:   "staff --from DAY --to DAY FOLDER",
		Short: "Says who of whose staff read what, under which ticket (§5(f))",
		Long: "Says who of whose staff read people's data in a period: by entity and country, ticket, reason and approval, with the activity,\n" +
			"where the people are registered and at most how many they are; and what was denied. Members of staff have pseudonyms.\n" +
			"It needs no running gateway. Exit code 0: made, 1: error, 2: made, and an entry cannot be read which may belong there.",
	}, func(ctx context.Context, l report.Ledger, p report.Period, now time.Time) (writer, *report.Head, error) {
		r, err := report.StaffOf(ctx, l, p, now)
		if err != nil {
			return nil, nil, err
		}
		return r, &r.Head, nil
	})
}

func noticeCommand() *cobra.Command {
	return periodCommand(&cobra.Command{
		Use:   "notice --from DAY --to DAY FOLDER",
		Short: "Holds what people are told of recipients, countries and safeguards against what happened",
		Long: "Holds what people are told against what the ledger shows of a period (GDPR Art 13(1)(f), Res. CD/ANPD 19/2024 Art 17), the\n" +
			"differences first: a recipient or a country that the registers do not list, data that was stored elsewhere than in Singapore,\n" +
			"a transfer without a safeguard, or under one that is an example or not confirmed. The registers are those of the newest record.\n" +
			"It needs no running gateway. Exit code 0: made, 1: error, 2: made, and an entry cannot be read which may belong there.",
	}, func(ctx context.Context, l report.Ledger, p report.Period, now time.Time) (writer, *report.Head, error) {
		r, err := report.NoticeOf(ctx, l, p, now)
		if err != nil {
			return nil, nil, err
		}
		return r, &r.Head, nil
	})
}

// periodCommand is a report of a period, made from a folder.
func periodCommand(cmd *cobra.Command, made func(context.Context, report.Ledger, report.Period, time.Time) (writer, *report.Head, error)) *cobra.Command {
	cmd, _ = reportOf(cmd, made)
	return cmd
}

// reportOf is periodCommand, with its flags.
func reportOf(cmd *cobra.Command, made func(context.Context, report.Ledger, report.Period, time.Time) (writer, *report.Head, error)) (*cobra.Command, *reportFlags) {
	cmd.Args = cobra.ExactArgs(1)
	f := new(reportFlags)
	f.add(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		period, err := report.ParsePeriod(f.from, f.to)
		if err != nil {
			return cli.Error, err
		}
		if f.xlsx && f.file == "" {
			return cli.Error, errors.New("--xlsx writes a workbook, which is no text to print: name its file with -o")
		}
		r, head, err := made(cmd.Context(), report.Of(ledger.At(args[0])), period, time.Now())
		if err != nil {
			return cli.Error, err
		}
		return f.end(w, r, head)
	}), f
}

// end writes a report, and tells by the exit code what of it is not known.
func (f *reportFlags) end(w io.Writer, r writer, h *report.Head) (int, error) {
	if err := f.write(w, r, h); err != nil {
		return cli.Error, err
	}
	if len(h.Unreadable) > 0 {
		return cli.Findings, nil
	}
	return cli.Fine, nil
}

func completenessCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completeness --from DAY --to DAY FOLDER",
		Short: "Says in a sentence that can be signed whether all entries of a period are there",
		Long: "Verifies the ledgers of all classes in the folder, every entry of every epoch, and says in a sentence which entries the\n" +
			"period is, that none is missing, which signed checkpoints anchor them, and what nobody can rule out who has the folder\n" +
			"alone. Give it the node's key and checkpoints that were kept elsewhere, as 'ledger verify' has them: the less is believed,\n" +
			"the more is ruled out. It needs no running gateway. Exit code 0: complete, 1: error, 2: damaged.",
		Example: "  transfergate transfer report completeness --from 2026-10-01 --to 2026-10-31 --key node.vkey --known copy/checkpoint data/ledger",
		Args:    cobra.ExactArgs(1),
	}
	var f reportFlags
	f.add(cmd)
	var keys, known []string
	cmd.Flags().StringArrayVar(&keys, "key", nil, "verifier key of the node or of an epoch, or a file with it; may be repeated")
	cmd.Flags().StringArrayVar(&known, "known", nil, "file with a checkpoint of the ledger that was kept elsewhere; may be repeated")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		period, err := report.ParsePeriod(f.from, f.to)
		if err != nil {
			return cli.Error, err
		}
		o := report.Options{Now: time.Now()}
		var kept [][]byte
		if o.Keys, kept, err = readTrust(keys, known); err != nil {
			return cli.Error, err
		}
		dir := ledger.At(args[0])
		classes, err := dir.Classes()
		if err != nil {
			return cli.Error, err
		}
		o.Known = knownOf(classes, kept)
		r, err := report.CompletenessOf(cmd.Context(), dir, period, o)
		if err != nil {
			return cli.Error, err
		}
		if err := f.write(w, r, nil); err != nil {
			return cli.Error, err
		}
		if !r.Complete {
			return cli.Findings, nil
		}
		return cli.Fine, nil
	})
}
