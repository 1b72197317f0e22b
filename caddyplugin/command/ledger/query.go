package ledger

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/query/scan"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

func queryCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "query FOLDER [QUERY]",
		Short: "Finds, counts and exports records: country:BR activity:storage at:2026-10",
		Long: "Finds the transfers and denials that a query asks for, the newest first, or counts them by what they have in common.\n\n" +
			"  country:BR recipient:huawei-cloud-cn      different keys: both hold\n" +
			"  country:BR country:CL -activity:serving   the same key: either holds; a minus excludes\n" +
			"  at:2026-10  at:>-7d  at:2026-10-01..2026-10-31  bytes:>1000  status:500..599\n" +
			"  recipient:huawei-*  safeguard:none  reference:*  instrument:\"Group agreement\"\n" +
			"  gw-sg-1#1.42  and the id, trace or pseudonym of a record alone\n\n" +
			"Every member of a record is a key (deploy/RECORDS.md): those of legs by their last word (from, to, exporter, law as\n" +
			"legs.laws.law, safeguard, assessment). Beside them: outcome (denied, pending, not-sent, partial, complete, unknown) and status,\n" +
			"record and class; origin is country, and the country of the visitor's address is visitor; at, after and before are about time.\n" +
			"Other entries are found by type:, as in type:refusals.counted, or type:* for all.\n\n" +
			"A query that begins with a minus comes after --. With --person the account id is read from standard input, and the\n" +
			"person's salts from the lines after it, the present one first: neither belongs into an argument. --reason and --reference\n" +
			"say why you look, and an entry of the ledger tells of it before anything is shown: the running gateway writes it (see\n" +
			"--sign), or this program if no gateway has the ledger open.\n" +
			"It needs no running gateway, and may run beside one. It says what the folder holds; whether that is what was written, 'ledger verify' says.\n" +
			"With --output the answer is an export: an entry of the ledger tells of it, and beside the file stands what was asked, how many\n" +
			"records it has, by which policies they were decided, the ledger's checkpoints, and the file's SHA-256.\n" +
			"Exit code 0: fine, 1: error, 2: an entry cannot be read, which may be one of those asked for.",
		Example: "  transfergate transfer ledger query data/ledger 'origin:BR activity:storage'\n" +
			"  transfergate transfer ledger query --by country,recipient,month data/ledger outcome:denied\n" +
			"  transfergate transfer ledger query --csv data/ledger at:2026-10 >october.csv",
		Args: cobra.MinimumNArgs(1),
	}
	f := &queryFlags{in: cmd.InOrStdin, warn: cmd.ErrOrStderr}
	flags := cmd.Flags()
	flags.BoolVar(&f.json, "json", false, "print an object a line: the record's number, its outcome, and the record as it stands")
	flags.BoolVar(&f.csv, "csv", false, "print a table of all members (RFC 4180), whose cells no spreadsheet takes for formulas")
	flags.BoolVar(&f.parquet, "parquet", false, "with --output, a Parquet file of all members, which data warehouses read")
	flags.StringVar(&f.by, "by", "", "count by one or two keys, and by hour, day, week, month or year, as in controller,recipient,month")
	flags.IntVar(&f.limit, "limit", -1, "print so many records at most; 0 for all (default: 50 on a screen, else all)")
	flags.StringVar(&f.after, "after", "", "go on after this place, which the page before ends with")
	flags.StringVar(&f.columns, "columns", "", "print these keys, with commas")
	flags.StringVarP(&f.output, "output", "o", "", "export to this file, with --csv, --json or --parquet: beside it stands what it is (FILE.about.json), and an entry of the ledger tells of it")
	flags.BoolVar(&f.person, "person", false, "only records about the person whose account id is the first line of standard input")
	f.look.add(cmd)
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return fmt.Errorf("%w; a query that begins with a minus comes after --, as in query FOLDER -- -activity:serving", err)
	})
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		return f.run(cmd.Context(), w, args[0], strings.Join(args[1:], " "))
	})
}

// queryFlags are the flags of query, as they were written.
type queryFlags struct {
	json, csv, parquet, person bool
	by, after, columns, output string
	look                       lookFlags
	limit                      int
	in                         func() io.Reader
	warn                       func() io.Writer
}

// screenful is how many records are printed for people.
const screenful = 50

