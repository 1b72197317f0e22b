package coverage_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/coverage"
)

// What the test below sets: which of the marked functions enforces nothing.
const disabledVariable = "TRANSFERGATE_DISABLED"

// policyTests is the test that asks the policy's own tests.
const policyTests = "internal/policytest.TestShippedPolicy"

// packageClause is the line that names a file's package.
var packageClause = regexp.MustCompile(`(?m)^package \w+`)

// placed is a mark with where it stands.
type placed struct {
	coverage.Mark
	id   string // what disables it
	dir  string // of its package, from the root
	file string
	body token.Pos // behind the opening brace of its function
	// nothing is what the function does when it enforces nothing.
	nothing string
}

// name is how people call what is marked.
func (p *placed) name() string { return p.dir + ": " + p.Name }

// When what a mark stands beside enforces nothing, a test that is named for the clause
// fails: for each clause of each mark. Programs of the tests are built once, with all
// marked functions changed to do nothing when a variable of the environment names them.
// Takes minutes; TRANSFERGATE_TESTS_MARKS=1 asks for it.
func TestDisabledMarksFail(t *testing.T) {
	if os.Getenv("TRANSFERGATE_TESTS_MARKS") == "" {
		t.Skip("takes minutes; .ci/run marks asks for it")
	}
	marks := placedMarks(t)
	tests := testsOf(t, marks)
	overlay := disableAll(t, marks)
	runs := &runner{t: t, overlay: overlay, programs: map[string]string{}, answers: map[string]answered{}}
	for i := range marks {
		m := &marks[i]
		if m.Kind != "enforces" {
			continue
		}
		for _, clause := range m.Clauses {
			failed := runs.firstToFail(m, clause, tests[clause])
			if failed == "" {
				t.Errorf("%s answers %s, and with it disabled none of its tests fails: %q", m.name(), clause, tests[clause])
				continue
			}
			t.Logf("%-14s %s: %s fails", clause, m.name(), failed)
		}
	}
}

// placedMarks are the marks of functions in the sources, with their places.
func placedMarks(t *testing.T) (list []placed) {
	t.Helper()
	for path, data := range markedFiles(t) {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, data, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				if g, isGen := d.(*ast.GenDecl); isGen && len(marksIn(file, g.Doc, "")) > 0 {
					t.Errorf("%s has a mark beside what is no function, so that nothing can disable it", path)
				}
				continue
			}
			for _, m := range marksIn(file, f.Doc, funcName(f)) {
				p := placed{Mark: m, id: fmt.Sprint(len(list)), dir: filepath.ToSlash(dir), file: path, nothing: m.Off}
				p.body = token.Pos(fset.Position(f.Body.Lbrace).Offset + 1)
				if p.nothing == "" {
					p.nothing = zeroes(data, fset, f)
				}
				list = append(list, p)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b placed) int { return strings.Compare(a.file, b.file) })
	return list
}

// zeroes is the statements with which a function returns nothing.
func zeroes(data []byte, fset *token.FileSet, f *ast.FuncDecl) string {
	results := f.Type.Results
	if results == nil || len(results.List[0].Names) > 0 {
		return "return"
	}
	var declared, names []string
	for i, r := range results.List {
		name := fmt.Sprintf("nothing%d", i)
		text := data[fset.Position(r.Type.Pos()).Offset:fset.Position(r.Type.End()).Offset]
		declared, names = append(declared, fmt.Sprintf("var %s %s", name, text)), append(names, name)
	}
	return strings.Join(declared, "; ") + "; return " + strings.Join(names, ", ")
}

// testsOf are the tests named for each clause, those of the policy first.
func testsOf(t *testing.T, marks []placed) map[string][]string {
	t.Helper()
	tests, err := config.DefaultTests()
	if err != nil {
		t.Fatal(err)
	}
	of := map[string][]string{}
	for i := range tests {
		for _, clause := range tests[i].Clauses {
			of[clause] = append(of[clause], policyTests+"/"+tests[i].Name)
		}
	}
	for i := range marks {
		if m := &marks[i]; m.Kind == "tests" {
			_, name, _ := strings.Cut(m.Name, ".")
			for _, clause := range m.Clauses {
				of[clause] = append(of[clause], m.dir+"."+name)
			}
		}
	}
	return of
}

// dirOf and nameOf take the name of a test apart; the policy's tests are one of Go's.
func dirOf(test string) string {
	test, _, _ = cutPolicyTest(test)
	return test[:strings.LastIndex(test, ".")]
}

func nameOf(test string) string {
	test, _, _ = cutPolicyTest(test)
	return test[strings.LastIndex(test, ".")+1:]
}

func cutPolicyTest(test string) (of, sentence string, is bool) {
	if sentence, is = strings.CutPrefix(test, policyTests+"/"); is {
		return policyTests, sentence, true
	}
	return test, "", false
}

// disableAll writes the marked files anew, so that each marked function does nothing
// when it is named, and returns the overlay by which Go reads them instead.
func disableAll(t *testing.T, marks []placed) string {
	t.Helper()
	dir := t.TempDir()
	byFile := map[string][]*placed{}
	for i := range marks {
		if m := &marks[i]; m.Kind == "enforces" {
			byFile[m.file] = append(byFile[m.file], m)
		}
	}
	replace := map[string]string{}
	for path, list := range byFile {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		variable := fmt.Sprintf("disabled%d", len(replace))
		slices.SortFunc(list, func(a, b *placed) int { return int(b.body - a.body) }) // from the end
		for _, m := range list {
			data = slices.Insert(data, int(m.body), []byte(fmt.Sprintf(" if %s == %q { %s };", variable, m.id, m.nothing))...)
		}
		// On the line of the package clause, so that every line keeps its number.
		clause := packageClause.FindIndex(data)
		data = slices.Insert(data, clause[1], []byte("; import disabledos \"os\"")...)
		data = append(data, fmt.Sprintf("\nvar %s = disabledos.Getenv(%q)\n", variable, disabledVariable)...)
		absolute, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := filepath.Join(dir, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(changed, data, 0o600); err != nil {
			t.Fatal(err)
		}
		replace[absolute] = changed
	}
	overlay := filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}

// runner builds the programs of tests, and runs each of their tests once.
type runner struct {
	t        *testing.T
	overlay  string
	programs map[string]string // by folder
	answers  map[string]answered
}

type answered struct {
	failed bool
	text   string
}

// firstToFail is the first of the tests that fails with a mark disabled; "" for none.
func (r *runner) firstToFail(m *placed, clause string, tests []string) string {
	r.t.Helper()
	quick := slices.Clone(tests)
	slices.SortStableFunc(quick, func(a, b string) int { return cost(m, a) - cost(m, b) })
	for _, name := range quick {
		out := r.run(m.id, dirOf(name), nameOf(name))
		_, sentence, isPolicy := cutPolicyTest(name)
		if !out.failed || isPolicy && !strings.Contains(out.text, sentence) {
			continue
		}
		if sound := r.run("", dirOf(name), nameOf(name)); sound.failed {
			r.t.Fatalf("%s fails with nothing disabled:\n%s", name, sound.text)
		}
		return name
	}
	return ""
}

// cost ranks tests by how long they and what they need take to build and run.
func cost(m *placed, test string) int {
	switch dir := dirOf(test); {
	case dir == m.dir:
		return 0
	case strings.HasPrefix(dir, "caddyplugin/"):
		return 2
	case strings.HasPrefix(dir, "cmd/"):
		return 3 // starts a program that it builds itself
	default:
		return 1
	}
}

// run runs one test with a mark disabled.
func (r *runner) run(id, dir, name string) answered {
	r.t.Helper()
	key := id + " " + dir + " " + name
	if out, done := r.answers[key]; done {
		return out
	}
	cmd := exec.Command(r.program(dir), "-test.run", "^"+name+"$", "-test.timeout", "2m")
	cmd.Dir = filepath.Join(root, dir)
	cmd.Env = append(os.Environ(), disabledVariable+"="+id, "TRANSFERGATE_TESTS_FULL=0")
	text, err := cmd.CombinedOutput()
	if !bytes.Contains(text, []byte("PASS")) && err == nil || bytes.Contains(text, []byte("no tests to run")) {
		r.t.Fatalf("%s of %s was not run: %s", name, dir, text)
	}
	out := answered{err != nil, string(text)}
	r.answers[key] = out
	return out
}

// program builds the tests of a folder.
func (r *runner) program(dir string) string {
	r.t.Helper()
	if path := r.programs[dir]; path != "" {
		return path
	}
	path := filepath.Join(r.t.TempDir(), "tests")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay", r.overlay, "-o", path, "./"+dir)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("building the tests of %s: %v\n%s", dir, err, out)
	}
	r.programs[dir] = path
	return path
}
