// Package decisiontest has a small policy for the tests of package decision and of
// those that compare or enumerate policies, and draws random ones from it.
//
// It is typed from the privacy statement (§4, §9, §11) and from the registers'
// design. Its instruments are invented and count as proven, so that tests need no
// demo.
package decisiontest

import (
	"time"
	_ "time/tzdata" // Chile's law changes at a local midnight

	"github.com/sparkoo/transfergate/internal/decision"
)

// Moments of the tests.
var (
	// Now is a moment before Chile's law changes, Later one after.
	Now   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	Later = time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)
	// Chile is 2026-12-01T00:00 in Santiago, which keeps summer time (UTC-3) then.
	Chile = time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	// Posted is when the statement took effect.
	Posted = time.Date(2023, 11, 21, 0, 0, 0, 0, time.UTC)
)

// AllRegions are a site's, as the Caddyfile of an operator would list them.
var AllRegions = []string{
	"ap-southeast-3", "ap-southeast-1", "ap-southeast-2", "af-south-1",
	"sa-brazil-1", "la-south-2", "me-east-1", "cn-north-4",
}

// Where gateways of the tests stand.
var (
	NodeSG = decision.Place{Entity: "sparkoo-sg", Country: "SG"}
	NodeZA = decision.Place{Entity: "sparkoo-za", Country: "ZA"}
	NodeBR = decision.Place{Entity: "sparkoo-br", Country: "BR"}
)

// Operators are the entities that run regions; OperatorCountries, in the same order,
// where.
var (
	Operators         = []string{"sparkoo-sg", "sparkoo-hk", "sparkoo-th", "sparkoo-za", "sparkoo-br", "sparkoo-cl", "sparkoo-sa"}
	OperatorCountries = []string{"SG", "HK", "TH", "ZA", "BR", "CL", "SA"}
)

// The words of the registers.
var (
	AllPurposes   = []string{"2a", "2b", "2c", "2d", "2e", "2f", "2g"}
	AllCategories = []string{"1a", "1b", "1c", "1d", "1e", "1f", "1g", "1h", "1i", "1j", "1k", "1l"}
	Support       = []string{"services-support", "technical-support", "security-support"}
	// eea is the EU's 27, the EEA's three and the territories under EU law.
	eea = []string{
		"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU",
		"LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "IS", "LI", "NO", "AX", "GF", "GP", "MF", "MQ", "RE", "YT",
	}
)

// Of is the set of those items.
func Of(items ...string) decision.Set { return decision.Set{Of: items} }

// Anything is the set of everything.
var Anything = decision.Set{Any: true}

// Policy builds the policy anew, so that a test may change its copy.
func Policy() *decision.Policy {
	return &decision.Policy{
		Digest:      "00",
		Statements:  []decision.Statement{{ID: "2023-11-21", Title: "Privacy statement", Validity: decision.Validity{From: Posted}}},
		Controllers: controllers(),
		Laws:        laws(),
		Regions:     regions(),
		Recipients:  recipients(),
		Activities:  activities(),
		Safeguards:  safeguards(),
		UnknownLaw:  decision.SingaporeUnknown,
	}
}

func controllers() []decision.Controller {
	row := func(id, country, name string) decision.Controller {
		return decision.Controller{ID: id, Name: name, Country: country, Serves: []string{country}}
	}
	sg := row("sparkoo-sg", "SG", "Sparkoo Technologies Singapore Pte. Ltd.")
	sg.Serves, sg.Default = nil, true
	return []decision.Controller{
		row("sparkoo-za", "ZA", "Sparkoo Technologies South Africa (Pty) LTD."),
		row("sparkoo-cl", "CL", "Sparkoo Technologies Chile SpA"),
		row("sparkoo-pe", "PE", "Sparkoo Technologies PERU S.A.C."),
		row("sparkoo-br", "BR", "Sparkoo Technologies Do Brasil Ltda."),
		row("sparkoo-th", "TH", "Sparkoo Technologies (Thailand) Co., Ltd."),
		row("sparkoo-hk", "HK", "Sparkoo Technologies Hong Kong Co., Limited"),
		row("sparkoo-sa", "SA", "Sparkoo Technologies Arabia Co., Ltd."),
		sg,
	}
}

