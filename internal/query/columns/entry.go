package columns

import (
	"bytes"
	"slices"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// reader reads entries as programs write them, many times faster than by query.Values:
// it cuts them into the texts of their members, and knows what a text says that stood in
// the same member before. What it does not take is read by query.Values; both say the
// same of an entry. It is for one goroutine.
type reader struct {
	keys   []*query.Key  // that have columns
	stated []int         // those of them, by their places, that entries state themselves
	values *query.Values // of these
	types  map[string]*layout
	last   *layout // of the entry before

	builders int // there were

	texts [][]byte
	found []*known
	told  []told
	cells [][]byte
}

// layout is how entries of a type are read.
type layout struct {
	*record.Cutter
	name     string
	kind     []byte          // its JSON
	versions map[string]bool // by their JSON
	fields   []field
	time     int // members
	typeAt   int
	version  int
	outcomes int // -1 if it is of another type
}

// field is how a member is read.
type field struct {
	how     how
	columns []int             // places of the keys whose values stand in it
	known   map[string]*known // by its JSON
	last    *known
	absent  *known // what an entry without it says; nil if that is nothing
}

// how says what becomes of the text of a member.
type how uint8

const (
	remember how = iota // it is looked up
	checked             // it has no column
	loose               // it is the value of its only column, and mostly another one in each entry
)

// known is what a text says.
type known struct {
	text    string
	sets    [][]string // by field.columns
	codes   []int32    // of sets, in the columns of a builder
	builder int
}

// told is what an entry tells of the end of a transfer.
type told struct {
	of    record.ID
	cells [][]byte // of query.Ended; parts of the entry
}

// mostKnown is how many texts of a member are known at once.
const mostKnown = 1 << 13

func newReader() *reader {
	r := &reader{keys: query.Stored(), types: make(map[string]*layout)}
	var stated []*query.Key
	for i, k := range r.keys {
		if !k.Late() {
			r.stated, stated = append(r.stated, i), append(stated, k)
		}
	}
	r.values = query.NewValues(stated)
	for _, t := range record.Types() {
		r.types[t.Name] = r.layout(t.Name)
	}
	r.last = r.types[record.TypeAccepted]
	return r
}

// layout makes that of a type.
func (r *reader) layout(name string) *layout {
	l := &layout{Cutter: record.NewCutter(name), name: name, kind: []byte(`"` + name + `"`), versions: make(map[string]bool), outcomes: -1}
	for _, v := range record.Versions() {
		l.versions[`"`+v+`"`] = l.Is(name, v)
	}
	for i := range l.Members {
		m := &l.Members[i]
		var f field
		for _, place := range r.values.Under(name, m.Name) {
			if k := r.keys[r.stated[place]]; k.Name != timeColumn {
				f.columns = append(f.columns, r.stated[place])
			}
		}
		switch {
		case m.Name == "time":
			l.time = i
		case m.Name == "type":
			l.typeAt = i
		case m.Name == "v":
			l.version = i
		case name == record.TypeOutcome && m.Kind == record.Rows:
			l.outcomes = i
		}
		single := len(f.columns) == 1 && len(m.Members) == 0
		switch {
		case len(f.columns) == 0:
			f.how = checked
		case single && (r.keys[f.columns[0]].Marked() || r.keys[f.columns[0]].Numbered()):
			f.how = loose
		}
		if k := r.learn(l, i, &f, ""); k != nil && slices.ContainsFunc(k.sets, func(set []string) bool { return len(set) > 0 }) {
			f.absent = k
		}
		l.fields = append(l.fields, f)
		r.texts, r.found = make([][]byte, max(len(r.texts), len(l.Members))), make([]*known, max(len(r.texts), len(l.Members)))
	}
	return l
}

// learn reads what a text says by query.Values; nil if it is malformed.
func (r *reader) learn(l *layout, member int, f *field, text string) *known {
	values, err := r.values.Member(l.name, l.Members[member].Name, text)
	if err != nil {
		return nil
	}
	k := &known{text: text}
	for _, column := range f.columns {
		k.sets = append(k.sets, owned(values[slices.Index(r.stated, column)]))
	}
	return k
}

// look finds what a text says, nil if it cannot be told.
func (r *reader) look(l *layout, member int, text []byte) *known {
	f := &l.fields[member]
	if f.last != nil && f.last.text == string(text) {
		return f.last
	}
	k := f.known[string(text)]
	if k == nil {
		if !l.Reads(member, text) {
			return nil
		}
		if k = r.learn(l, member, f, string(text)); k == nil {
			return nil
		}
		if f.known == nil || len(f.known) >= mostKnown {
			f.known = make(map[string]*known)
		}
		f.known[k.text] = k
	}
	f.last = k
	return k
}

// cut cuts an entry by the layout of its type; nil if it is not read this way.
func (r *reader) cut(data []byte) *layout {
	l := r.last
	if !l.Cut(data, r.texts) || !bytes.Equal(r.texts[l.typeAt], l.kind) {
		if l = r.types[record.TypeOf(data)]; l == nil || !l.Cut(data, r.texts) || !bytes.Equal(r.texts[l.typeAt], l.kind) {
			return nil
		}
	}
	if !l.versions[string(r.texts[l.version])] {
		return nil
	}
	r.last = l
	return l
}

// read reads an entry: what it found stands in found, texts and told. It returns nil if
// the entry is to be read by query.Values.
func (r *reader) read(data []byte) (l *layout, at int64) {
	if l = r.cut(data); l == nil {
		return nil, 0
	}
	at, ok := l.Micros(r.texts[l.time])
	if !ok {
		return nil, 0
	}
	for m := range l.fields {
		f, text := &l.fields[m], r.texts[m]
		switch {
		case text == nil:
			r.found[m] = f.absent
		case m == l.time:
			r.found[m] = nil
		case f.how == remember:
			if r.found[m] = r.look(l, m, text); r.found[m] == nil {
				return nil, 0
			}
		case m == l.outcomes:
			if r.found[m] = nil; !r.outcomes(l.Members[m].Members, text) {
				return nil, 0
			}
		default:
			if r.found[m] = nil; !l.Reads(m, text) || f.how == loose && bytes.IndexByte(text, '\\') >= 0 {
				return nil, 0
			}
		}
	}
	return l, at
}

// outcomes reads how transfers ended.
func (r *reader) outcomes(members []record.Member, text []byte) bool {
	r.told, r.cells = r.told[:0], r.cells[:0]
	return record.CutRows(text, len(members), func(row [][]byte) bool {
		of := told{}
		ok := true
		for i, cell := range row {
			if (cell[0] == '"') == (members[i].Kind == record.Number) {
				return false
			}
			if members[i].Kind == record.Place {
				of.of, ok = record.CutID(cell)
			}
			r.cells = append(r.cells, value(cell))
		}
		of.cells = r.cells[len(r.cells)-len(row):]
		r.told = append(r.told, of)
		return ok
	})
}

// value is what the JSON of a text without escapes, or of a number, says.
func value(text []byte) []byte {
	if text[0] == '"' {
		return text[1 : len(text)-1]
	}
	return text
}
