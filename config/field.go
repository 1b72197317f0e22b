package config

import (
	"fmt"
	"slices"
)

// field is one key of a register. The table of a register's fields is all there is
// to know about its form: reading goes by it, and so does the JSON Schema that
// tells an editor.
type field struct {
	key  string
	doc  string // for whoever writes the register; the schema's description
	is   shape
	must bool // the key has to be written
	// form is what a text has to look like, or each text of a list or set.
	form *form
	// what is how people call one row, or the mapping: "controller".
	what string
	// fields are the keys of a mapping, or of each row.
	fields []field
	// keys is what the keys of a dictionary have to look like, and many tells that
	// its values are lists.
	keys *form
	many bool
}

// shape is the kind of value a key takes.
type shape uint8

const (
	textField       shape = iota // one line
	flagField                    // true or false
	numberField                  // a whole number, from 1
	listField                    // of texts, each once; with at least one if the key must be written
	setField                     // a list of at least one text, or the word any
	mappingField                 // of the keys in fields
	tableField                   // a list of at least one row, each a mapping of the keys in fields
	dictionaryField              // a mapping whose keys are the writer's
)

// form is what a text has to look like.
type form struct {
	// words are the only texts there are; nil for any text that check accepts.
	words []string
	// pattern and format are what a JSON Schema can say of it.
	pattern, format string
	// check reports a text that is not so. It is called for texts that are not empty.
	check func(r record, key string, it item)
}

// oneOf is a fixed vocabulary.
func oneOf(words []string) *form {
	return &form{words: words, check: func(r record, key string, it item) { r.known(it, key, words) }}
}

// keysOf lists the keys of a table, in its order.
func keysOf(fields []field) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return keys
}

// field returns the field of a key. Asking for one the table lacks, or in another
// shape, is a fault of the program.
func (r record) field(key string, is shape) *field {
	i := slices.IndexFunc(r.fields, func(f field) bool { return f.key == key })
	if i < 0 || r.fields[i].is != is {
		panic(fmt.Sprintf("config: %s has no field %q of that shape", r.what, key))
	}
	return &r.fields[i]
}
