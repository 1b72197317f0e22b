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
	// withholdWords is what can be kept from a recipient beside named fields and
	// query parameters, and what is kept from an affiliate or partner unless its
	// row says otherwise (§3, §4(c)).
	withholdWords = []string{"cookies", "authorization", "client-address", "referer", "user-agent", "identity-fields"}
)

var recipientFields = []field{
	{key: "id", doc: "The id that headers and records carry, an RFC 9651 token. A controller that receives data has the id it has there.", must: true, form: entityForm},
	{key: "name", doc: "The legal name. A controller's is taken from controllers.yaml."},
	{key: "address", doc: "The address. A controller's is taken from controllers.yaml."},
	{key: "country", doc: "Where the entity is: ISO 3166-1 alpha-2. A controller's is taken from controllers.yaml.", form: countryForm},
	{key: "kinds", doc: "The rows of §4 and §9 under which it may receive. 9-operator runs a storage or serving region. 9-partner is bound by contract. 4a acts under the person's instruction: each transfer names a consent or an instruction. 4b is compliance, fraud prevention and security: each transfer names a case, who approved it and when it ends. 4c is an affiliate, for support. 4d is the public.", is: listField, must: true, form: oneOf(kindTags)},
	{key: "supports", doc: "The kinds of support an affiliate (4c) is limited to.", is: listField, form: oneOf(supportWords)},
	{key: "role", doc: "What it is to the data it receives: controller, processor or joint. It decides which module of standard clauses binds it.", form: oneOf(roleWords)},
	{key: "owned_by", doc: "Who owns it, as far as a law asks. A controller's is taken from controllers.yaml.", is: mappingField, what: "owned_by", fields: ownerFields},
	{key: "bound_by", doc: "Laws that bind the entity itself, by their ids in laws.yaml, such as eu by GDPR Art 3(2).", is: listField},
	{key: "withhold", doc: "What the gateway keeps from it: cookies, authorization, client-address, referer, user-agent, identity-fields, field:NAME for a header field, query:NAME for a query parameter. Left out: from 4c and 9-partner all that has no name of its own, from others nothing.", is: listField, form: withholdForm},
}

var recipientsRegister = []field{{
	key: "recipients", doc: "The entities that may receive data. A transfer to an entity that does not stand here does not happen.",
	is: tableField, must: true, what: "recipient", fields: recipientFields,
}}

func (d *draft) decodeRecipients(root record) {
	for _, r := range root.rows("recipients") {
		c := decision.Recipient{
			ID: r.text("id"), Name: r.text("name"), Address: r.text("address"), Country: r.text("country"),
			Withhold: values(r.list("withhold")), BoundBy: values(r.list("bound_by")), Party: r.party(), Position: r.position(),
		}
		for _, it := range r.list("kinds") {
			c.Kinds = append(c.Kinds, decision.RecipientKind(it.value))
		}
		affiliate := slices.Contains(c.Kinds, decision.Affiliate)
		c.Supports = r.supports(affiliate)
		if !r.has("withhold") && (affiliate || slices.Contains(c.Kinds, decision.Partner)) {
			c.Withhold = slices.Clone(withholdWords)
		}
		d.recipients = append(d.recipients, row[decision.Recipient]{c, r})
	}
}

var (
	roleWords   = []string{string(decision.RoleController), string(decision.RoleProcessor), string(decision.RoleJoint)}
	ownerFields = []field{
		{key: "name", doc: "The owner's legal name.", must: true},
		{key: "country", doc: "Where the owner is: ISO 3166-1 alpha-2.", must: true, form: countryForm},
		{key: "share", doc: "How much it owns, directly or indirectly, in percent.", is: numberField, must: true},
	}
)

// party reads what an entity is, and who owns it.
func (r record) party() decision.Party {
	p := decision.Party{Role: decision.Role(r.text("role"))}
	if w, ok := r.mapping("owned_by"); ok {
		p.OwnedBy = &decision.Owner{Name: w.text("name"), Country: w.text("country"), Share: w.number("share")}
		if p.OwnedBy.Share > 100 {
			w.report(w.at("share"), "not-a-number", "%q is %d percent; write 1 to 100", "share", p.OwnedBy.Share)
		}
	}
	return p
}

// supports reads the kinds of support an affiliate is limited to (§4(c)).
func (r record) supports(affiliate bool) []string {
	kinds := values(r.list("supports"))
	switch {
	case affiliate:
		if n := r.want("supports"); n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			r.report(n, "empty", "%q of %s is empty; fill it in", "supports", r.what)
		}
	case r.has("supports"):
		r.report(r.at("supports"), "support", "%q is only for recipients of kind 4c; take it away, or add the kind", "supports")
	}
	return kinds
}

// withholdForm is one thing that is kept from a recipient.
var withholdForm = &form{
	pattern: "^(" + strings.Join(withholdWords, "|") + "|field:.+|query:.+)$",
	check: func(r record, key string, it item) {
		kind, name, named := strings.Cut(it.value, ":")
		switch {
		case named && kind == "field":
			if !fieldName.MatchString(name) {
				r.report(it.node, "bad-field", "%q names no header field; write field:Name", it.value)
			}
		case named && kind == "query":
			if !parameterName.MatchString(name) {
				r.report(it.node, "bad-parameter", "%q names no query parameter; write query:name, as it reads without percent-encoding", it.value)
			}
		default:
			r.known(it, key, withholdWords)
		}
	},
}

// checkRecipients completes recipients that are controllers too, so that a name
// and an address stand in one place.
func (d *draft) checkRecipients() {
	unique(d.recipients, "recipient", recipientID)
	laws := ids(d.laws, lawID)
	for i, r := range d.recipients {
		c := &d.recipients[i].value
		for _, it := range r.again("bound_by") {
			r.refer(it, "law", laws)
		}
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
		if c.OwnedBy == nil {
			c.OwnedBy = own.OwnedBy
		} else if own.OwnedBy == nil || *own.OwnedBy != *c.OwnedBy {
			r.report(r.at("owned_by"), "differs", "%q differs from the controller of the same id in %s; leave it out here", "owned_by", controllersFile)
		}
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
