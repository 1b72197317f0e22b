package config

import "github.com/sparkoo/transfergate/internal/decision"

// lawDefaults are the effects of a law without a mechanism.
var lawDefaults = []string{"prohibited", "accountable", "open"}

func (d *draft) decodeLaws(root record) {
	for _, r := range root.rows("laws", "law",
		"id", "title", "articles", "countries", "default", "valid_from", "valid_until", "zone", "source", "confirm") {
		l := decision.Law{
			ID: r.id("id"), Title: r.text("title") + " " + r.text("articles"), Countries: values(r.some("countries")),
			Default: r.word("default", lawDefaults), Validity: r.validity(), Confirm: r.flag("confirm"), Source: r.text("source"),
		}
		l.Position = r.position()
		d.laws = append(d.laws, row[decision.Law]{l, r})
	}
}

// checkLaws makes sure that one law does not say two things at one moment.
// Several laws may cover one country; then all of them apply (§9).
func (d *draft) checkLaws() {
	apart(d.laws, "law", lawID, func(l decision.Law) decision.Validity { return l.Validity })
	for _, r := range d.laws {
		for _, it := range r.again("countries") {
			r.iso(it)
		}
	}
}

func lawID(l decision.Law) string { return l.ID }
