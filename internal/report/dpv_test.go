package report_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/console/consoletest"
	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// dpvTerms are the vocabulary's terms, each with its kind: class or property.
func dpvTerms(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.Open("testdata/dpv-2.3.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	terms := make(map[string]string)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if kind, term, ok := strings.Cut(lines.Text(), " "); ok && kind != "#" {
			terms[term] = kind
		}
	}
	if len(terms) < 1500 {
		t.Fatalf("only %d terms", len(terms))
	}
	return terms
}

// dpvDocument is the register of some hundred records in the vocabulary.
func dpvDocument(t *testing.T) []byte {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "ledger")
	until := time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC)
	if err := consoletest.Fill(folder, 300, time.Hour, until); err != nil {
		t.Fatal(err)
	}
	r := registerOf(t, ledger.At(folder), "2026-10-01", "2026-10-31")
	var b bytes.Buffer
	if err := r.DPV(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every term that the document uses of the vocabulary is one of its terms: names of
// members are properties, types are classes.
func TestDPVTermsExist(t *testing.T) {
	terms := dpvTerms(t)
	used := map[string]bool{}
	check := func(term, kind string) {
		if prefix, _, ok := strings.Cut(term, ":"); !ok || !slices.Contains([]string{"dpv", "pd", "eu-gdpr", "loc"}, prefix) {
			return
		}
		used[term] = true
		if terms[term] != kind {
			t.Errorf("%s is %q in the vocabulary, not a %s", term, terms[term], kind)
		}
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for name, value := range v {
				switch name {
				case "@context":
					continue
				case "@id":
					check(value.(string), "class")
				case "@type":
					for _, kind := range append([]any{}, flat(value)...) {
						check(kind.(string), "class")
					}
				default:
					check(name, "property")
				}
				walk(value)
			}
		}
	}
	var document any
	if err := json.Unmarshal(dpvDocument(t), &document); err != nil {
		t.Fatal(err)
	}
	walk(document)
	for _, want := range []string{"dpv:ROPA", "dpv:DataTransferRecord", "dpv:hasDataExporter", "pd:Username", "dpv:DataTransferLegalBasis", "loc:SG", "eu-gdpr:A6-1-b-contract-performance"} {
		if !used[want] {
			t.Errorf("the document does not use %s", want)
		}
	}
	registers, err := config.DefaultRegisters()
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]config.Term{registers.Terms.Categories, registers.Terms.Purposes, registers.Terms.LegalBases, registers.Terms.Clauses} {
		for _, term := range list {
			for _, name := range term.DPV {
				check(name, "class")
			}
		}
	}
	for _, l := range registers.Policy.Laws {
		for _, m := range l.Mechanisms {
			for _, name := range m.DPV {
				check(name, "class")
			}
		}
	}
}

func flat(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// The reference processor of JSON-LD reads the document, and finds in it a register, and
// as many transfer records as there are steps.
func TestDPVIsJSONLD(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: not installing a JSON-LD processor")
	}
	document := dpvDocument(t)
	const kind = " <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://w3id.org/dpv#"
	counts := map[string]int{}
	for _, quad := range testsupport.NQuads(t, document) {
		if _, rest, ok := strings.Cut(quad, kind); ok {
			counts[strings.TrimSuffix(rest, "> .")]++
		}
	}
	steps := bytes.Count(document, []byte(`"dpv:DataTransferRecord"`))
	if counts["ROPA"] != 1 || steps == 0 || counts["DataTransferRecord"] != steps || counts["PersonalDataHandling"] == 0 {
		t.Errorf("the processor finds %s, and the document has %d steps", fmt.Sprint(counts), steps)
	}
}
