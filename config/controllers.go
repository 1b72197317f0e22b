package config

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/decision"
)

// unlisted is the id of a contracting party the registers do not know; no row may take it.
const unlisted = "unlisted"

var controllerFields = []field{
	{key: "id", doc: "The id that headers and records carry, an RFC 9651 token.", must: true, form: entityForm},
	{key: "name", doc: "The legal name, letter by letter as in §11.", must: true},
	{key: "address", doc: "The address, letter by letter as in §11.", must: true},
	{key: "country", doc: "Where the entity is: ISO 3166-1 alpha-2.", must: true, form: countryForm},
	{key: "serves", doc: "The countries of registration it answers for (§11).", is: listField, form: countryForm},
	{key: "default", doc: "true in one row: it answers for every country that no other controller serves.", is: flagField},
	{key: "role", doc: "controller, or joint with others (GDPR Art 26). Left out: controller.", form: oneOf([]string{string(decision.RoleController), string(decision.RoleJoint)})},
	{key: "owned_by", doc: "Who owns it, as far as a law asks.", is: mappingField, what: "owned_by", fields: ownerFields},
	{key: "dpo", doc: "The data-protection department, as the operator names it."},
	{key: "rights_portal", doc: "Where people ask for their rights (§7), an https address.", form: linkForm},
	{key: "email", doc: "Where people write to about their data.", form: emailForm},
	{key: "representatives", doc: "Who stands for it where a law asks for somebody in its country, such as GDPR Art 27.", is: tableField, what: "representative", fields: representativeFields},
	{key: "authority", doc: "The authority that supervises it, by its name."},
}

var representativeFields = []field{
	{key: "law", doc: "The law that asks for one, by its id in laws.yaml.", must: true},
	{key: "name", doc: "The representative's name.", must: true},
	{key: "address", doc: "The representative's address.", must: true},
	{key: "email", doc: "Where people and authorities write to.", form: emailForm},
}

var controllersRegister = []field{{
	key: "controllers", doc: "The legal entities of §11 and the countries they answer for.",
	is: tableField, must: true, what: "controller", fields: controllerFields,
}}

func (d *draft) decodeControllers(root record) {
	for _, r := range root.rows("controllers") {
		c := decision.Controller{
			ID: r.text("id"), Name: r.text("name"), Address: r.text("address"), Country: r.text("country"),
			Serves: values(r.list("serves")), Default: r.flag("default"),
			DPO: r.text("dpo"), RightsPortal: r.text("rights_portal"), Email: r.text("email"), Party: r.party(),
			Representatives: r.representatives(), Authority: r.text("authority"), Position: r.position(),
		}
		if c.Role == "" {
			c.Role = decision.RoleController
		}
		if !c.Default && !r.has("serves") && r.node.Kind == yaml.MappingNode {
			r.report(r.node, "serves-nobody", "controller %q serves nobody; list countries under serves, or write default: true", c.ID)
		}
		d.controllers = append(d.controllers, row[decision.Controller]{c, r})
	}
}

// representatives reads who stands for a controller.
func (r record) representatives() (list []decision.Representative) {
	if !r.has("representatives") {
		return nil
	}
	for _, w := range r.rows("representatives") {
		list = append(list, decision.Representative{Law: w.text("law"), Name: w.text("name"), Address: w.text("address"), Email: w.text("email")})
	}
	return list
}

// idNode is where a row's id stands; the row itself if it has none.
func (r record) idNode() *yaml.Node {
	if r.has("code") {
		return r.at("code")
	}
	return r.at("id")
}

// checkControllers makes sure that every country has exactly one controller (§11).
func (d *draft) checkControllers() {
	unique(d.controllers, "controller", controllerID)
	laws := ids(d.laws, lawID)
	for _, r := range d.controllers {
		for i, w := range r.value.Representatives {
			r.refer(item{w.Law, r.at("representatives").Content[i]}, "law", laws)
		}
	}
	serves := map[string]string{}
	var defaults []string
	for _, r := range d.controllers {
		if r.value.Default {
			defaults = append(defaults, r.value.ID)
		}
		for _, it := range r.again("serves") {
			if other, twice := serves[it.value]; twice {
				r.report(it.node, "served-twice", "country %s is served by %q already; keep it with one controller", it.value, other)
				continue
			}
			serves[it.value] = r.value.ID
		}
	}
	if len(d.controllers) > 0 && len(defaults) == 0 {
		d.controllers[0].report(d.controllers[0].node, "default-controller", "no controller is the default, so other countries have none (§11); write default: true in one row")
	}
	for _, r := range d.controllers {
		if r.value.Default && len(defaults) > 1 {
			r.report(r.at("default"), "default-controller", "%d controllers are the default (%s); keep one (§11)", len(defaults), strings.Join(defaults, ", "))
		}
	}
}

func controllerID(c decision.Controller) string { return c.ID }
