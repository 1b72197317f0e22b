package config_test

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
)

// lawsTable is the table of origins of the project's notes on transfer law, with
// its tags written out: id, effect without a mechanism on 23 November 2026
// (prohibited, accountable, open), whether a fact of the row is general knowledge or
// uncertain, tags. The countries are those of the id but for eu and us.
const lawsTable = `
za prohibited confirm za-popia-s72-1a-law za-popia-s72-1a-bcr za-popia-s72-1a-agreement za-popia-s72-1b-consent za-popia-s72-1c-contract za-popia-s72-1d-contract3p za-popia-s72-1e-benefit
cl open - cl-ley19628-pre2026-none cl-ley19628-pre2026-contract
pe prohibited confirm pe-lpdp-art15-adequacy pe-lpdp-art15-clauses pe-lpdp-art15-consent pe-lpdp-art15-contract
br prohibited - br-lgpd-art33-i-adequacy br-lgpd-art33-iia-specific br-lgpd-art33-iib-scc br-lgpd-art33-iic-bcr br-lgpd-art33-iid-cert br-lgpd-art33-viii-consent br-lgpd-art33-ix-contract
th prohibited - th-pdpa-s28-adequacy th-pdpa-s28-consent th-pdpa-s28-contract th-pdpa-s29-bcr th-pdpa-s29-scc th-pdpa-s29-cert th-pdpa-exempt-transit th-pdpa-exempt-storage
hk accountable - hk-pdpo-rmc hk-pdpo-dpp3-consent hk-gba-scc
sa prohibited - sa-pdpl-art29-adequacy sa-pdpl-art29-scc sa-pdpl-art29-bcr sa-pdpl-art29-cert sa-pdpl-art29-contract
sg prohibited - sg-pdpa-s26-law sg-pdpa-s26-contract sg-pdpa-s26-bcr sg-pdpa-s26-instrument sg-pdpa-s26-cert sg-pdpa-s26-consent sg-pdpa-s26-transit sg-pdpa-s26-public
eu prohibited confirm eu-gdpr-art45-adequacy eu-gdpr-art46-2b-bcr eu-gdpr-art46-2c-scc eu-gdpr-art46-2d-sccdpa eu-gdpr-art46-2e-code eu-gdpr-art46-2f-cert eu-gdpr-art46-3a-adhoc eu-gdpr-art49-1a-consent eu-gdpr-art49-1b-contract eu-gdpr-art49-1e-claims
gb prohibited - gb-ukgdpr-art45a-regs gb-ukgdpr-art46-idta gb-ukgdpr-art46-addendum gb-ukgdpr-art46-bcr gb-ukgdpr-art49-consent
ch prohibited confirm ch-fadp-art16-1-adequacy ch-fadp-art16-2d-scc ch-fadp-art16-2e-bcr ch-fadp-art17-consent
mx accountable confirm mx-lfpdppp-notice mx-lfpdppp-consent mx-lfpdppp-group
ar prohibited confirm ar-pdpl-art12-adequacy ar-pdpl-art12-clauses ar-pdpl-art12-bcr ar-pdpl-art12-consent
co prohibited confirm co-l1581-art26-adequacy co-l1581-art26-consent co-l1581-art26-contract co-l1581-art26-conformity co-d1377-transmission
my prohibited confirm my-pdpa-s129-2a-law my-pdpa-s129-2b-equiv my-pdpa-s129-3a-consent my-pdpa-s129-3b-contract my-pdpa-s129-3f-clauses my-pdpa-s129-3f-bcr my-pdpa-s129-3f-cert
id prohibited confirm id-pdp-art56-law id-pdp-art56-binding id-pdp-art56-consent
ph accountable confirm ph-dpa-s21-contract ph-dpa-s21-mcc
in open confirm in-spdi-r7 in-spdi-contract
jp prohibited confirm jp-appi-art28-adequacy jp-appi-art28-system jp-appi-art28-cbpr jp-appi-art28-consent
kr prohibited - kr-pipa-art28-8-1-consent kr-pipa-art28-8-2-treaty kr-pipa-art28-8-3-contract kr-pipa-art28-8-4-cert kr-pipa-art28-8-5-equiv
au accountable - au-app8-1-steps au-app8-2a-law au-app8-2aa-listed au-app8-2b-consent
nz prohibited confirm nz-ipp12-clauses nz-ipp12-law nz-ipp12-consent
tr prohibited - tr-kvkk-art9-scc tr-kvkk-art9-bcr tr-kvkk-art9-undertaking tr-kvkk-art9-derogation
ae prohibited confirm ae-pdpl-art22-adequacy ae-pdpl-art23-contract
ae-difc prohibited confirm ae-difc-art26-adequacy ae-difc-art27-scc
ae-adgm prohibited confirm ae-adgm-art42-scc
eg prohibited confirm eg-pdpl-art14-permit eg-pdpl-art15-consent
ng prohibited - ng-ndpa-s41-clauses ng-ndpa-s41-bcr ng-ndpa-s41-cert ng-ndpa-s42-adequacy ng-ndpa-s43-consent ng-ndpa-s43-contract
ke prohibited - ke-dpa-s48-safeguards ke-dpa-s48-bcr ke-dpa-s48-consent ke-dpa-s48-necessity
ma prohibited confirm ma-l0908-art43-list ma-l0908-art44-permit ma-l0908-art44-consent
cn prohibited confirm cn-pipl-art38-1-assessment cn-pipl-art38-2-cert cn-pipl-art38-3-scc cn-cac2024-exempt
us open - us-dsp-28cfr202-notbulk us-dsp-28cfr202-contract us-dsp-28cfr202-exempt us-dsp-28cfr202-restricted-cisa
ru prohibited confirm ru-152fz-art12-adequacy ru-152fz-art12-consent
kz prohibited confirm kz-l94v-art16-adequacy kz-l94v-art16-consent
uz prohibited confirm uz-zru547-art271-adequacy uz-zru547-art271-clauses
vn prohibited confirm vn-l91-transfer-contract
qa prohibited confirm qa-l13-art15-contract
bh prohibited confirm bh-l30-art12-list bh-l30-art13-permit bh-l30-art12-consent
kw prohibited confirm kw-citra-r26-contract kw-citra-r26-consent
om prohibited confirm om-rd6-art23-contract om-rd6-art23-consent
jo prohibited confirm jo-l24-art15-contract jo-l24-art15-consent
il prohibited confirm il-reg2001-r1-law il-reg2001-r2-contract il-reg2001-r2-consent
dz prohibited confirm dz-l1807-art44-permit
tn prohibited confirm tn-l63-art52-permit
gh accountable confirm gh-dpa2012-contract
ug prohibited confirm ug-dppa-s19-adequacy ug-dppa-s19-consent
tz prohibited confirm tz-pdpa-s31-adequacy tz-pdpa-s32-permit
zm prohibited confirm zm-dpa-s71-scc zm-dpa-s71-consent
rw prohibited confirm rw-l058-art48-contract rw-l058-art48-consent
ao prohibited confirm ao-l2211-art34-permit
ci prohibited confirm ci-l450-art26-permit
sn prohibited confirm sn-l12-art49-adequacy sn-l12-art51-permit
ec prohibited confirm ec-lopdp-art56-adequacy ec-lopdp-art57-clauses ec-lopdp-art60-consent
uy prohibited confirm uy-l18331-art23-list uy-l18331-art23-clauses uy-l18331-art23-consent
py prohibited confirm py-lpdp2025-clauses py-lpdp2025-consent
pa prohibited confirm pa-l81-art33-clauses pa-l81-art33-consent
ca accountable confirm ca-pipeda-413-contract
tw open confirm tw-pdpa-art21-unrestricted tw-pdpa-art21-contract
mo prohibited confirm mo-l8-art19-adequacy mo-l8-art20-clauses mo-l8-art20-consent
ua prohibited confirm ua-l2297-art29-adequacy ua-l2297-art29-guarantees ua-l2297-art29-consent
rs prohibited confirm rs-zzpl-art64-adequacy rs-zzpl-art65-scc rs-zzpl-art69-consent
pk open confirm pk-none-rule pk-none-contract
bd prohibited confirm bd-pdpo2025-contract bd-pdpo2025-consent
lk prohibited confirm lk-pdpa-s26-adequacy lk-pdpa-s26-instrument lk-pdpa-s26-consent
`

