package main_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// These are guides, not limits: what is larger has a sentence in its package's doc
// that says why it is better so.
const (
	roomLines     = 3500 // of a package, without its tests
	fileLines     = 400
	testFileLines = 600
	typeFiles     = 6 // in which the methods of one type stand
)

// TestSizesAreExplained looks in the doc of each package for "package is long", for
// "NAME.go is long" and for "methods of NAME", where a guide is passed. Several names
// may stand in one sentence.
func TestSizesAreExplained(t *testing.T) {
	packages := 0
	for _, dir := range goList(t, "-f", "{{.Dir}}", "../../...") {
		packages++
		r := readRoom(t, dir)
		name := strings.TrimPrefix(dir, root(t)+string(filepath.Separator))
		if r.lines > roomLines && !r.says(`package is long`) {
			t.Errorf("%s: %d lines, and its doc does not say why the package is long", name, r.lines)
		}
		for _, file := range r.long {
			// A point ends a sentence, but for those in names of files.
			if !r.says(regexp.QuoteMeta(file) + `\b([^.]|\.go\b)* long`) {
				t.Errorf("%s: %s passes the guide for a file's length, and the package's doc does not say why '%s is long'", name, file, file)
			}
		}
		for _, of := range slices.Sorted(maps.Keys(r.methods)) {
			if files := len(r.methods[of]); files > typeFiles && !r.says(`methods of [^.]*\b`+of+`\b`) {
				t.Errorf("%s: the 'methods of %s' stand in %d files, and the package's doc does not say why", name, of, files)
			}
		}
	}
	if packages < 40 {
		t.Errorf("only %d packages were looked at", packages)
	}
}

// room is what the guides measure of a package.
type room struct {
	doc     string                     // on one line
	lines   int                        // without tests
	long    []string                   // files that pass the guide
	methods map[string]map[string]bool // the files in which they stand, by receiver
}

// says reports whether the package's doc has a match of a pattern.
func (r room) says(pattern string) bool { return regexp.MustCompile(pattern).MatchString(r.doc) }

func readRoom(t *testing.T, dir string) room {
	t.Helper()
	r := room{methods: map[string]map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, lines := filepath.Base(path), bytes.Count(data, []byte("\n"))
		if strings.HasSuffix(name, "_test.go") {
			if lines > testFileLines {
				r.long = append(r.long, name)
			}
			continue
		}
		r.lines += lines
		if lines > fileLines {
			r.long = append(r.long, name)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, data, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		r.doc += strings.Join(strings.Fields(file.Doc.Text()), " ") + " "
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil {
				of := receiver(f.Recv.List[0].Type)
				if r.methods[of] == nil {
					r.methods[of] = map[string]bool{}
				}
				r.methods[of][name] = true
			}
		}
	}
	return r
}

// receiver is the name of a method's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// root is the folder of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
