// Package world names countries for people: by their names, and many of them by the
// regions of the world they lie in (UN M.49, as CLDR has it). It decides nothing.
package world

import (
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Name is a country's name in English, with the code it is of: Chile (CL). What is no
// country is returned as it is.
func Name(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil || !region.IsCountry() {
		return code
	}
	return display.English.Regions().Name(region) + " (" + code + ")"
}

// few is how many codes are listed one by one.
const few = 12

// area is a region of the world with what it is made of.
type area struct {
	code  string // UN M.49
	parts []area
}

// continents are made of each country once.
var continents = []area{
	{"002", areas("015", "011", "017", "014", "018")},
	{"019", areas("021", "013", "029", "005")},
	{"142", areas("143", "030", "034", "035", "145")},
	{"150", areas("154", "155", "151", "039")},
	{"009", areas("053", "054", "057", "061")},
}

func areas(codes ...string) []area {
	list := make([]area, len(codes))
	for i, code := range codes {
		list[i] = area{code: code}
	}
	return list
}

// List names countries, given by their codes: a few by the codes, more of them by the
// regions of the world they lie in and what is missing of those. It leaves none out and
// counts none. all are the codes there are.
func List(codes, all []string) string {
	if len(codes) <= few {
		return strings.Join(codes, ", ")
	}
	var parts []string
	rest := codes
	for _, c := range continents {
		var in []string
		in, rest = c.split(rest)
		parts = append(parts, c.describe(in, all)...)
	}
	if len(rest) > 0 {
		parts = append(parts, strings.Join(rest, ", "))
	}
	return strings.Join(parts, "; ")
}

// split tells the codes that lie in the area from the others.
func (a area) split(codes []string) (in, out []string) {
	region := language.MustParseRegion(a.code)
	for _, code := range codes {
		if r, err := language.ParseRegion(code); err == nil && region.Contains(r) {
			in = append(in, code)
		} else {
			out = append(out, code)
		}
	}
	return in, out
}

// describe names the codes in the area.
func (a area) describe(in, all []string) []string {
	whole, _ := a.split(all)
	missing := slices.DeleteFunc(slices.Clone(whole), func(code string) bool { return slices.Contains(in, code) })
	name := display.English.Regions().Name(language.MustParseRegion(a.code))
	switch {
	case len(in) == 0:
		return nil
	case len(missing) == 0:
		return []string{"all of " + name}
	case len(in) > len(missing) && len(missing) <= few:
		return []string{name + " but " + strings.Join(missing, ", ")}
	case len(in) <= few || len(a.parts) == 0:
		return []string{strings.Join(in, ", ") + " in " + name}
	}
	var parts []string
	rest := in
	for _, part := range a.parts {
		var some []string
		some, rest = part.split(rest)
		parts = append(parts, part.describe(some, all)...)
	}
	if len(rest) > 0 {
		parts = append(parts, strings.Join(rest, ", ")+" in "+name)
	}
	return parts
}
