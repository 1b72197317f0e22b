package config

import (
	"github.com/sparkoo/transfergate/internal/decision"
)

// storageCountry is where personal data is stored (§9).
const storageCountry = "SG"

var regionFields = []field{
	{key: "code", doc: "The provider's code, such as ap-southeast-3. The Caddyfile joins on it.", must: true, form: idForm},
	{key: "name", doc: "The provider's name for it.", must: true},
	{key: "country", doc: "Where it stands: ISO 3166-1 alpha-2.", must: true, form: countryForm},
	{key: "operator", doc: "The recipient that runs it, by its id in recipients.yaml.", must: true},
	{key: "storage", doc: "true in one row, in Singapore: personal data is stored there (§9).", is: flagField},
	{key: "near", doc: "The countries for which it is the nearest region; each stands in one row.", is: listField, form: countryForm},
	{key: "hosts", doc: "The domain names its upstreams may have: host.example, or .host.example for every name below it.", is: listField, form: hostsForm},
	{key: "networks", doc: "The CIDR blocks its upstreams' addresses may lie in.", is: listField, form: networkForm},
}

var regionsRegister = []field{{
	key: "regions", doc: "The places that can answer a request; exactly one stores, in Singapore (§9).",
	is: tableField, must: true, what: "region", fields: regionFields,
}}

func (d *draft) decodeRegions(root record) {
	for _, r := range root.rows("regions") {
		g := decision.Region{
			Code: r.text("code"), Name: r.text("name"), Country: r.text("country"), Operator: r.text("operator"),
			Storage: r.flag("storage"), Near: values(r.list("near")), Hosts: values(r.list("hosts")), Networks: values(r.list("networks")),
			Position: r.position(),
		}
		d.regions = append(d.regions, row[decision.Region]{g, r})
	}
}

func (d *draft) checkRegions() {
	unique(d.regions, "region", func(g decision.Region) string { return g.Code })
	recipients := ids(d.recipients, recipientID)
	near := map[string]string{}
	for _, r := range d.regions {
		r.refer(item{r.value.Operator, r.at("operator")}, "recipient", recipients)
		for _, it := range r.again("near") {
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
