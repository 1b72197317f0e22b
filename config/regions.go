package config

import (
	"github.com/sparkoo/transfergate/internal/decision"
)

// storageCountry is where personal data is stored (§9).
const storageCountry = "SG"

func (d *draft) decodeRegions(root record) {
	for _, r := range root.rows("regions", "region",
		"code", "name", "country", "operator", "storage", "near", "hosts", "networks") {
		g := decision.Region{
			Code: r.id("code"), Name: r.text("name"), Country: r.country("country"), Operator: r.text("operator"),
			Storage: r.flag("storage"), Near: values(r.items("near")), Hosts: values(r.items("hosts")), Networks: values(r.items("networks")),
		}
		g.Position = r.position()
		d.regions = append(d.regions, row[decision.Region]{g, r})
	}
}

func (d *draft) checkRegions() {
	unique(d.regions, "region", func(g decision.Region) string { return g.Code })
	recipients := ids(d.recipients, recipientID)
	near := map[string]string{}
	for _, r := range d.regions {
		r.refer(item{r.value.Operator, r.at("operator")}, "recipient", recipients)
		for _, it := range r.again("hosts") {
			r.host(it)
		}
		for _, it := range r.again("networks") {
			r.network(it)
		}
		for _, it := range r.again("near") {
			r.iso(it)
			if other, twice := near[it.value]; twice {
				r.report(it.node, "near-twice", "country %s is near %q already; keep it with one region", it.value, other)
				continue
			}
			near[it.value] = r.value.Code
		}
	}
	d.checkStorage()
}

// checkStorage makes sure that there is one place to store, and that it is in Singapore (§9).
func (d *draft) checkStorage() {
	first := ""
	for _, r := range d.regions {
		switch {
		case !r.value.Storage:
		case r.value.Country != storageCountry:
			r.report(r.at("storage"), "storage", "region %q stores in %s, but personal data is stored in Singapore (§9); take storage: true away", r.value.Code, r.value.Country)
		case first != "":
			r.report(r.at("storage"), "storage", "region %q stores besides %q; keep storage: true in one region (§9)", r.value.Code, first)
		default:
			first = r.value.Code
		}
	}
	if first == "" && len(d.regions) > 0 {
		d.regions[0].report(d.regions[0].node, "storage", "no region in Singapore stores personal data (§9); write storage: true in one")
	}
}
