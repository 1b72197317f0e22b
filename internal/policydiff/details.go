package policydiff

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/sparkoo/transfergate/internal/decision"
)

// details tells what differs between two rows of one type, member by member, in the
// words of the registers.
func details(a, b any) (all []string) {
	detail(&all, "", reflect.ValueOf(a), reflect.ValueOf(b))
	return all
}

// detail adds what differs at a path. It follows the types, so a new member needs no
// word here.
func detail(all *[]string, path string, a, b reflect.Value) {
	if reflect.DeepEqual(a.Interface(), b.Interface()) {
		return
	}
	switch {
	case plain(a):
		*all = append(*all, strings.TrimPrefix(path+": ", ": ")+written(b)+" instead of "+written(a))
	case a.Kind() == reflect.Pointer:
		switch {
		case a.IsNil():
			*all = append(*all, path+" is newly said")
			detail(all, path, reflect.Zero(a.Type().Elem()), b.Elem())
		case b.IsNil():
			*all = append(*all, path+" is no longer said")
		default:
			detail(all, path, a.Elem(), b.Elem())
		}
	case a.Kind() == reflect.Struct:
		for i := range a.NumField() {
			detail(all, under(path, a.Type().Field(i)), a.Field(i), b.Field(i))
		}
	case a.Kind() == reflect.Slice, a.Kind() == reflect.Map:
		entries(all, path, keyed(a), keyed(b))
	}
}

// entries tells which entries of two lists or mappings go and come, and what is changed
// in those that stay.
func entries(all *[]string, path string, a, b []entry) {
	var come, gone []string
	for _, x := range b {
		if i := slices.IndexFunc(a, func(y entry) bool { return y.key == x.key }); i < 0 {
			come = append(come, x.key)
		} else {
			detail(all, path+" "+x.key, a[i].value, x.value)
		}
	}
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y entry) bool { return y.key == x.key }) {
			gone = append(gone, x.key)
		}
	}
	switch {
	case len(come) > 0 && len(gone) > 0:
		*all = append(*all, path+": "+strings.Join(come, ", ")+" instead of "+strings.Join(gone, ", "))
	case len(come) > 0:
		*all = append(*all, path+": "+strings.Join(come, ", ")+" besides")
	case len(gone) > 0:
		*all = append(*all, path+": no longer "+strings.Join(gone, ", "))
	}
	order := func(list []entry) (keys []string) {
		for _, x := range list {
			keys = append(keys, x.key)
		}
		return keys
	}
	if len(come)+len(gone) == 0 && !slices.Equal(order(a), order(b)) {
		*all = append(*all, path+": in the order "+strings.Join(order(b), ", "))
	}
}

// entry is one of a list or mapping.
type entry struct {
	key   string
	value reflect.Value
}

// keyed names the entries of a list by what they are, or by their first text, and those
// of a mapping by their key. Entries of one name are numbered.
func keyed(v reflect.Value) (list []entry) {
	if v.Kind() == reflect.Map {
		m := make(map[string]reflect.Value)
		for it := v.MapRange(); it.Next(); {
			m[it.Key().String()] = it.Value()
		}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			list = append(list, entry{key, m[key]})
		}
		return list
	}
	times := make(map[string]int)
	for i := range v.Len() {
		value := v.Index(i)
		key := ""
		switch {
		case plain(value):
			key = written(value)
		case plain(value.Field(0)):
			key = written(value.Field(0))
		}
		if times[key]++; times[key] > 1 {
			key = fmt.Sprintf("%s (%d)", key, times[key])
		}
		list = append(list, entry{key, value})
	}
	return list
}

// plain reports whether a value is written as one word or text.
func plain(v reflect.Value) bool {
	switch v.Interface().(type) {
	case time.Time, decision.Term, decision.Set:
		return true
	}
	switch v.Kind() {
	case reflect.String, reflect.Bool, reflect.Int:
		return true
	default:
		return false
	}
}

// written is a plain value as people write it.
func written(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case time.Time:
		if x.IsZero() {
			return "nothing"
		}
		return moment(x)
	case decision.Term:
		return x.String()
	case decision.Set:
		if x.Any {
			return "any"
		}
		if len(x.Of) == 0 {
			return "nothing"
		}
		return strings.Join(x.Of, ", ")
	case time.Weekday:
		return strings.ToLower(x.String())
	case bool:
		if x {
			return "true"
		}
		return "false"
	}
	if v.Kind() == reflect.Int {
		return fmt.Sprint(v.Int())
	}
	if v.String() == "" {
		return "nothing"
	}
	return v.String()
}

// registerKeys are the members that have another name in the registers.
var registerKeys = map[string]string{
	"records": "record_keeping", "off": "weekend", "validity from": "valid_from", "validity until": "valid_until",
	"acceptable": "conclusion", "years": "of_age",
}

// under is the path of a member, in the keys of the registers.
func under(path string, f reflect.StructField) string {
	name := key(f.Name)
	if f.Anonymous {
		return path
	}
	full := strings.TrimSpace(path + " " + name)
	if known, ok := registerKeys[full]; ok {
		return known
	}
	if known, ok := registerKeys[name]; ok {
		return strings.TrimSpace(path + " " + known)
	}
	return full
}

// key writes the name of a member as the registers do: RightsPortal is rights_portal.
func key(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		small := i > 0 && unicode.IsLower(runes[i-1]) || i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if unicode.IsUpper(r) && small {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
