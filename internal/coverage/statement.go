package coverage

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sparkoo/transfergate/config"
)

// Text is the structure of a published statement, taken from its own text.
type Text struct {
	// SHA256 is of the text as it is, as sha256sum prints it.
	SHA256 string `json:"sha256"`
	// Clauses are in the text's order.
	Clauses []TextClause `json:"clauses"`
	// Findings are where text and register differ, in sentences.
	Findings []string `json:"findings"`
}

// TextClause is a clause of a published statement, or an item of its lists.
type TextClause struct {
	Clause string `json:"clause"`
	// SHA256 is of its text, items included, each run of white space as one blank.
	SHA256 string `json:"sha256"`
	// Binding is how many of its sentences have a word that binds; InRegister how many
	// sentences the register has of it.
	Binding    int `json:"binding"`
	InRegister int `json:"in_register"`
}

var (
	// headingLine begins a clause: "9. Storage and transfer".
	headingLine = regexp.MustCompile(`^\s*(\d{1,2})[.)]?\s+\S`)
	// itemLine begins an item of a list: "(c) Affiliates" or "c. Affiliates".
	itemLine = regexp.MustCompile(`^\s*\(?([a-z])[.)]\s+\S`)
	// sentenceEnd is where a sentence ends.
	sentenceEnd = regexp.MustCompile(`[.!?;]\s`)
	// bindingWord is what a sentence that binds has.
	bindingWord = regexp.MustCompile(`(?i)\b(will|shall|must|only|may not|requires?|required|responsible|entitled|right)\b`)
)

// lists are what the items of the clauses are cited as that do not go by §N(x), by
// the number of the list in the clause.
var lists = map[int][]string{
	1: {"1%s"},
	2: {"2%s", "2-basis(%s)"},
	7: {"7-control(%s)", "7-right(%s)"},
}

// ReadStatement takes the clauses from the plain text of a statement: clauses begin
// with a line with their number, counted from 1, items of lists with one with a letter,
// counted from a. What comes before the first clause is the introduction. Text that
// follows a list belongs to its last item, too.
func ReadStatement(data []byte) (*Text, error) {
	sum := sha256.Sum256(data)
	r := reader{parts: []*part{{tag: "introduction"}}}
	for line := range strings.Lines(string(data)) {
		r.line(line)
	}
	if r.clause == 0 {
		return nil, errors.New("the statement has no clause 1: a clause begins with a line such as '1. What we collect'")
	}
	t := &Text{SHA256: hex.EncodeToString(sum[:]), Findings: []string{}}
	for _, p := range r.parts {
		t.Clauses = append(t.Clauses, p.clause())
	}
	return t, nil
}

// reader goes through a statement line by line.
type reader struct {
	parts  []*part
	clause int  // the number of the one it is in
	list   int  // which list of that clause, from 0
	next   byte // the letter of the next item of the list; 0 before a list
	within *part
	item   *part
}

// part is a clause or an item while it is read.
type part struct {
	tag  string
	text strings.Builder
}

func (r *reader) line(line string) {
	if m := headingLine.FindStringSubmatch(line); m != nil && m[1] == strconv.Itoa(r.clause+1) {
		r.clause, r.list, r.next, r.item = r.clause+1, -1, 0, nil
		r.within = r.begin("§" + m[1])
	} else if m := itemLine.FindStringSubmatch(line); m != nil && r.clause > 0 {
		r.itemOf(m[1])
	}
	for _, p := range []*part{r.within, r.item} {
		if p != nil {
			p.text.WriteString(line)
		}
	}
	if r.clause == 0 {
		r.parts[0].text.WriteString(line)
	}
}

// itemOf begins an item if its letter is the list's next, or begins another list.
func (r *reader) itemOf(letter string) {
	switch letter[0] {
	case r.next:
	case 'a':
		r.list++
	default:
		return
	}
	r.next = letter[0] + 1
	form := fmt.Sprintf("§%d(%%s)", r.clause)
	if names := lists[r.clause]; r.list < len(names) {
		form = names[r.list]
	}
	r.item = r.begin(fmt.Sprintf(form, letter))
}

func (r *reader) begin(tag string) *part {
	p := &part{tag: tag}
	r.parts = append(r.parts, p)
	return p
}

func (p *part) clause() TextClause {
	text := strings.Join(strings.Fields(p.text.String()), " ")
	sum := sha256.Sum256([]byte(text))
	c := TextClause{Clause: p.tag, SHA256: hex.EncodeToString(sum[:])}
	for _, sentence := range sentenceEnd.Split(text+" ", -1) {
		if bindingWord.MatchString(sentence) {
			c.Binding++
		}
	}
	return c
}

// ours are clauses that the register cites and no letter of the text names: paragraphs.
var ours = []string{"7-withdrawal", "7-deletion", "9-operator", "9-partner"}

// Compare holds the text against the register's clauses, sentences and digests.
func (t *Text) Compare(terms *config.Terms) {
	found := func(format string, args ...any) { t.Findings = append(t.Findings, fmt.Sprintf(format, args...)) }
	digests := terms.Digests
	if terms.DigestOf != config.Published {
		digests = nil
		found("the digests of the register are of its own words, not of the published text: take those printed here over")
	}
	if want := digests[config.WholeText]; want != "" && want != t.SHA256 {
		found("the text is not the one that the register has the digest of: %s, not %s", t.SHA256, want)
	}
	known := map[string]bool{}
	for i := range t.Clauses {
		c := &t.Clauses[i]
		known[c.Clause] = true
		for _, s := range terms.Sentences {
			if s.Clause == c.Clause {
				c.InRegister++
			}
		}
		switch {
		case !slices.ContainsFunc(terms.Clauses, func(x config.Term) bool { return x.Tag == c.Clause }):
			found("the text has %s, and the register does not: what it binds to nothing answers", c.Clause)
		case digests[c.Clause] != "" && digests[c.Clause] != c.SHA256:
			found("the text of %s is not the one that the register has the digest of: read it anew", c.Clause)
		}
	}
	for _, x := range terms.Clauses {
		if !known[x.Tag] && !slices.Contains(ours, x.Tag) {
			found("the register has %s, and the text does not", x.Tag)
		}
	}
}

// YAML is what statement.yaml has of the text.
func (t *Text) YAML() string {
	var b strings.Builder
	fmt.Fprintf(&b, "digest_of: published\ndigests:\n  %s: %s\n", config.WholeText, t.SHA256)
	for _, c := range t.Clauses {
		fmt.Fprintf(&b, "  %s: %s\n", c.Clause, c.SHA256)
	}
	return b.String()
}
