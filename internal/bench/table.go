package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Table writes what the peers needed for a work, as a table of Markdown.
func (w WorkResult) Table(to io.Writer) error {
	rows := [][]string{{"", "CPU s / 10,000", "ratio", "(range)", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "MiB", "failed"}}
	for _, p := range w.Peers {
		rows = append(rows, []string{
			p.Peer, fmt.Sprintf("%.2f", p.CPU.Median), fmt.Sprintf("%.2f", p.Ratio.Median), fmt.Sprintf("%.2f-%.2f", p.Ratio.Low, p.Ratio.High),
			fmt.Sprintf("%.0f", p.PerSec.Median), milliseconds(p.P50), milliseconds(p.P99), milliseconds(p.P999), fmt.Sprint(p.Memory / mib), fmt.Sprint(p.Failed),
		})
	}
	_, err := fmt.Fprintf(to, "\n**%s**: %s\n\n%s", w.Name, w.describe(), markdown(rows))
	if err == nil && w.Rate > 0 {
		_, err = fmt.Fprintf(to, "\nThe generator sent 99 %% of these within %s ms of their time.\n", milliseconds(w.LateP99))
	}
	for _, p := range w.Peers {
		if err == nil && p.Failed > 0 {
			_, err = fmt.Fprintf(to, "\n%s failed first with: %s\n", p.Peer, p.Failure)
		}
	}
	return err
}

// describe says what the work is.
func (w Work) describe() string {
	words := []string{fmt.Sprintf("%d connections", w.Connections), fmt.Sprintf("identity %s", w.Identity), fmt.Sprintf("%d %% transfers", w.Transfers), size(w.Down) + " down"}
	if w.Up > 0 {
		words = append(words, size(w.Up)+" up")
	}
	if w.HTTP2 {
		words = append(words, "HTTP/2 over TLS in front")
	}
	if w.Secure {
		words = append(words, "TLS to the upstream")
	}
	if w.Rate > 0 {
		words = append(words, fmt.Sprintf("%d requests a second to each", w.Rate))
	}
	return strings.Join(words, ", ")
}

// Summary writes the ratios of all works, and how they were measured.
func (r *Result) Summary(to io.Writer) error {
	names := r.peers()
	rows := [][]string{append([]string{"CPU of a request, stock Caddy's = 1"}, names...)}
	for _, w := range r.Works {
		row := []string{w.Name}
		for _, name := range names {
			cell := ""
			for _, p := range w.Peers {
				if p.Peer == name {
					cell = fmt.Sprintf("%.2f (%.2f-%.2f)", p.Ratio.Median, p.Ratio.Low, p.Ratio.High)
				}
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	_, err := fmt.Fprintf(to, "\n%s\nMedian and range of %d rounds of %s, all peers at the same time, on %d CPUs of %s with %s. A synced write takes the disk %s ms (p99 %s).\n%s\n",
		markdown(rows), r.Rounds, r.Window, r.CPUs, r.System, r.Go, milliseconds(r.SyncP50), milliseconds(r.SyncP99), r.Generator)
	return err
}

// String says how far the generator was from being what held the peers up.
func (g Generator) String() string {
	verdict := "so the generator was not what held them up"
	if g.Alone <= g.Most {
		verdict = "so the generator MAY HAVE HELD THEM UP"
	}
	return fmt.Sprintf("Load and upstream alone do %.0f requests a second at 16 connections, with %.0f µs of CPU each; all peers together did at most %.0f a second, %s.", g.Alone, g.CPUper, g.Most, verdict)
}

// peers are the names of all that were measured.
func (r *Result) peers() (names []string) {
	for _, w := range r.Works {
		for _, p := range w.Peers {
			if !slices.Contains(names, p.Peer) {
				names = append(names, p.Peer)
			}
		}
	}
	return names
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
}

func size(n int) string {
	if n >= mib {
		return fmt.Sprintf("%d MiB", n/mib)
	}
	return fmt.Sprintf("%d KiB", cmp.Or(n/kib, 1))
}

// markdown is a table whose columns are aligned.
func markdown(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		for i, cell := range row {
			format := "| %*s "
			if i == 0 {
				format = "| %-*s "
			}
			fmt.Fprintf(&b, format, widths[i], cell)
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i, width := range widths {
			end := ":"
			if i == 0 {
				end = "-"
			}
			b.WriteString("|" + strings.Repeat("-", width+1) + end)
		}
		b.WriteString("|\n")
	}
	return b.String()
}
