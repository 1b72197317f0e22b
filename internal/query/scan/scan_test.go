package scan_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/query/scan"
	"github.com/sparkoo/transfergate/internal/record"
)

var begin = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// asked are the keys of the queries that are compared, with values that stand in the
// ledger of fill and one that does not.
var asked = map[string][]string{
	"country": {"BR", "CL", "SG", "FR"}, "activity": {"storage", "serving", "support", "no*", "s*", "*e"}, "outcome": {"denied", "pending", "complete", "unknown", "partial"},
	"reason": {"no_safeguard", "minor"}, "categories": {"1a", "1b", "1c"}, "to": {"SG", "CN", "BR"}, "safeguard": {"tag-a", "tag-b", "tag-*"},
	"demo": {"true", "false"}, "bytes": {"0", "5", ">3", "<=7", "2..6"}, "status": {"200", ">300", "100..299"}, "subject": {"h1:x:1", "h1:x:2"},
	"at": {"2026-10-01", ">2026-10-02", "<2026-10-03", "2026-10-02..2026-10-03", ">=2026-10-01T10:00Z"}, "class": {"default", "support"},
	"type": {"transfer.accepted", "transfer.outcome", "*"},
}

// fill writes a ledger of two classes and several epochs, and returns its folder.
func fill(t *testing.T, entries int) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "ledger")
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	for _, class := range []string{record.DefaultClass, "support"} {
		at := begin
		l := ledger.New(ledger.At(folder).Of(class).Path, ledger.Options{Node: "gw-1", SegmentEntries: 16, EpochEntries: 40, Now: func() time.Time { return at }})
		if err := l.Open(); err != nil {
			t.Fatal(err)
		}
		var open []record.ID
		for range entries {
			at = at.Add(time.Duration(random.IntN(3000)-200) * time.Second) // the clock goes back at times
			entry := transfer(at, pick, random)
			id, err := l.Append(entry.Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			if entry.Type == record.TypeAccepted {
				open = append(open, id)
			}
			if len(open) > 3 && random.IntN(4) == 0 {
				told := record.Outcomes{Header: record.Header{Node: "gw-1", Time: at}}
				for range 2 {
					i := random.IntN(len(open))
					told.Outcomes = append(told.Outcomes, record.Outcome{Record: open[i], State: pick("complete", "partial", "unknown"), Status: int64(200 + 100*random.IntN(4)), Bytes: int64(random.IntN(9))})
					open = slices.Delete(open, i, i+1)
				}
				if _, err := l.Append(told.Append(nil)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func transfer(at time.Time, pick func(...string) string, random *rand.Rand) *record.Transfer {
	r := &record.Transfer{
		Header: record.Header{Type: record.TypeAccepted, Node: "gw-1", Time: at}, Decision: record.Allowed, Enforced: true,
		Country: pick("BR", "CL", "SG", ""), Activity: pick("storage", "serving", "support"), Bytes: int64(random.IntN(9)) - 1,
		Subject: pick("h1:x:1", "h1:x:2", ""), Demo: random.IntN(3) == 0, Categories: []string{"1a", "1b"}[:random.IntN(3)],
	}
	if random.IntN(4) == 0 {
		r.Type, r.Decision, r.Reason = record.TypeRefused, record.Denied, "no_safeguard"
		return r
	}
	var legs []record.Leg
	for range random.IntN(3) {
		v := record.Verdict{Law: "br", Safeguard: pick("tag-a", "tag-b", "")}
		v.Missing = v.Safeguard == "" && random.IntN(2) == 0
		legs = append(legs, record.Leg{Kind: "serving", To: pick("SG", "CN"), Laws: []record.Verdict{v}})
	}
	if len(legs) > 0 {
		r.Legs = record.AppendLegs(nil, legs)
	}
	return r
}

// plain is an entry as encoding/json reads it: what the rows are compared with is
// read, joined, ordered and filtered by other means.
type plain struct {
	number, class string
	id            record.ID
	at            time.Time
	values        map[string][]string
	lacks         bool
}

func readPlain(t *testing.T, folder string) []plain {
	t.Helper()
	var classes [][]plain
	dirs, err := ledger.At(folder).Classes()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		var all []plain
		ends := make(map[string][]any)
		for e, err := range dir.Entries(record.ID{}) {
			if err != nil {
				t.Fatal(err)
			}
			var entry map[string]any
			if err := json.Unmarshal(e.Data, &entry); err != nil {
				t.Fatal(err)
			}
			told, _ := entry["outcomes"].([]any)
			for _, row := range told {
				ends[row.([]any)[0].(string)] = row.([]any)
			}
			name := record.Name{Node: "gw-1", ID: e.ID}
			if dir.Class != record.DefaultClass {
				name.Class = dir.Class
			}
			all = append(all, plainOf(t, name, dir.Class, entry))
		}
		for i := range all {
			all[i].end(ends[all[i].id.String()])
		}
		slices.Reverse(all)
		classes = append(classes, all)
	}
	var merged []plain
	for len(classes[0])+len(classes[1]) > 0 {
		first := 0
		if len(classes[0]) == 0 || len(classes[1]) > 0 && classes[1][0].at.After(classes[0][0].at) {
			first = 1
		}
		merged, classes[first] = append(merged, classes[first][0]), classes[first][1:]
	}
	return merged
}

func plainOf(t *testing.T, name record.Name, class string, entry map[string]any) plain {
	p := plain{number: name.String(), class: class, id: name.ID, values: map[string][]string{"class": {class}}}
	if kind := entry["type"]; kind == record.TypeAccepted || kind == record.TypeRefused {
		p.values["demo"] = []string{"false"} // it is left out where it is not true; other types have none
	}
	var err error
	if p.at, err = time.Parse(time.RFC3339Nano, entry["time"].(string)); err != nil {
		t.Fatal(err)
	}
	p.values["at"] = []string{entry["time"].(string)}
	for member, value := range entry {
		switch value := value.(type) {
		case string:
			p.values[member] = []string{value}
		case bool:
			p.values[member] = []string{strconv.FormatBool(value)}
		case float64:
			p.values[member] = []string{strconv.Itoa(int(value))}
		case []any:
			for _, v := range value {
				switch v := v.(type) {
				case string:
					p.values[member] = append(p.values[member], v)
				case map[string]any: // a leg
					p.values["to"] = append(p.values["to"], v["to"].(string))
					for _, law := range v["laws"].([]any) {
						if tag, ok := law.(map[string]any)["safeguard"].(string); ok {
							p.values["safeguard"] = append(p.values["safeguard"], tag)
						}
						p.lacks = p.lacks || law.(map[string]any)["missing"] == true
					}
				}
			}
		}
	}
	return p
}

// end sets how it ended.
func (p *plain) end(row []any) {
	switch kind := p.values["type"][0]; {
	case kind == record.TypeRefused:
		p.values["outcome"] = []string{"denied"}
	case kind == record.TypeAccepted && row == nil:
		p.values["outcome"] = []string{"pending"}
	case kind == record.TypeAccepted:
		p.values["outcome"] = []string{row[1].(string)}
		p.values["status"] = []string{strconv.Itoa(int(row[2].(float64)))}
	}
}

// is reports whether one of the values of a key is what a term asks for.
func (p *plain) is(key, test string) bool {
	values := p.values[key]
	switch test {
	case "none":
		return len(values) == 0 || key == "safeguard" && p.lacks
	case "*":
		return len(values) > 0
	}
	return slices.ContainsFunc(values, func(v string) bool {
		if key == "at" {
			return dayIs(v, test)
		}
		if key != "bytes" && key != "status" {
			switch {
			case strings.HasSuffix(test, "*"):
				return strings.HasPrefix(v, test[:len(test)-1])
			case strings.HasPrefix(test, "*"):
				return strings.HasSuffix(v, test[1:])
			}
			return v == test
		}
		n, err := strconv.Atoi(v)
		number := func(s string) int { m, _ := strconv.Atoi(strings.TrimLeft(s, "<=>")); return m }
		low, high, ranged := strings.Cut(test, "..")
		switch {
		case err != nil:
			return false
		case ranged:
			return number(low) <= n && n <= number(high)
		case strings.HasPrefix(test, "<="):
			return n <= number(test)
		case strings.HasPrefix(test, ">"):
			return n > number(test)
		}
		return n == number(test)
	})
}

// dayIs compares moments as their texts, which are all of one form.
func dayIs(v, test string) bool {
	day := v[:len("2026-10-01")]
	low, high, ranged := strings.Cut(test, "..")
	switch {
	case ranged:
		return low <= day && day <= high
	case strings.HasPrefix(test, ">="):
		return v[:len("2026-10-01T10:00")]+"Z" >= test[2:]
	case strings.HasPrefix(test, ">"):
		return day > test[1:]
	case strings.HasPrefix(test, "<"):
		return day < test[1:]
	}
	return day == test
}

// wanted reports whether terms, as KEY:TEST with a minus or without, ask for the entry:
// the algebra of sets, one key after the other.
func (p *plain) wanted(terms []string) bool {
	type tests struct{ either, each, none []bool }
	byKey := make(map[string]*tests)
	for _, term := range terms {
		not := strings.HasPrefix(term, "-")
		key, test, _ := strings.Cut(strings.TrimPrefix(term, "-"), ":")
		if byKey[key] == nil {
			byKey[key] = new(tests)
		}
		to := &byKey[key].either
		if not {
			to = &byKey[key].none
		} else if strings.ContainsAny(test[:1], "<>") {
			to = &byKey[key].each
		}
		*to = append(*to, p.is(key, test))
	}
	if t := byKey["type"]; t == nil || len(t.either) == 0 {
		if kind := p.values["type"][0]; kind != record.TypeAccepted && kind != record.TypeRefused {
			return false
		}
	}
	for _, t := range byKey {
		if len(t.either) > 0 && !slices.Contains(t.either, true) || slices.Contains(t.each, false) || slices.Contains(t.none, true) {
			return false
		}
	}
	return true
}

func genTerms() *rapid.Generator[[]string] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		keys := make([]string, 0, len(asked))
		for key := range asked {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		key := rapid.SampledFrom(keys).Draw(t, "key")
		return rapid.SampledFrom([]string{"", "", "-"}).Draw(t, "not") + key + ":" + rapid.SampledFrom(append([]string{"none", "*"}, asked[key]...)).Draw(t, "test")
	}), 0, 5)
}

// Rows are those that the algebra of sets gives, each once, newest first, page by page,
// whatever the size of what is read at once; the groups of a count add up to them.
func TestRows(t *testing.T) {
	folder := fill(t, 60)
	all := readPlain(t, folder)
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		terms := genTerms().Draw(t, "terms")
		source := scan.Of(ledger.At(folder)).WithWindow(uint64(rapid.SampledFrom([]int{11, 16, 1 << 16}).Draw(t, "window")))
		limit := rapid.SampledFrom([]int{23, 200}).Draw(t, "limit")
		q, err := query.Parse(strings.Join(terms, " "), begin)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		months := make(map[string]uint64)
		for i := range all {
			if all[i].wanted(terms) {
				want = append(want, all[i].number)
				months[cmp.Or(append(all[i].values["country"], "")[0], "")+" "+all[i].values["at"][0][:10]]++
			}
		}
		newest, err := source.Newest(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for after := newest; after != nil; {
			written, err := query.ParseCursor(after.String())
			if err != nil {
				t.Fatal(err)
			}
			n, next, err := query.EachRow(ctx, source, q, written, limit, func(row *query.Row) error {
				got = append(got, row.Name.String())
				return row.Damage
			})
			if err != nil || n < limit && next != nil {
				t.Fatalf("%d rows, and then %s: %v", n, next, err)
			}
			after = next
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s: rows\n%v, want\n%v", q, got, want)
		}
		by, err := query.ParseGrouping("country,day")
		if err != nil {
			t.Fatal(err)
		}
		counts, err := source.Counts(ctx, q, newest, by)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range counts.Groups {
			if name := g.Values[0] + " " + g.Values[1]; months[name] != g.Rows {
				t.Fatalf("%s: %d rows in %s, want %d", q, g.Rows, name, months[name])
			}
		}
		if counts.Total.Rows != uint64(len(want)) || len(counts.Groups) != len(months) {
			t.Fatalf("%s: %d rows in %d groups, want %d in %d", q, counts.Total.Rows, len(counts.Groups), len(want), len(months))
		}
	})
}

