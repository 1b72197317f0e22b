package config_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sparkoo/transfergate/config"
)

// checked is when these tests look at the registers.
var checked = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

// codeForm is what a code looks like.
var codeForm = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// sourceCodes finds the codes that the sources in a folder report: what is passed to
// report as the second argument, and what stands in a Problem or Finding.
func sourceCodes(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	literal := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && codeForm.MatchString(text) {
				found[text] = true
			}
		}
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "report" && len(n.Args) > 2 {
					literal(n.Args[1])
				}
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "problem" && len(n.Args) > 2 {
					literal(n.Args[1])
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Code" {
					literal(n.Value)
				}
			case *ast.CompositeLit:
				if name, ok := n.Type.(*ast.Ident); ok && name.Name == "Finding" && len(n.Elts) > 0 {
					literal(n.Elts[0])
				} else if n.Type == nil && len(n.Elts) == 3 { // a Finding in a list of them
					literal(n.Elts[0])
				}
			}
			return true
		})
	}
	return found
}

// Every code that is reported is documented, and no other; errors and warnings
// each have their place in the tests of broken policies or of Caddyfiles.
func TestCodesAreDocumented(t *testing.T) {
	reported := sourceCodes(t, ".")
	for _, dir := range []string{"../caddyplugin/gateway", "../caddyplugin/command/policy"} {
		for code := range sourceCodes(t, dir) {
			if _, known := config.FindCode(code); known || strings.HasPrefix(code, "unknown-") {
				reported[code] = true
			}
		}
	}
	var documented []string
	for _, c := range config.Codes() {
		documented = append(documented, c.Name)
		if !reported[c.Name] {
			t.Errorf("%s is documented and never reported", c.Name)
		}
		if c.Title == "" || c.Why == "" || c.Do == "" || c.Severity != config.Error && c.Severity != config.Warning {
			t.Errorf("%s is not documented whole: %+v", c.Name, c)
		}
		delete(reported, c.Name)
	}
	for code := range reported {
		t.Errorf("%s is reported and not documented", code)
	}
	if slices.Sort(documented); len(slices.Compact(documented)) != len(config.Codes()) {
		t.Error("a code is documented twice")
	}
}

// marker is how a broken register names its problem, on the line it is on:
// # <- code:column, several of them with blanks between.
var marker = regexp.MustCompile(`# <- ((?:[a-z-]+:\d+ ?)+)$`)

// Each folder of testdata/broken is the small policy with registers of its own in
// place of some: what is wrong is marked where it is, or stands in WANT when no
// line can hold a mark.
func TestBrokenPolicies(t *testing.T) {
	folders, err := filepath.Glob("testdata/broken/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(folders) < 40 {
		t.Errorf("%d broken policies, want at least 40", len(folders))
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			fsys := small(t)
			var want []string
			files, err := os.ReadDir(folder)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				data, err := os.ReadFile(filepath.Join(folder, f.Name()))
				if err != nil {
					t.Fatal(err)
				}
				if f.Name() == "WANT" {
					want = append(want, strings.Split(strings.TrimSpace(string(data)), "\n")...)
					continue
				}
				fsys[f.Name()] = &fstest.MapFile{Data: data}
				for i, line := range strings.Split(string(data), "\n") {
					if m := marker.FindStringSubmatch(line); m != nil {
						for mark := range strings.FieldsSeq(m[1]) {
							code, column, _ := strings.Cut(mark, ":")
							want = append(want, "p/"+f.Name()+":"+strconv.Itoa(i+1)+":"+column+" "+code)
						}
					}
				}
			}
			for _, w := range want {
				if name, gone := strings.CutSuffix(w, " missing-file"); gone {
					delete(fsys, strings.TrimPrefix(name, "p/"))
				}
			}
			registers, problems, err := config.Check(fsys, "p", config.CheckOptions{At: checked})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			failed := false
			for _, p := range problems {
				where := p.File
				if p.Line > 0 {
					where += ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
				}
				got = append(got, where+" "+p.Code)
				failed = failed || p.Severity() == config.Error
				if !strings.Contains(p.Text, "; ") {
					t.Errorf("%s does not say what to do: %s", where, p.Text)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("\n got %s\nwant %s\n%v", strings.Join(got, "\n     "), strings.Join(want, "\n     "), problems)
			}
			if failed != (registers == nil) {
				t.Errorf("errors: %t, registers: %t", failed, registers != nil)
			}
		})
	}
}

// The shipped policy has no error. What it warns of is what counsel and the
// operator have to do before it serves anybody, and nothing else.
func TestShippedPolicyPassesCheck(t *testing.T) {
	registers, problems, err := config.CheckDefault(config.CheckOptions{At: checked})
	if err != nil || registers == nil {
		t.Fatal(err, problems)
	}
	expected := map[string]bool{
		"clock-doubtful":      true, // what sources leave open
		"clocks-unconfirmed":  true, // what no counsel has read
		"law-changing":        true, // Chile's, within 30 days
		"law-unconfirmed":     true, // rows that the sources left uncertain
		"register-incomplete": true, // contacts are the operator's
		"safeguard-unproven":  true, // contracts that do not exist yet
		"statement-unhashed":  true, // the text is the operator's
	}
	for _, p := range problems {
		ends := p.Code == "safeguard-expiring" && strings.Contains(p.Text, "because Ley 19.628 as replaced by Ley 21.719 Arts 27-28 begins") // Chile's law of December 2026
		if p.Severity() != config.Warning || !expected[p.Code] && !ends {
			t.Errorf("not expected: %s: %s", p, p.Code)
		}
	}
	for _, law := range registers.Policy.Laws {
		if law.Confirm != slices.ContainsFunc(problems, func(p config.Problem) bool {
			return p.Code == "law-unconfirmed" && strings.Contains(p.Text, strconv.Quote(law.ID))
		}) && law.Validity.Contains(checked) {
			t.Errorf("law %s: confirm %t, but the check says otherwise", law.ID, law.Confirm)
		}
	}
}
