package decision_test

import (
	"slices"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/decision/decisiontest"
)

// Short names of the policy that is shared with other packages' tests.
var (
	now, later, chile, posted = decisiontest.Now, decisiontest.Later, decisiontest.Chile, decisiontest.Posted
	allRegions                = decisiontest.AllRegions
	nodeSG, nodeZA, nodeBR    = decisiontest.NodeSG, decisiontest.NodeZA, decisiontest.NodeBR
	operators                 = decisiontest.Operators
	allPurposes               = decisiontest.AllPurposes
	allCategories             = decisiontest.AllCategories
	support                   = decisiontest.Support
	anything                  = decisiontest.Anything
	policy                    = decisiontest.Policy
	operatorRow               = decisiontest.OperatorRow
	of                        = decisiontest.Of
)

func siteSG() decision.Site { return decision.Site{Node: nodeSG, Regions: slices.Clone(allRegions)} }

func siteAt(node decision.Place) decision.Site {
	s := siteSG()
	s.Node = node
	return s
}

// served says which controller §11 names for a country.
func served(country string) string {
	switch country {
	case "ZA", "CL", "PE", "BR", "TH", "HK", "SA":
		return map[string]string{
			"ZA": "sparkoo-za", "CL": "sparkoo-cl", "PE": "sparkoo-pe", "BR": "sparkoo-br",
			"TH": "sparkoo-th", "HK": "sparkoo-hk", "SA": "sparkoo-sa",
		}[country]
	default:
		return "sparkoo-sg"
	}
}

func controller(p *decision.Policy, id string) *decision.Controller {
	for i := range p.Controllers {
		if p.Controllers[i].ID == id {
			return &p.Controllers[i]
		}
	}
	return nil
}

// person is a signed-in person who asks for their own data; without a country
// nobody is signed in.
func person(p *decision.Policy, activity, country string) decision.Facts {
	f := decision.Facts{
		Activity: activity, Country: country, Identified: country != "", Subject: country != "",
		Controller: controller(p, served(country)), Basis: decision.BasisRegisteredCountry,
	}
	if country == "" {
		f.Basis = decision.BasisNotRegistered
	}
	f.At = now
	switch activity { // those of everyKind, with what §4 asks for
	case "instructed":
		f.Reference = decision.Reference{Kind: decision.Instruction, ID: "77"}
	case "authority":
		f.Reference = decision.Reference{Kind: decision.Case, ID: "2026-17", Approver: "legal-ops", Until: now.Add(time.Hour)}
	}
	return f
}

func staffOf(f decision.Facts, entity, country string) decision.Facts {
	f.Staff = &decision.Place{Entity: entity, Country: country}
	f.Access = decision.StaffAccess{Named: true, Ticket: "T-1"}
	return f
}

// decide answers at the moment now, for a node in Singapore.
func decide(p *decision.Policy, f decision.Facts) decision.Decision {
	s := siteSG()
	return decision.Decide(p, &s, now, f)
}

// codes lists the candidates' regions.
func codes(d *decision.Decision) []string {
	list := []string{}
	for _, c := range d.Candidates {
		list = append(list, c.Region.Code)
	}
	return list
}

// candidate returns the candidate for a region and fails if there is none.
func candidate(t *testing.T, d *decision.Decision, code string) *decision.Candidate {
	t.Helper()
	for i := range d.Candidates {
		if d.Candidates[i].Region.Code == code {
			return &d.Candidates[i]
		}
	}
	t.Fatalf("no candidate %s: %s, %s; refused %v", code, d.Reason, d.Unlock, d.Refused)
	return nil
}

// refusal returns why a region was refused and fails if it was not.
func refusal(t *testing.T, d *decision.Decision, code string) decision.Refusal {
	t.Helper()
	for _, r := range d.Refused {
		if r.Region == code {
			return r
		}
	}
	t.Fatalf("%s was not refused; candidates %v", code, codes(d))
	return decision.Refusal{}
}
