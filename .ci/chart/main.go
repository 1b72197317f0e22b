// Chart renders a Helm chart as 'helm template' does, after 'helm lint --strict', with Helm's
// own packages: the command itself takes twice as long to build. It is a module of its own,
// so that the product does not require Helm.
//
//	go run . CHART [values=FILE | NAME=VALUE | NAME@FILE]...
package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"os"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	"helm.sh/helm/v3/pkg/strvals"
)

func main() {
	log.SetOutput(io.Discard) // the loader's word about symbolic links
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: chart CHART [values=FILE | NAME=VALUE | NAME@FILE]...")
		os.Exit(2)
	}
	values, err := valuesOf(os.Args[2:])
	if err == nil {
		err = render(os.Stdout, os.Args[1], values)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// valuesOf reads values in the order given; later ones win.
func valuesOf(args []string) (map[string]any, error) {
	values := make(map[string]any)
	for _, arg := range args {
		if file, ok := strings.CutPrefix(arg, "values="); ok {
			read, err := chartutil.ReadValuesFile(file)
			if err != nil {
				return nil, fmt.Errorf("reading values: %w", err)
			}
			values = chartutil.CoalesceTables(read, values)
			continue
		}
		if name, file, ok := strings.Cut(arg, "@"); ok && !strings.Contains(name, "=") {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("reading a value: %w", err)
			}
			table, key, _ := strings.Cut(name, ".")
			values = chartutil.CoalesceTables(map[string]any{table: map[string]any{key: string(text)}}, values)
			continue
		}
		if err := strvals.ParseInto(arg, values); err != nil {
			return nil, fmt.Errorf("reading the value '%s': %w", arg, err)
		}
	}
	return values, nil
}

// render writes what the chart makes of the values.
func render(w io.Writer, folder string, values map[string]any) error {
	for _, m := range lint.All(folder, values, "default", true).Messages {
		if m.Severity >= support.WarningSev {
			return fmt.Errorf("lint: %v", m)
		}
	}
	chart, err := loader.Load(folder)
	if err != nil {
		return err
	}
	all, err := chartutil.ToRenderValues(chart, values, chartutil.ReleaseOptions{Name: "gw", Namespace: "default", IsInstall: true}, nil)
	if err != nil {
		return err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return err
	}
	var names []string
	for name, text := range files {
		if path.Ext(name) == ".yaml" && strings.TrimSpace(text) != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	out := bufio.NewWriter(w)
	for _, name := range names {
		fmt.Fprintf(out, "---\n# Source: %s\n%s\n", name, files[name])
	}
	return out.Flush()
}
