package query_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/testsupport"
)

// A reader of Parquet that is not ours finds the rows that were written, in their order,
// with numbers as numbers, lists as lists and times as times.
func TestParquetIsReadByOthers(t *testing.T) {
	at := time.Date(2026, 10, 1, 2, 3, 4, 5000, time.UTC)
	header := record.Header{Type: record.TypeAccepted, Node: "gw-1", Time: at}
	transfers := []record.Transfer{
		{Header: header, Decision: record.Allowed, Country: "BR", Bytes: 7, Categories: []string{"1a", "1b"}, Demo: true, Reference: "=1+1\n\"ü\""},
		{Header: header, Decision: record.Allowed, Bytes: -1},
	}
	var rows []query.Row
	for i := range transfers {
		rows = append(rows, query.NewRow("gw-1", "", record.ID{Epoch: 1, Index: uint64(i)}, transfers[i].Append(nil)))
	}
	rows = append(rows, query.NewRow("gw-1", "support", record.ID{Epoch: 1, Index: 2}, []byte("{")))
	got := readParquet(t, rows)
	if len(got) != len(rows) {
		t.Fatalf("%d rows, want %d", len(got), len(rows))
	}
	for i, want := range []map[string]any{
		{"record": "gw-1#1.0", "time": "2026-10-01T02:03:04.000Z", "country": "BR", "bytes": 7.0, "demo": true, "reference": "=1+1\n\"ü\"", "damage": nil, "reason": nil},
		{"record": "gw-1#1.1", "country": nil, "bytes": nil, "demo": false, "damage": nil},
		{"record": "gw-1/support#1.2", "time": nil, "damage": rows[2].Damage.Error()},
	} {
		for name, value := range want {
			if got[i][name] != value {
				t.Errorf("row %d: %s is %v, want %v", i, name, got[i][name], value)
			}
		}
	}
	if list, _ := got[0]["categories"].([]any); len(list) != 2 || list[0] != "1a" || list[1] != "1b" {
		t.Errorf("categories are %v", got[0]["categories"])
	}
}

// readParquet writes rows as Parquet, and reads them with the other reader.
func readParquet(t *testing.T, rows []query.Row) (read []map[string]any) {
	t.Helper()
	var file bytes.Buffer
	w, err := query.NewWriter(&file, query.Parquet, new(query.Query).Columns(query.Parquet))
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if err := w.Row(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rows.parquet")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(testsupport.ReadParquet(t, path)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var row map[string]any
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		read = append(read, row)
	}
	return read
}
