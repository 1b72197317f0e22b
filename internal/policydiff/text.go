package policydiff

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/world"
)

// sentence tells a change to a person who knows privacy and not the registers.
func (d *domain) sentence(c *Change) string {
	people := d.people(c.Countries)
	switch c.Kind {
	case Responsible:
		return fmt.Sprintf("%s: the controller becomes %s, instead of %s%s (§11).",
			people, orNobody(c.To.Controller), orNobody(c.From.Controller), when(c.When))
	case Stated:
		return fmt.Sprintf("%s: the statement in force is %s, instead of %s%s (§10).",
			capital(activities(c, d)), orNobody(c.To.Statement), orNobody(c.From.Statement), when(c.When))
	case Leaves:
		return fmt.Sprintf("%s: %s may newly go to %s%s%s, under %s; %s, %s.",
			people, activities(c, d), d.places(c), d.asked(c), when(c.When), orNoSafeguard(c.To.Safeguards), d.otherwise(), why(&c.From))
	case Stops:
		text := fmt.Sprintf("%s: %s no longer %s to %s%s%s: %s", people, activities(c, d), d.verb(c, "goes", "go"), d.places(c), d.asked(c), when(c.When), why(&c.To))
		if len(c.From.Safeguards) > 0 {
			text += "; it rested on " + strings.Join(c.From.Safeguards, ", ")
		}
		return text + "."
	case Rests:
		return fmt.Sprintf("%s: %s to %s%s %s%s.", people, activities(c, d), d.places(c), d.asked(c), d.rests(c), when(c.When))
	case Reasoned:
		return fmt.Sprintf("%s: %s to %s%s %s denied, %s instead of %s%s.",
			people, activities(c, d), d.places(c), d.asked(c), d.verb(c, "stays", "stay"), why(&c.To), why(&c.From), when(c.When))
	case Ordered:
		return fmt.Sprintf("%s: %s%s %s to the regions in the order %s, instead of %s%s.",
			people, activities(c, d), d.asked(c), d.verb(c, "goes", "go"), strings.Join(c.To.Order, ", "), strings.Join(c.From.Order, ", "), when(c.When))
	}
	return string(c.Kind)
}

// otherwise says when a flow is denied that may newly pass: of two policies by the first
// of them, of two moments at the earlier one.
func (d *domain) otherwise() string {
	if d.moments {
		return "before that denied"
	}
	return "by the first policy denied"
}

func orNobody(id string) string {
	if id == "" {
		return "none"
	}
	return id
}

func orNoSafeguard(ids []string) string {
	if len(ids) == 0 {
		return "no safeguard, as none is asked for"
	}
	return strings.Join(ids, ", ")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// why says why an answer is no.
func why(a *Answer) string {
	if a.Law == decision.NoLaw {
		return string(a.Reason) + ", as no law is registered for that country"
	}
	if a.Law != "" {
		return string(a.Reason) + " under law " + a.Law
	}
	return string(a.Reason)
}

// rests says on what a flow rests from now on.
func (d *domain) rests(c *Change) string {
	gone, come := strings.Join(c.From.Safeguards, ", "), strings.Join(c.To.Safeguards, ", ")
	var parts []string
	switch {
	case gone != "" && come != "":
		parts = append(parts, d.verb(c, "rests", "rest")+" on "+come+" instead of "+gone)
	case come != "":
		parts = append(parts, d.verb(c, "rests", "rest")+" on "+come+" as well")
	case gone != "":
		parts = append(parts, "no longer "+d.verb(c, "rests", "rest")+" on "+gone)
	}
	switch {
	case c.To.Transfer && !c.From.Transfer:
		parts = append(parts, d.verb(c, "becomes", "become")+" a transfer, which is recorded")
	case c.From.Transfer && !c.To.Transfer:
		parts = append(parts, d.verb(c, "is", "are")+" no transfer any more, so that no record is made")
	}
	return strings.Join(parts, " and ")
}

// people names those who registered in one of the countries.
func (d *domain) people(codes []string) string {
	registered := slices.DeleteFunc(slices.Clone(codes), func(c string) bool { return c == "" })
	nobody := len(registered) < len(codes)
	text := ""
	switch n := len(registered); {
	case n == 0 && len(codes) == 0:
		return "Everybody"
	case n == 0:
		return "People who are not registered"
	case n == country.Count && nobody:
		return "Everybody"
	case n == country.Count:
		return "People registered in any country"
	case n > country.Count/2:
		but := without(country.All(), registered)
		text = "People registered in any country but " + world.List(but, country.All())
	default:
		text = "People registered in " + world.List(registered, country.All())
	}
	if nobody {
		text += ", and people who are not registered"
	}
	return text
}

func activities(c *Change, d *domain) string {
	if len(c.Activities) == len(d.activities) && len(d.activities) > 1 {
		return "every activity"
	}
	return strings.Join(c.Activities, ", ")
}

// verb takes the form that goes with the activities.
func (d *domain) verb(c *Change, singular, plural string) string {
	if len(c.Activities) == 1 || len(c.Activities) == len(d.activities) {
		return singular
	}
	return plural
}

// places names the regions of a change.
func (d *domain) places(c *Change) string {
	if len(c.Regions) == len(d.regions) && len(d.regions) > 1 {
		return "any region"
	}
	places := make([]string, len(c.Regions))
	for i, code := range c.Regions {
		places[i] = code
		if at := d.countries[code]; at != "" {
			places[i] += " (" + at + ")"
		}
	}
	return strings.Join(places, ", ")
}

// asked says who asks and through which nodes, unless it is all the same.
func (d *domain) asked(c *Change) string {
	text := ""
	if len(c.Who) < len(d.who) {
		var own, staff []string
		for _, who := range c.Who {
			if party, found := strings.CutPrefix(who, self+":"); found {
				own = append(own, party)
			} else if who != self {
				staff = append(staff, who)
			}
		}
		var parts []string
		switch table := slices.Contains(c.Who, self); {
		case table && len(own) == 0:
			parts = append(parts, "the person")
		case table:
			parts = append(parts, "the person, also where the Account Center shows "+strings.Join(own, ", "))
		case len(own) > 0:
			parts = append(parts, "the person where the Account Center shows "+strings.Join(own, ", "))
		}
		if len(staff) > 0 {
			parts = append(parts, "staff of "+strings.Join(staff, ", "))
		}
		text = ", asked for by " + strings.Join(parts, " or ") + ","
	}
	if len(c.Nodes) < len(d.nodes) {
		text += " through a gateway at " + strings.Join(c.Nodes, ", ")
	}
	return text
}

// when says from when until when.
func when(spans []Span) string {
	var parts []string
	for _, s := range spans {
		var ends []string
		if !s.From.IsZero() {
			ends = append(ends, "from "+moment(s.From))
		}
		if s.Until.IsZero() {
			ends = append(ends, "on")
		} else {
			ends = append(ends, "until "+moment(s.Until))
		}
		parts = append(parts, strings.Join(ends, " "))
	}
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, " and ")
}
