package caddyplugin_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/prometheus/client_golang/prometheus"

	_ "github.com/sparkoo/transfergate/caddyplugin"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

var update = flag.Bool("update", false, "write what there is into testdata/surface.txt and the pages of deploy/docs")

// asProgram makes the test's own program the gateway's.
const asProgram = "TRANSFERGATE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		caddycmd.Main()
		return
	}
	testsupport.TakeStderr() // Caddy's log belongs to the test that runs
	os.Exit(m.Run())
}

// TestSurface lists what others build upon: dashboards, scripts and programs. What
// stands in testdata/surface.txt may be added to, and is not changed.
func TestSurface(t *testing.T) {
	testsupport.LogTo(t)
	var found strings.Builder
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"metrics: name, labels", metricNames(t)},
		{"paths of the admin API", adminPaths(t)},
		{"exit codes", exitCodes(t)},
		{"exported by internal/assertion", exported(t, "../internal/assertion")},
	} {
		fmt.Fprintf(&found, "# %s\n%s\n\n", part.title, strings.Join(part.lines, "\n"))
	}
	golden := filepath.Join("testdata", "surface.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(found.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		page(t, "metrics.md", metricsPage(metrics(t))) // what changed there changed the pages, too
		page(t, "admin-api.md", adminAPIPage(t))
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	there := strings.Split(found.String(), "\n")
	for line := range strings.Lines(string(want)) {
		if line = strings.TrimSuffix(line, "\n"); !slices.Contains(there, line) {
			t.Errorf("gone or changed: %s", line)
		}
	}
	known := strings.Split(string(want), "\n")
	for _, line := range there {
		if !slices.Contains(known, line) {
			t.Errorf("new: %s (if it is meant, write it down with -update)", line)
		}
	}
}

// metricNames lists the metrics that a configuration with a gateway registers.
func metricNames(t *testing.T) (lines []string) {
	for _, m := range metrics(t) {
		lines = append(lines, strings.TrimSpace(m.name+" "+strings.Join(m.labels, ",")))
	}
	return lines
}

// metric is what a registry tells of one.
type metric struct {
	name, help string
	labels     []string
}

var described = regexp.MustCompile(`fqName: "(caddy_transfer_[^"]*)", help: ("(?:[^"\\]|\\.)*").*variableLabels: \{([^}]*)\}`)

// metrics are those that a configuration with a gateway registers, by name.
func metrics(t *testing.T) (found []metric) {
	t.Helper()
	raw := fmt.Sprintf(`{"admin": {"disabled": true}, "apps": {"transfer": {"demo": true, "node": {"name": "gw-sg-1", "country": "SG", "entity": "sparkoo-sg"}, "ledger": {"folder": %q}}}}`,
		filepath.Join(t.TempDir(), "ledger"))
	var config caddy.Config
	if err := caddy.StrictUnmarshalJSON([]byte(raw), &config); err != nil {
		t.Fatal(err)
	}
	ctx, err := caddy.ProvisionContext(&config)
	if err != nil {
		t.Fatal(err)
	}
	app, err := ctx.AppIfConfigured("transfer")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := app.(caddy.CleanerUpper).Cleanup(); err != nil {
			t.Error(err)
		}
	}()
	all := make(chan *prometheus.Desc)
	go func() {
		defer close(all)
		ctx.GetMetricsRegistry().Describe(all)
	}()
	for desc := range all {
		m := described.FindStringSubmatch(desc.String())
		if m == nil {
			continue
		}
		help, err := strconv.Unquote(m[2])
		if err != nil {
			t.Fatalf("%s: %v", desc, err)
		}
		found = append(found, metric{m[1], help, strings.FieldsFunc(m[3], func(c rune) bool { return c == ',' })})
	}
	slices.SortFunc(found, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(found, func(a, b metric) bool { return a.name == b.name })
}

func adminPaths(t *testing.T) (lines []string) {
	module, err := caddy.GetModule("admin.api.transfer")
	if err != nil {
		t.Fatal(err)
	}
	for _, route := range module.New().(caddy.AdminRouter).Routes() {
		lines = append(lines, route.Pattern)
	}
	slices.Sort(lines)
	return lines
}

// exitCodes runs commands whose outcomes are known.
func exitCodes(t *testing.T) (lines []string) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "Caddyfile") // it names no node: a finding
	if err := os.WriteFile(wrong, []byte(":8080 {\n\trespond hello\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		args []string
	}{
		{"it worked", []string{"transfer", "reasons"}},
		{"it did not work", []string{"transfer", "test", filepath.Join(t.TempDir(), "nothing")}},
		{"it worked and found something wrong", []string{"transfer", "check", "--caddyfile", wrong}},
	} {
		cmd := exec.CommandContext(context.Background(), exe, c.args...)
		cmd.Env = append(os.Environ(), asProgram+"=yes")
		out, err := cmd.CombinedOutput()
		if e := new(exec.ExitError); err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		t.Logf("%v: %s", c.args, out)
		lines = append(lines, fmt.Sprintf("%d %s", cmd.ProcessState.ExitCode(), c.what))
	}
	return lines
}

// exported lists the exported declarations of a package, without comments and
// bodies, each on one line.
func exported(t *testing.T, dir string) (lines []string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	space := regexp.MustCompile(`\s+`)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if !ast.FileExports(file) {
			continue
		}
		for _, decl := range file.Decls {
			nodes := []ast.Node{decl}
			switch d := decl.(type) {
			case *ast.FuncDecl:
				d.Body = nil
			case *ast.GenDecl:
				if d.Tok == token.IMPORT {
					continue
				}
				nodes = nil
				for _, spec := range d.Specs {
					nodes = append(nodes, spec)
				}
			}
			for _, node := range nodes {
				var text bytes.Buffer
				if err := printer.Fprint(&text, fset, node); err != nil {
					t.Fatal(err)
				}
				lines = append(lines, strings.TrimSpace(space.ReplaceAllString(text.String(), " ")))
			}
		}
	}
	slices.Sort(lines)
	return lines
}
