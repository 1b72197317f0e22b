package main_test

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// TestMap holds internal/README.md to the tree: a row for each package, and a
// reason for each direct requirement, of the product or of the tests alone.
func TestMap(t *testing.T) {
	page, err := os.ReadFile("../../internal/README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, requirements, ok := strings.Cut(string(page), "\n## Direct requirements\n")
	if !ok {
		t.Fatal("the page says nothing of direct requirements")
	}
	product, tests, ok := strings.Cut(requirements, "\nOnly tests need these.")
	if !ok {
		t.Fatal("the page does not tell the tests' requirements apart")
	}
	var rows []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(before, -1) {
		rows = append(rows, m[1])
	}
	var packages []string
	for _, path := range goList(t, "-f", "{{.ImportPath}}", "../../...") {
		packages = append(packages, strings.TrimSuffix(strings.TrimPrefix(path+"/", module), "/"))
	}
	wantSame(t, "packages", rows, packages)

	var shipped []string // modules in a user's build
	for _, path := range goList(t, "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".") {
		if !slices.Contains(shipped, path) {
			shipped = append(shipped, path)
		}
	}
	imported := goList(t, "-f", `{{join .Imports "\n"}}`, "../../cmd/...", "../../caddyplugin/...", "../../config/...", "../../controllers/...", "../../internal/...")
	var ours, theirs []string
	for _, path := range direct(t) {
		used := slices.ContainsFunc(imported, func(p string) bool { return p == path || strings.HasPrefix(p, path+"/") })
		if used && slices.Contains(shipped, path) {
			ours = append(ours, path)
		} else {
			theirs = append(theirs, path)
		}
	}
	wantSame(t, "requirements of the product", modulesIn(product), ours)
	wantSame(t, "requirements of the tests", modulesIn(tests), theirs)
}

// direct lists the direct requirements of go.mod.
func direct(t *testing.T) (modules []string) {
	t.Helper()
	data, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range file.Require {
		if !r.Indirect {
			modules = append(modules, r.Mod.Path)
		}
	}
	return modules
}

// modulesIn lists the modules named in the first column of a table.
func modulesIn(text string) (modules []string) {
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \|`).FindAllStringSubmatch(text, -1) {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			modules = append(modules, m[1])
		}
	}
	return modules
}

// goList runs go list and returns its lines that are not empty.
func goList(t *testing.T, args ...string) (lines []string) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

// wantSame compares two lists without regard to order.
func wantSame(t *testing.T, what string, page, tree []string) {
	t.Helper()
	for _, name := range page {
		if !slices.Contains(tree, name) {
			t.Errorf("%s: the page has %s, and the tree has not", what, name)
		}
	}
	for _, name := range tree {
		if !slices.Contains(page, name) {
			t.Errorf("%s: %s is missing on the page", what, name)
		}
	}
}
