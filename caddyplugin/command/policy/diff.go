package policy

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sparkoo/transfergate/caddyplugin/command/cli"
	"github.com/sparkoo/transfergate/internal/policydiff"
	"github.com/sparkoo/transfergate/internal/question"
)

// diffFlags are the flags of diff, as they were written.
type diffFlags struct {
	at             []string
	nodes          []string
	regions        string
	statement      string
	ledger, since  string
	demo, all      bool
	markdown, json bool
	from           time.Time // set by tests; zero is now
}

func diffCommand() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff A B | diff --at MOMENT --at MOMENT [DIR]",
		Short: "Says in sentences what another policy, or a coming date, changes for whom",
		Long: "Compares two policies, each a folder or the word 'embedded', for every country, activity, region, node and controller,\n" +
			"from now on: who becomes responsible, what may newly leave, what stops, which safeguard changes, and when.\n" +
			"With two --at it compares two moments of one policy: a forecast of what a coming law changes.\n\n" +
			"Exit code 0: compared; 1: error; 2: a flow loses its last safeguard.",
		Example: "  transfergate transfer diff embedded ./policy\n" +
			"  transfergate transfer diff --markdown --ledger data/ledger --since 30d embedded ./policy\n" +
			"  transfergate transfer diff --at 2026-11-30 --at 2026-12-02",
		Args: cobra.MaximumNArgs(2),
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.at, "at", nil, "compare these two moments of one policy; once: the moment from which two policies are compared")
	flags.StringArrayVar(&f.nodes, "node", nil, "where gateways stand: NAME:COUNTRY:ENTITY (default: with each operator of a region)")
	flags.StringVar(&f.regions, "regions", "", "regions the site declares, with commas (default: all)")
	flags.StringVar(&f.statement, "statement", "", "name of the site's privacy statement")
	flags.BoolVar(&f.demo, "demo", false, "examples and unconfirmed rows satisfy laws")
	flags.BoolVar(&f.all, "all", false, "print also what changes for staff, other contracting parties and nodes, and why what was denied stays denied")
	flags.StringVar(&f.ledger, "ledger", "", "count the records of this ledger that each change touches")
	flags.StringVar(&f.since, "since", "30d", "how far back to count, such as 30d or 12h")
	flags.BoolVar(&f.markdown, "markdown", false, "print Markdown, for a merge request")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON, with --all")
	return cli.Run(cmd, func(w io.Writer, args []string) (int, error) { return f.run(w, args) })
}

// run compares what the arguments name.
func (f *diffFlags) run(w io.Writer, args []string) (int, error) {
	back, err := f.back()
	if err != nil {
		return cli.Error, err
	}
	whole, err := f.compare(args, false)
	if err != nil {
		return cli.Error, err
	}
	shown := whole
	if !f.all && !f.json && len(f.nodes) == 0 {
		if shown, err = f.compare(args, true); err != nil {
			return cli.Error, err
		}
	}
	if f.ledger != "" {
		p, err := loadPolicy(append(args, "")[0])
		if err != nil {
			return cli.Error, err
		}
		if err := f.count(shown, p.Policy, back); err != nil {
			return cli.Error, err
		}
	}
	switch {
	case f.json:
		err = cli.PrintJSON(w, shown)
	default:
		err = f.print(w, shown, whole)
	}
	switch {
	case err != nil:
		return cli.Error, err
	case whole.LosesSafeguard():
		return cli.Findings, errors.New("a flow loses its last safeguard")
	}
	return cli.Fine, nil
}

// compare compares in the usual scope, or in the whole one.
func (f *diffFlags) compare(args []string, usual bool) (*policydiff.Comparison, error) {
	scope := policydiff.Scope{Regions: split(f.regions), Demo: f.demo, Statement: f.statement, Usual: usual}
	for _, text := range f.nodes {
		node, err := parseNode(text)
		if err != nil {
			return nil, err
		}
		scope.Nodes = append(scope.Nodes, node)
	}
	var moments []time.Time
	for _, text := range f.at {
		t, err := question.ParseMoment(text)
		if err != nil {
			return nil, err
		}
		moments = append(moments, t)
	}
	switch {
	case len(moments) > 2:
		return nil, fmt.Errorf("%d moments: give --at twice to compare two moments, or once", len(moments))
	case len(moments) == 2:
		return f.forecast(args, moments, scope)
	case len(args) != 2:
		return nil, fmt.Errorf("%d policies: name two, each a folder or the word '%s', or two moments with --at", len(args), embeddedPolicy)
	}
	a, err := loadPolicy(args[0])
	if err != nil {
		return nil, err
	}
	b, err := loadPolicy(args[1])
	if err != nil {
		return nil, err
	}
	from := time.Now()
	if len(moments) == 1 {
		from = moments[0]
	}
	return policydiff.Diff(a.Policy, b.Policy, from, scope), nil
}

