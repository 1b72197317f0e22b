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
			"Exit code 0: every clause has an answer, 1: error, 2: one has none.\n\n" +
			"With --statement FILE it reads the plain text of your own copy of the published statement instead: which clauses and\n" +
			"lists it has, the SHA-256 of each and of the whole, as statement.yaml takes them, how many sentences bind, and what the\n" +
			"register lacks of it or has otherwise. Exit code 2: text and register differ.",
		Args: cobra.MaximumNArgs(1),
	}
	asJSON := cli.JSONFlag(cmd)
	statement := cmd.Flags().String("statement", "", "the plain text of the published statement, of which to take the clauses")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		if *statement != "" {
			return printStatement(w, append(args, "")[0], *statement, *asJSON)
		}
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

// printStatement prints what the text of a statement has, and how the register differs.
func printStatement(w io.Writer, dir, path string, asJSON bool) (int, error) {
	registers, err := loadPolicy(dir)
	if err != nil {
		return cli.Error, err
	}
	data, err := regular.ReadFile(path, regular.PolicyLimit)
	if err != nil {
		return cli.Error, fmt.Errorf("reading the statement: %w", err)
	}
	text, err := coverage.ReadStatement(data)
	if err != nil {
		return cli.Error, fmt.Errorf("%s: %w", path, err)
	}
	text.Compare(&registers.Terms)
	if asJSON {
		err = cli.PrintJSON(w, text)
	} else {
		err = writeStatement(w, text)
	}
	switch {
	case err != nil:
		return cli.Error, err
	case len(text.Findings) > 0:
		return cli.Findings, fmt.Errorf("the text and the register differ in %d points", len(text.Findings))
	}
	return cli.Fine, nil
}

// writeStatement writes the differences first, then what the register takes over.
func writeStatement(w io.Writer, text *coverage.Text) error {
	for _, finding := range text.Findings {
		if _, err := fmt.Fprintf(w, "differs: %s\n", finding); err != nil {
			return err
		}
	}
	for _, c := range text.Clauses {
		if c.Binding > max(c.InRegister, 1) {
			if _, err := fmt.Fprintf(w, "look: %s has %d sentences with a word that binds, and the register %d\n", c.Clause, c.Binding, max(c.InRegister, 1)); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(w, "\n# sha256 of the version: %s\n%s", text.SHA256, text.YAML())
	return err
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