// TestDefaultLaws holds every origin of the notes, and no other, to the register.
// The Union's countries are counted on the lists of the treaties: 27 members, three
// further states of the EEA, and seven territories by alias; the United States' on
// their six territories with a code.
func TestDefaultLaws(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	inForce := map[string]decision.Law{}
	for _, l := range shipped(t).Laws {
		if l.Validity.Contains(now) {
			inForce[l.ID] = l
		}
		if l.Title == "" || l.Source == "" || len(l.Mechanisms) == 0 {
			t.Errorf("law %s without title, source or mechanisms", l.ID)
		}
	}
	countries := map[string]string{
		"eu": "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO AX GF GP MF MQ RE YT",
		"us": "US PR GU VI AS MP UM", "ae-difc": "AE", "ae-adgm": "AE",
	}
	for line := range strings.Lines(strings.TrimSpace(lawsTable)) {
		want := strings.Fields(line)
		id := want[0]
		l, ok := inForce[id]
		delete(inForce, id)
		if !ok {
			t.Errorf("no law %s", id)
			continue
		}
		codes := strings.Fields(countries[id])
		if len(codes) == 0 {
			codes = []string{strings.ToUpper(id)}
		}
		slices.Sort(codes)
		if got := slices.Sorted(slices.Values(l.Countries)); !slices.Equal(got, codes) {
			t.Errorf("law %s: countries %q, want %q", id, got, codes)
		}
		if l.Default != want[1] || l.Confirm != (want[2] == "confirm") {
			t.Errorf("law %s: %s, confirm %v, want %s", id, l.Default, l.Confirm, want[1:3])
		}
		var tags []string
		for _, m := range l.Mechanisms {
			tags = append(tags, m.Tag)
		}
		if !slices.Equal(tags, want[3:]) {
			t.Errorf("law %s: mechanisms %q, want %q", id, tags, want[3:])
		}
	}
	if len(inForce) > 0 {
		t.Errorf("laws that the notes do not have: %q", slices.Sorted(maps.Keys(inForce)))
	}
}