// A page goes on where the one before ended, though more was written meanwhile.
func TestPagesStandStill(t *testing.T) {
	folder := fill(t, 20)
	source, ctx := scan.Of(ledger.At(folder)), context.Background()
	q := new(query.Query)
	newest, err := source.Newest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	numbers := func(after query.Cursor, limit int) (all []string, next query.Cursor) {
		_, next, err := query.EachRow(ctx, source, q, after, limit, func(row *query.Row) error {
			all = append(all, row.Name.String())
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return all, next
	}
	before, _ := numbers(newest, 100)
	first, next := numbers(newest, 5)
	l := ledger.New(ledger.At(folder).Of("support").Path, ledger.Options{Node: "gw-1"})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	late := record.Transfer{Header: record.Header{Node: "gw-1", Time: time.Now()}, Decision: record.Allowed}
	if _, err := l.Append(late.Append(nil)); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	rest, _ := numbers(next, 100)
	if got := append(first, rest...); !slices.Equal(got, before) {
		t.Errorf("%v, want %v", got, before)
	}
}

// What cannot be read is named in every answer: an entry that is malformed, and where
// the bytes of a segment are damaged.
func TestDamageIsNamed(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "ledger")
	l := ledger.New(folder, ledger.Options{Node: "gw-1", SegmentEntries: 16})
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	var malformed record.ID
	for i := range 40 {
		entry := (&record.Transfer{Header: record.Header{Node: "gw-1", Time: begin.Add(time.Duration(i) * time.Hour)}, Decision: record.Allowed, Country: "BR"}).Append(nil)
		if i == 20 {
			entry = append(entry[:len(entry)-1], ' ', '}')
		}
		id, err := l.Append(entry)
		if err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			malformed = id
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	rows := func(text string) (good int, damaged []string) {
		q, err := query.Parse(text, begin)
		if err != nil {
			t.Fatal(err)
		}
		source := scan.Of(ledger.At(folder)).WithWindow(16)
		newest, err := source.Newest(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for row, err := range source.Rows(context.Background(), q, newest) {
			if err != nil {
				t.Fatal(err)
			}
			if row.Damage != nil {
				damaged = append(damaged, fmt.Sprintf("%s: %v", row.Name, row.Damage))
			} else {
				good++
			}
		}
		counts, err := source.Counts(context.Background(), q, newest, query.Grouping{})
		if err != nil {
			t.Fatal(err)
		}
		if counts.Total.Rows != uint64(good) || len(counts.Damaged) != len(damaged) {
			t.Errorf("%s: %d rows and %d damaged by count, %d and %d by rows", text, counts.Total.Rows, len(counts.Damaged), good, len(damaged))
		}
		return good, damaged
	}
	for text, want := range map[string]int{"": 39, "country:CL": 0, "country:BR": 39} {
		good, damaged := rows(text)
		if good != want || len(damaged) != 1 || !strings.HasPrefix(damaged[0], fmt.Sprintf("gw-1#%s: the entry is malformed", malformed)) {
			t.Errorf("%q: %d rows, %q", text, good, damaged)
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "epoch-*", "seg", "*.log"))
	sealed, _ := filepath.Glob(filepath.Join(folder, "epoch-*", "sealed", "*.zst"))
	if files = append(files, sealed...); err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	for _, file := range files { // each in turn
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		bad := slices.Clone(data)
		bad[100] ^= 1
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		good, damaged := rows("country:BR")
		if good >= 39 || len(damaged) == 0 || !slices.ContainsFunc(damaged, func(s string) bool { return strings.Contains(s, filepath.Base(file)) }) {
			t.Errorf("%s with a flipped bit: %d rows, %q", file, good, damaged)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
