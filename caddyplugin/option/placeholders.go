package option

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// Resolve puts in the place of every placeholder, such as {env.X}, in all of a module's
// options what it stands for, once, when the module is provisioned. Options is a pointer to
// the module; its guests of our own kinds are part of it. A [Secret] is resolved when it is
// read, and an option with the tag placeholders:"own" by its module.
//
// What stands for nothing, or is empty, is an error. There may be several, joined, each
// with the option's name and, if places has it, where it stands.
func Resolve(options any, places Places) error {
	r := &resolver{repl: caddy.NewReplacer()}
	r.failed = func(path, name string, err error) {
		r.problems = append(r.problems, places.At(path, fmt.Errorf("%s: %w", name, err)))
	}
	r.walk(reflect.ValueOf(options), "")
	return errors.Join(r.problems...)
}

// SecretFile is a file whose content is a secret.
type SecretFile struct {
	Option string // as people write it
	Path   string
	At     string // file:line, if places has it
}

// SecretFiles finds the files of secrets that options name: every [Secret], and texts with
// the tag secret:"file". Options is as for [Resolve], which was called before.
func SecretFiles(options any, places Places) (files []SecretFile) {
	r := &resolver{repl: caddy.NewReplacer(), failed: func(string, string, error) {}}
	r.secret = func(path, name, file string) {
		if file = strings.TrimSpace(r.repl.ReplaceKnown(file, "")); file != "" {
			files = append(files, SecretFile{name, file, places.Find(path)})
		}
	}
	r.walk(reflect.ValueOf(options), "")
	return files
}

type resolver struct {
	secret   func(path, name, file string) // likewise, for a file of a secret; nil for nobody
	repl     *caddy.Replacer
	failed   func(path, name string, err error) // the path is that in the module's JSON, as in "ledger.key"
	problems []error
	changed  bool
}

const module = "github.com/sparkoo/transfergate/"

func (r *resolver) walk(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			r.walk(v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			if v.Type().Elem().Kind() != reflect.Uint8 {
				r.walk(v.Index(i), path+"."+strconv.Itoa(i))
			}
		}
	case reflect.String:
		if strings.Contains(v.String(), "{") {
			r.text(v, path)
		}
	case reflect.Struct:
		if s, ok := reflect.TypeAssert[Secret](v); ok && s.Value == "" {
			r.found(path, s.File)
		} else if !ok && strings.HasPrefix(v.Type().PkgPath(), module) {
			r.members(v, path)
		}
	default: // numbers and the like: no placeholder stands in them
	}
}

// members walks the options of a struct; others are no options.
func (r *resolver) members(v reflect.Value, path string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			r.walk(v.Field(i), path)
			continue
		}
		if !f.IsExported() || name == "" || name == "-" || f.Tag.Get("placeholders") == "own" {
			continue
		}
		at := strings.TrimPrefix(path+"."+name, ".")
		if f.Tag.Get("secret") == "file" {
			r.found(at, v.Field(i).String())
		}
		switch guests := v.Field(i).Addr().Interface().(type) {
		case *json.RawMessage:
			r.guest(f.Tag.Get("caddy"), guests, at)
		case *[]json.RawMessage:
			for i := range *guests {
				r.guest(f.Tag.Get("caddy"), &(*guests)[i], at+"."+strconv.Itoa(i))
			}
		default:
			r.walk(v.Field(i), at)
		}
	}
}

// guest resolves the options of a guest. One that cannot be read is left: Caddy will say
// what is wrong with it.
func (r *resolver) guest(tag string, raw *json.RawMessage, path string) {
	namespace, key := "", ""
	for word := range strings.FieldsSeq(tag) {
		what, value, _ := strings.Cut(word, "=")
		switch what {
		case "namespace":
			namespace = value
		case "inline_key":
			key = value
		}
	}
	if !strings.HasPrefix(namespace, "transfer.") {
		return // Caddy's own
	}
	var members map[string]json.RawMessage
	var name string
	if json.Unmarshal(*raw, &members) != nil || json.Unmarshal(members[key], &name) != nil {
		return
	}
	info, err := caddy.GetModule(namespace + "." + name)
	if err != nil {
		return
	}
	delete(members, key)
	own, err := json.Marshal(members)
	if err != nil {
		return
	}
	guest := info.New()
	if caddy.StrictUnmarshalJSON(own, guest) != nil {
		return
	}
	inner := &resolver{repl: r.repl, failed: func(at, option string, err error) {
		r.failed(path+"."+at, words(path)+" "+name+" "+option, err)
	}}
	if r.secret != nil {
		inner.secret = func(at, option, file string) { r.secret(path+"."+at, words(path)+" "+name+" "+option, file) }
	}
	inner.walk(reflect.ValueOf(guest), "")
	if inner.changed {
		*raw = caddyconfig.JSONModuleObject(guest, key, name, nil)
	}
}

func (r *resolver) found(path, file string) {
	if r.secret != nil {
		r.secret(path, words(path), file)
	}
}

// text resolves one text. The error does not repeat it: it may be a secret but for the
// placeholder.
func (r *resolver) text(v reflect.Value, path string) {
	value, err := r.repl.ReplaceOrErr(v.String(), true, true)
	if err != nil {
		r.failed(path, words(path), err)
		return
	}
	v.SetString(value)
	r.changed = true
}

// words is a path as people write options, without the places in lists.
func words(path string) string {
	var words []string
	for word := range strings.SplitSeq(path, ".") {
		if _, err := strconv.Atoi(word); err != nil {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}
