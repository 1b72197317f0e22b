package config

import (
	"go.yaml.in/yaml/v3"

	"github.com/sparkoo/transfergate/internal/decision"
)

var (
	exporterWords = []string{"person", "node", "store"}
	orderWords    = []string{"declared", "home", "nearest"}
)

func (d *draft) decodeActivities(root record) {
	for _, r := range root.rows("activities", "activity",
		"id", "title", "kind", "purposes", "categories", "legal_basis", "exporter", "order",
		"storage_only", "public", "support", "occasional", "rights") {
		a := decision.Activity{
			ID: r.id("id"), Title: r.text("title"), Kind: decision.RecipientKind(r.word("kind", kindTags)),
			Purposes: r.words("purposes", purposeTags), Categories: r.words("categories", categoryTags),
			LegalBasis: r.word("legal_basis", basisTags), Exporter: decision.Exporter(r.word("exporter", exporterWords)),
			Order: decision.OrderDeclared, StorageOnly: r.flag("storage_only"), Public: r.flag("public"),
			Occasional: r.flag("occasional"), Rights: r.flag("rights"),
		}
		if r.has("order") {
			a.Order = decision.Order(r.word("order", orderWords))
		}
		a.Support = r.support(a.Kind)
		a.Position = r.position()
		d.activities = append(d.activities, row[decision.Activity]{a, r})
	}
}

// checkActivities makes sure that rights requests, which nothing stops, go where
// personal data is stored and nowhere else (§7).
func (d *draft) checkActivities() {
	unique(d.activities, "activity", func(a decision.Activity) string { return a.ID })
	for _, r := range d.activities {
		if a := r.value; a.Rights && (!a.StorageOnly || a.Kind != decision.Operator) {
			r.report(r.at("rights"), "rights", "activity %q is for rights requests, which the store answers (§7); write kind: 9-operator and storage_only: true", a.ID)
		}
	}
}

// support reads the kind of support an affiliate gives, which §4(c) asks for.
func (r record) support(kind decision.RecipientKind) string {
	switch {
	case kind == decision.Affiliate:
		return r.word("support", supportWords)
	case r.has("support") && r.node.Kind == yaml.MappingNode:
		r.report(r.at("support"), "support", "%q is only for activities of kind 4c; take it away, or change the kind", "support")
	}
	return ""
}