// run answers the query.
func (f *queryFlags) run(ctx context.Context, w io.Writer, folder, text string) (int, error) {
	if f.json && f.csv || f.parquet && (f.json || f.csv) {
		return cli.Error, errors.New("--json, --csv and --parquet are formats; give one of them")
	}
	if f.parquet && (f.output == "" || f.by != "") {
		return cli.Error, errors.New("--parquet writes records to a file: give --output FILE, and no --by")
	}
	q, err := query.Parse(text, time.Now())
	if err != nil {
		return f.wrong(err)
	}
	dir := ledger.At(folder)
	var look *report.Look
	if f.person {
		if look, err = f.addPerson(dir, q, q.String()); err != nil {
			return cli.Error, err
		}
	}
	a := &asking{queryFlags: f, source: scan.Of(dir), query: q, text: text, format: f.format()}
	if a.from, err = query.ParseCursor(f.after); err == nil && a.from == nil {
		a.from, err = a.source.Newest(ctx)
	}
	if err != nil {
		return cli.Error, err
	}
	if f.output != "" {
		return a.export(ctx, w, dir, look)
	}
	if look == nil {
		return a.answer(ctx, w)
	}
	var kept bytes.Buffer // until the look is recorded
	code, err := a.answer(ctx, &kept)
	if err != nil {
		return code, err
	}
	if _, err := f.look.record(dir, *look); err != nil {
		return cli.Error, err
	}
	if _, err := kept.WriteTo(w); err != nil {
		return cli.Error, err
	}
	return code, nil
}

// export writes the answer to a file, which an entry of the ledger tells of: of the look
// at a person if it is one.
func (a *asking) export(ctx context.Context, w io.Writer, dir ledger.Dir, look *report.Look) (code int, err error) {
	if a.format == query.Screen {
		return cli.Error, errors.New("--output writes an export: give --csv, --json or --parquet with it")
	}
	if look == nil {
		look = &report.Look{What: record.LookExport, Form: string(a.format), Query: a.said()}
	}
	watched := report.Of(dir).Watch()
	a.source = watched
	file, err := newExport(a.output)
	if err != nil {
		return cli.Error, err
	}
	if code, err = a.answer(ctx, file); err != nil {
		return code, errors.Join(err, file.drop())
	}
	about, err := watched.About(a.said(), time.Now())
	if err == nil {
		about.Form, look.Records = string(a.format), about.Records
		about.Look, err = a.look.record(dir, *look)
	}
	if err != nil {
		return cli.Error, errors.Join(err, file.drop())
	}
	if err := file.finish(about); err != nil {
		return cli.Error, err
	}
	_, err = fmt.Fprintf(w, "wrote %s and %s%s; entry %s tells of it\n", a.output, a.output, report.AboutSuffix, about.Look)
	if err != nil {
		return cli.Error, err
	}
	return code, nil
}

// format is the format that is asked for.
func (f *queryFlags) format() query.Format {
	switch {
	case f.json:
		return query.JSON
	case f.csv:
		return query.CSV
	case f.parquet:
		return query.Parquet
	}
	return query.Screen
}

// answer prints the answer.
func (a *asking) answer(ctx context.Context, w io.Writer) (int, error) {
	if a.by != "" {
		return a.count(ctx, w)
	}
	return a.list(ctx, w)
}

// addPerson adds what the records call the person, by the keys of each class, and returns
// the look at them that is to be recorded.
func (f *queryFlags) addPerson(dir ledger.Dir, q *query.Query, said string) (*report.Look, error) {
	look := &report.Look{What: record.LookPerson, Form: string(f.format()), Query: said, Office: f.look.office, Because: f.look.reason, Reference: f.look.reference}
	if err := look.Check(); err != nil {
		return nil, fmt.Errorf("--office, --reason and --reference, which --person needs: %w", err)
	}
	who, err := readPerson(f.in())
	if err != nil {
		return nil, err
	}
	subjects, now, err := f.look.subjects(dir, who)
	if err != nil {
		return nil, err
	}
	look.Subject = now
	for _, s := range subjects {
		q.Terms = append(q.Terms, query.Equal("subject", s))
	}
	return look, nil
}

// asking is a query that is being answered.
type asking struct {
	*queryFlags
	source query.Source
	query  *query.Query
	text   string
	format query.Format
	from   query.Cursor
}

// said is the query for people. It leaves out a person's pseudonyms, which say nothing.
func (a *asking) said() string {
	var parts []string
	for i := range a.query.Terms {
		if t := &a.query.Terms[i]; !a.person || t.Key.Name != "subject" || !t.Value.Exact {
			parts = append(parts, t.String())
		}
	}
	if a.person {
		parts = append(parts, "about the person")
	}
	return query.Visible(cmp.Or(strings.Join(parts, " "), "all transfers and denials"))
}

