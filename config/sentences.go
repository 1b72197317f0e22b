package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Sentence is one sentence of a clause that binds.
type Sentence struct {
	Tag    string // for example §9.1
	Clause string // for example §9
	Text   string // in our words
}

// What the digests of a statement are of.
const (
	OwnWords  = "own"       // of titles and sentences as the register has them
	Published = "published" // of the text as it was published
)

// WholeText is the name among [Terms.Digests] of all clauses together.
const WholeText = "whole"

// sentenceForm is how a sentence of a clause is cited.
var sentenceForm = regexp.MustCompile(`^(.+)\.[1-9][0-9]?$`)

// sentencesForm is the id of a sentence.
var sentencesForm = &form{pattern: sentenceForm.String(), check: func(r record, _ string, it item) {
	if m := sentenceForm.FindStringSubmatch(it.value); m == nil || !clauseForm.MatchString(m[1]) {
		r.report(it.node, "bad-clause", "%q is not a sentence of a clause; write it as §9.1 or §4(c).2", it.value)
	}
}}

// digestNameForm is what has a digest: a clause, an item of a list, or all together.
var digestNameForm = &form{check: func(r record, key string, it item) {
	if it.value != WholeText && !listed(it.value) {
		clausesForm.check(r, key, it)
	}
}}

// listed reports whether a tag is one of the lists of §1 and §2.
func listed(tag string) bool {
	return slices.Contains(categoryTags, tag) || slices.Contains(purposeTags, tag) || slices.Contains(basisTags, tag)
}

// sentenceFields are those of the register by which the coverage answers a clause.
var sentenceFields = []field{
	{key: "sentences", doc: "Of clauses with several sentences that bind, each of them, in our words, by the clause and a number: §9.1.", is: dictionaryField, what: "sentence list", keys: sentencesForm},
	{key: "digest_of", doc: "What digests are of: own, the titles and sentences of this register, or published, the text as it was published.", form: oneOf([]string{OwnWords, Published})},
	{key: "digests", doc: "The SHA-256 of each clause, and of the whole, by the clause or the word whole.", is: dictionaryField, what: "digest list", keys: digestNameForm, form: digestsForm},
}

// decodeSentences reads the sentences, and holds the digests to what they are of.
func (d *draft) decodeSentences(root record) {
	t := &d.terms
	var known []string
	for _, c := range t.Clauses {
		known = append(known, c.Tag)
	}
	for _, e := range root.entries("sentences") {
		m := sentenceForm.FindStringSubmatch(e.key.value)
		if m == nil {
			continue
		}
		root.refer(item{m[1], e.key.node}, "clause", known)
		t.Sentences = append(t.Sentences, Sentence{e.key.value, m[1], e.items[0].value})
	}
	t.DigestOf, t.Digests = root.text("digest_of"), map[string]string{}
	for _, e := range root.entries("digests") {
		name, at := e.key.value, e.items[0]
		t.Digests[name] = at.value
		if clauseForm.MatchString(name) || listed(name) {
			root.refer(item{name, e.key.node}, "clause", known)
		}
		if want := t.OwnDigest(name); t.DigestOf != Published && at.value != want && digestForm.MatchString(at.value) && !root.archived {
			root.report(at.node, "digest-differs", "the digest of %s is not that of its title and sentences here, which is %s; write that, or digest_of: published if it is of the published text", name, want)
		}
	}
	if len(t.Digests) > 0 && t.DigestOf == "" {
		root.report(root.at("digests"), "missing-key", "digests without %q; say whether they are of our own words or of the published text", "digest_of")
	}
}

// OwnText is a clause in the register's words: its tag and title, and its sentences,
// a line each; of [WholeText] all clauses in their order.
func (t *Terms) OwnText(clause string) string {
	var b strings.Builder
	for _, c := range t.Clauses {
		if c.Tag != clause && clause != WholeText {
			continue
		}
		fmt.Fprintf(&b, "%s %s\n", c.Tag, c.Title)
		for _, s := range t.Sentences {
			if s.Clause == c.Tag {
				fmt.Fprintf(&b, "%s %s\n", s.Tag, s.Text)
			}
		}
	}
	return b.String()
}

// OwnDigest is the SHA-256 of [Terms.OwnText], in lower-case hex.
func (t *Terms) OwnDigest(clause string) string {
	sum := sha256.Sum256([]byte(t.OwnText(clause)))
	return hex.EncodeToString(sum[:])
}
