package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/config"
)

// This file writes the register in the Data Privacy Vocabulary 2.3 (https://w3id.org/dpv),
// as JSON-LD 1.1: a dpv:ROPA, whose parts are what was done by each controller in each
// activity, with a dpv:DataTransferRecord for each step of the data. The statement's own
// categories, purposes and bases, and the laws' mechanisms, are concepts of their own below
// the terms that the registers name for them.

// node is one of a JSON-LD document.
type node map[string]any

// dpvPrefixes are the namespaces of the document, beside those of the registers.
var dpvPrefixes = map[string]string{
	"dpv": "https://w3id.org/dpv#", "loc": "https://w3id.org/dpv/loc#",
	"dct": "http://purl.org/dc/terms/", "skos": "http://www.w3.org/2004/02/skos/core#", "xsd": "http://www.w3.org/2001/XMLSchema#",
}

// vocabulary is what the registers say of their own terms, by tag.
type vocabulary struct {
	prefixes map[string]string
	broader  map[string][]string // terms of vocabularies, as prefix:Name
}

// learn takes in the registers of a policy. Those taken in later prevail.
func (v *vocabulary) learn(r *config.Registers) {
	if v.broader == nil {
		v.prefixes, v.broader = make(map[string]string), make(map[string][]string)
	}
	maps.Copy(v.prefixes, r.Terms.Prefixes)
	for _, list := range [][]config.Term{r.Terms.Categories, r.Terms.Purposes, r.Terms.LegalBases} {
		for _, t := range list {
			v.broader[t.Tag] = t.DPV
		}
	}
	for i := range r.Policy.Laws {
		for _, m := range r.Policy.Laws[i].Mechanisms {
			v.broader[m.Tag] = m.DPV
		}
	}
}