func laws() []decision.Law {
	row := func(id, title string, countries ...string) decision.Law {
		return decision.Law{
			ID: id, Title: title, Countries: countries, Default: "prohibited", Mechanisms: mechanisms(id),
			DirectCollection: decision.Reading{None: true}, Returns: decision.Reading{None: true},
		}
	}
	before := row("cl", "Law 19.628", "CL")
	before.Default, before.Validity.Until = "open", Chile
	after := row("cl", "Law 19.628 as replaced by Law 21.719", "CL")
	after.Validity.From = Chile
	return []decision.Law{
		row("za", "POPIA s.72", "ZA"),
		before, after,
		row("pe", "Law 29733 Art 15", "PE"),
		row("br", "LGPD Arts 33-36", "BR"),
		row("th", "PDPA s.28-29", "TH"),
		row("hk", "PDPO s.33", "HK"),
		row("sa", "PDPL Art 29", "SA"),
		row("sg", "PDPA s.26", "SG"),
		row("eu", "GDPR Arts 44-49", eea...),
		row("gb", "UK GDPR Arts 44A-49", "GB"),
		row("cn", "PIPL Arts 38-43", "CN"),
	}
}

// mechanisms are those whose tags the rows of these tests have.
func mechanisms(law string) []decision.Mechanism {
	tags := []string{law + "-law-scc", law + "-to-hk", "xx-law-none"}
	switch law {
	case "cl":
		tags = append(tags, "cl-ley19628-pre2026-none")
	case "sg":
		tags = append(tags, "sg-pdpa-s26-public")
	case "br":
		tags = append(tags, "br-lgpd-art33-viii-consent")
	}
	var list []decision.Mechanism
	for _, tag := range tags {
		list = append(list, decision.Mechanism{Tag: tag})
	}
	return list
}

func regions() []decision.Region {
	return []decision.Region{
		{Code: "ap-southeast-3", Country: "SG", Operator: "sparkoo-sg", Storage: true},
		{Code: "ap-southeast-1", Country: "HK", Operator: "sparkoo-hk"},
		{Code: "ap-southeast-2", Country: "TH", Operator: "sparkoo-th"},
		{Code: "af-south-1", Country: "ZA", Operator: "sparkoo-za"},
		{Code: "sa-brazil-1", Country: "BR", Operator: "sparkoo-br"},
		{Code: "la-south-2", Country: "CL", Operator: "sparkoo-cl"},
		{Code: "me-east-1", Country: "SA", Operator: "sparkoo-sa"},
		{Code: "cn-north-4", Country: "CN", Operator: "huawei-cloud-cn"},
	}
}

func recipients() []decision.Recipient {
	list := []decision.Recipient{{
		ID: "huawei-cloud-cn", Name: "Huawei Cloud Computing Technologies Co., Ltd.", Country: "CN",
		Kinds: []decision.RecipientKind{decision.Affiliate}, Supports: Support,
	}}
	for i, id := range Operators {
		list = append(list, decision.Recipient{
			ID: id, Country: OperatorCountries[i], Kinds: []decision.RecipientKind{decision.Operator},
		})
	}
	return list
}

