package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/world"
)

//go:embed html
var files embed.FS

//go:embed style.css
var style []byte

//go:embed icon.svg
var icon []byte

// styleName and iconName are addresses, which change with what is there.
var (
	styleName = hashed("style", style, ".css")
	iconName  = hashed("icon", icon, ".svg")
)

func hashed(name string, content []byte, ending string) string {
	sum := sha256.Sum256(content)
	return name + "-" + hex.EncodeToString(sum[:6]) + ending
}

// serveFile serves one of them.
func serveFile(w http.ResponseWriter, r *http.Request, name string, content []byte) {
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}

// templates are those of the pages, by the names of their files.
var templates = func() map[string]*template.Template {
	frame := template.Must(template.New("frame.html").Funcs(functions).ParseFS(files, "html/frame.html", "html/parts.html"))
	all := make(map[string]*template.Template)
	entries, err := files.ReadDir("html")
	if err != nil {
		panic(err) // they are part of the program
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".html")
		if name == "frame" || name == "parts" {
			continue
		}
		page := template.Must(template.Must(frame.Clone()).ParseFS(files, path.Join("html", e.Name())))
		all[name] = page
	}
	return all
}()

// functions are what the pages' templates use.
var functions = template.FuncMap{
	"number":   number[int],
	"number64": number[uint64],
	"moment":   moment,
	"day":      day,
	"machine":  machine,
	"shown":    shown,
	"short":    short,
	"country":  world.Name,
	"to":       to,
}

func escape(text string) string { return url.QueryEscape(text) }

// number writes a number with commas between thousands.
func number[N int | uint64](n N) string {
	digits := strconv.FormatUint(uint64(n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// moment writes a time in the one form that all pages have, in UTC.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// day writes a date.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// machine writes a time for the attribute of its element.
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// shown is a text of a record as it may stand on a page, its lines kept.
func shown(text string) string { return string(query.VisibleLines([]byte(text))) }

// longest is how many letters of a text a table shows.
const longest = 48

// short is a text of a record in a table.
func short(text string) string {
	text = query.Visible(text)
	if utf8.RuneCountInString(text) <= longest {
		return text
	}
	return string([]rune(text)[:longest-1]) + "…"
}

// counted says how many there are of something.
func counted(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%s %s", number(n), many)
}