// The dates of the notes, in the time zone of the capital or of the seat of government.
func TestDefaultLawDates(t *testing.T) {
	want := map[string][]string{ // from and until, by the title's first word
		"cl Ley 19.628 before": {"", "2026-12-01T03:00:00Z"},
		"cl Ley 19.628 as":     {"2026-12-01T03:00:00Z", ""},
		"pe Ley 29733":         {"2025-03-30T05:00:00Z", ""},
		"th PDPA":              {"2024-03-23T17:00:00Z", ""},
		"sa PDPL":              {"2023-09-13T21:00:00Z", ""},
		"sg PDPA":              {"2021-01-31T16:00:00Z", ""},
		"gb UK":                {"2026-02-05T00:00:00Z", ""},
		"ch FADP":              {"2023-08-31T22:00:00Z", ""},
		"mx LFPDPPP":           {"2025-03-21T06:00:00Z", ""},
		"my PDPA":              {"2025-03-31T16:00:00Z", ""},
		"id Law":               {"2024-10-16T17:00:00Z", ""},
		"in IT":                {"", "2027-05-12T18:30:00Z"},
		"in DPDP":              {"2027-05-12T18:30:00Z", ""},
		"tr KVKK":              {"2024-05-31T21:00:00Z", ""},
		"eg Law":               {"2026-10-31T22:00:00Z", ""},
		"ng NDPA":              {"2025-09-18T23:00:00Z", ""},
		"cn PIPL":              {"2024-03-21T16:00:00Z", ""},
		"us 28":                {"2025-04-08T04:00:00Z", ""},
		"vn Law":               {"2025-12-31T17:00:00Z", ""},
		"om Royal":             {"2026-02-04T20:00:00Z", ""},
		"za POPIA":             {"2020-06-30T22:00:00Z", ""},
	}
	moment := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.UTC().Format(time.RFC3339)
	}
	for _, l := range shipped(t).Laws {
		from, until := moment(l.Validity.From), moment(l.Validity.Until)
		dated := []string{"", ""}
		for prefix, dates := range want {
			if strings.HasPrefix(l.ID+" "+l.Title+" ", prefix) {
				dated = dates
				delete(want, prefix)
			}
		}
		if !slices.Equal([]string{from, until}, dated) {
			t.Errorf("law %s %s: from %q until %q, want %q", l.ID, l.Title, from, until, dated)
		}
	}
	if len(want) > 0 {
		t.Errorf("no such laws: %q", slices.Sorted(maps.Keys(want)))
	}
}

