package policy

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/coverage"
	"github.com/sparkoo/transfergate/internal/regular"
)

func coverageCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "coverage [DIR]",
		Short: "Says for every clause of the statement what enforces it, where that shows and what tests it",
		Long: "Gathers for every clause of the privacy statement, its paragraphs and lists what enforces it, in which field of a\n" +
			"record or of a header that shows, and which test holds it, or why it is no task of a gateway. It takes the registers\n" +
			"and tests in DIR, or the embedded ones, and what the program's own sources are marked with.\n" +
			"Exit code 0: every clause has an answer, 1: error, 2: one has none.",
		Args: cobra.MaximumNArgs(1),
	}
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		return printCoverage(w, append(args, "")[0], *asJSON)
	})
}

// printCoverage prints the table as Markdown, or all of it as JSON.
func printCoverage(w io.Writer, dir string, asJSON bool) (int, error) {
	registers, tests, err := loadTests(dir)
	if err != nil {
		return cli.Error, err
	}
	marks, err := coverage.Marks()
	if err != nil {
		return cli.Error, err
	}
	rows := coverage.Table(registers, tests, marks)
	if asJSON {
		err = cli.PrintJSON(w, rows)
	} else {
		_, err = io.WriteString(w, coverage.Markdown(rows))
	}
	if err != nil {
		return cli.Error, err
	}
	for i := range rows {
		if !rows[i].Answered() {
			return cli.Findings, fmt.Errorf("clause %s has no answer: nothing enforces it, shows it or tests it", rows[i].Clause)
		}
	}
	return cli.Fine, nil
}

// loadTests reads the registers in a folder, or the embedded ones, with their tests.
func loadTests(dir string) (*config.Registers, []config.Test, error) {
	registers, err := loadPolicy(dir)
	if err != nil {
		return nil, nil, err
	}
	if dir == "" || dir == embeddedPolicy {
		tests, err := config.DefaultTests()
		return registers, tests, err
	}
	tests, err := config.LoadTests(regular.FS(dir), dir, registers)
	return registers, tests, err
}
