package config_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
)

// shippedFiles are the shipped registers, of which rows can be changed.
func shippedFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	entries, err := os.ReadDir("policy")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, e := range entries {
		data, err := os.ReadFile("policy/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = &fstest.MapFile{Data: data}
	}
	return files
}

// change replaces a part of a row, which begins with its id.
func change(t *testing.T, files fstest.MapFS, name, id, old, text string) {
	t.Helper()
	before, row, found := strings.Cut(string(files[name].Data), "  - id: "+id+"\n")
	if !found || !strings.Contains(row, old) {
		t.Fatalf("no row %s with %q", id, old)
	}
	files[name] = &fstest.MapFile{Data: []byte(before + "  - id: " + id + "\n" + strings.Replace(row, old, text, 1))}
}

func endings(t *testing.T, files fstest.MapFS, at time.Time) (r *config.Registers, texts []string) {
	t.Helper()
	r, problems, err := config.Check(files, "p", config.CheckOptions{At: at})
	if err != nil || r == nil {
		t.Fatal(err, problems)
	}
	for _, p := range problems {
		if p.Code == "safeguard-expiring" {
			texts = append(texts, p.Text)
		}
	}
	return r, texts
}

// TestCheckBeforeAnEnd: on the day before a law begins, or a safeguard ends, check says
// from when, in the words of the place, which flows are denied, what they lean on and
// why that ends. What a new law ends nobody is told to renew.
func TestCheckBeforeAnEnd(t *testing.T) {
	before := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	files := shippedFiles(t)
	change(t, files, "safeguards.yaml", "cl-group-2026", "    example: true\n", "") // signed, until the law begins
	r, texts := endings(t, files, before)

	// Midnight in Santiago is 03:00 UTC in December. What passes before and not after:
	site := decision.Site{Node: decision.Place{Entity: "sparkoo-sg", Country: "SG"}}
	for _, region := range r.Policy.Regions {
		site.Regions = append(site.Regions, region.Code)
	}
	begins, n := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC), 0
	for f := range r.Policy.Domain(begins) {
		if f.Country == "CL" && decision.Decide(r.Policy, &site, begins.Add(-1), f).Outcome == decision.Allowed && decision.Decide(r.Policy, &site, begins, f).Outcome == decision.Denied {
			n++
		}
	}
	if n < 2 {
		t.Fatalf("%d flows of Chile stop", n)
	}
	flows := "flows"
	if n == 2 {
		flows = "flow"
	}
	for _, row := range []string{"cl-open", "cl-group-2026"} {
		want := fmt.Sprintf("from 2026-12-01 00:00 in Santiago storage and %d other %s of Chile (CL) are denied: they lean on %s, which ends because Ley 19.628 as replaced by Ley 21.719 Arts 27-28 begins; put an instrument under that law into force (", n-1, flows, row)
		if !slices.ContainsFunc(texts, func(text string) bool { return strings.HasPrefix(text, want) }) {
			t.Errorf("lacks %s\nhas %s", want, strings.Join(texts, "\n    "))
		}
	}
	for _, text := range texts {
		if strings.Contains(text, "renew") {
			t.Errorf("a law is to be renewed: %s", text)
		}
	}

	// As shipped, nothing that passes stops: the rows are examples.
	_, texts = endings(t, shippedFiles(t), before)
	want := `safeguard "cl-open" counts until 2026-12-01 00:00 in Santiago, and ends because Ley 19.628 as replaced by Ley 21.719 Arts 27-28 begins; no flow that passes now is denied by that`
	if !slices.Contains(texts, want) {
		t.Errorf("lacks %s\nhas %s", want, strings.Join(texts, "\n    "))
	}

	// A contract that ends by itself can be renewed; one that ends later is not yet told of.
	change(t, files, "safeguards.yaml", "cl-group-2026", "    valid_until: 2026-12-01 America/Santiago\n", "    valid_until: 2026-11-15\n")
	_, texts = endings(t, files, time.Date(2026, 11, 14, 0, 0, 0, 0, time.UTC))
	want = "from 2026-11-15 00:00 UTC storage and "
	if !slices.ContainsFunc(texts, func(text string) bool {
		return strings.HasPrefix(text, want) && strings.HasSuffix(text, "they lean on cl-group-2026, which is over then; renew the instrument and its dates, or add the row of another")
	}) {
		t.Errorf("lacks %s\nhas %s", want, strings.Join(texts, "\n    "))
	}
	if _, texts = endings(t, files, time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)); len(texts) > 0 {
		t.Errorf("told months before: %q", texts)
	}
}
