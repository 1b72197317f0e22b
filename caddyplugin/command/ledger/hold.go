package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
)

// ledgerHoldCommand holds the commands about holds on a ledger.
func ledgerHoldCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hold",
		Short: "Sets, lifts and lists holds, which keep records beyond their time",
		Long: "The gateway deletes an epoch of the ledger when its records' time has run out. A hold keeps epochs, for a court or\n" +
			"an authority, until it is lifted: all of them, or those of a class, or with records of some time. Setting and lifting are entries of\n" +
			"the ledger, which stay: name no person in a reference, an office or a reason.\n\n" +
			"The commands ask the running gateway, or work on the folder of a ledger that nobody writes (--ledger).",
	}
	cmd.AddCommand(holdSetCommand(), holdLiftCommand(), holdListCommand())
	return cmd
}

// holdFlags say which ledger is meant, and what is to be done.
type holdFlags struct {
	ledgerFlags
	hold     ledger.ClassHold // without a class: all
	from, to string
}

func holdSetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set REF --by OFFICE --because REASON",
		Short: "Sets a hold, or changes the one of that reference",
		Long: "REF is the case, such as order-2026-17: letters, digits, dots, hyphens and underscores. With --from and --to, dates\n" +
			"in UTC, only epochs with records of that time are held; an epoch is held as a whole.",
		Args: cobra.ExactArgs(1),
	}
	f := newHoldFlags(cmd, true)
	cmd.Flags().StringVar(&f.from, "from", "", "first day of the records that are held, as in 2026-01-31 (default: from the beginning)")
	cmd.Flags().StringVar(&f.to, "to", "", "last day of them (default: to the end)")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		f.hold.Ref = args[0]
		return cli.Done(f.change(w, holdTender.SetHold))
	})
}

func holdLiftCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lift REF --by OFFICE --because REASON",
		Short: "Lifts a hold: what it kept is deleted within the hour, if its time has run out",
		Args:  cobra.ExactArgs(1),
	}
	f := newHoldFlags(cmd, true)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		f.hold.Ref = args[0]
		return cli.Done(f.change(w, holdTender.LiftHold))
	})
}

func holdListCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "Lists the holds", Args: cobra.NoArgs}
	f := newHoldFlags(cmd, false)
	return cli.Run(cmd, func(w io.Writer, _ []string) (int, error) { return cli.Done(f.list(w)) })
}

// newHoldFlags adds the flags of the commands; who and why for those that change
// something.
func newHoldFlags(cmd *cobra.Command, changes bool) *holdFlags {
	f := new(holdFlags)
	f.add(cmd)
	cmd.Flags().StringVar(&f.hold.Class, "class", "", "the class of records, 'default' for those of no other (default: all)")
	if !changes {
		return f
	}
	cmd.Flags().StringVar(&f.hold.By, "by", "", "the office that wants it, such as legal-sg, no person's name (required)")
	cmd.Flags().StringVar(&f.hold.Because, "because", "", "why; stands in the ledger from then on, so no personal data (required)")
	for _, flag := range []string{"by", "because"} {
		if err := cmd.MarkFlagRequired(flag); err != nil {
			panic(err) // the flags stand above
		}
	}
	return f
}

// change sets or lifts a hold and prints what is held afterwards.
func (f *holdFlags) change(w io.Writer, do func(holdTender, ledger.ClassHold) ([]ledger.ClassHold, error)) (err error) {
	if f.hold.From, err = parseDay("from", f.from); err != nil {
		return err
	}
	if f.hold.To, err = parseDay("to", f.to); err != nil {
		return err
	}
	if f.to != "" {
		f.hold.To = f.hold.To.AddDate(0, 0, 1).Add(-time.Microsecond) // the whole day
	}
	if err := f.hold.Check(); err != nil {
		return err
	}
	var tender holdTender = localHolds{f}
	if f.dir == "" {
		if tender, err = f.running.Ready(); err != nil {
			return err
		}
	}
	holds, err := do(tender, f.hold)
	if err != nil {
		return err
	}
	return f.print(w, holds)
}

// parseDay reads a date; zero if it is empty.
func parseDay(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, fmt.Errorf("--%s '%s' is not a date such as 2026-01-31", flag, text)
	}
	return day, nil
}

// list prints the holds; of a folder also while a gateway writes it.
func (f *holdFlags) list(w io.Writer) (err error) {
	var holds []ledger.ClassHold
	if f.dir == "" {
		holds, err = f.running.Client.Holds()
	} else {
		holds, err = localHolds{f}.list()
	}
	if err != nil {
		return err
	}
	return f.print(w, holds)
}

// holdTender is who sets and lifts holds: the running gateway, or this process.
type holdTender interface {
	SetHold(ledger.ClassHold) ([]ledger.ClassHold, error)
	LiftHold(ledger.ClassHold) ([]ledger.ClassHold, error)
}

// localHolds are those of a ledger this process writes, with its classes.
type localHolds struct{ f *holdFlags }

func (t localHolds) SetHold(h ledger.ClassHold) ([]ledger.ClassHold, error) {
	return t.change("set", h.Class, func(s *ledger.Set) error { return s.SetHold(h) })
}

func (t localHolds) LiftHold(h ledger.ClassHold) ([]ledger.ClassHold, error) {
	holds, err := t.change("lift", h.Class, func(s *ledger.Set) error { return s.LiftHold(h) })
	if errors.Is(err, ledger.ErrNoHold) {
		err = fmt.Errorf("%w: '%s'", ledger.ErrNoHold, h.Ref)
	}
	return holds, err
}

// change changes the holds of a class, of all if none is named; an entry of each says who
// ordered it.
func (t localHolds) change(what, class string, do func(*ledger.Set) error) ([]ledger.ClassHold, error) {
	by, err := orderer(ledger.At(t.f.dir), t.f.running.Sign())
	if err != nil {
		return nil, err
	}
	err = t.f.withSet(class, func(s *ledger.Set) error {
		if err := s.Each("", func(l *ledger.Log) error { return l.Order("ledger hold "+what, by) }); err != nil {
			return err
		}
		return do(s)
	})
	if err != nil {
		return nil, err
	}
	return t.list()
}

func (t localHolds) list() ([]ledger.ClassHold, error) {
	dir, err := t.f.folder()
	if err != nil {
		return nil, err
	}
	return dir.AllHolds()
}

// print prints the holds, of one class if it is named.
func (f *holdFlags) print(w io.Writer, holds []ledger.ClassHold) error {
	if f.hold.Class != "" {
		holds = slices.DeleteFunc(holds, func(h ledger.ClassHold) bool { return h.Class != f.hold.Class })
	}
	if *f.json {
		return cli.PrintJSON(w, map[string]any{"holds": append([]ledger.ClassHold{}, holds...)})
	}
	if len(holds) == 0 {
		_, err := fmt.Fprintln(w, "no holds")
		return err
	}
	day := func(t time.Time, open string) string {
		if t.IsZero() {
			return open
		}
		return t.Format(time.DateOnly)
	}
	var rows bytes.Buffer
	for _, h := range holds {
		fmt.Fprintf(&rows, "%s\tclass %s\trecords %s to %s\tset %s by %s\t%s\n",
			h.Ref, h.Class, day(h.From, "from the first"), day(h.To, "the last"), h.Set.Format(time.DateOnly), h.By, h.Because)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, err := table.Write(rows.Bytes())
	return errors.Join(err, table.Flush())
}
