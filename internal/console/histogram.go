package console

import (
	"slices"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// histogram is rows over time, denials apart.
type histogram struct {
	Bucket query.Bucket
	Bars   []bar
	Most   uint64
	Width  int // of the drawing; its height is histogramHeight
	From   string
	To     string
}

// bar is a stretch of time.
type bar struct {
	Name, Link          string
	Passed, Denied      uint64
	X, Wide             int
	PassedY, PassedHigh int
	DeniedY, DeniedHigh int
}

// The drawing's measures, in its own units.
const (
	histogramWidth  = 960
	histogramHeight = 96
	mostBars        = 96
)

// steps are the stretches that bars stand for, with how time goes on from one to the next.
var steps = []struct {
	bucket query.Bucket
	layout string
	floor  func(time.Time) time.Time
	next   func(time.Time) time.Time
}{
	{query.Hour, "2006-01-02T15:04Z", func(t time.Time) time.Time { return t.Truncate(time.Hour) }, func(t time.Time) time.Time { return t.Add(time.Hour) }},
	{query.Day, time.DateOnly, midnight, func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
	{query.Week, time.DateOnly, func(t time.Time) time.Time { return midnight(t).AddDate(0, 0, -(int(t.Weekday())+6)%7) }, func(t time.Time) time.Time { return t.AddDate(0, 0, 7) }},
	{query.Month, "2006-01", func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC) }, func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
	{query.Year, "2006", func(t time.Time) time.Time { return time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC) }, func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// histogramOf draws counts by outcome and hour; nil if there is no more than one moment
// to show.
func histogramOf(a *asked, counts *query.Counts) *histogram {
	if counts.Total.Rows == 0 {
		return nil
	}
	h := &histogram{Width: histogramWidth}
	var bars []bar
	var starts []time.Time
	for _, s := range steps {
		bars, starts = nil, nil
		for at := s.floor(counts.Total.First); !at.After(counts.Total.Last) && len(bars) <= mostBars; at = s.next(at) {
			b := bar{Name: strings.Replace(at.Format(s.layout), "T", " ", 1)}
			if s.bucket == query.Hour || s.bucket == query.Week {
				b.Link = to("transfers", "q", a.and("at:>="+at.Format("2006-01-02T15:04Z"), "at:<"+s.next(at).Format("2006-01-02T15:04Z")), "frozen", a.Frozen)
			} else {
				b.Link = to("transfers", "q", a.and("at:"+at.Format(s.layout)), "frozen", a.Frozen)
			}
			bars, starts = append(bars, b), append(starts, at)
		}
		if h.Bucket = s.bucket; len(bars) <= mostBars {
			break
		}
	}
	for _, g := range counts.Groups {
		at, err := time.Parse("2006-01-02T15Z", g.Values[1])
		if err != nil {
			continue // only the total's first and last could be that
		}
		i, there := slices.BinarySearchFunc(starts, at, time.Time.Compare)
		if !there {
			i--
		}
		if i = max(i, 0); g.Values[0] == record.Denied {
			bars[i].Denied += g.Rows
		} else {
			bars[i].Passed += g.Rows
		}
	}
	h.Bars = bars
	h.draw()
	return h
}

// draw gives the bars their places.
func (h *histogram) draw() {
	for _, b := range h.Bars {
		h.Most = max(h.Most, b.Passed+b.Denied)
	}
	pitch := max(histogramWidth/max(len(h.Bars), 24), 1)
	gap := max(pitch/8, 1)
	high := func(n uint64) int {
		if n == 0 {
			return 0
		}
		return max(2, int(n*histogramHeight/h.Most))
	}
	for i := range h.Bars {
		b := &h.Bars[i]
		b.X, b.Wide = i*pitch, pitch-gap
		b.DeniedHigh, b.PassedHigh = high(b.Denied), high(b.Passed)
		b.DeniedY = histogramHeight - b.DeniedHigh
		b.PassedY = b.DeniedY - b.PassedHigh
	}
	h.Width = pitch * len(h.Bars)
	h.From, h.To = h.Bars[0].Name, h.Bars[len(h.Bars)-1].Name
}
