package ledger

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

func personCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "person --reason REASON --reference REF [FOLDER]",
		Short: "Answers a person who asks who received their data (§7: access, portability)",
		Long: "Answers a person who asks who received their data: each recipient by name, with the countries, safeguards, purposes and\n" +
			"categories, how often, when first and last; what was denied; who is responsible; and who looked at these records before.\n" +
			"The account id is the first line of standard input. If the person has a salt, or had others, they are the next lines, the\n" +
			"present one first: records are looked for under every key of every class, with each salt and without.\n\n" +
			"The look is itself an entry of the ledger, which is durable before anything is shown: --reason and --reference say why.\n" +
			"The running gateway writes it if it has the ledger open, which is an order (see --sign); else this program does.\n" +
			"With --received the day of the answer is computed, by §7 or by a law that is stricter.\n" +
			"Without FOLDER it is the ledger of the gateway that runs here. --from and --to limit the answer to days.\n" +
			"Exit code 0: made, 1: error, 2: made, and an entry cannot be read which may be the person's.",
		Example: "  transfergate transfer report person --reason 'access request' --reference DSR-2026-17 --received 2026-11-30 --html -o answer.html data/ledger <id.txt",
		Args:    cobra.MaximumNArgs(1),
	}
	var f reportFlags
	f.add(cmd)
	look := new(lookFlags)
	look.add(cmd)
	received := cmd.Flags().String("received", "", "the day on which the person's request came, as 2026-11-30")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		ask := report.PersonRequest{Reason: look.reason, Reference: look.reference}
		var err error
		if f.from != "" || f.to != "" {
			if ask.Period, err = report.ParsePeriod(f.from, f.to); err != nil {
				return cli.Error, err
			}
		}
		if ask.Received, err = parseDay("received", *received); err != nil {
			return cli.Error, err
		}
		told := report.Look{What: record.LookPerson, Form: f.form(), Office: look.office, Because: look.reason, Reference: look.reference}
		if err := told.Check(); err != nil {
			return cli.Error, fmt.Errorf("--office, --reason and --reference: %w", err)
		}
		who, err := readPerson(cmd.InOrStdin())
		if err != nil {
			return cli.Error, err
		}
		dir, err := look.folder(args)
		if err != nil {
			return cli.Error, err
		}
		if ask.Subjects, told.Subject, err = look.subjects(dir, who); err != nil {
			return cli.Error, err
		}
		r, err := report.PersonOf(cmd.Context(), report.Of(dir), ask, time.Now())
		if err != nil {
			return cli.Error, err
		}
		told.Query, told.Records = r.Query, r.Records
		if r.Look, err = look.record(dir, told); err != nil {
			return cli.Error, err
		}
		return f.end(w, r, &r.Head)
	})
}