// DPV writes the register as JSON-LD. It leaves out denials, for which the vocabulary has
// no record.
func (r *Register) DPV(w io.Writer) error {
	context := node{}
	for _, prefixes := range []map[string]string{r.vocabulary.prefixes, dpvPrefixes} {
		for prefix, namespace := range prefixes {
			context[prefix] = namespace
		}
	}
	var parts []node
	for i, c := range r.Controllers {
		who := c.node(i)
		for _, p := range c.Activities {
			parts = append(parts, r.process(p, who))
			who = node{"@id": who["@id"]} // said once
		}
	}
	ropa := node{
		"@context": context, "@type": "dpv:ROPA",
		"dct:title":    "Register of processing and transfers, " + r.Period,
		"dct:temporal": r.From + "/" + r.To, "dct:created": typed(r.Made, "xsd:dateTime"),
		"dct:extent": fmt.Sprintf("%d transfers, %d denials", r.Transfers, r.Denials+r.Counted),
		"dct:source": r.sources(), "dct:hasPart": parts,
	}
	if limits := slices.Concat(r.NotRuledOut, r.Unreadable); len(limits) > 0 {
		ropa["skos:note"] = limits
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(ropa)
}

// sources say which state of the ledger the register is of.
func (r *Register) sources() (all []string) {
	for _, c := range r.Checkpoints {
		all = append(all, fmt.Sprintf("%s, %d entries, root %s", c.Log, c.Size, c.Root))
	}
	return all
}

func typed(value, kind string) node { return node{"@value": value, "@type": kind} }

// set sets a member that has a value.
func (n node) set(name, value string) node {
	if value != "" {
		n[name] = value
	}
	return n
}

// node is the controller.
func (c *ControllerRegister) node(i int) node {
	n := node{"@id": fmt.Sprintf("_:controller-%d", i+1), "@type": "dpv:DataController"}
	n.set("dpv:hasName", c.Name).set("dpv:hasIdentifier", c.ID).set("dpv:hasAddress", c.Address).set("dpv:hasContact", c.Email)
	if country := located(c.Country); country != nil {
		n["dpv:hasCountry"] = country
	}
	if c.DPO != "" {
		n["dpv:hasDataProtectionOfficer"] = node{"@type": "dpv:DataProtectionOfficer", "dpv:hasName": c.DPO}
	}
	var representatives []node
	for _, r := range c.Representatives {
		representatives = append(representatives, node{"@type": "dpv:Representative", "dpv:hasName": r.Name}.set("dpv:hasAddress", r.Address).set("dpv:hasContact", r.Email))
	}
	if len(representatives) > 0 {
		n["dpv:hasRepresentative"] = representatives
	}
	return n
}

// located is a country of the vocabulary's, which has those of ISO 3166-1.
func located(country Named) any {
	switch country.ID {
	case "":
		return nil
	case "XK": // which is none of them
		return node{"@type": "dpv:Country", "skos:notation": country.ID, "skos:prefLabel": country.String()}
	}
	return node{"@id": "loc:" + country.ID}
}

// concept is one of the statement's or of a law's own, of a class of the vocabulary.
func (r *Register) concept(class string, named Named) node {
	n := node{"@type": class, "skos:notation": named.ID}.set("skos:prefLabel", named.Name)
	var broader []node
	for _, term := range r.vocabulary.broader[named.ID] {
		broader = append(broader, node{"@id": term})
	}
	if len(broader) > 0 {
		n["skos:broader"] = broader
	}
	return n
}

func (r *Register) concepts(class string, all []Named) (list []node) {
	for _, named := range all {
		list = append(list, r.concept(class, named))
	}
	return list
}

// process is what a controller did in an activity.
func (r *Register) process(p *Processing, who node) node {
	n := node{
		"@type": "dpv:PersonalDataHandling", "dct:identifier": p.Activity.ID, "dpv:hasDataController": who,
		"dpv:hasPurpose": r.concepts("dpv:Purpose", p.Purposes), "dpv:hasPersonalData": r.concepts("dpv:PersonalData", p.Categories),
	}
	n.set("dct:title", p.Activity.Name)
	if p.LegalBasis.ID != "" {
		n["dpv:hasLegalBasis"] = r.concept("dpv:LegalBasis", p.LegalBasis)
	}
	for _, list := range []struct {
		name, class string
		texts       []string
	}{
		{"dpv:hasDataSubject", "dpv:DataSubject", p.People}, {"dpv:hasTechnicalOrganisationalMeasure", "dpv:TechnicalOrganisationalMeasure", p.Measures},
		{"dpv:hasStorageCondition", "dpv:StorageDeletion", p.Erasure},
	} {
		var nodes []node
		for _, text := range list.texts {
			nodes = append(nodes, node{"@type": list.class, "skos:prefLabel": text})
		}
		if len(nodes) > 0 {
			n[list.name] = nodes
		}
	}
	var records []node
	for _, f := range p.Flows {
		records = append(records, r.transfer(f))
	}
	n["dpv:hasRecordOfActivity"] = records
	return n
}

// transfer is the record of a step of the data.
func (r *Register) transfer(f *Flow) node {
	importer := "dpv:DataImporter"
	n := node{
		"@type": "dpv:DataTransferRecord", "dct:type": f.Step,
		"dct:temporal": f.First.UTC().Format("2006-01-02T15:04:05Z") + "/" + f.Last.UTC().Format("2006-01-02T15:04:05Z"),
		"dct:extent":   times(f.Records, "record"),
	}
	if f.Recipient.ID != "" {
		recipient := node{"@type": []string{importer}, "dpv:hasIdentifier": f.Recipient.ID}.set("dpv:hasName", f.Recipient.Name)
		if f.Role == "processor" {
			recipient["@type"] = []string{importer, "dpv:DataProcessor"}
		}
		if to := located(f.To); to != nil {
			recipient["dpv:hasCountry"] = to
		}
		n["dpv:hasDataImporter"] = recipient
	}
	if f.Exporter.ID != "" {
		exporter := node{"@type": "dpv:DataExporter", "dpv:hasIdentifier": f.Exporter.ID}.set("dpv:hasName", f.Exporter.Name)
		if from := located(f.From); from != nil {
			exporter["dpv:hasCountry"] = from
		}
		n["dpv:hasDataExporter"] = exporter
	}
	var bases, laws []node
	for i := range f.Laws {
		l := &f.Laws[i]
		law := node{"@type": "dpv:Law", "skos:notation": l.Law.ID}.set("skos:prefLabel", l.Law.Name)
		switch {
		case l.Safeguard != nil:
			bases = append(bases, r.basis(l, law))
		case l.Missing:
			laws = append(laws, law.set("skos:note", "no safeguard"))
		default:
			laws = append(laws, law.set("skos:note", "no transfer under this law: "+strings.ReplaceAll(l.Because, "-", " ")))
		}
	}
	if len(bases) > 0 {
		n["dpv:hasLegalBasis"] = bases
	}
	if len(laws) > 0 {
		n["dpv:hasApplicableLaw"] = laws
	}
	return n
}

// basis is the safeguard that satisfied a law.
func (r *Register) basis(l *Law, law node) node {
	s := l.Safeguard
	n := r.concept("dpv:DataTransferLegalBasis", s.Tag)
	n["dpv:hasApplicableLaw"] = law
	n.set("dct:source", s.Instrument).set("dct:identifier", s.Row).set("dct:hasVersion", strings.TrimSpace(s.Module+" "+s.Version)).set("dct:valid", s.Until)
	if s.Example || s.Confirm {
		n["skos:note"] = "an example, or not confirmed by counsel"
	}
	if a := s.Assessment; a != nil {
		n["dpv:hasImpactAssessment"] = node{"@type": "dpv:DataTransferImpactAssessment", "dct:identifier": a.ID}.set("dct:issued", a.Date).set("dpv:hasOutcome", a.Conclusion)
	}
	return n
}
