package repeats_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/repeats"
)

func TestDue(t *testing.T) {
	start := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	var c repeats.Counter[string]
	for _, step := range []struct {
		kind  string
		after time.Duration
		times uint64
		due   bool
	}{
		{"a", 0, 1, true},
		{"a", time.Minute, 0, false},
		{"b", time.Minute, 1, true},
		{"a", 9*time.Minute + 59*time.Second, 0, false},
		{"a", 10 * time.Minute, 3, true},
		{"a", 19 * time.Minute, 0, false},
		{"a", 20 * time.Minute, 2, true},
		{"a", -time.Hour, 1, true}, // the clock was set back
		{"a", -59 * time.Minute, 0, false},
	} {
		times, due := c.Due(step.kind, start.Add(step.after))
		if times != step.times || due != step.due {
			t.Errorf("%s after %s: %d, %t; want %d, %t", step.kind, step.after, times, due, step.times, step.due)
		}
	}
	often := repeats.Counter[int]{Every: time.Minute}
	often.Due(1, start)
	if _, due := often.Due(1, start.Add(time.Minute)); !due {
		t.Error("not due after its own time")
	}
}

func TestLogger(t *testing.T) {
	var out bytes.Buffer
	at := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	plain := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	l := repeats.Logger(plain, func() time.Time { return at })
	for i := range 3 {
		l.Error("no space", "entry", i)
		l.With("file", "x").Error("no space", "entry", i)
	}
	l.Warn("odd")
	at = at.Add(10 * time.Minute)
	l.Error("no space", "entry", 9)
	const want = `level=ERROR msg="no space" entry=0
level=WARN msg=odd
level=ERROR msg="no space" entry=9 times=6
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}
