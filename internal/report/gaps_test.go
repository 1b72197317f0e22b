package report_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/report"
)

// happening is an entry at a time of a day in October, or September for "09-30 ...".
func happening(t *testing.T, what, at string) record.Entry {
	t.Helper()
	moment, err := time.Parse("2006-01-02 15:04", "2026-"+at)
	if err != nil {
		t.Fatal(err)
	}
	h := record.Header{Node: "gw-1", Time: moment}
	switch what {
	case "none", "ended", "crashed":
		return &record.Started{Header: h, Before: what}
	case "beat":
		h.Type = record.TypeHeartbeat
		return &record.Beat{Header: h, From: moment.Add(-time.Hour)}
	case "stopped":
		h.Type = record.TypeStopped
		return &record.Beat{Header: h, From: moment.Add(-time.Minute)}
	case "oversight": // what a start may write before it says that it is one
		return &record.Oversight{Header: h}
	}
	h.Type = record.TypeAccepted
	return &record.Transfer{Header: h, Decision: record.Allowed}
}

// The sentence says when nobody recorded, from what the gateway says of itself.
func TestWhenNobodyRecorded(t *testing.T) {
	const before = "No entry says when the gateway ran"
	for _, test := range []struct {
		name    string
		entries string // what, and when, of each
		now     string
		want    string // end of the sentence
		hidden  string // in what is not ruled out; empty for nothing of it
	}{
		{"all the time", "none 09-30 23:00, beat 10-01 00:00, beat 10-01 01:00, beat 10-01 02:03", "10-01 02:30",
			"The gateway recorded without a gap.", ""},
		{"stopped and started", "none 09-30 23:00, beat 10-01 00:00, stopped 10-01 00:30, oversight 10-01 06:00, ended 10-01 06:00", "10-01 06:30",
			"Nobody recorded, as far as the entries show, from 2026-10-01 00:30 to 06:00 UTC (the gateway was stopped).", ""},
		{"stopped before the period", "none 09-30 23:00, stopped 09-30 23:30, ended 10-01 06:00", "10-01 06:30",
			"Nobody recorded, as far as the entries show, from 2026-10-01 00:00 to 06:00 UTC (the gateway was stopped).", ""},
		{"crashed", "none 09-30 23:00, beat 10-01 00:00, transfer 10-01 00:20, oversight 10-01 03:00, crashed 10-01 03:00", "10-01 03:10",
			"Nobody recorded, as far as the entries show, from 2026-10-01 00:20 to 03:00 UTC (it ended without saying so, and after its last entry nothing is known).", ""},
		{"heartbeats missing, then a crash", "none 09-30 23:00, beat 10-01 00:00, transfer 10-01 04:00, crashed 10-01 05:00", "10-01 05:10",
			"Nobody recorded, as far as the entries show, from 2026-10-01 00:00 to 04:00 UTC (no heartbeat is there); " +
				"from 2026-10-01 04:00 to 05:00 UTC (it ended without saying so, and after its last entry nothing is known).", ""},
		{"no heartbeat at the end", "none 09-30 23:00, beat 10-01 00:00", "10-02 00:30",
			"Nobody recorded, as far as the entries show, from 2026-10-01 00:00 to 2026-10-02 00:30 UTC (no heartbeat is there).", ""},
		{"stopped for good", "none 09-30 23:00, beat 10-01 00:00, stopped 10-01 00:10", "12-01 00:00",
			"Nobody recorded, as far as the entries show, from 2026-10-01 00:10 to 2026-11-01 00:00 UTC (the gateway was stopped).", ""},
		{"an earlier program", "transfer 10-01 00:10", "10-01 01:00", "entries.", before + ":"},
		{"an earlier program, then this one", "transfer 10-01 00:10, none 10-01 02:00", "10-01 02:30",
			"The gateway recorded without a gap.", before + " before 2026-10-01 02:00 UTC:"},
		{"a start that is gone", "beat 10-01 03:00", "10-01 03:10", "The gateway recorded without a gap.", ""},
		{"many", many(), "10-20 00:00", "from 2026-10-08 00:00 to 12:00 UTC (the gateway was stopped); 3 more are listed.", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := ledger.At(filepath.Join(t.TempDir(), "ledger"))
			l := ledger.New(dir.Path, ledger.Options{Node: "gw-1", Now: func() time.Time { return time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC) }})
			if err := l.Open(); err != nil {
				t.Fatal(err)
			}
			for text := range strings.SplitSeq(test.entries, ", ") {
				what, at, _ := strings.Cut(text, " ")
				if _, err := l.Append(happening(t, what, at).Append(nil)); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			now, err := time.Parse("2006-01-02 15:04", "2026-"+test.now)
			if err != nil {
				t.Fatal(err)
			}
			c := of(t, dir, "2026-10-01", "2026-10-31", report.Options{Now: now}).Classes[0]
			if !strings.HasSuffix(c.Sentence, test.want) {
				t.Errorf("\n got %s\nwant ... %s", c.Sentence, test.want)
			}
			if said := strings.Join(c.NotRuledOut, "\n"); !strings.Contains(said, test.hidden) || test.hidden == "" && strings.Contains(said, before) {
				t.Errorf("not ruled out: %s, want %q", said, test.hidden)
			}
			if !c.Complete {
				t.Error("an hour in which nobody recorded is no entry that is missing")
			}
		})
	}
}

// many are ten stops at noon, half a day each.
func many() string {
	all := []string{"none 10-01 00:00"}
	for day := 1; day <= 10; day++ {
		all = append(all, fmt.Sprintf("stopped 10-%02d 00:00", day), fmt.Sprintf("ended 10-%02d 12:00", day))
		for hour := 13; hour <= 24; hour++ {
			at := fmt.Sprintf("10-%02d %02d:00", day, hour)
			if hour == 24 {
				at = fmt.Sprintf("10-%02d 00:00", day+1)
			}
			all = append(all, "beat "+at)
		}
	}
	return strings.Join(append(all, "stopped 10-11 00:00", "ended 10-20 00:00"), ", ")
}
