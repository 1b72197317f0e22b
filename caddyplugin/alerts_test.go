package caddyplugin_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// Every alert asks for metrics that there are, with labels that they have, and leads to a
// page of the runbook.
func TestAlerts(t *testing.T) {
	read := func(path ...string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(path...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	surface, runbook, tried := read("testdata", "surface.txt"), read("..", "deploy", "runbook.md"), read("..", "deploy", "alerts.test.yml")
	var pages []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(runbook, -1) {
		anchor := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		pages = append(pages, strings.ReplaceAll(anchor, " ", "-"))
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(read("..", "deploy", "alerts.yml")))
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	rules := 0
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			rules++
			asked := regexp.MustCompile(`(caddy_\w+?)(?:_bucket)?(?:\{([^}]*)\}|\b)`).FindAllStringSubmatch(rule.Expr, -1)
			if rule.Alert == "" || len(asked) == 0 || rule.Annotations["summary"] == "" || rule.Labels["severity"] == "" {
				t.Errorf("alert %q says too little: %+v", rule.Alert, rule)
			}
			if !strings.Contains(tried, "\n        alertname: "+rule.Alert+"\n        exp_alerts:\n") {
				t.Errorf("alerts.test.yml does not have %s fire", rule.Alert)
			}
			for _, m := range asked {
				if m[1] == "caddy_config_last_reload_successful" {
					continue // Caddy's own
				}
				line := regexp.MustCompile(`(?m)^` + m[1] + `( .*)?$`).FindStringSubmatch(surface)
				if line == nil {
					t.Errorf("%s asks for %s, which is no metric", rule.Alert, m[1])
					continue
				}
				has := strings.FieldsFunc(line[1], func(c rune) bool { return c == ' ' || c == ',' })
				for _, label := range regexp.MustCompile(`(\w+)!?[=~]+"`).FindAllStringSubmatch(m[2], -1) {
					if !slices.Contains(has, label[1]) {
						t.Errorf("%s: %s has no label %s", rule.Alert, m[1], label[1])
					}
				}
			}
			_, page, _ := strings.Cut(rule.Annotations["runbook_url"], "/deploy/runbook.md#")
			if !slices.Contains(pages, page) {
				t.Errorf("%s leads to %q, which is no page of the runbook", rule.Alert, page)
			}
		}
	}
	if rules == 0 {
		t.Error("there are no alerts")
	}
}
