package console

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
	"github.com/sparkoo/transfergate/internal/world"
)

// sankey draws flows from origins over controllers to recipients: as thick as there are
// records, denials hatched. Each ribbon leads to its records.
type sankey struct {
	Width, Height int
	Nodes         []*node
	Ribbons       []ribbon
}

// node is an origin, a controller or a recipient.
type node struct {
	name    string
	Text    string
	Rows    uint64
	Denied  bool
	X, Y    int
	High    int
	LabelX  int
	LabelY  int
	Anchor  string // of its label
	column  int
	in, out float64 // how much of its sides has ribbons already
}

// ribbon is the flow between two nodes.
type ribbon struct {
	Path, Link, Text string
	Denied           bool
	from, to         *node
	rows             uint64
	terms            []string
}

// The drawing's measures.
const (
	sankeyWidth  = 960
	sankeyHigh   = 380 // of all that flows through a column, without the gaps
	nodeWide     = 10
	nodePitch    = 24 // at least from one to the next, so that labels stand apart
	labelWide    = 190
	mostNodes    = 12 // of a column; the rest is one node
	othersName   = "\x00others"
	deniedName   = "\x00denied"
	nobodyText   = "not known"
	othersText   = "others"
	deniedText   = "denied"
	nodeGap      = 6
	leastRibbon  = 1.0
	curveDivisor = 2
)

// sankeyOf lays out the flows of the last days; nil if there are none.
func sankeyOf(n *recent, flows []flow) *sankey {
	s := &sankey{Width: sankeyWidth}
	var shown []flow
	for _, f := range flows {
		if n.Flows[f].Now > 0 {
			shown = append(shown, f)
		}
	}
	if len(shown) == 0 {
		return nil
	}
	columns := []func(flow) string{
		func(f flow) string { return f.Country },
		func(f flow) string { return f.Controller },
		func(f flow) string {
			if f.Denied {
				return deniedName
			}
			return f.Recipient
		},
	}
	nodes := make([]map[string]*node, len(columns))
	kept := make([][]string, len(columns))
	for i, of := range columns {
		nodes[i], kept[i] = columnOf(n, shown, i, of)
	}
	s.place(nodes)
	keys := []string{"country", "controller", "recipient"}
	for step := range 2 {
		ribbons := make(map[[2]*node]*ribbon)
		for _, f := range shown {
			from, to := nodeOf(nodes[step], columns[step](f)), nodeOf(nodes[step+1], columns[step+1](f))
			r := ribbons[[2]*node{from, to}]
			if r == nil {
				r = &ribbon{from: from, to: to, Denied: to.Denied}
				r.terms = append(endTerms(from, keys[step], kept[step]), endTerms(to, keys[step+1], kept[step+1])...)
				ribbons[[2]*node{from, to}] = r
			}
			r.rows += n.Flows[f].Now
		}
		s.draw(n, ribbons)
	}
	return s
}

// columnOf are the nodes of a column, the largest first, with the names of those that
// stand for themselves.
func columnOf(n *recent, flows []flow, column int, of func(flow) string) (map[string]*node, []string) {
	all := make(map[string]*node)
	for _, f := range flows {
		name := of(f)
		if all[name] == nil {
			all[name] = &node{name: name, column: column, Denied: name == deniedName}
		}
		all[name].Rows += n.Flows[f].Now
	}
	names := sortedNodes(all)
	if len(names) > mostNodes {
		others := &node{name: othersName, column: column}
		for _, name := range names[mostNodes-1:] {
			if name != deniedName {
				others.Rows += all[name].Rows
				delete(all, name)
			}
		}
		names = slices.DeleteFunc(names, func(name string) bool { return all[name] == nil })
		all[othersName] = others
	}
	for _, x := range all {
		x.Text = x.label()
	}
	return all, names
}

