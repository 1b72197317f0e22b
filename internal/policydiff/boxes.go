package policydiff

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// point is one question: what somebody of one of those countries asks for,
// through which node, in which stretch of time.
type point struct {
	countries           []string
	activity, who, node string
	when                int
}

// finding is a difference and the boxes of questions it was found for.
type finding struct {
	kind     ChangeKind
	from, to Answer
	boxes    []box
}

// The sides of a box.
const (
	sideCountries = iota
	sideWho
	sideNodes
	sideRegions
	sideActivities
	sideWhen
	sides
)

// box is every combination of what its sides name.
type box [sides][]string

// reply is what one policy said to a question.
type reply struct {
	view     *decision.View
	facts    decision.Facts
	decision decision.Decision
}

// note compares two replies to one question, about some regions.
func (d *domain) note(at point, a, b *reply, regions []string) {
	for _, region := range regions {
		from, to := a.answer(region), b.answer(region)
		switch {
		case from.key() == to.key():
		case !from.Allowed && !to.Allowed:
			d.add(Reasoned, at, region, from, to)
		case !from.Allowed:
			d.add(Leaves, at, region, from, to)
		case !to.Allowed:
			from.Safeguards = without(a.rows(region, to.Law), b.rows(region, to.Law))
			from.Transfer = false
			d.add(Stops, at, region, from, to)
		default:
			gone, come := without(from.Safeguards, to.Safeguards), without(to.Safeguards, from.Safeguards)
			from.Safeguards, to.Safeguards = gone, come
			if from.Transfer == to.Transfer {
				from.Transfer, to.Transfer = false, false
			}
			d.add(Rests, at, region, from, to)
		}
	}
	if from, to := order(a, b), order(b, a); !slices.Equal(from, to) {
		d.add(Ordered, at, "", Answer{Order: from}, Answer{Order: to})
	}
}

// candidate returns the region's candidate, or nil.
func (r *reply) candidate(region string) *decision.Candidate {
	i := slices.IndexFunc(r.decision.Candidates, func(c decision.Candidate) bool { return c.Region.Code == region })
	if i < 0 {
		return nil
	}
	return &r.decision.Candidates[i]
}

// refusal returns the region's refusal, or nil.
func (r *reply) refusal(region string) *decision.Refusal {
	i := slices.IndexFunc(r.decision.Refused, func(x decision.Refusal) bool { return x.Region == region })
	if i < 0 {
		return nil
	}
	return &r.decision.Refused[i]
}

// answer is what was said about a region. Its safeguards are sorted.
func (r *reply) answer(region string) Answer {
	if c := r.candidate(region); c != nil {
		answer := Answer{Allowed: true, Transfer: c.Transfer}
		for _, row := range c.Safeguards {
			answer.Safeguards = append(answer.Safeguards, row.ID)
		}
		slices.Sort(answer.Safeguards)
		return answer
	}
	answer := Answer{Reason: r.decision.Reason, Law: r.decision.Law}
	if refused := r.refusal(region); refused != nil {
		answer.Reason, answer.Law = refused.Reason, refused.Law
	}
	if answer.Law == decision.NoLaw+":"+r.facts.Country {
		answer.Law = decision.NoLaw // so that one country answers for its class
	}
	return answer
}

// rows lists the rows that satisfy a law on some leg to a region, though it may be refused.
func (r *reply) rows(region, law string) (ids []string) {
	var legs []decision.Leg
	if c := r.candidate(region); c != nil {
		legs = c.Legs
	} else if refused := r.refusal(region); refused != nil {
		legs = r.view.Judged(refused, &r.decision, &r.facts)
	}
	for i := range legs {
		for _, verdict := range legs[i].Laws {
			if verdict.Law == law && verdict.Safeguard != nil {
				ids = add(ids, verdict.Safeguard.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// order lists the candidates of one reply that the other has too.
func order(r, other *reply) (codes []string) {
	for i := range r.decision.Candidates {
		if code := r.decision.Candidates[i].Region.Code; other.candidate(code) != nil {
			codes = append(codes, code)
		}
	}
	return codes
}

func without(list, other []string) (rest []string) {
	for _, x := range list {
		if !slices.Contains(other, x) {
			rest = append(rest, x)
		}
	}
	return rest
}

// add notes a difference at a point.
func (d *domain) add(kind ChangeKind, at point, region string, from, to Answer) {
	key := string(kind) + "\x00" + from.key() + "\x00" + to.key()
	f := d.found[key]
	if f == nil {
		f = &finding{kind: kind, from: from, to: to}
		d.found[key] = f
	}
	f.boxes = append(f.boxes, box{at.countries, one(at.who), one(at.node), one(region), one(at.activity), {strconv.Itoa(at.when)}})
}

func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// merge joins boxes that differ in one side only, until there are none. The boxes
// that come out hold the same questions, each once.
func merge(boxes []box) []box {
	for before := 0; before != len(boxes); {
		before = len(boxes)
		for side := range sides {
			boxes = mergeSide(boxes, side)
		}
	}
	return boxes
}

func mergeSide(boxes []box, side int) []box {
	at := make(map[string]int, len(boxes))
	var merged []box
	var key strings.Builder
	for _, b := range boxes {
		key.Reset()
		for i := range b {
			if i != side {
				for _, x := range b[i] {
					key.WriteString(x)
					key.WriteByte(',')
				}
			}
			key.WriteByte('|')
		}
		i, seen := at[key.String()]
		if !seen {
			at[key.String()] = len(merged)
			merged = append(merged, b)
			continue
		}
		both := slices.Concat(merged[i][side], b[side])
		slices.Sort(both)
		merged[i][side] = slices.Compact(both)
	}
	return merged
}

// comparison turns what was found into changes, in the order of their kinds, the
// widest first.
func (d *domain) comparison(bounds []time.Time) *Comparison {
	c := &Comparison{Flows: d.flows, Changes: []Change{}, domain: d}
	for _, f := range d.found {
		for _, b := range merge(f.boxes) {
			c.Changes = append(c.Changes, d.change(f, b, bounds))
		}
	}
	slices.SortFunc(c.Changes, func(a, b Change) int {
		return cmp.Or(
			slices.Index(changeKinds, a.Kind)-slices.Index(changeKinds, b.Kind),
			cmp.Compare(boolRank(b.LosesSafeguard()), boolRank(a.LosesSafeguard())),
			b.size()-a.size(), cmp.Compare(a.Text, b.Text),
		)
	})
	return c
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// size is how many questions a change touches.
func (c *Change) size() int {
	n := 1
	for _, side := range [][]string{c.Countries, c.Activities, c.Regions, c.Who, c.Nodes} {
		n *= max(1, len(side))
	}
	return n
}

func (d *domain) change(f *finding, b box, bounds []time.Time) Change {
	var stretches []int
	for _, s := range b[sideWhen] {
		if n, err := strconv.Atoi(s); err == nil {
			stretches = append(stretches, n)
		}
	}
	slices.Sort(stretches)
	c := Change{
		Kind: f.kind, From: f.from, To: f.to, When: spans(stretches, bounds), Countries: b[sideCountries], Who: b[sideWho],
		Nodes: b[sideNodes], Regions: b[sideRegions], Activities: b[sideActivities],
	}
	c.Text = d.sentence(&c)
	return c
}
