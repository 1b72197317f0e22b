package guard

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// Readings lists the paths that servers may take u's path for, besides the one in
// u.Path: as it was sent, decoded once to three times, each as it stands, cleaned
// (backslashes are slashes, no empty segments), and without parameters (what
// follows a semicolon) and the dots and blanks at a segment's end that Windows
// drops. With fold they are in lower case, too. It returns nil, and allocates
// nothing, for a plain path (see [PlainPath]) that fold does not change.
//
// Use it with [ListedPath], which refuses dot segments and whatever has further
// readings.
func Readings(u *url.URL, fold bool) []string {
	if PlainPath(u) {
		if lower := strings.ToLower(u.Path); fold && lower != u.Path {
			return []string{lower}
		}
		return nil
	}
	var list readings
	reading := u.EscapedPath()
	for range 4 {
		list.add(reading, fold)
		list.add(cleaned(reading), fold)
		list.add(cleaned(bare(reading)), fold)
		before, _, _ := strings.Cut(reading, ";")
		list.add(cleaned(before), fold)
		decoded := decode(reading)
		if decoded == reading {
			break
		}
		reading = decoded
	}
	return list
}

// readings are paths, each once.
type readings []string

func (l *readings) add(reading string, fold bool) {
	if fold {
		if lower := strings.ToLower(reading); lower != reading {
			l.add(lower, false)
		}
	}
	if !slices.Contains(*l, reading) {
		*l = append(*l, reading)
	}
}

// cleaned is the path with one slash between segments. A slash at the end stays.
func cleaned(reading string) string {
	reading = "/" + strings.ReplaceAll(reading, `\`, "/")
	clean := path.Clean(reading)
	if strings.HasSuffix(reading, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// bare is the path without parameters and without dots and blanks at the end of
// its segments.
func bare(reading string) string {
	segments := strings.Split(strings.ReplaceAll(reading, `\`, "/"), "/")
	for i, segment := range segments {
		segment, _, _ = strings.Cut(segment, ";")
		if strings.Trim(segment, ".") != "" {
			segment = strings.TrimRight(segment, ". ")
		}
		segments[i] = segment
	}
	return strings.Join(segments, "/")
}
