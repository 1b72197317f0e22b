package caddyplugin_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/testsupport"
)

// The reference page of the metrics is what a gateway registers: each has its line.
func TestMetricsPage(t *testing.T) {
	testsupport.LogTo(t)
	all := metrics(t)
	page(t, "metrics.md", metricsPage(all))
	for _, m := range all {
		if len(m.help) < 20 || !strings.HasSuffix(m.help, ".") {
			t.Errorf("%s says too little of itself: %q", m.name, m.help)
		}
		for _, label := range m.labels {
			if label == "account" || label == "subject" || label == "path" || label == "address" {
				t.Errorf("%s has the label %s, whose values are no closed set", m.name, label)
			}
		}
	}
}

func metricsPage(all []metric) string {
	var page strings.Builder
	page.WriteString("# Metrics\n\n" +
		"What is served at `/metrics` of the admin address, and by Caddy's `metrics` in a site, beside Caddy's own. Times are Unix\n" +
		"times in seconds. The values of labels come from closed sets: the registers, the configuration and the lists below; none is of a person.\n" +
		"The process's counters outlive a reload. [`alerts.yml`](../alerts.yml) has the rules that go with them, and the [runbook](../runbook.md) what to do.\n\n" +
		"This page is made from the metrics that a gateway registers: `go test ./caddyplugin -run TestMetricsPage -update`.\n\n" +
		"| metric | kind | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range all {
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", m.name, kindOf(m.name),
			cmp.Or(strings.ReplaceAll(code(m.labels), "|", `\|`), "-"), strings.ReplaceAll(m.help, "|", `\|`))
	}
	return page.String()
}

// code sets words as code, with commas between them.
func code(words []string) string {
	if len(words) == 0 {
		return ""
	}
	return "`" + strings.Join(words, "`, `") + "`"
}

// kindOf follows the conventions for names, to which promtool holds a scrape.
func kindOf(name string) string {
	switch {
	case strings.HasSuffix(name, "_total"):
		return "counter"
	case strings.HasSuffix(name, "_seconds") && !strings.HasSuffix(name, "_timestamp_seconds"):
		return "histogram"
	default:
		return "gauge"
	}
}
