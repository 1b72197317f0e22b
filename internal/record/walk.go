package record

// Walk hands on the values of an entry that the members name, in the order in which
// they stand: a text as it is, a number or truth as JSON has it, each text of a list,
// and "" for an object or a list of objects before the values of its own members,
// which come for each object. m points into members, or into those of one of them.
// What the members do not name is passed over. Give them in the order of their names,
// as [Types] does, and those of rows whole. The error is an [*Error].
func Walk(data []byte, members []Member, visit func(m *Member, value string)) error {
	w := walker{scanner{text: string(data)}, visit}
	if w.object(members) {
		w.end()
	}
	return w.err()
}

// walker reads an entry by the table alone, without a Go type of it.
type walker struct {
	scanner
	visit func(m *Member, value string)
}

// object reads an object's members.
func (w *walker) object(members []Member) bool {
	next := 0
	return w.scanner.object(func(name string) bool {
		for next < len(members) && compareNames(members[next].Name, name) < 0 {
			next++
		}
		if next == len(members) || members[next].Name != name {
			_, ok := w.skip()
			return ok
		}
		return w.value(&members[next])
	})
}

// value reads the value of a member.
func (w *walker) value(m *Member) bool {
	switch m.Kind {
	case Texts:
		return w.list(func() bool { return w.single(m) })
	case Object:
		w.visit(m, "")
		return w.object(m.Members)
	case Objects:
		w.visit(m, "")
		return w.list(func() bool { return w.object(m.Members) })
	case Rows:
		w.visit(m, "")
		return w.list(func() bool { return w.row(m.Members) })
	default:
		return w.single(m)
	}
}

// row reads the values of a row, one for each member.
func (w *walker) row(members []Member) bool {
	ok := w.enter('[')
	for i := 0; ok && i < len(members); i++ {
		ok = (i == 0 || w.want(',')) && w.value(&members[i])
	}
	if ok = ok && w.want(']'); ok {
		w.depth--
	}
	return ok
}

// single reads a text, number or truth.
func (w *walker) single(m *Member) (ok bool) {
	var value string
	if w.at < len(w.text) && w.text[w.at] == '"' {
		value, ok = w.string()
	} else {
		value, ok = w.skip()
	}
	if ok {
		w.visit(m, value)
	}
	return ok
}
