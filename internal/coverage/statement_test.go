package coverage_test

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/coverage"
)

const someStatement = `Privacy statement
Where this statement and the law differ, the stricter prevails.

1. What we collect
We collect:
   (a) your name;
   (b) what you
       write.

2. What for
For:
a. service;
b. marketing. You may refuse it.
On the ground of:
a. contract

3. Cookies
2023. was a good year.
i. is no item of a list.
4. Sharing
We will share nothing, but
(a) as you ask us to;
(b) as the law requires.
5. Protection
6. Retention
7. Control
(a) account
(b) cookies
You have the right of
(a) access
`

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// The clauses and the items of their lists are those of the text, cited as records
// cite them; a number or letter out of its turn begins nothing.
func TestReadStatement(t *testing.T) {
	text, err := coverage.ReadStatement([]byte(someStatement))
	if err != nil {
		t.Fatal(err)
	}
	var tags []string
	digests := map[string]string{}
	binding := map[string]int{}
	for _, c := range text.Clauses {
		tags = append(tags, c.Clause)
		digests[c.Clause], binding[c.Clause] = c.SHA256, c.Binding
	}
	want := strings.Fields("introduction §1 1a 1b §2 2a 2b 2-basis(a) §3 §4 §4(a) §4(b) §5 §6 §7 7-control(a) 7-control(b) 7-right(a)")
	if !slices.Equal(tags, want) {
		t.Errorf("got %q, want %q", tags, want)
	}
	for clause, words := range map[string]string{
		"introduction": "Privacy statement Where this statement and the law differ, the stricter prevails.",
		"1b":           "(b) what you write.",
		"§3":           "3. Cookies 2023. was a good year. i. is no item of a list.",
		"§1":           "1. What we collect We collect: (a) your name; (b) what you write.",
	} {
		if digests[clause] != digest(words) {
			t.Errorf("the digest of %s is not of %q", clause, words)
		}
	}
	if binding["§4"] != 2 || binding["§3"] != 0 || text.SHA256 != digest(someStatement) {
		t.Errorf("binding %v, whole %s", binding, text.SHA256)
	}
	if _, err := coverage.ReadStatement([]byte("No clause at all.\n")); err == nil || !strings.Contains(err.Error(), "'1. What we collect'") {
		t.Errorf("a text without clauses: %v", err)
	}
}

// What the register lacks, has beside the text or has with other words is found; with
// the digests of the text nothing is.
func TestCompareStatement(t *testing.T) {
	read := func(data string) *coverage.Text {
		text, err := coverage.ReadStatement([]byte(data))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	terms := config.Terms{DigestOf: config.Published, Digests: map[string]string{config.WholeText: digest(someStatement)}}
	for _, c := range read(someStatement).Clauses {
		terms.Clauses = append(terms.Clauses, config.Term{Tag: c.Clause})
		terms.Digests[c.Clause] = c.SHA256
	}
	terms.Clauses = append(terms.Clauses, config.Term{Tag: "9-operator"})
	same := read(someStatement)
	if same.Compare(&terms); len(same.Findings) > 0 {
		t.Errorf("the same text differs: %q", same.Findings)
	}
	other := read(strings.Replace(someStatement, "the law requires.", "the law requires, or we do.\n(c) to affiliates", 1))
	other.Compare(&terms)
	if got := strings.Join(other.Findings, "\n"); len(other.Findings) != 4 || !strings.Contains(got, "the text has §4(c), and the register does not") ||
		!strings.Contains(got, "the text of §4 is not") || !strings.Contains(got, "the text of §4(b) is not") {
		t.Errorf("another text: %s", got)
	}
	own := terms
	own.DigestOf, own.Clauses = config.OwnWords, append(slices.Clone(terms.Clauses), config.Term{Tag: "§9"})
	mine := read(someStatement)
	mine.Compare(&own)
	if got := strings.Join(mine.Findings, "\n"); len(mine.Findings) != 2 || !strings.Contains(got, "of its own words") || !strings.Contains(got, "the register has §9, and the text does not") {
		t.Errorf("digests of own words: %s", got)
	}
}
