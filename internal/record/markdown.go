package record

import (
	"cmp"
	"fmt"
	"strings"
)

// Markdown is the page that documents every entry and member, made from the tables:
// deploy/RECORDS.md.
func Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# The entries of a transfer ledger\n\n"+
		"Each is one JSON object in the form of RFC 8785, and says in `v` by which version of these rules it was written: %s.\n"+
		"What is not known makes no member. A member that is not listed here is kept as it stands.\n"+
		"This page is made from the tables of `internal/record`.\n", quoted(Versions()))
	for _, t := range Types() {
		fmt.Fprintf(&b, "\n## `%s`\n\n%s Since `%s`.\n", t.Name, t.Means, t.Since)
		writeMembers(&b, "", t.Members)
	}
	return b.String()
}

// writeMembers writes a table of members, and those of inner objects below it.
func writeMembers(b *strings.Builder, within string, members []Member) {
	b.WriteString("\n| member | kind | in every entry | meaning | clauses | since | column |\n|---|---|---|---|---|---|---|\n")
	for i := range members {
		m := &members[i]
		always, means := "no", m.Means
		if m.Always {
			always = "yes"
		}
		if len(m.Values) > 0 {
			means += ": one of " + quoted(m.Values)
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s | %s | %s | `%s` | %s |\n", within, m.Name, m.Kind, always, means,
			cmp.Or(strings.Join(m.Clauses, " "), "-"), m.Since, cmp.Or(string(m.Column), "-"))
	}
	for i := range members {
		if m := &members[i]; len(m.Members) > 0 {
			fmt.Fprintf(b, "\n`%s%s`:\n", within, m.Name)
			writeMembers(b, within+m.Name+".", m.Members)
		}
	}
}

func quoted(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }
