package coverage_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/coverage"
)

var update = flag.Bool("update", false, "write marks.json and the table anew")

const (
	root      = "../.."
	marksFile = "marks.json"
	tableFile = "../../config/COVERAGE.md"
)

// sourceMarks reads the marks in all Go files of the repository.
func sourceMarks(t *testing.T) []coverage.Mark {
	t.Helper()
	marks := []coverage.Mark{}
	for path, data := range markedFiles(t) {
		file, err := parser.ParseFile(token.NewFileSet(), path, data, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		marks = append(marks, fileMarks(file)...)
	}
	return marks
}

// markedFiles are the Go files of the repository that have marks, by path, in order.
func markedFiles(t *testing.T) iter.Seq2[string, []byte] {
	t.Helper()
	return func(yield func(string, []byte) bool) {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
				return filepath.SkipDir
			}
			if !strings.HasSuffix(path, ".go") {
				return nil
			}
			data, err := os.ReadFile(path)
			if err == nil && bytes.Contains(data, []byte("//clause:")) && !yield(path, data) {
				return filepath.SkipAll
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// fileMarks are the marks that stand in the comments of a file's declarations.
func fileMarks(file *ast.File) (marks []coverage.Mark) {
	marks = marksIn(file, file.Doc, "")
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			marks = append(marks, marksIn(file, d.Doc, funcName(d))...)
		case *ast.GenDecl:
			if spec, ok := d.Specs[0].(*ast.TypeSpec); ok {
				marks = append(marks, marksIn(file, d.Doc, "."+spec.Name.Name)...)
			}
		}
	}
	return marks
}

// marksIn are the marks in a comment of what is called name in its package.
func marksIn(file *ast.File, doc *ast.CommentGroup, name string) (marks []coverage.Mark) {
	if doc == nil {
		return nil
	}
	for _, c := range doc.List {
		if text, found := strings.CutPrefix(c.Text, "//clause:"); found {
			marks = append(marks, parseMark(text, strings.TrimSuffix(file.Name.Name, "_test")+name))
		}
	}
	return marks
}

// funcName is a function's name in its package, with its receiver's type.
func funcName(f *ast.FuncDecl) string {
	name := "." + f.Name.Name
	if f.Recv != nil {
		name = "." + strings.TrimPrefix(receiver(f.Recv.List[0].Type), "*") + name
	}
	return name
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// parseMark reads "enforces §4(c) §5(d); record withheld; header Data-Transfer" or
// "not §5(b); because ...".
func parseMark(text, name string) coverage.Mark {
	kind, rest, _ := strings.Cut(text, " ")
	m := coverage.Mark{Kind: kind, Name: name}
	clauses, rest, _ := strings.Cut(rest, ";")
	m.Clauses = strings.Fields(clauses)
	if because, found := strings.CutPrefix(strings.TrimSpace(rest), "because "); found {
		m.Because = because
		return m
	}
	rest, m.Off, _ = strings.Cut(rest, "; off ")
	for part := range strings.SplitSeq(rest, ";") {
		words := strings.Fields(part)
		switch {
		case len(words) == 0:
		case words[0] == "record":
			m.Record = words[1:]
		case words[0] == "header":
			m.Header = words[1:]
		case words[0] == "elsewhere":
			m.Elsewhere = words[1:]
		default:
			m.Kind = "unreadable: " + text
		}
	}
	return m
}

func encode(t *testing.T, marks []coverage.Mark) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(marks); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func table(t *testing.T, marks []coverage.Mark) []coverage.Row {
	t.Helper()
	r, err := config.DefaultRegisters()
	if err != nil {
		t.Fatal(err)
	}
	tests, err := config.DefaultTests()
	if err != nil {
		t.Fatal(err)
	}
	return coverage.Table(r, tests, marks)
}

// The marks and the table are those of the sources as they stand.
func TestUpToDate(t *testing.T) {
	marks := sourceMarks(t)
	for file, want := range map[string][]byte{
		marksFile: encode(t, marks), tableFile: []byte(coverage.Markdown(table(t, marks))),
	} {
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is out of date (%v): run go test ./internal/coverage -run TestUpToDate -update", file, err)
		}
	}
}

// Every clause of the statement has an answer, and every mark is of a clause.
func TestEveryClauseIsAnswered(t *testing.T) {
	marks := sourceMarks(t)
	var known []string
	for _, row := range table(t, marks) {
		known = append(known, row.Clause)
		if !row.Answered() {
			t.Errorf("%s (%s) has no answer: enforced by %v, record %v, header %v, tested by %v; mark what enforces and tests it with //clause:, or say why it is no task of a gateway",
				row.Clause, row.Title, row.Enforced, row.Record, row.Header, row.Tested)
		}
	}
	if len(known) < 12+7+4+30+39 {
		t.Errorf("the statement has %d clauses", len(known))
	}
	for _, m := range marks {
		if !slices.Contains([]string{"enforces", "tests", "not"}, m.Kind) || (m.Kind == "not") != (m.Because != "") || len(m.Clauses) == 0 {
			t.Errorf("the mark beside %s is %+v", m.Name, m)
		}
		for _, clause := range m.Clauses {
			if !slices.Contains(known, clause) {
				t.Errorf("the mark beside %s names the clause %s, which the statement does not have", m.Name, clause)
			}
		}
		if m.Kind == "tests" && !strings.Contains(m.Name, ".Test") {
			t.Errorf("the mark beside %s is of a test, and that is none", m.Name)
		}
		for _, clause := range m.Clauses {
			if slices.ContainsFunc(known, func(tag string) bool { return strings.HasPrefix(tag, clause+".") }) {
				t.Errorf("the mark beside %s answers %s as a whole, which has several sentences; name them", m.Name, clause)
			}
		}
		for _, field := range m.Record {
			if !slices.Contains(recordFields(t), field) {
				t.Errorf("the mark beside %s names the record field %s, which no record has", m.Name, field)
			}
		}
	}
}

// A clause that nothing answers is found, and one of which only a part does.
func TestUnanswered(t *testing.T) {
	bare := &config.Registers{Policy: shippedPolicy(t), Terms: config.Terms{Clauses: []config.Term{
		{Tag: "§5"}, {Tag: "§5(b)"}, {Tag: "§5(d)"}, {Tag: "§6"}, {Tag: "7-right(a)"},
	}}}
	b := coverage.Mark{Kind: "enforces", Clauses: []string{"§5(b)"}, Name: "x.Y", Record: []string{"country"}}
	tested := coverage.Mark{Kind: "tests", Clauses: []string{"§5(b)"}, Name: "x.TestY"}
	d := coverage.Mark{Kind: "not", Clauses: []string{"§5(d)"}, Because: "of something"}
	answered := func(marks ...coverage.Mark) (list []string) {
		for _, row := range coverage.Table(bare, nil, marks) {
			if row.Answered() {
				list = append(list, row.Clause)
			}
		}
		return list
	}
	for _, c := range []struct {
		marks []coverage.Mark
		want  []string
	}{
		{nil, nil},
		{[]coverage.Mark{b}, nil},
		{[]coverage.Mark{b, tested}, []string{"§5(b)"}},
		{[]coverage.Mark{b, tested, d}, []string{"§5", "§5(b)", "§5(d)"}},
	} {
		if got := answered(c.marks...); !slices.Equal(got, c.want) {
			t.Errorf("%v: answered %v, want %v", c.marks, got, c.want)
		}
	}
}
