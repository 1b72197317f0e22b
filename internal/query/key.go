package query

import (
	"slices"
	"strings"
	"sync"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/record"
)

// Kind says what can be asked about a key.
type Kind string

// The kinds.
const (
	Word   Kind = "word"   // a value, or a pattern with stars
	Number Kind = "number" // a value, a bound or a range
	Moment Kind = "moment" // a day, month, year, time or span, a bound or a range
	Truth  Kind = "truth"  // true or false; false also where an entry of a type that has it leaves it out
	Part   Kind = "part"   // there or not: * or none
)

// Key is what a query can ask about.
type Key struct {
	// Name is how a query is printed; Names are all by which it is understood.
	Name  string
	Names []string
	Kind  Kind
	Means string
	// Values are all there are, if they are few and settled.
	Values []string

	hidden  bool                // not in a table of all columns
	fold    bool                // compared without regard to case
	country bool                // a code of ISO 3166-1
	places  map[string][]string // by type of entry, the path of the member
	derive  func(*Row) string   // for what is no member
	lack    *Key                // true of an entry that has values, and misses one
	late    bool                // follows from how a transfer ended, which is written after it
	many    bool                // an entry may have several values of it
	inRows  bool                // one of very many values of an entry, each of something else
}

// In reports whether entries of a type can have a value of the key.
func (k *Key) In(kind string) bool {
	if k.derive == nil {
		return k.places[kind] != nil
	}
	if !k.late {
		return true
	}
	return transferred(kind) || k.Name == "outcome" && kind == record.TypeCounted
}

// transferred reports whether entries of a type are of transfers and denials.
func transferred(kind string) bool {
	return kind == record.TypeAccepted || kind == record.TypeRefused
}

// registry is all keys, by each of their names.
type registry struct {
	all    []*Key
	byName map[string]*Key
}

var keys = sync.OnceValue(func() *registry {
	r := &registry{byName: make(map[string]*Key)}
	r.derived()
	r.members(transferred)
	r.aliases()
	r.leaves(transferred)
	if k := r.byName["safeguard"]; k != nil {
		k.lack = r.byName["missing"] // one law may be satisfied, and another not
	}
	r.joined()
	others := func(kind string) bool { return !transferred(kind) }
	r.members(others)
	r.leaves(others)
	return r
})

// Keys lists all keys: those of transfers and denials first, as the record table has
// them. They are not to be changed.
func Keys() []*Key { return slices.Clone(keys().all) }

// KeyNamed is the key of a name; nil if there is none.
func KeyNamed(name string) *Key { return keys().byName[strings.ToLower(name)] }

// call gives a key a name, if the name is free. Those that people use of time are not.
func (r *registry) call(k *Key, name string) bool {
	if r.byName[name] != nil || name == "before" || name == "after" {
		return false
	}
	r.byName[name] = k
	k.Names = append(k.Names, name)
	if k.Name == "" {
		k.Name = name
	}
	return true
}

// derived are the keys that are no member of one entry.
func (r *registry) derived() {
	ends := []string{record.Denied, Pending}
	for _, m := range endMembers() {
		if m.Name == stateMember {
			ends = append(ends, m.Values...)
		}
	}
	for _, k := range []*Key{
		{Name: "record", Kind: Word, Means: "the number of the record, as in gw-sg-1#1.42", derive: func(r *Row) string { return r.Name.String() }},
		{Name: "class", Kind: Word, Means: "the class of records that the ledger keeps apart, or default", fold: true, derive: (*Row).class},
		{Name: "outcome", Kind: Word, Means: "how it ended: denied, not-sent, partial, complete or unknown; pending while no entry tells, which counts as unknown",
			Values: ends, fold: true, derive: (*Row).Outcome, late: true},
	} {
		r.all = append(r.all, k)
		r.call(k, k.Name)
	}
}

// members makes keys of the members of some types, by their paths. A path that
// several types have is one key, if its values are of one kind; else that of the
// later types is only known by its type before it.
func (r *registry) members(of func(kind string) bool) {
	for _, t := range types() {
		if of(t.Name) {
			r.add(t.Name, "", t.Members, false, false)
		}
	}
}

