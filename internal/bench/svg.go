package bench

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Measures of the picture, in pixels.
const (
	barHeight = 14
	gap       = 14 // between works
	left      = 190
	scale     = 240 // of a ratio of 1
	most      = 2.2 // the largest ratio that is drawn to its end
	width     = left + scale*most + 60
)

// colours are those of the bars, one a peer; the gateway's comes first. They are told
// apart by people who do not see red and green, too.
var colours = []string{"#0b6e99", "#999999", "#cc79a7", "#e69f00", "#009e73", "#56b4e9"}

// SVG draws the ratios of all works as bars, with their ranges; a line stands where stock
// Caddy is.
func (r *Result) SVG(to io.Writer) error {
	names := slices.DeleteFunc(r.peers(), func(name string) bool { return name == Stock || name == StockSame || name == Gateway })
	names = append([]string{Gateway}, names...)
	var body strings.Builder
	y := 40
	for i, name := range names {
		x := 10 + i*130
		fmt.Fprintf(&body, `<rect x="%d" y="10" width="12" height="12" fill="%s"/><text x="%d" y="20">%s</text>`+"\n", x, colours[i%len(colours)], x+18, escaped(name))
	}
	for _, w := range r.Works {
		top := y
		for i, name := range names {
			for _, p := range w.Peers {
				if p.Peer == name {
					drawBar(&body, p.Ratio, y, colours[i%len(colours)])
					y += barHeight
				}
			}
		}
		fmt.Fprintf(&body, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-8, (top+y)/2+4, escaped(w.Name))
		y += gap
	}
	fmt.Fprintf(&body, `<line x1="%d" x2="%[1]d" y1="30" y2="%d" stroke="#d00" stroke-dasharray="4 3"/><text x="%[1]d" y="%d" text-anchor="middle">stock Caddy</text>`+"\n", left+scale, y, y+14)
	_, err := fmt.Fprintf(to, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
<title>CPU time of a request, as a multiple of stock Caddy's</title>
<rect width="100%%" height="100%%" fill="#fff"/>
%s</svg>
`, int(width), y+24, body.String())
	return err
}

func drawBar(to *strings.Builder, s Spread, y int, colour string) {
	at := func(ratio float64) float64 { return left + scale*min(ratio, most) }
	middle := float64(y) + barHeight/2
	fmt.Fprintf(to, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><line x1="%.1f" x2="%.1f" y1="%.1f" y2="%[8]f" stroke="#333"/><text x="%.1f" y="%.1f" font-size="10">%.2f</text>`+"\n",
		left, y+1, at(s.Median)-left, barHeight-2, colour, at(s.Low), at(s.High), middle, at(max(s.High, s.Median))+4, middle+4, s.Median)
}

// escaped is text as it stands in XML.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes all
	return b.String()
}
