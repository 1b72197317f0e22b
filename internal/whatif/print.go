package whatif

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// width is where lines are broken.
const width = 100

// Print writes an explanation for people: the answer, then numbered steps, each with
// its clause and the row it comes from, then the header fields an upstream gets.
func Print(w io.Writer, e *decision.Explanation) error {
	out := new(strings.Builder)
	fmt.Fprintf(out, "At %s, policy %.12s:\n", e.At.Format(time.RFC3339), e.Policy)
	steps := slices.Clone(e.Steps)
	if i := slices.IndexFunc(steps, func(s decision.Step) bool { return s.Topic == "outcome" }); i >= 0 {
		printAnswer(out, &steps[i])
		steps = slices.Delete(steps, i, i+1)
	}
	printSteps(out, steps, "", "")
	if len(e.Regions) > 0 && len(e.Regions[0].Fields) > 0 {
		fmt.Fprintf(out, "\nThe upstream in %s gets:\n", e.Regions[0].Region)
		for _, f := range e.Regions[0].Fields {
			fmt.Fprintf(out, "   %s: %s\n", f.Name, f.Value)
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// printAnswer writes what came of it.
func printAnswer(out *strings.Builder, answer *decision.Step) {
	text := answer.Text
	if at := where(answer); at != "" {
		text += " [" + at + "]"
	}
	fmt.Fprintf(out, "%s\n", wrap(text, 0))
}

// printSteps numbers steps 1, 2, ... and their own ones 1.1, 1.2, ...
func printSteps(out *strings.Builder, steps []decision.Step, indent, number string) {
	for i, step := range steps {
		label := fmt.Sprintf("%s%d", number, i+1)
		text := step.Text
		if at := where(&step); at != "" {
			text += " [" + at + "]"
		}
		head := indent + label + ". "
		fmt.Fprintf(out, "%s%s\n", head, wrap(text, len(head)))
		printSteps(out, step.Steps, indent+"   ", label+".")
	}
}

// where says which clause asks for a step, and which row answers.
func where(s *decision.Step) string {
	var parts []string
	for _, part := range []string{s.Clause, s.Source} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

// wrap breaks text at blanks and indents what follows.
func wrap(text string, indent int) string {
	var b strings.Builder
	column := indent
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > width && n < width-indent:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
