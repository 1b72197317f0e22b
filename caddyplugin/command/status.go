package command

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/adminapi"
	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
)

// runbook is where the pages stand that say what to do.
const runbook = "https://github.com/sparkoo/transfergate/blob/main/deploy/runbook.md#"

func statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Says on one screen how the running gateway is",
		Long: "Asks the running gateway whether transfers can be decided and recorded, and what stops them or soon will:\n" +
			"its ledger and the volume, witnesses and copies, keys, what could not be loaded, safeguards and report mode\n" +
			"that end, laws that begin. Each trouble leads to its page of the runbook.\n\n" +
			"Exit codes: 0 all is well, 1 the gateway cannot be asked, 2 there are troubles.",
		Args: cobra.NoArgs,
	}
	client, asJSON := cli.AddressFlag(cmd), cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, _ []string) (int, error) {
		s, err := client.Status()
		if err != nil {
			return cli.Error, err
		}
		if *asJSON {
			err = cli.PrintJSON(w, s)
		} else {
			err = printStatus(w, &s)
		}
		switch {
		case err != nil:
			return cli.Error, err
		case len(s.Troubles) > 0:
			return cli.Findings, nil
		}
		return cli.Fine, nil
	})
}

func printStatus(w io.Writer, s *adminapi.Status) error {
	var b strings.Builder
	state := "takes transfers"
	switch {
	case !s.Ready:
		state = "TAKES NO TRANSFERS: " + s.NotReady
	case s.Demo:
		state = "takes transfers, as a demonstration"
	}
	fmt.Fprintf(&b, "%s %s (%s)\n\n", s.Node, state, clock(s.At))
	p := &s.Policy
	fmt.Fprintf(&b, "policy   %.12s, %s, in force since %s\n", p.Digest, p.Source, clock(p.Loaded))
	if p.NextChange != nil {
		fmt.Fprintf(&b, "         changes by itself on %s\n", clock(*p.NextChange))
	}
	if p.Mode.Report {
		fmt.Fprintf(&b, "         reports only what lacks a safeguard, until %s; %s answers for it\n", p.Mode.Until, p.Mode.Owner)
	}
	l := &s.Ledger
	fmt.Fprintf(&b, "ledger   %s written, %d waiting, %s free\n", entries(l.Records), l.Pending, humanize.IBytes(l.FreeBytes))
	if !l.Signed.IsZero() {
		fmt.Fprintf(&b, "         signed %s\n", clock(l.Signed))
	}
	for _, place := range l.Places {
		took := "took nothing yet"
		if !place.Taken.IsZero() {
			took = fmt.Sprintf("has %d entries since %s", place.Entries, clock(place.Taken))
		}
		if !place.Failing.IsZero() {
			took += ", and fails since " + clock(place.Failing)
		}
		fmt.Fprintf(&b, "         %s %s\n", place.Place, took)
	}
	if len(s.Troubles) == 0 {
		b.WriteString("\nNothing stops transfers, and nothing soon will.\n")
	}
	for i, t := range s.Troubles {
		if i == 0 || t.Stops != s.Troubles[i-1].Stops {
			b.WriteString("\n" + headings[t.Stops] + "\n")
		}
		fmt.Fprintf(&b, "- %s\n  %s%s\n", t.Text, runbook, t.Page)
	}
	return cli.Flush(w, &b)
}

// entries are so many of them.
func entries(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// headings stand above troubles, by whether they stop transfers now.
var headings = map[bool]string{true: "This stops transfers:", false: "This will, or is worth a look by day:"}

// clock is a time as people read it.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