func activities() []decision.Activity {
	ticket := decision.Activity{
		Kind: decision.Affiliate, Purposes: []string{"2c"}, Categories: []string{"1a", "1h", "1l"},
		LegalBasis: "2-basis(a)", Exporter: decision.FromStore, Order: decision.OrderDeclared, Support: "technical-support",
	}
	named := func(id string, change func(*decision.Activity)) decision.Activity {
		a := ticket
		a.ID = id
		change(&a)
		return a
	}
	own := decision.Activity{
		Kind: decision.Operator, Purposes: []string{"2a"}, Categories: []string{"1a", "1l"},
		LegalBasis: "2-basis(a)", Exporter: decision.FromNode, Order: decision.OrderDeclared,
	}
	storage, rights, serving, public := own, own, own, own
	storage.ID, storage.StorageOnly = "storage", true
	rights.ID, rights.StorageOnly, rights.Rights = "rights", true, true
	serving.ID, serving.Order = "serving", decision.OrderHome
	public.ID, public.Order, public.Public, public.Categories = "public", decision.OrderNearest, true, []string{"1i"}
	return []decision.Activity{
		storage, rights, serving, public,
		named("support", func(*decision.Activity) {}),
		named("support-training", func(a *decision.Activity) { a.Categories = []string{"1a", "1g", "1h", "1l"} }),
		named("support-identity", func(a *decision.Activity) { a.Categories = []string{"1a", "1b"} }),
		named("support-once", func(a *decision.Activity) { a.Occasional, a.Categories = true, []string{"1a", "1k"} }),
		named("security", func(a *decision.Activity) { a.Support, a.Purposes = "security-support", []string{"2e"} }),
	}
}

// safeguards gives every law a contract with the operators of the regions and
// one with the affiliate in China, a Brazilian consent for occasional use, and
// Chile its two stretches of time.
func safeguards() []decision.Safeguard {
	var rows []decision.Safeguard
	for _, law := range []string{"za", "cl", "pe", "br", "th", "hk", "sa", "sg", "eu", "gb", "cn"} {
		rows = append(rows, OperatorRow(law), AffiliateRow(law))
	}
	for i := range rows {
		if rows[i].Law == "cl" {
			rows[i].Validity.From = Chile
		}
	}
	open := OperatorRow("cl")
	open.ID, open.Tag, open.Instrument = "cl-none", "cl-ley19628-pre2026-none", "Law 19.628"
	open.Exporters, open.Recipients, open.Countries, open.Kinds = Anything, Anything, Anything, Anything
	open.Validity = decision.Validity{Until: Chile}
	posts := OperatorRow("sg")
	posts.ID, posts.Tag, posts.Instrument, posts.Categories = "sg-public", "sg-pdpa-s26-public", "reg 10(2)", Of("1i")
	consent := AffiliateRow("br")
	consent.ID, consent.Tag, consent.Occasional = "br-consent-cn", "br-lgpd-art33-viii-consent", true
	consent.Categories = Of("1a", "1k")
	answers := OperatorRow("cn")
	answers.ID, answers.Exporters = "cn-scc-answers", Of("huawei-cloud-cn")
	return append(rows, open, posts, consent, answers)
}

// OperatorRow lets the group's operators pass all data on among each other.
func OperatorRow(law string) decision.Safeguard {
	exporters := append([]string{"sparkoo-pe"}, Operators...)
	return decision.Safeguard{
		ID: law + "-scc-operators", Tag: law + "-law-scc", Law: law,
		Exporters: Of(exporters...), Recipients: Of(Operators...), Countries: Of(OperatorCountries...),
		Purposes: Of(AllPurposes...), Categories: Of(AllCategories...), Kinds: Of("9-operator"),
		Instrument: "IGA-1", Assessment: "TIA-1", Clause: "§9",
	}
}

// AffiliateRow lets the store's operator show tickets to the affiliate in China.
func AffiliateRow(law string) decision.Safeguard {
	return decision.Safeguard{
		ID: law + "-scc-cn", Tag: law + "-law-scc", Law: law,
		Exporters: Of("sparkoo-sg"), Recipients: Of("huawei-cloud-cn"), Countries: Of("CN"),
		Purposes: Of("2c"), Categories: Of("1a", "1h", "1l"), Kinds: Of("4c"),
		Instrument: "HWC-7", Clause: "§4(c)",
	}
}
