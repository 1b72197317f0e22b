package query_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

var update = flag.Bool("update", false, "write what there is into testdata")

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// Each form of the language is printed as it was understood, and each mistake with its
// place, what is wrong and what to do.
func TestParse(t *testing.T) {
	input, err := os.ReadFile(filepath.Join("testdata", "queries.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for text := range strings.Lines(string(input)) {
		text = strings.TrimSuffix(text, "\n")
		if text == "" || strings.HasPrefix(text, "// ") {
			fmt.Fprintln(&got, text)
			continue
		}
		q, err := query.Parse(text, now)
		if wrong := new(query.Error); errors.As(err, &wrong) {
			fmt.Fprintf(&got, "%s\n    error at byte %d\n", wrong.Show(), wrong.Begin+1)
			continue
		}
		fmt.Fprintf(&got, "%s\n    is %s\n", text, q)
	}
	testsupport.Golden(t, filepath.Join("testdata", "queries.golden"), got.String(), *update)
}

// Every member of the record table is a key, by its path after its type.
func TestEveryMemberIsAKey(t *testing.T) {
	var walk func(kind, within string, members []record.Member)
	walk = func(kind, within string, members []record.Member) {
		for _, m := range members {
			name := kind + "." + within + m.Name
			k := query.KeyNamed(name)
			if k == nil || !k.In(kind) {
				t.Errorf("%s is no key", name)
				continue
			}
			if _, err := query.Parse(name+":*", now); err != nil {
				t.Errorf("%s:*: %v", name, err)
			}
			if again := query.KeyNamed(k.Name); again != k {
				t.Errorf("%s is printed as %s, which is another key", name, k.Name)
			}
			walk(kind, within+m.Name+".", m.Members)
		}
	}
	for _, kind := range record.Types() {
		walk(kind.Name, "", kind.Members)
	}
	// The short names are what people write: which member each is does not change.
	for short, path := range map[string]string{
		"country": "transfer.accepted.country", "origin": "transfer.accepted.country", "visitor": "transfer.accepted.origin",
		"to": "transfer.refused.legs.to", "from": "transfer.accepted.legs.from", "safeguard": "transfer.accepted.legs.laws.safeguard",
		"law": "transfer.accepted.law", "at": "transfer.accepted.time", "time": "ledger.genesis.time", "person": "refusals.counted.subject",
		"change": "transfer.accepted.shadow.change", "counted": "refusals.counted.counted", "bytes": "policy.snapshot.bytes",
		"exporter": "transfer.accepted.legs.exporter", "recipient": "transfer.accepted.recipient", "missing": "transfer.accepted.legs.laws.missing",
	} {
		if a, b := query.KeyNamed(short), query.KeyNamed(path); a == nil || a != b {
			t.Errorf("%s is %v, not %s", short, a, path)
		}
	}
	if query.KeyNamed("ledger.genesis.origin") == query.KeyNamed("visitor") {
		t.Error("the name of a log passes for a visitor's country")
	}
}

// Where no key is near, the usual ones are named, whichever the table has.
func TestUnknownKeyNamesTheUsual(t *testing.T) {
	_, err := query.Parse("country:BR zzzzzzzzzzzz:1", now)
	wrong := new(query.Error)
	if !errors.As(err, &wrong) || wrong.Begin != len("country:BR ") || wrong.End != len("country:BR zzzzzzzzzzzz") || !strings.HasPrefix(wrong.Fix, "use one of ") {
		t.Fatalf("%#v", err)
	}
	for _, name := range []string{"country", "outcome", "safeguard", "time", "before", "to"} {
		if !strings.Contains(wrong.Fix, ", "+name+",") {
			t.Errorf("%s is not named: %s", name, wrong.Fix)
		}
	}
}

// genTerm draws a term as people write it.
func genTerm() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		k := rapid.SampledFrom(query.Keys()).Draw(t, "key")
		name := rapid.SampledFrom(k.Names).Draw(t, "name")
		not := rapid.SampledFrom([]string{"", "", "-"}).Draw(t, "not")
		value := rapid.SampledFrom([]string{"*", "none"}).Draw(t, "there")
		if rapid.Bool().Draw(t, "value") {
			switch k.Kind {
			case query.Number:
				value = rapid.StringMatching(`(|>|>=|<|<=)(0|[1-9][0-9]{0,5})`).Draw(t, "number")
			case query.Moment:
				value = rapid.StringMatching(`(|>|>=|<|<=)202[0-9]-(0[1-9]|1[0-2])(-[012][1-8](T1[0-9]:[0-5][0-9]Z)?)?|[<>]-[1-9][0-9]?[mhdw]`).Draw(t, "moment")
			case query.Truth:
				value = rapid.SampledFrom([]string{"true", "false"}).Draw(t, "truth")
			case query.Part:
			case query.Word:
				value = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(rapid.StringN(0, 12, 40).Draw(t, "text")) + `"`
				if k.Name == "record" {
					value = rapid.StringMatching(`(gw-[1-9]#)?[1-9]\.[0-9]`).Draw(t, "number")
				} else if len(k.Values) == 0 && rapid.Bool().Draw(t, "bare") {
					value = rapid.StringMatching(`[a-z]{1,3}-?\*?[a-z0-9]{1,3}`).Draw(t, "bare text")
				}
			}
		}
		return not + name + ":" + value
	})
}

// What is printed is read again as the same query.
func TestPrintedIsReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(genTerm(), 0, 5).Draw(t, "terms"), rapid.SampledFrom([]string{" ", "  ", "\t"}).Draw(t, "space"))
		again(t, text, now)
	})
}

// again makes sure that a query, if it is one, is the same when printed.
func again(t interface{ Fatalf(string, ...any) }, text string, now time.Time) {
	q, err := query.Parse(text, now)
	if err != nil {
		if wrong := new(query.Error); !errors.As(err, &wrong) || wrong.Begin < 0 || wrong.End > len(text) && wrong.Query != "" || wrong.Begin > wrong.End || wrong.Fix == "" {
			t.Fatalf("%q: %#v", text, err)
		}
		_ = err.(*query.Error).Show()
		return
	}
	printed := q.String()
	q2, err := query.Parse(printed, now)
	if err != nil {
		t.Fatalf("%q is printed as %q: %v", text, printed, err)
	}
	same := func(a, b query.Term) bool {
		return a.Not == b.Not && a.Key == b.Key && a.Op == b.Op && a.Value.Text == b.Value.Text && a.Value.Exact == b.Value.Exact && a.High.Text == b.High.Text
	}
	if !slices.EqualFunc(q.Terms, q2.Terms, same) || q2.String() != printed {
		t.Fatalf("%q is printed as %q, and that as %q", text, printed, q2)
	}
}

func FuzzParse(f *testing.F) {
	input, err := os.ReadFile(filepath.Join("testdata", "queries.txt"))
	if err != nil {
		f.Fatal(err)
	}
	for text := range strings.Lines(string(input)) {
		f.Add(strings.TrimSuffix(text, "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) { again(t, text, now) })
}