// forecast compares two moments of one policy.
func (f *diffFlags) forecast(args []string, at []time.Time, scope policydiff.Scope) (*policydiff.Comparison, error) {
	if len(args) > 1 {
		return nil, errors.New("two moments of two policies: name one folder with two --at, or two folders with one --at")
	}
	if at[1].Before(at[0]) {
		return nil, fmt.Errorf("the second moment %s lies before the first: swap them", f.at[1])
	}
	dir := ""
	if len(args) == 1 {
		dir = args[0]
	}
	p, err := loadPolicy(dir)
	if err != nil {
		return nil, err
	}
	return policydiff.Forecast(p.Policy, at[0], at[1], scope), nil
}

// headings say what the changes below have in common.
var headings = []struct {
	kind policydiff.ChangeKind
	text string
}{
	{policydiff.Responsible, "Who becomes responsible"},
	{policydiff.Leaves, "What may newly leave"},
	{policydiff.Stops, "What stops"},
	{policydiff.Rests, "Which safeguards change"},
	{policydiff.Ordered, "In which order regions are tried"},
	{policydiff.Stated, "Which statement is in force"},
	{policydiff.Reasoned, "What stays denied, for another reason"},
}

// print writes the changes under headings, then the rows, and what it leaves out
// of the whole.
func (f *diffFlags) print(w io.Writer, c, whole *policydiff.Comparison) error {
	out := new(strings.Builder)
	heading, item := "%s:\n", "- %s\n"
	if f.markdown {
		heading = "\n### %s\n\n"
	}
	fmt.Fprintln(out, f.title(c))
	if len(c.Changes) == 0 && len(c.Rows) == 0 && len(whole.Changes) == 0 {
		fmt.Fprintln(out, "Nothing changes.")
		return cli.Flush(w, out)
	}
	for _, h := range headings {
		if h.kind == policydiff.Reasoned && !f.all {
			continue
		}
		first := true
		for i := range c.Changes {
			if c.Changes[i].Kind != h.kind {
				continue
			}
			if first {
				fmt.Fprintf(out, heading, h.text)
				first = false
			}
			fmt.Fprintf(out, item, f.line(&c.Changes[i]))
		}
	}
	if !slices.ContainsFunc(c.Changes, func(x policydiff.Change) bool { return x.Kind != policydiff.Reasoned }) {
		fmt.Fprintln(out, "For these people and gateways nothing newly leaves, nothing stops, and all rests on what it rested on.")
	}
	if len(c.Rows) > 0 {
		fmt.Fprintf(out, heading, "Rows of the registers")
		for _, row := range c.Rows {
			fmt.Fprintf(out, item, row)
		}
	}
	if c != whole {
		fmt.Fprintln(out, "\nThis is what changes for people who ask for their own data, through a gateway where data is stored.")
		if whole.LosesSafeguard() && !c.LosesSafeguard() {
			fmt.Fprintln(out, "Flows of staff, or under other contracting parties or through other nodes, LOSE THEIR LAST SAFEGUARD.")
		}
		fmt.Fprintln(out, "Staff, other contracting parties and nodes, and what stays denied for another reason: --all.")
	}
	return cli.Flush(w, out)
}

func (f *diffFlags) title(c *policydiff.Comparison) string {
	const day = "2006-01-02 15:04 UTC"
	text := fmt.Sprintf("Policy %.12s to %.12s, from %s on.", c.From.Policy, c.To.Policy, c.From.At.UTC().Format(day))
	if c.From.At != c.To.At {
		text = fmt.Sprintf("Policy %.12s, %s to %s.", c.From.Policy, c.From.At.UTC().Format(day), c.To.At.UTC().Format(day))
	}
	if f.demo {
		text += " Demo: examples and unconfirmed rows count."
	}
	if f.markdown {
		return "## " + text
	}
	return text
}

// line is a change with what the ledger says about it.
func (f *diffFlags) line(c *policydiff.Change) string {
	text := c.Text
	if c.LosesSafeguard() && f.markdown {
		text = "**loses its safeguard** " + text
	}
	if c.Records != nil {
		text += fmt.Sprintf(" (%d records in %s)", *c.Records, f.since)
	}
	return text
}
