package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
)

func wouldDenyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "would-deny FOLDER",
		Short: "Counts what report mode let pass, and enforce mode would have denied",
		Long: "Reads the ledger for transfers that were decided as denied and not enforced, and counts them by activity, law\n" +
			"and reason. It needs no running gateway. Exit code 0: there are none, 1: error, 2: there are some.",
		Args: cobra.ExactArgs(1),
	}
	since := cmd.Flags().String("since", "", "how far back to look, such as 30d or 12h (default: all)")
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		from := time.Time{}
		if *since != "" {
			back, err := caddy.ParseDuration(*since)
			if err != nil || back <= 0 {
				return cli.Error, fmt.Errorf("since '%s' is no span of time such as 30d or 12h", *since)
			}
			from = time.Now().Add(-back)
		}
		return wouldDeny(w, args[0], from, *asJSON)
	})
}

// waived are records that were decided as denied and not enforced, and have
// activity, law and reason in common.
type waived struct {
	Activity string    `json:"activity"`
	Law      string    `json:"law,omitempty"`
	Reason   string    `json:"reason"`
	Count    int       `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	// Regions are those that answered.
	Regions []string `json:"regions"`
}

// wouldDeny counts what was let pass from a moment on.
func wouldDeny(w io.Writer, dir string, from time.Time, asJSON bool) (int, error) {
	groups := make(map[[3]string]*waived)
	total := 0
	err := cli.ReadTransfers(dir, func(_ ledger.Entry, r *record.Transfer) error {
		if r.Enforced || r.Decision != record.Denied || r.Time.Before(from) {
			return nil
		}
		total++
		key := [3]string{r.Activity, r.Law, r.Reason}
		g := groups[key]
		if g == nil {
			g = &waived{Activity: r.Activity, Law: r.Law, Reason: r.Reason, First: r.Time}
			groups[key] = g
		}
		g.Count++
		if r.Time.Before(g.First) { // of another class
			g.First = r.Time
		}
		if r.Time.After(g.Last) {
			g.Last = r.Time
		}
		if !slices.Contains(g.Regions, r.Region) {
			g.Regions = append(g.Regions, r.Region)
		}
		return nil
	})
	if err != nil {
		return cli.Error, err
	}
	rows := make([]*waived, 0, len(groups))
	for _, g := range groups {
		slices.Sort(g.Regions)
		rows = append(rows, g)
	}
	slices.SortFunc(rows, func(a, b *waived) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.Activity, b.Activity), cmp.Compare(a.Law, b.Law), cmp.Compare(a.Reason, b.Reason))
	})
	if asJSON {
		err = cli.PrintJSON(w, map[string]any{"total": total, "groups": rows})
	} else {
		err = printWaived(w, total, rows)
	}
	switch {
	case err != nil:
		return cli.Error, err
	case total > 0:
		return cli.Findings, nil
	}
	return cli.Fine, nil
}

// printWaived prints the groups as a table.
func printWaived(w io.Writer, total int, rows []*waived) error {
	_, err := fmt.Fprintf(w, "%d transfers were let pass that enforce mode would have denied\n", total)
	for _, g := range rows {
		_, lineErr := fmt.Fprintf(w, "%6d  %-20s %-8s %-20s %s to %s, to %s\n", g.Count, g.Activity, cmp.Or(g.Law, "-"), g.Reason,
			g.First.Format(time.DateOnly), g.Last.Format(time.DateOnly), strings.Join(g.Regions, ", "))
		err = errors.Join(err, lineErr)
	}
	return err
}
