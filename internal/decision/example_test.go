package decision_test

import (
	"fmt"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
)

// store is a policy of little more than a Brazilian controller, its law and a store
// in Singapore, with a request to store something there.
func store(safeguards ...decision.Safeguard) (*decision.Policy, decision.Site, decision.Facts) {
	p := &decision.Policy{
		Statements:  []decision.Statement{{ID: "2023-11-21"}},
		Controllers: []decision.Controller{{ID: "sparkoo-br", Name: "Sparkoo Do Brasil", Country: "BR", Serves: []string{"BR"}}},
		Laws: []decision.Law{{
			ID: "br", Title: "LGPD", Countries: []string{"BR"}, DirectCollection: decision.Reading{None: true},
			Mechanisms: []decision.Mechanism{{Tag: "br-lgpd-art33-iib-scc"}},
		}},
		Regions:    []decision.Region{{Code: "ap-southeast-3", Country: "SG", Operator: "sparkoo-sg", Storage: true}},
		Recipients: []decision.Recipient{{ID: "sparkoo-sg", Country: "SG", Kinds: []decision.RecipientKind{decision.Operator}}},
		Activities: []decision.Activity{{
			ID: "storage", Title: "storing", Kind: decision.Operator, StorageOnly: true, LegalBasis: "2-basis(a)",
			Purposes: []string{"2a"}, Categories: []string{"1a"}, Exporter: decision.FromPerson,
		}},
		Safeguards: safeguards,
	}
	site := decision.Site{Node: decision.Place{Entity: "sparkoo-sg", Country: "SG"}, Regions: []string{"ap-southeast-3"}}
	return p, site, decision.Facts{
		Activity: "storage", Identified: true, Subject: true, Country: "BR",
		Controller: &p.Controllers[0], Basis: decision.BasisRegisteredCountry,
	}
}

// clauses are standard clauses that hold for a year.
var clauses = decision.Safeguard{
	ID: "br-sg-scc", Tag: "br-lgpd-art33-iib-scc", Law: "br", Instrument: "IGA-1",
	Exporters: of("sparkoo-br"), Recipients: of("sparkoo-sg"), Countries: of("SG"),
	Purposes: of("2a"), Categories: of("1a"), Kinds: of("9-operator"),
	Validity: decision.Validity{
		From:  time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
	},
}

func ExampleDecide() {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

	p, site, facts := store()
	d := decision.Decide(p, &site, at, facts)
	fmt.Println(d.Outcome == decision.Allowed, d.Reason, d.Law)

	p, site, facts = store(clauses)
	d = decision.Decide(p, &site, at, facts)
	fmt.Println(d.Outcome == decision.Allowed, d.Candidates[0].Region.Code, d.Candidates[0].Tags())
	// Output:
	// false no_safeguard br
	// true ap-southeast-3 [br-lgpd-art33-iib-scc]
}

// A gateway asks a table, and compiles the next one when this one ends.
func ExampleCompile() {
	p, site, facts := store(clauses)
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for range 2 {
		table, err := decision.Compile(p, site, at, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		d := table.Decide(facts)
		fmt.Printf("%s %t %q\n", at.Format(time.DateOnly), d.Outcome == decision.Allowed, d.Reason)
		at = table.Until()
	}
	// Output:
	// 2026-11-23 true ""
	// 2027-01-01 false "no_safeguard"
}

func ExampleExplain() {
	p, site, facts := store()
	e := decision.Explain(p, &site, time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), facts, nil)
	fmt.Println(e.Outcome, e.Reason, e.Clause)
	fmt.Println(e.Unlock)
	for _, step := range e.Steps[:3] {
		fmt.Println(step.Topic+":", step.Text)
	}
	// Output:
	// denied no_safeguard §9
	// a safeguard under br (LGPD) for sparkoo-br in BR -> sparkoo-sg in SG that covers category 1a and purpose 2a
	// who: The request is by a person who registered in BR, for their own data.
	// controller: The controller is sparkoo-br (Sparkoo Do Brasil) in BR: the country table.
	// statement: The statement in force is the version of 2023-11-21.
}
