package config

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/decision"
)

// unlisted is the id of a contracting party the registers do not know; no row may take it.
const unlisted = "unlisted"

func (d *draft) decodeControllers(root record) {
	for _, r := range root.rows("controllers", "controller",
		"id", "name", "address", "country", "serves", "default", "dpo", "rights_portal", "email") {
		c := decision.Controller{
			ID: r.entity("id"), Name: r.text("name"), Address: r.text("address"), Country: r.country("country"),
			Serves: values(r.items("serves")), Default: r.flag("default"),
			DPO: r.optional("dpo"), RightsPortal: r.link("rights_portal"), Email: r.email("email"),
		}
		if !c.Default && !r.has("serves") && r.node.Kind == yaml.MappingNode {
			r.report(r.node, "serves-nobody", "controller %q serves nobody; list countries under serves, or write default: true", c.ID)
		}
		c.Position = r.position()
		d.controllers = append(d.controllers, row[decision.Controller]{c, r})
	}
}

// entity is the id of a controller or recipient.
func (r record) entity(key string) string {
	v := r.id(key)
	if v == unlisted {
		r.report(r.at(key), "bad-id", "id %q is kept for contracting parties the registers do not know; take another", v)
	}
	return v
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
	serves := map[string]string{}
	var defaults []string
	for _, r := range d.controllers {
		if r.value.Default {
			defaults = append(defaults, r.value.ID)
		}
		for _, it := range r.again("serves") {
			r.iso(it)
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