// sortedNodes are their names, the largest first, what was denied and the others last.
func sortedNodes(all map[string]*node) (names []string) {
	for name := range all {
		names = append(names, name)
	}
	last := func(name string) int { return strings.Count(name, "\x00") }
	slices.SortFunc(names, func(a, b string) int {
		if d := last(a) - last(b); d != 0 {
			return d
		}
		if all[a].Rows != all[b].Rows {
			return int(min(all[b].Rows, 1<<40)) - int(min(all[a].Rows, 1<<40))
		}
		return strings.Compare(a, b)
	})
	return names
}

func nodeOf(all map[string]*node, name string) *node {
	if x := all[name]; x != nil {
		return x
	}
	return all[othersName]
}

// label is what stands beside the node.
func (x *node) label() string {
	switch {
	case x.name == othersName:
		return othersText
	case x.name == deniedName:
		return deniedText
	case x.name == "":
		return nobodyText
	case x.column == 0:
		return query.Visible(world.Name(x.name))
	}
	return short(x.name)
}

// endTerms ask for the rows of a node.
func endTerms(x *node, key string, kept []string) []string {
	switch x.name {
	case deniedName:
		return []string{"outcome:" + record.Denied}
	case othersName:
		var terms []string
		for _, name := range kept {
			if name != deniedName {
				terms = append(terms, "-"+term(key, name))
			}
		}
		return terms
	}
	if key == "recipient" {
		return []string{term(key, x.name), "-outcome:" + record.Denied}
	}
	return []string{term(key, x.name)}
}

// place gives the nodes their places.
func (s *sankey) place(columns []map[string]*node) {
	var total uint64
	for _, x := range columns[0] {
		total += x.Rows
	}
	for i, column := range columns {
		y := 8
		for _, name := range sortedNodes(column) {
			x := column[name]
			x.High = max(2, int(x.Rows*sankeyHigh/total))
			x.X = labelWide + i*(sankeyWidth-2*labelWide-nodeWide)/2
			x.Y = y
			x.LabelX, x.Anchor = x.X+nodeWide+8, "start"
			if i == 0 {
				x.LabelX, x.Anchor = x.X-8, "end"
			}
			x.LabelY = y + x.High/2
			y += max(x.High+nodeGap, nodePitch)
			s.Nodes = append(s.Nodes, x)
		}
		s.Height = max(s.Height, y)
	}
}

// draw gives the ribbons between two columns their paths.
func (s *sankey) draw(n *recent, all map[[2]*node]*ribbon) {
	var ribbons []*ribbon
	for _, r := range all {
		ribbons = append(ribbons, r)
	}
	slices.SortFunc(ribbons, func(a, b *ribbon) int {
		if d := a.from.Y - b.from.Y; d != 0 {
			return d
		}
		return a.to.Y - b.to.Y
	})
	for _, r := range ribbons {
		leave, enter := side(r.rows, r.from), side(r.rows, r.to)
		x0, x1 := float64(r.from.X+nodeWide), float64(r.to.X)
		y0, y1 := float64(r.from.Y)+r.from.out, float64(r.to.Y)+r.to.in
		r.from.out, r.to.in = r.from.out+leave, r.to.in+enter
		middle := (x0 + x1) / curveDivisor
		r.Path = fmt.Sprintf("M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1fL%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1fZ",
			x0, y0, middle, y0, middle, y1, x1, y1, x1, y1+max(enter, leastRibbon), middle, y1+max(enter, leastRibbon), middle, y0+max(leave, leastRibbon), x0, y0+max(leave, leastRibbon))
		r.Text = fmt.Sprintf("%s to %s: %s", r.from.Text, r.to.Text, counted(r.rows, "record", "records"))
		r.Link = n.find(r.terms...)
		s.Ribbons = append(s.Ribbons, *r)
	}
}

// side is how much of a node's side the rows take.
func side(rows uint64, x *node) float64 { return float64(rows) * float64(x.High) / float64(x.Rows) }
