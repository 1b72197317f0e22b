package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/caddyplugin/gateway"
	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/question"
	"github.com/sparkoo/transfergate/internal/regular"
)

func checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [FOLDER]",
		Short: "Checks the registers, and what joins them with a Caddyfile",
		Long: "Reads the registers in the folder, the embedded ones without one, and prints all that is wrong or worth a look:\n" +
			"file:line:column severity CODE sentence; what to do. It changes nothing and needs no running gateway.\n" +
			"With --caddyfile it also looks at the joins, and at the registers that the Caddyfile names if no folder is given.\n" +
			"'transfergate transfer help CODE' tells more about a code.\n\n" +
			"Exit code 0: no error, 1: it did not work, 2: errors, or with --strict warnings.",
		Example: "  transfergate transfer check\n" +
			"  transfergate transfer check /etc/transfergate/policy --caddyfile /etc/transfergate/Caddyfile",
		Args: cobra.MaximumNArgs(1),
	}
	var c check
	cmd.Flags().StringVar(&c.caddyfile, "caddyfile", "", "Caddyfile to hold the registers against")
	cmd.Flags().StringVar(&c.ledger, "ledger", "", "folder of a ledger: list the countries without a law, with their records of the last 30 days")
	at := cmd.Flags().String("at", "", "moment to look at them, as RFC 3339 or 2026-12-02 (default: now)")
	cmd.Flags().BoolVar(&c.strict, "strict", false, "warnings count as findings")
	asJSON := cli.JSONFlag(cmd)
	return cli.Run(cmd, func(w io.Writer, args []string) (code int, err error) {
		c.json, c.at = *asJSON, time.Now()
		if *at != "" {
			if c.at, err = question.ParseMoment(*at); err != nil {
				return cli.Error, err
			}
		}
		if len(args) > 0 {
			c.folder = args[0]
		}
		return c.run(w)
	})
}

// check is one run of the command.
type check struct {
	folder    string // of the registers; empty for the Caddyfile's, else the embedded ones
	caddyfile string
	ledger    string // folder; empty for none
	at        time.Time
	strict    bool
	json      bool
}

func (c *check) run(w io.Writer) (int, error) {
	document, adapted, err := c.adapt()
	if err != nil {
		return cli.Error, err
	}
	o := config.CheckOptions{At: c.at}
	folder := c.folder
	if document != nil && document.App != nil {
		if folder == "" {
			folder = document.App.Policy
		}
		for _, h := range document.Sites {
			o.Sites = append(o.Sites, document.SiteOf(h))
		}
	}
	registers, problems, err := checkFolder(folder, o)
	if err != nil {
		return cli.Error, err
	}
	if document != nil && registers != nil {
		problems = append(problems, c.joins(document, adapted, registers.Policy)...)
		problems.Sort()
	}
	if c.ledger != "" && registers != nil {
		lawless, err := c.lawless(registers.Policy)
		if err != nil {
			return cli.Error, err
		}
		problems = append(problems, lawless...)
	}
	return c.print(w, problems)
}

// checkFolder checks the registers in a folder, or the embedded ones for none.
func checkFolder(dir string, o config.CheckOptions) (*config.Registers, config.Problems, error) {
	if dir == "" || dir == embeddedPolicy {
		return config.CheckDefault(o)
	}
	if _, err := os.ReadDir(dir); err != nil {
		return nil, nil, fmt.Errorf("reading the registers: %w; name a folder with the register files", err)
	}
	return config.Check(regular.FS(dir), dir, o)
}

// adapt reads the Caddyfile, if one is named. What is wrong with its grammar is
// an error: there is nothing to look at then.
func (c *check) adapt() (document *gateway.Document, adapted []byte, err error) {
	if c.caddyfile == "" {
		return nil, nil, nil
	}
	body, err := regular.ReadText(c.caddyfile, regular.PolicyLimit)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the Caddyfile: %w", err)
	}
	adapted, _, err = caddyconfig.GetAdapter("caddyfile").Adapt(body, map[string]any{"filename": c.caddyfile})
	if err != nil {
		return nil, nil, fmt.Errorf("reading the Caddyfile: %w", err)
	}
	document, err = gateway.ReadDocument(adapted)
	return document, adapted, err
}

