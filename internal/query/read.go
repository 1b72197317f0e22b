package query

import (
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/record"
)

// reader reads the values of some keys out of rows. It is for one goroutine.
type reader struct {
	keys   []*Key
	plans  map[string]*plan // by type of entry
	values [][]string       // of the last row, by key; parts of one copy of it
}

// Values reads the values of some keys out of rows, for whoever shows them. It is for
// one goroutine.
type Values struct{ reader *reader }

// NewValues returns what reads the values of these keys.
func NewValues(keys []*Key) *Values { return &Values{newReader(keys)} }

// Of are the values of each key in a row, as they stand in the entry; they are valid
// until the next row is read. A row whose entry turns out to be malformed gets Damage,
// and has none.
func (v *Values) Of(row *Row) [][]string {
	if row.Damage == nil {
		row.Damage = v.reader.read(row)
	}
	if row.Damage != nil {
		return nil
	}
	return v.reader.values
}

// Under are those of the keys, by their places, whose values stand in a member of entries
// of a type.
func (v *Values) Under(kind, member string) (places []int) {
	for i, k := range v.reader.keys {
		if path := k.places[kind]; len(path) > 0 && path[0] == member {
			places = append(places, i)
		}
	}
	return places
}

// Member are the values of all keys in an entry of a type that has this member alone, of
// which text is the JSON; or none if there is no text. Those Under it are what they are
// in any entry with the same text. The error is a [*record.Error].
func (v *Values) Member(kind, member, text string) ([][]string, error) {
	data := "{}"
	if text != "" {
		data = `{"` + member + `":` + text + "}"
	}
	if err := v.reader.read(&Row{Type: kind, Data: []byte(data)}); err != nil {
		return nil, err
	}
	return v.reader.values, nil
}

// plan is what is read of a type of entry.
type plan struct {
	members []record.Member        // those on the way to a key
	of      map[*record.Member]int // the key that a member is
}

func newReader(keys []*Key) *reader {
	r := &reader{keys: keys, plans: make(map[string]*plan), values: make([][]string, len(keys))}
	for _, t := range types() {
		paths := make(map[string]int)
		for i, k := range keys {
			if path := k.places[t.Name]; path != nil {
				paths[strings.Join(path, ".")] = i
			}
		}
		p := &plan{members: prune(t.Members, "", paths), of: make(map[*record.Member]int)}
		p.index(p.members, "", paths)
		r.plans[t.Name] = p
	}
	return r
}

// prune copies the members that lead to a key. Those of rows are read by their place,
// and are kept whole.
func prune(members []record.Member, within string, paths map[string]int) []record.Member {
	kept := make([]record.Member, 0, len(members))
	for _, m := range members {
		inner := prune(m.Members, within+m.Name+".", paths)
		if _, wanted := paths[within+m.Name]; !wanted && len(inner) == 0 {
			continue
		}
		if m.Kind != record.Rows {
			m.Members = inner
		}
		kept = append(kept, m)
	}
	return kept
}

// index notes which members are keys.
func (p *plan) index(members []record.Member, within string, paths map[string]int) {
	for i := range members {
		m := &members[i]
		if key, wanted := paths[within+m.Name]; wanted {
			p.of[m] = key
		}
		p.index(m.Members, within+m.Name+".", paths)
	}
}

// read reads the values of a row that is not damaged. The error is a [*record.Error].
func (r *reader) read(row *Row) error {
	for i := range r.values {
		r.values[i] = r.values[i][:0]
	}
	p := r.plans[row.Type]
	if p != nil && len(p.of) > 0 {
		err := record.Walk(row.Data, p.members, func(m *record.Member, value string) {
			if i, wanted := p.of[m]; wanted && !slices.Contains(r.values[i], value) {
				r.values[i] = append(r.values[i], value)
			}
		})
		if err != nil {
			return err
		}
	}
	for i, k := range r.keys {
		switch {
		case p == nil && k.Name == typeKey: // a later program's
			r.values[i] = append(r.values[i], row.Type)
		case k.derive != nil:
			if value := k.derive(row); value != "" {
				r.values[i] = append(r.values[i], value)
			}
		case k.Kind == Truth && len(r.values[i]) == 0 && k.In(row.Type):
			r.values[i] = append(r.values[i], "false")
		}
	}
	return nil
}
