package fields_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dunglas/httpsfv"

	"github.com/sparkoo/transfergate/internal/fields"
)

// vector is a test of the HTTP working group's structured-field-tests.
type vector struct {
	Name       string            `json:"name"`
	Raw        []string          `json:"raw"`
	HeaderType string            `json:"header_type"`
	Expected   []json.RawMessage `json:"expected"`
	Canonical  []string          `json:"canonical"`
	MustFail   bool              `json:"must_fail"`
}

// item returns the vector's value, which is a plain JSON string for a string,
// and how it is written; ok is false for a vector that is no lone text item.
func (v vector) item(t *testing.T) (kind, value, written string, ok bool) {
	t.Helper()
	if v.HeaderType != "item" || len(v.Expected) != 2 || string(v.Expected[1]) != "[]" {
		return "", "", "", false
	}
	if lines := v.Canonical; len(lines) == 1 {
		written = lines[0]
	} else if len(v.Raw) == 1 {
		written = v.Raw[0]
	}
	if json.Unmarshal(v.Expected[0], &value) == nil {
		return "string", value, written, true
	}
	var typed struct {
		Type  string `json:"__type"`
		Value string `json:"value"`
	}
	if err := json.Unmarshal(v.Expected[0], &typed); err != nil {
		t.Fatalf("reading vector %q: %v", v.Name, err)
	}
	return typed.Type, typed.Value, written, true
}

// TestVectors runs the working group's vectors for tokens, strings and display
// strings through Token and Text.
func TestVectors(t *testing.T) {
	tests := []struct {
		file string
		min  int // vectors that must be of use, so that none is skipped unseen
	}{
		{"token.json", 3},
		{"token-generated.json", 100},
		{"string.json", 4},
		{"string-generated.json", 90},
		{"display-string.json", 4},
		{"serialisation-tests/token-generated.json", 124},
		{"serialisation-tests/string-generated.json", 33},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", "sfv", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			var vectors []vector
			if err := json.Unmarshal(data, &vectors); err != nil {
				t.Fatal(err)
			}
			used := 0
			for _, v := range vectors {
				if kind, value, written, ok := v.item(t); ok {
					used++
					checkVector(t, v, kind, value, written)
				}
			}
			if used < tt.min {
				t.Errorf("%d vectors were of use, want at least %d", used, tt.min)
			}
		})
	}
}

func checkVector(t *testing.T, v vector, kind, value, written string) {
	t.Helper()
	render := fields.Text
	if kind == "token" {
		render = fields.Token
	}
	got, err := render(value)
	switch {
	case v.MustFail && kind == "token":
		if err == nil {
			t.Errorf("%s: Token(%q) = %q, want an error", v.Name, value, got)
		}
	case v.MustFail:
		// No string can hold it, so Text must have found another way.
		if err != nil || !strings.HasPrefix(got, `%"`) || parseText(t, got) != value {
			t.Errorf("%s: Text(%q) = %q, %v, want a display string", v.Name, value, got, err)
		}
	case err != nil:
		t.Errorf("%s: rendering %q: %v", v.Name, value, err)
	case kind == "displaystring" && isASCII(value):
		// Text writes these as strings; the value is what counts.
		if parseText(t, got) != value {
			t.Errorf("%s: Text(%q) = %q", v.Name, value, got)
		}
	case got != written:
		t.Errorf("%s: got %s, want %s", v.Name, got, written)
	}
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 0x7e || r < 0x20 }) < 0
}

// parseItem reads a rendered value back with the library.
func parseItem(t *testing.T, value string) httpsfv.Item {
	t.Helper()
	item, err := httpsfv.UnmarshalItem([]string{value})
	if err != nil {
		t.Fatalf("parsing %q: %v", value, err)
	}
	return item
}

// parseText reads a string or display string back.
func parseText(t *testing.T, value string) string {
	t.Helper()
	switch v := parseItem(t, value).Value.(type) {
	case string:
		return v
	case httpsfv.DisplayString:
		return string(v)
	default:
		t.Fatalf("%q is a %T, want text", value, v)
		return ""
	}
}

func TestText(t *testing.T) {
	tests := []struct{ in, want string }{
		// RFC 9651 section 4.1.11, by hand: i with acute is c3 ad, a with tilde c3 a3, e with acute c3 a9.
		{"Edifício EZ Towers", `%"Edif%c3%adcio EZ Towers"`},
		{"Vila São Francisco, São Paulo/SP", `%"Vila S%c3%a3o Francisco, S%c3%a3o Paulo/SP"`},
		{"Lima 27, Perú", `%"Lima 27, Per%c3%ba"`},
		{`Perú 100% "x"`, `%"Per%c3%ba 100%25 %22x%22"`},
		{"Sparkoo Technologies Chile SpA", `"Sparkoo Technologies Chile SpA"`},
		{`a "b" \c`, `"a \"b\" \\c"`},
		{"100%", `"100%"`},
		{"", `""`},
		{"a\tb", `%"a%09b"`},
		{"a\r\nData-Region: x", `%"a%0d%0aData-Region: x"`},
		{"a\x7f", `%"a%7f"`},
	}
	for _, tt := range tests {
		got, err := fields.Text(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("Text(%q) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
		if back := parseText(t, got); back != tt.in {
			t.Errorf("Text(%q) reads back as %q", tt.in, back)
		}
	}
}

func TestValueErrors(t *testing.T) {
	tests := []struct {
		name   string
		render func(string) (string, error)
		in     string
		want   string
	}{
		{"empty token", fields.Token, "", `rendering "" as a token: `},
		{"token with a digit first", fields.Token, "3dc", `rendering "3dc" as a token: `},
		{"token with a space", fields.Token, "a b", `rendering "a b" as a token: `},
		{"token with a line end", fields.Token, "a\r\nb", `rendering "a\r\nb" as a token: `},
		{"text that is no UTF-8", fields.Text, "S\xe3o", `rendering "S\xe3o" as text: not valid UTF-8; correct the register or account record it comes from`},
	}
	for _, tt := range tests {
		got, err := tt.render(tt.in)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %q, %v, want error %s...", tt.name, got, err, tt.want)
		}
		if got != "" {
			t.Errorf("%s: value %q beside the error", tt.name, got)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "São Paulo", `a"b\c%`, "\x00\r\n", "\xff", "日本"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := fields.Text(s)
		if (err == nil) != utf8.ValidString(s) {
			t.Fatalf("Text(%q): %v", s, err)
		}
		if err == nil && (!isASCII(got) || parseText(t, got) != s) {
			t.Fatalf("Text(%q) = %q", s, got)
		}
	})
}
