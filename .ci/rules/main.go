// Rules checks files of Prometheus rules as 'promtool check rules' does, with its parser:
// names, expressions, templates. It is a module of its own, so that the product does not
// require Prometheus.
package main

import (
	"fmt"
	"os"

	"github.com/prometheus/prometheus/model/rulefmt"
)

func main() {
	failed := false
	for _, file := range os.Args[1:] {
		groups, errs := rulefmt.ParseFile(file, false)
		for _, err := range errs {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			failed = true
		}
		if groups == nil {
			continue
		}
		rules := 0
		for _, group := range groups.Groups {
			rules += len(group.Rules)
		}
		if rules == 0 {
			fmt.Fprintf(os.Stderr, "%s: there are no rules\n", file)
			failed = true
		}
		fmt.Printf("%s: %d rules\n", file, rules)
	}
	if failed || len(os.Args) < 2 {
		os.Exit(1)
	}
}
