package query

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/suggest"
)

// MaxLength is the length of the longest query, in bytes.
const MaxLength = 8 << 10

// Parse reads a query. now is what spans such as -7d are before. The error is an
// [*Error].
func Parse(text string, now time.Time) (*Query, error) {
	p := &parser{text: text, now: now}
	q := new(Query)
	if len(text) > MaxLength {
		p.text, p.begin, p.end = "", 0, 0
		return nil, p.fail(fmt.Sprintf("it is longer than %d bytes", MaxLength), "ask for less at once")
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, utf8.RuneError) {
		return nil, p.fail("it is not UTF-8", "write it anew")
	}
	for p.word() {
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		t.begin, t.end = p.begin, p.end
		q.Terms = append(q.Terms, t)
	}
	if p.fault != nil {
		return nil, p.fault
	}
	if len(q.Terms) > 0 && !q.asksType() && len(q.types()) == 0 {
		p.begin, p.end = 0, len(text)
		return nil, p.fail("no type of entry has all of these keys", "ask for them one after the other")
	}
	return q, nil
}

// parser reads a query word by word.
type parser struct {
	text       string
	now        time.Time
	at         int // byte that is next
	begin, end int // of the word
	quote      int // where its quotation mark is; negative if it has none
	fault      error
}

func (p *parser) fail(what, fix string) error {
	return &Error{Query: p.text, Begin: p.begin, End: p.end, What: what, Fix: fix}
}

// failAt is fail for a part of the word.
func (p *parser) failAt(begin, end int, what, fix string) error {
	p.begin, p.end = begin, end
	return p.fail(what, fix)
}

// word goes to the next word, which quotation marks keep together. It returns false at
// the end, and where something is wrong.
func (p *parser) word() bool {
	p.at += len(p.text[p.at:]) - len(strings.TrimLeftFunc(p.text[p.at:], unicode.IsSpace))
	p.begin, p.quote = p.at, -1
	for p.at < len(p.text) {
		c, size := utf8.DecodeRuneInString(p.text[p.at:])
		if unicode.IsSpace(c) {
			break
		}
		if c == '"' {
			if !p.quoted() {
				return false
			}
			continue
		}
		p.at += size
	}
	p.end = p.at
	return p.end > p.begin
}

// quoted goes past a text in quotation marks, after which the word ends.
func (p *parser) quoted() bool {
	begin := p.at
	if before := p.text[p.begin:begin]; before != "" && before != "-" && before[len(before)-1] != ':' {
		p.fault = p.failAt(begin, begin+1, "a quotation mark within a word", `put the whole value into quotation marks, as in instrument:"Group agreement"`)
		return false
	}
	p.quote = begin
	for p.at++; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '\\':
			if rest := p.text[p.at+1:]; rest == "" || rest[0] != '"' && rest[0] != '\\' {
				p.fault = p.failAt(p.at, p.at+1, `a backslash stands before " or \ only`, `write \\ for a backslash`)
				return false
			}
			p.at++
		case '"':
			p.at++
			if c, _ := utf8.DecodeRuneInString(p.text[p.at:]); p.at < len(p.text) && !unicode.IsSpace(c) {
				p.fault = p.failAt(p.at, p.at+utf8.RuneLen(c), "more follows the closing quotation mark", "put a space between two terms")
				return false
			}
			return true
		}
	}
	p.fault = p.failAt(begin, begin+1, "the quotation mark is not closed", "close it at the end of the value")
	return false
}

// unquote is what stands between the quotation marks.
func (p *parser) unquote() string {
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(p.text[p.quote+1 : p.end-1])
}

