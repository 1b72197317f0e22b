package review_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/review"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// entriesOfAllTypes are those in the testdata of package record, which no code of this
// program made, but for transfers and denials.
func entriesOfAllTypes(t *testing.T) (all []json.RawMessage) {
	t.Helper()
	for _, file := range []string{"xfer1-types.ndjson", "xfer2.ndjson"} {
		text, err := os.ReadFile(filepath.Join("..", "record", "testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.Contains(line, `"type":"transfer.accepted"`) && !strings.Contains(line, `"type":"transfer.refused"`) {
				all = append(all, json.RawMessage(strings.TrimSpace(line)))
			}
		}
	}
	return all
}

// Every type of entry is told in sentences, which somebody reads who knows no JSON.
func TestEveryEntryIsSaid(t *testing.T) {
	var got strings.Builder
	said := make(map[string]bool)
	for _, line := range entriesOfAllTypes(t) {
		var head struct {
			Type string
			Time time.Time
		}
		if err := json.Unmarshal(line, &head); err != nil {
			t.Fatal(err)
		}
		s := review.Shown{Number: "gw-sg-1#1.7", Type: head.Type, Time: head.Time, Record: line}
		said[head.Type] = true
		got.WriteString(s.Sentence() + "\n")
		if strings.Contains(s.Sentence(), "h1:") {
			t.Errorf("a pseudonym is repeated: %s", s.Sentence())
		}
	}
	for _, kind := range record.Types() {
		if !said[kind.Name] && kind.Name != record.TypeAccepted && kind.Name != record.TypeRefused {
			t.Errorf("no entry of the type %s is read", kind.Name)
		}
	}
	testsupport.Golden(t, filepath.Join("testdata", "said.golden"), got.String(), *update)
}

// An entry of a type that is not known, and one that cannot do harm to a screen.
func TestSaidOfTheUnknown(t *testing.T) {
	for line, want := range map[string]string{
		`{"type":"later.thing"}`: "Record 1.7, of 0001-01-01T00:00:00Z: this program does not know it. [later.thing]",
		`{"hold":{"because":"\u001b[31m","by":"legal","ref":"case-1"},"id":"019ba7c7-1200-7db8-b073-65eaf3eaf9b9","salt":"77IrLQxziox5dX4VXZRRog","time":"2026-01-10T12:00:00.000000Z","type":"hold.set","v":"xfer/1"}`: "",
	} {
		var head struct{ Type string }
		if err := json.Unmarshal([]byte(line), &head); err != nil {
			t.Fatal(err)
		}
		s := review.Shown{Number: "1.7", Type: head.Type, Record: json.RawMessage(line)}
		if text := s.Sentence(); want != "" && text != want || strings.Contains(text, "\x1b") {
			t.Errorf("%q", text)
		}
	}
}