// list prints records.
func (a *asking) list(ctx context.Context, w io.Writer) (int, error) {
	columns := a.query.Columns(a.format)
	if a.columns != "" {
		var err error
		if columns, err = query.ParseColumns(a.columns); err != nil {
			return cli.Error, err
		}
	}
	limit := a.limit
	switch {
	case limit < 0 && a.format == query.Screen:
		limit = screenful
	case limit <= 0:
		limit = math.MaxInt
	}
	out := bufio.NewWriter(w)
	rows, err := query.NewWriter(out, a.format, columns)
	if err != nil {
		return cli.Error, err
	}
	damaged := 0
	n, next, err := query.EachRow(ctx, a.source, a.query, a.from, limit, func(row *query.Row) error {
		err := rows.Row(row)
		if row.Damage != nil {
			damaged++
		}
		return err
	})
	if err == nil && n == 0 && a.after == "" {
		err = query.CheckWords(ctx, a.source, a.query, a.text)
	}
	if err != nil {
		return a.wrong(err)
	}
	if a.format == query.Screen {
		_, err = fmt.Fprintf(out, "%s\n\n", listed(n, next != nil, a.said()))
	}
	if n > 0 || a.format != query.Screen {
		err = errors.Join(err, rows.Close())
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return cli.Error, err
	}
	return a.end(w, damaged, next)
}

// listed says what is listed.
func listed(n int, more bool, said string) string {
	switch {
	case n == 0:
		return "No record: " + said
	case more:
		return fmt.Sprintf("The newest %d of more records: %s", n, said)
	case n == 1:
		return "1 record: " + said
	}
	return fmt.Sprintf("%d records, the newest first: %s", n, said)
}

// end says what is left to say: on the screen below the table, else beside it.
func (a *asking) end(w io.Writer, damaged int, next query.Cursor) (int, error) {
	if a.format != query.Screen {
		w = a.warn()
	}
	var err error
	if next != nil {
		_, err = fmt.Fprintf(w, "\nolder ones: --after %s\n", next)
	}
	if damaged == 0 {
		return cli.Done(err)
	}
	what := "1 entry cannot be read, and may be one of those asked for"
	if damaged > 1 {
		what = fmt.Sprintf("%d entries cannot be read, and may be some of those asked for", damaged)
	}
	_, sayErr := fmt.Fprintf(w, "\n%s; 'transfer ledger verify' says more\n", what)
	if err = errors.Join(err, sayErr); err != nil {
		return cli.Error, err
	}
	return cli.Findings, nil
}

// wrong shows where a query is wrong, in lines of its own: what Caddy prints of an error
// is one.
func (f *queryFlags) wrong(err error) (int, error) {
	wrong := new(query.Error)
	if !errors.As(err, &wrong) {
		return cli.Error, err
	}
	if _, err := fmt.Fprintln(f.warn(), wrong.Show()); err != nil {
		return cli.Error, err
	}
	return cli.Error, errNotAnswered
}

// errNotAnswered is what is left to say when it was shown why.
var errNotAnswered = errors.New("the query was not answered")

// count prints how many records there are.
func (a *asking) count(ctx context.Context, w io.Writer) (int, error) {
	if a.columns != "" || a.limit >= 0 {
		return cli.Error, errors.New("--by counts: it has no --columns and no --limit")
	}
	by, err := query.ParseGrouping(a.by)
	if err != nil {
		return cli.Error, err
	}
	counts, err := a.source.Counts(ctx, a.query, a.from, by)
	if err == nil && counts.Total.Rows == 0 && len(counts.Damaged) == 0 && a.after == "" {
		err = query.CheckWords(ctx, a.source, a.query, a.text)
	}
	if err != nil {
		return a.wrong(err)
	}
	out := bufio.NewWriter(w)
	if a.format == query.Screen {
		_, err = fmt.Fprintf(out, "%s\n\n", counts.Sentence(a.said()))
	}
	if err = errors.Join(err, query.WriteCounts(out, a.format, by, counts)); err != nil {
		return cli.Error, err
	}
	if err := out.Flush(); err != nil {
		return cli.Error, err
	}
	for _, row := range counts.Damaged[:min(len(counts.Damaged), screenful)] {
		to := w
		if a.format != query.Screen {
			to = a.warn()
		}
		if _, err := fmt.Fprintf(to, "%s cannot be read: %s\n", row.Name, query.Visible(row.Damage.Error())); err != nil {
			return cli.Error, err
		}
	}
	return a.end(w, len(counts.Damaged), nil)
}
