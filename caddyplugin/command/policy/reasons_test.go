package policy

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
)

// Every reason code is listed, for people and for programs.
func TestReasons(t *testing.T) {
	var text, data bytes.Buffer
	if err := printReasons(&text, false); err != nil {
		t.Fatal(err)
	}
	if err := printReasons(&data, true); err != nil {
		t.Fatal(err)
	}
	var rows []reasonRow
	if err := json.Unmarshal(data.Bytes(), &rows); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if all := len(decision.Reasons()); len(rows) != all || len(lines) != all {
		t.Errorf("%d rows and %d lines, want %d", len(rows), len(lines), all)
	}
	for i, row := range rows {
		if !strings.HasPrefix(lines[i], string(row.Reason)) || row.Title == "" || row.Unlock == "" || row.Status == 0 {
			t.Errorf("line %q, row %+v", lines[i], row)
		}
	}
}