// term reads the word.
func (p *parser) term() (t Term, err error) {
	at := p.begin
	if p.text[at] == '-' && p.end > at+1 {
		t.Not = true
		at++
	}
	word := p.text[at:p.end]
	colon := strings.IndexByte(word, ':')
	if p.quote == at {
		return p.alone(t, p.unquote())
	}
	if colon < 0 || pseudonym.MatchString(word) {
		return p.alone(t, word)
	}
	name := word[:colon]
	op := Op("")
	switch strings.ToLower(name) { // what people say of time
	case "after":
		name, op = "time", Above
	case "before":
		name, op = "time", Below
	}
	if t.Key = KeyNamed(name); t.Key == nil {
		return t, p.unknownKey(at, name)
	}
	at += colon + 1
	if at == p.end {
		return t, p.fail("the value is missing", fmt.Sprintf("write %s:VALUE, %s:* for any or %s:none for no value", name, name, name))
	}
	t.Test, err = p.test(t.Key, op, at)
	return t, err
}

func (p *parser) unknownKey(at int, name string) error {
	if name == "" {
		return p.failAt(at, at+1, "the key is missing", "write KEY:VALUE, as in country:BR")
	}
	all, usual := []string{"before", "after"}, []string{"before", "after"}
	for _, k := range Keys() {
		for _, n := range k.Names {
			if !strings.Contains(n, ".") {
				all = append(all, n)
			}
		}
		if !strings.Contains(k.Name, ".") && k.In(record.TypeAccepted) {
			usual = append(usual, k.Name)
		}
	}
	fix := suggest.DidYouMean(name, all)
	if fix == "" {
		slices.Sort(usual)
		fix = suggest.OneOf(usual)
	}
	return p.failAt(at, at+len(name), "an unknown key", fix)
}

// What can stand without a key, because it looks like nothing else.
var (
	pseudonym = regexp.MustCompile(`^h1:[0-9a-z-]+:[A-Za-z0-9_-]+$`)
	uuid      = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	traceID   = regexp.MustCompile(`^[0-9a-f]{32}$`)
	ofNode    = regexp.MustCompile(`^([A-Za-z*][A-Za-z0-9!#$%&'*+.^_|~:/-]*)?#[0-9.*]*$`) // a node's name is an RFC 9651 token
)

// alone reads a word without a key.
func (p *parser) alone(t Term, word string) (Term, error) {
	t.Op, t.Value = Is, Value{Text: word}
	switch {
	case strings.Contains(word, "#") || numbered(word):
		t.Key = KeyNamed("record")
		what := "this is not the number of a record"
		if numbered(word) || ofNode.MatchString(word) {
			what = t.Value.place()
		}
		if what != "" {
			return t, p.fail(what, "write it as in gw-sg-1#1.42")
		}
		return t, nil
	case uuid.MatchString(word):
		t.Key = KeyNamed("id")
	case traceID.MatchString(word):
		t.Key = KeyNamed("trace")
	case pseudonym.MatchString(word):
		t.Key = KeyNamed("subject")
	}
	if t.Key == nil {
		switch strings.ToUpper(word) {
		case "AND", "OR", "NOT":
			return t, p.fail("there are no words between terms", "different keys must all hold, of the same key one; a minus before a term excludes")
		}
		return t, p.fail("a value without its key", "write KEY:VALUE, as in country:BR; alone stand the number, id, trace or pseudonym of a record")
	}
	t.Value.pattern(false)
	return t, nil
}

// numbered reports whether a word is a record's number without its node.
func numbered(word string) bool {
	_, err := record.ParseID(word)
	return err == nil
}

// place reads the number of a record: with its node or without, and with its epoch or
// without. A star makes it a pattern.
func (v *Value) place() (what string) {
	if v.pattern(false); v.starred() {
		return ""
	}
	number := v.Text[strings.LastIndexByte(v.Text, '#')+1:]
	if number != "" && strings.Trim(number, "0123456789") == "" && len(number) < len(v.Text) {
		v.parts = []string{v.Text[:len(v.Text)-len(number)], "." + number} // of any epoch
		return ""
	}
	name, err := record.ParseName(v.Text)
	if err != nil {
		return "this is not the number of a record"
	}
	if name.Node == "" {
		v.parts = []string{"", "#" + v.Text}
	}
	return ""
}