// joins holds the Caddyfile against the registers, and then lets the gateway
// itself look at it: what it refuses is a problem too.
func (c *check) joins(document *gateway.Document, adapted []byte, p *decision.Policy) (problems config.Problems) {
	refused := false
	for _, f := range document.Check(p, c.at) {
		problem := c.problem(f.At, f.Code, f.Text)
		refused = refused || problem.Severity() == config.Error
		problems = append(problems, problem)
	}
	if refused {
		return problems // it would only say the first of them again
	}
	var cfg *caddy.Config
	err := caddy.StrictUnmarshalJSON(adapted, &cfg)
	if err == nil {
		quiet := json.RawMessage(`{"output":"discard"}`)
		cfg.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{WriterRaw: quiet}}}}
		var advice []gateway.Finding
		advice, err = gateway.Advise(cfg)
		for _, f := range advice {
			problems = append(problems, c.problem(f.At, f.Code, f.Text))
		}
	}
	if err != nil {
		problems = append(problems, c.problem("", "caddyfile-refused", err.Error()))
	}
	return problems
}

// problem is a finding in the Caddyfile at file:line. The column is where the
// line's own words begin.
func (c *check) problem(at, code, text string) config.Problem {
	p := config.Problem{File: c.caddyfile, Code: code, Text: text}
	file, line, found := cutLast(at, ":")
	number, err := strconv.Atoi(line)
	if !found || err != nil {
		return p
	}
	p.File, p.Line, p.Column = file, number, 1
	if abs, err := filepath.Abs(c.caddyfile); err == nil && abs == file {
		p.File = c.caddyfile // as it was named
	}
	if body, err := regular.ReadText(file, regular.PolicyLimit); err == nil {
		if lines := bytes.Split(body, []byte("\n")); number >= 1 && number <= len(lines) {
			text := lines[number-1]
			p.Column += len(text) - len(bytes.TrimLeft(text, " \t"))
		}
	}
	return p
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// checkRow is one problem as JSON.
type checkRow struct {
	File     string          `json:"file"`
	Line     int             `json:"line,omitempty"`
	Column   int             `json:"column,omitempty"`
	Severity config.Severity `json:"severity"`
	Code     string          `json:"code"`
	Text     string          `json:"text"`
}

func (c *check) print(w io.Writer, problems config.Problems) (int, error) {
	counts := map[config.Severity]int{}
	rows := make([]checkRow, 0, len(problems))
	for _, p := range problems {
		counts[p.Severity()]++
		rows = append(rows, checkRow{p.File, p.Line, p.Column, p.Severity(), p.Code, p.Text})
	}
	if err := printChecked(w, rows, counts, c.json); err != nil {
		return cli.Error, err
	}
	if counts[config.Error] > 0 || c.strict && counts[config.Warning] > 0 {
		return cli.Findings, nil
	}
	return cli.Fine, nil
}

func printChecked(w io.Writer, rows []checkRow, counts map[config.Severity]int, asJSON bool) error {
	if asJSON {
		return cli.PrintJSON(w, map[string]any{"ok": counts[config.Error] == 0, "errors": counts[config.Error], "warnings": counts[config.Warning], "problems": rows})
	}
	for _, r := range rows {
		where := r.File
		if r.Line > 0 {
			where = fmt.Sprintf("%s:%d:%d", r.File, r.Line, r.Column)
		}
		if _, err := fmt.Fprintf(w, "%s %s %s %s\n", where, r.Severity, r.Code, r.Text); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%s: %s, %s\n", verdict(counts), plural(counts[config.Error], "error"), plural(counts[config.Warning], "warning"))
	return err
}

func verdict(counts map[config.Severity]int) string {
	if counts[config.Error] > 0 {
		return "does not load"
	}
	return "ok"
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return strconv.Itoa(n) + " " + word + "s"
}
