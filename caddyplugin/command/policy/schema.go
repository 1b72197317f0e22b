package policy

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/record"
)

func schemaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema [NAME]",
		Short: "Prints the JSON Schema of a register or, as schema record, of the ledger's entries; lists the registers without a name",
		Long: "Prints the JSON Schema (draft-07) of a register, by which an editor completes and checks it.\n" +
			"The first line of a register names its schema, as in\n\n" +
			"  # yaml-language-server: $schema=../schema/laws.json\n\n" +
			"What holds between rows or registers no schema can say: loading the policy finds that.",
		Args: cobra.MaximumNArgs(1),
	}
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) {
		name := ""
		if len(args) > 0 {
			name = args[0]
		}
		if err := printSchema(w, name, *asJSON); err != nil {
			return cli.Error, err
		}
		return cli.Fine, nil
	})
}

// printSchema prints a register's schema or the one of records, which is JSON in any
// case, or the names of the registers that have one.
func printSchema(w io.Writer, name string, asJSON bool) error {
	switch {
	case name == "" && asJSON:
		return cli.PrintJSON(w, config.SchemaNames())
	case name == "":
		_, err := fmt.Fprintln(w, strings.Join(config.SchemaNames(), "\n"))
		return err
	}
	text := record.Schema
	if name != "record" {
		text = func() ([]byte, error) { return config.Schema(strings.TrimSuffix(name, ".yaml")) }
	}
	schema, err := text()
	if err != nil {
		return err
	}
	_, err = w.Write(schema)
	return err
}
