package policy

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/policytest"
	"github.com/sparkoo/transfergate/internal/whatif"
)

func testCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test [DIR]",
		Short: "Asks a policy whether it does what " + config.TestsFile + " beside it says",
		Long: "Runs the tests in " + config.TestsFile + " beside the registers in DIR, or the embedded ones: sentences of facts, and of what is\n" +
			"meant to come of them. A failure says where it stands, what was expected and found, and why.\n" +
			"It ends with how much of the policy the tests went through. Exit code 0: all met, 1: error, 2: a failure.",
		Args: cobra.MaximumNArgs(1),
	}
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		return testPolicy(w, append(args, "")[0], *asJSON, time.Now())
	})
}

// testPolicy runs the tests of the registers in a folder.
func testPolicy(w io.Writer, dir string, asJSON bool, now time.Time) (int, error) {
	registers, tests, err := loadTests(dir)
	if err != nil {
		return cli.Error, err
	}
	if len(tests) == 0 {
		return cli.Error, fmt.Errorf("the folder %s has no %s: write one, or copy that of the embedded policy with 'transfer policy export'", dir, config.TestsFile)
	}
	report := policytest.Run(registers.Policy, tests, now)
	if asJSON {
		err = cli.PrintJSON(w, report)
	} else {
		err = printTests(w, report)
	}
	switch {
	case err != nil:
		return cli.Error, err
	case len(report.Failures) > 0:
		return cli.Findings, fmt.Errorf("%d of the expectations were not met", len(report.Failures))
	}
	return cli.Fine, nil
}

func printTests(w io.Writer, r *policytest.Report) error {
	out := new(strings.Builder)
	for i := range r.Failures {
		f := &r.Failures[i]
		fmt.Fprintln(out, f)
		if f.Why != nil {
			var why strings.Builder
			if err := whatif.Print(&why, f.Why); err != nil {
				return err
			}
			fmt.Fprintln(out, "   "+strings.ReplaceAll(strings.TrimSpace(why.String()), "\n", "\n   "))
		}
	}
	fmt.Fprintf(out, "%d tests, %d failures\n", r.Tests, len(r.Failures))
	c := &r.Coverage
	for _, part := range []struct {
		name string
		policytest.Part
	}{
		{"flows", c.Flows}, {"activities", c.Activities}, {"controllers", c.Controllers}, {"regions", c.Regions},
		{"laws", c.Laws}, {"safeguards", c.Safeguards}, {"reasons", c.Reasons},
	} {
		fmt.Fprintf(out, "%-12s %4d of %4d", part.name, part.Tested, part.All)
		if len(part.Missing) > 0 {
			fmt.Fprintf(out, "   never: %s", strings.Join(part.Missing, ", "))
		}
		fmt.Fprintln(out)
	}
	return cli.Flush(w, out)
}
