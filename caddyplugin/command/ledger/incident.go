package ledger

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/report"
)

func incidentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "incident --region CODE | --recipient ID | --node NAME [FOLDER]",
		Short: "Says whose data was at a place where something happened, and by when whom the laws want told (§5(b))",
		Long: "Says whose data was at a region, with a recipient or on a node: by controller, country of registration, category and law,\n" +
			"how many records and at most how many people; and whom each law wants told, by when. The times are those of laws.yaml\n" +
			"(clocks), of the policy that decided the newest record. Days are counted from --aware, when the controller got to know\n" +
			"of it: 2026-11-30T09:30+01:00, or a day in UTC. Where a law counts from a moment that is not known, the day is the earliest.\n" +
			"What was not sent reached the node alone. With --hold REF the records are kept from then on (see 'ledger hold set').\n" +
			"Without FOLDER it is the ledger of the gateway that runs here. --from and --to limit it to days.\n" +
			"Exit code 0: made, 1: error, 2: made, and an entry cannot be read which may belong there.",
		Example: "  transfergate transfer report incident --region cn-north-4 --from 2026-10-01 --to 2026-10-31 --aware 2026-11-30T09:30Z data/ledger",
		Args:    cobra.MaximumNArgs(1),
	}
	var f reportFlags
	f.add(cmd)
	look := new(lookFlags)
	look.addOrders(cmd)
	var ask report.IncidentRequest
	var hold ledger.ClassHold
	flags := cmd.Flags()
	flags.StringVar(&ask.Place.Region, "region", "", "the region where it happened, by its code")
	flags.StringVar(&ask.Place.Recipient, "recipient", "", "the recipient where it happened, by its id")
	flags.StringVar(&ask.Place.Node, "node", "", "the gateway's node where it happened, by its name")
	aware := flags.String("aware", "", "when the controller got to know of it")
	occurred := flags.String("occurred", "", "when it happened")
	flags.StringVar(&hold.Ref, "hold", "", "set a hold of that reference on all records of the period")
	flags.StringVar(&hold.By, "by", "", "with --hold: the office that wants it, no person's name")
	flags.StringVar(&hold.Because, "because", "", "with --hold: why; stands in the ledger from then on, so no personal data")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		var err error
		if f.from != "" || f.to != "" {
			if ask.Period, err = report.ParsePeriod(f.from, f.to); err != nil {
				return cli.Error, err
			}
		}
		if ask.Aware, err = parseMoment("aware", *aware); err == nil {
			ask.Occurred, err = parseMoment("occurred", *occurred)
		}
		if err == nil {
			err = ask.Place.Check()
		}
		if err != nil {
			return cli.Error, err
		}
		dir, err := look.folder(args)
		if err != nil {
			return cli.Error, err
		}
		if hold.Ref != "" { // first, so that nothing is deleted meanwhile
			if err := look.hold(dir, hold, ask.Period); err != nil {
				return cli.Error, err
			}
		}
		r, err := report.IncidentOf(cmd.Context(), report.Of(dir), ask, time.Now())
		if err != nil {
			return cli.Error, err
		}
		r.Hold = hold.Ref
		return f.end(w, r, &r.Head)
	})
}

// hold sets a hold on the records of a period: this process does, or the gateway that has
// the ledger open.
func (f *lookFlags) hold(dir ledger.Dir, h ledger.ClassHold, p report.Period) error {
	if p != (report.Period{}) {
		h.From, h.To = p.From, p.To.AddDate(0, 0, 1).Add(-time.Microsecond)
	}
	if err := h.Check(); err != nil {
		return fmt.Errorf("--hold, --by and --because: %w", err)
	}
	f.dir = dir.Path
	err := f.withSet("", func(s *ledger.Set) error { return s.SetHold(h) })
	if !errors.Is(err, ledger.ErrLocked) {
		return err
	}
	client, err := f.running.Ready()
	if err != nil {
		return err
	}
	_, err = client.SetHold(h)
	return err
}

// momentLayouts are how people write moments.
var momentLayouts = []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly}

// parseMoment reads a moment; zero if it is empty.
func parseMoment(flag, text string) (t time.Time, err error) {
	if text == "" {
		return t, nil
	}
	for _, layout := range momentLayouts {
		if t, err = time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return t, fmt.Errorf("--%s '%s' is no moment such as 2026-11-30T09:30+01:00, nor a day such as 2026-11-30", flag, text)
}