func (r *registry) add(kind, within string, members []record.Member, many, inRows bool) {
	for i := range members {
		m := &members[i]
		path := within + m.Name
		k := r.byName[path]
		if k == nil || k.places == nil || k.Kind != kindOf(m) || !slices.Contains(k.paths(), path) {
			k = &Key{Kind: kindOf(m), Means: m.Means, Values: m.Values, places: make(map[string][]string),
				fold: m.Column == record.Label || m.Column == record.Labels, hidden: m.Column == record.NoColumn}
			r.all = append(r.all, k)
			r.call(k, path)
		}
		for _, v := range m.Values {
			if !slices.Contains(k.Values, v) {
				k.Values = append(slices.Clip(k.Values), v)
			}
		}
		k.many, k.inRows = k.many || many || inRows || m.Kind == record.Texts, k.inRows || inRows
		k.places[kind] = strings.Split(path, ".")
		r.call(k, kind+"."+path)
		r.add(kind, path+".", m.Members, many || m.Kind == record.Objects, inRows || m.Kind == record.Rows)
	}
}

// paths are those of the members that the key is.
func (k *Key) paths() (all []string) {
	for _, path := range k.places {
		all = append(all, strings.Join(path, "."))
	}
	return all
}

// kindOf is what can be asked about a member.
func kindOf(m *record.Member) Kind {
	switch m.Kind {
	case record.Number:
		return Number
	case record.Truth:
		return Truth
	case record.Instant, record.Day:
		return Moment
	case record.Object, record.Objects, record.Rows:
		return Part
	default:
		return Word
	}
}

// aliases are names for what people mean by them. The origin of a flow is the country
// where the person's account is registered; the member of that name, the country of
// the visitor's address, which decides nothing, is called visitor.
func (r *registry) aliases() {
	if visitor, country := r.byName["origin"], r.byName["country"]; visitor != nil && country != nil {
		delete(r.byName, "origin")
		visitor.Names = slices.DeleteFunc(visitor.Names, func(name string) bool { return name == "origin" })
		visitor.Name = ""
		r.call(visitor, "visitor")
		r.call(country, "origin")
	}
	for name, of := range map[string]string{"at": "time", "person": "subject"} {
		if k := r.byName[of]; k != nil {
			r.call(k, name)
		}
	}
	for _, name := range []string{"country", "visitor", "legs.from", "legs.to"} {
		if k := r.byName[name]; k != nil {
			k.country = true
		}
	}
}

// leaves gives members of inner objects their last word as a name, where it is free.
// Of several such members the one nearest to the entry has it.
func (r *registry) leaves(of func(kind string) bool) {
	type leaf struct {
		key  *Key
		path []string
	}
	var all []leaf
	for _, k := range r.all {
		for kind, path := range k.places {
			if of(kind) && len(path) > 1 {
				all = append(all, leaf{k, path})
				break
			}
		}
	}
	slices.SortStableFunc(all, func(a, b leaf) int { return len(a.path) - len(b.path) })
	for _, l := range all {
		if last := l.path[len(l.path)-1]; r.call(l.key, last) {
			l.key.Name = last
		}
	}
}

// joined are what an outcome says of a transfer, which stands in an entry of its own.
func (r *registry) joined() {
	for i, m := range endMembers() {
		if m.Name == recordMember {
			continue // it is the row's own number
		}
		k := &Key{Kind: kindOf(&m), Means: m.Means, Values: m.Values, fold: true, late: true, derive: func(r *Row) string { return r.Ended.at(i) }}
		r.all = append(r.all, k)
		if r.call(k, m.Name); k.Name == "" {
			k.Name = "outcome." + m.Name
		}
		r.call(k, "outcome."+m.Name)
	}
}

// checkCountry says what to write in the place of what is no country's code; "" if it
// is one.
func checkCountry(code string) string {
	if country.Valid(strings.ToUpper(code)) {
		return ""
	}
	return country.Advice(code)
}
