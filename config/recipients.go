package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/decision"
)

var (
	kindTags     = []string{"9-operator", "9-partner", "4a", "4b", "4c", "4d"}
	supportWords = []string{"services-support", "technical-support", "security-support"}
	// withholdWords is what can be kept from a recipient, and what is kept from
	// an affiliate or partner unless its row says otherwise (§3, §4(c)).
	withholdWords = []string{"cookies", "authorization", "client-address", "referer", "user-agent", "identity-fields"}
)

func (d *draft) decodeRecipients(root record) {
	for _, r := range root.rows("recipients", "recipient",
		"id", "name", "address", "country", "kinds", "supports", "withhold") {
		c := decision.Recipient{
			ID: r.entity("id"), Name: r.optional("name"), Address: r.optional("address"), Country: r.optional("country"),
			Withhold: r.withhold(),
		}
		r.iso(item{c.Country, r.at("country")})
		for _, kind := range r.words("kinds", kindTags) {
			c.Kinds = append(c.Kinds, decision.RecipientKind(kind))
		}
		c.Supports = r.supports(slices.Contains(c.Kinds, decision.Affiliate))
		if !r.has("withhold") && (slices.Contains(c.Kinds, decision.Affiliate) || slices.Contains(c.Kinds, decision.Partner)) {
			c.Withhold = slices.Clone(withholdWords)
		}
		c.Position = r.position()
		d.recipients = append(d.recipients, row[decision.Recipient]{c, r})
	}
}

// supports reads the kinds of support an affiliate is limited to (§4(c)).
func (r record) supports(affiliate bool) []string {
	if affiliate {
		return r.words("supports", supportWords)
	}
	if r.has("supports") {
		r.report(r.at("supports"), "support", "%q is only for recipients of kind 4c; take it away, or add the kind", "supports")
	}
	return nil
}

// withhold reads what is kept from a recipient.
func (r record) withhold() []string {
	items := r.items("withhold")
	for _, it := range items {
		name, field := strings.CutPrefix(it.value, "field:")
		if field && fieldName.MatchString(name) {
			continue
		}
		if field {
			r.report(it.node, "bad-field", "%q names no header field; write field:Name", it.value)
			continue
		}
		r.known(it, "withhold", withholdWords)
	}
	return values(items)
}

// checkRecipients completes recipients that are controllers too, so that a name
// and an address stand in one place.
func (d *draft) checkRecipients() {
	unique(d.recipients, "recipient", recipientID)
	for i, r := range d.recipients {
		c := &d.recipients[i].value
		at := slices.IndexFunc(d.controllers, func(k row[decision.Controller]) bool { return k.value.ID == c.ID })
		if at < 0 || c.ID == "" {
			if len(d.controllers) > 0 && r.node.Kind == yaml.MappingNode {
				r.want("name")
				r.want("country")
			}
			continue
		}
		own := d.controllers[at].value
		r.agree("name", &c.Name, own.Name)
		r.agree("address", &c.Address, own.Address)
		r.agree("country", &c.Country, own.Country)
	}
}

// agree takes a value over from the controller of the same id, and reports one that differs.
func (r record) agree(key string, value *string, own string) {
	if *value != "" && *value != own {
		r.report(r.at(key), "differs", "%q differs from the controller of the same id in %s; leave it out here", key, controllersFile)
	}
	*value = own
}

func recipientID(c decision.Recipient) string { return c.ID }