// Derogations for occasional transfers are those of CL, MY, TR, the EU and, after
// its model, GB; and what else a mechanism asks for is what its law says.
func TestDefaultMechanisms(t *testing.T) {
	occasional := []string{
		"cl-ley21719-art27-consent", "ec-lopdp-art60-consent", "eu-gdpr-art49-1a-consent", "eu-gdpr-art49-1b-contract", "eu-gdpr-art49-1e-claims",
		"gb-ukgdpr-art49-consent", "lk-pdpa-s26-consent", "my-pdpa-s129-3a-consent", "my-pdpa-s129-3b-contract", "rs-zzpl-art69-consent", "tr-kvkk-art9-derogation",
	}
	needs := map[string]string{
		"sg-pdpa-s26-contract":    "countries",
		"sg-pdpa-s26-bcr":         "countries",
		"sa-pdpl-art29-scc":       "assessment",
		"sa-pdpl-art29-bcr":       "assessment",
		"sa-pdpl-art29-cert":      "assessment",
		"tr-kvkk-art9-scc":        "notification",
		"br-lgpd-art33-iib-scc":   "publication",
		"eg-pdpl-art14-permit":    "approval",
		"my-pdpa-s129-2b-equiv":   "assessment 36",
		"eu-gdpr-art46-2c-scc":    "assessment",
		"jp-appi-art28-system":    "assessment 12",
		"cn-pipl-art38-3-scc":     "filing impact-assessment separate-consent",
		"cn-pipl-art38-2-cert":    "approval 36 impact-assessment separate-consent",
		"cn-cac2024-exempt":       "",
		"us-dsp-28cfr202-notbulk": "",
	}
	grammar := regexp.MustCompile(`^[a-z]{2}(-[a-z0-9]+){2,5}$`)
	var found []string
	seen := map[string]bool{}
	for _, l := range shipped(t).Laws {
		for _, m := range l.Mechanisms {
			if seen[m.Tag] || !grammar.MatchString(m.Tag) || !strings.HasPrefix(m.Tag, l.ID+"-") {
				t.Errorf("law %s has the tag %s, again or of another form", l.ID, m.Tag)
			}
			seen[m.Tag] = true
			if m.Occasional {
				found = append(found, m.Tag)
			}
			got := slices.Clone(m.Needs)
			for _, d := range l.Duties {
				if len(d.For) == 0 || slices.Contains(d.For, m.Tag) {
					got = append(got, d.Evidence)
					if d.Months > 0 {
						got = append(got, strconv.Itoa(d.Months))
					}
				}
			}
			if want, ok := needs[m.Tag]; ok && strings.Join(got, " ") != want {
				t.Errorf("%s needs %q, want %q", m.Tag, got, want)
			}
			if own := slices.ContainsFunc(m.DPV, func(x string) bool { return strings.HasPrefix(x, "eu-gdpr:") }); own != (l.ID == "eu") {
				t.Errorf("%s has the terms %q", m.Tag, m.DPV)
			}
		}
	}
	if slices.Sort(found); !slices.Equal(found, occasional) {
		t.Errorf("occasional: %q, want %q", found, occasional)
	}
}

// Terms of the vocabulary, and of the clauses as many as the statement has.
func TestDefaultVocabulary(t *testing.T) {
	r, err := config.DefaultRegisters()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"1a":         "pd:Username pd:UID",
		"1g":         "pd:EducationTraining pd:EducationQualification",
		"1l":         "pd:BrowserHistory pd:IPAddress pd:UserAgent dpv:ObservedPersonalData",
		"2c":         "dpv:CommunicationForCustomerCare",
		"2-basis(c)": "dpv:LegalObligation eu-gdpr:A6-1-c",
		"§9":         "",
	}
	var tags []string
	for _, c := range r.Terms.Clauses {
		tags = append(tags, c.Tag)
		if w, ok := want[c.Tag]; ok && strings.Join(c.DPV, " ") != w {
			t.Errorf("%s has the terms %q, want %q", c.Tag, c.DPV, w)
		}
		if c.Title == "" {
			t.Errorf("clause %s without a title", c.Tag)
		}
	}
	clauses := strings.Fields("introduction §1 1a 1b 1c 1d 1e 1f 1g 1h 1i 1j 1k 1l " +
		"§2 2a 2b 2c 2d 2e 2f 2g 2-basis(a) 2-basis(b) 2-basis(c) 2-basis(d) §3 §4 §4(a) §4(b) §4(c) §4(d) " +
		"§5 §5(a) §5(b) §5(c) §5(d) §5(e) §5(f) §5(g) §5(h) §5(i) §5(j) §5(k) §5(l) §6 §7 7-control(a) 7-control(b) 7-withdrawal 7-deletion " +
		"7-right(a) 7-right(b) 7-right(c) 7-right(d) 7-right(e) 7-right(f) 7-right(g) §8 §9 9-operator 9-partner §10 §11")
	if !slices.Equal(tags, clauses) {
		t.Errorf("clauses %q, want %q", tags, clauses)
	}
	if s := r.Policy.Statements[0]; !slices.Equal(s.Clauses, clauses) || s.Date != "2023-11-21" || s.Name != r.Policy.Statement {
		t.Errorf("statement %+v", s)
	}
	for prefix, namespace := range map[string]string{
		"dpv": "https://w3id.org/dpv#", "pd": "https://w3id.org/dpv/pd#", "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
	} {
		if r.Terms.Prefixes[prefix] != namespace {
			t.Errorf("prefix %s is %q, want %q", prefix, r.Terms.Prefixes[prefix], namespace)
		}
	}
}