// test reads what a key is compared with, from a byte of the query to the word's end.
func (p *parser) test(k *Key, op Op, at int) (t Test, err error) {
	text, exact := p.text[at:p.end], p.quote >= 0
	if exact {
		text = p.unquote()
	}
	given := op != ""
	if !exact && !given {
		for _, o := range []Op{From, Until, Above, Below} {
			if rest, ok := strings.CutPrefix(text, string(o)); ok {
				op, text, at = o, rest, at+len(o)
				break
			}
		}
		switch {
		case text == string(There):
			return Test{Op: There}, nil
		case text == string(Absent):
			return Test{Op: Absent}, nil
		}
	}
	t = Test{Op: op, Value: Value{Text: text, Exact: exact}}
	if op == "" {
		t.Op = Is
	}
	switch k.Kind {
	case Part:
		return t, p.failAt(at, p.end, k.Name+" holds other members", fmt.Sprintf("write %s:* or %s:none, or ask for one of them", k.Name, k.Name))
	case Number, Moment:
		return p.measure(k, t, at)
	default:
		if t.Op != Is {
			return t, p.failAt(at-len(op), p.end, fmt.Sprintf("%s is compared with words, which have no order", k.Name), "leave out "+string(op))
		}
		return t, p.name(k, &t.Value, at)
	}
}

// measure reads numbers and moments.
func (p *parser) measure(k *Key, t Test, at int) (Test, error) {
	read, fix := func(v *Value) string { return v.number() }, fmt.Sprintf("write a number (%s:200), a bound (%s:>200) or a range (%s:200..299)", k.Name, k.Name, k.Name)
	if k.Kind == Moment {
		read, fix = func(v *Value) string { return v.moment(p.now) }, momentForms
	}
	low, high, ranged := strings.Cut(t.Value.Text, "..")
	t.Value.Exact = false
	if ranged && t.Op != Is {
		return t, p.failAt(at, p.end, "a range after a bound", "write one of both")
	}
	if ranged {
		t.Op, t.Value.Text, t.High.Text = Range, low, high
		if what := read(&t.High); what != "" {
			return t, p.failAt(p.end-len(high), p.end, what, fix)
		}
	}
	if what := read(&t.Value); what != "" {
		return t, p.failAt(at, min(at+max(1, len(low)), p.end), what, fix)
	}
	if _, back := span(low); back && t.Op == Is {
		return t, p.failAt(at, p.end, "a span before now is one end of a time", fmt.Sprintf("write %s:>%s for the time since", k.Name, low))
	}
	if ranged && t.Value.low > t.High.high {
		return t, p.failAt(at, p.end, "the range ends before it begins", "turn it round")
	}
	return t, nil
}

// name reads a word or truth.
func (p *parser) name(k *Key, v *Value, at int) error {
	if k.Kind == Truth {
		v.Exact = false
		v.pattern(false)
		if v.Text != "true" && v.Text != "false" {
			return p.failAt(at, p.end, k.Name+" is true or false", "write "+k.Name+":true or "+k.Name+":false")
		}
		return nil
	}
	if !v.Exact && strings.Contains(v.Text, ",") {
		return p.failAt(at, p.end, "a list", fmt.Sprintf("give the key for each, as in %s:A %s:B, or put a value with a comma into quotation marks", k.Name, k.Name))
	}
	if k.Name == "record" {
		if what := v.place(); what != "" {
			return p.failAt(at, p.end, what, "write it as in gw-sg-1#1.42")
		}
		return nil
	}
	v.pattern(k.fold)
	if v.starred() || v.Exact {
		return nil
	}
	if len(k.Values) > 0 && !slices.ContainsFunc(k.Values, func(known string) bool { return strings.EqualFold(known, v.Text) }) {
		return p.failAt(at, p.end, k.Name+" has no such value", suggest.For(v.Text, k.Values))
	}
	if k.country {
		if advice := checkCountry(v.Text); advice != "" {
			return p.failAt(at, p.end, "this is no country's code of ISO 3166-1", advice)
		}
	}
	return nil
}
