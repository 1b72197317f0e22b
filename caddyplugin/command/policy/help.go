package policy

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/suggest"
)

func helpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "help [CODE]",
		Short: "Explains a code that check prints, or the reason of a denial; lists the codes without one",
		Args:  cobra.MaximumNArgs(1),
	}
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		if len(args) == 0 {
			return cli.Done(printCodes(w, *asJSON))
		}
		return cli.Done(explainCode(w, args[0], *asJSON))
	})
}

// codeRow is one code as JSON.
type codeRow struct {
	Code     string          `json:"code"`
	Severity config.Severity `json:"severity,omitempty"`
	Title    string          `json:"title"`
	Why      string          `json:"why,omitempty"`
	Do       string          `json:"do"`
	Clause   string          `json:"clause,omitempty"`
	Status   int             `json:"status,omitempty"`
}

func rowOfCode(c config.Code) codeRow {
	return codeRow{Code: c.Name, Severity: c.Severity, Title: c.Title, Why: c.Why, Do: c.Do}
}

func rowOfReason(r decision.Reason) codeRow {
	info := r.Info()
	return codeRow{Code: string(r), Title: info.Title, Do: "It takes " + info.Unlock + ".", Clause: info.Clause, Status: info.Status}
}

// allCodes are those of check, then those of denials.
func allCodes() (rows []codeRow) {
	for _, c := range config.Codes() {
		rows = append(rows, rowOfCode(c))
	}
	for _, r := range decision.Reasons() {
		rows = append(rows, rowOfReason(r))
	}
	return rows
}

func printCodes(w io.Writer, asJSON bool) error {
	rows := allCodes()
	if asJSON {
		return cli.PrintJSON(w, rows)
	}
	for _, r := range rows {
		kind := string(r.Severity)
		if kind == "" {
			kind = fmt.Sprint(r.Status)
		}
		if _, err := fmt.Fprintf(w, "%-8s %-24s %s\n", kind, r.Code, r.Title); err != nil {
			return err
		}
	}
	return nil
}

// explainCode says what a code means and what to do about it.
func explainCode(w io.Writer, code string, asJSON bool) error {
	rows := allCodes()
	i := slices.IndexFunc(rows, func(r codeRow) bool { return r.Code == code })
	if i < 0 {
		var known []string
		for _, r := range rows {
			known = append(known, r.Code)
		}
		if did := suggest.DidYouMean(code, known); did != "" {
			return fmt.Errorf("no code '%s'; %s", code, did)
		}
		return fmt.Errorf("no code '%s'; 'transfergate transfer help' lists them", code)
	}
	r := rows[i]
	if asJSON {
		return cli.PrintJSON(w, r)
	}
	head := r.Code
	switch {
	case r.Severity != "":
		head += " (" + string(r.Severity) + ")"
	case r.Clause != "":
		head += fmt.Sprintf(" (denial %d, %s)", r.Status, r.Clause)
	default:
		head += fmt.Sprintf(" (answer %d)", r.Status)
	}
	text := head + "\n\n" + r.Title
	if r.Why != "" {
		text += " " + r.Why
	}
	_, err := fmt.Fprintf(w, "%s\n\nWhat to do: %s\n", text, r.Do)
	return err
}
