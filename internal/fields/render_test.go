package fields_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dunglas/httpsfv"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/fields"
)

// controllers is the table of §11.
var controllers = []decision.Controller{
	{ID: "sparkoo-za", Name: "Sparkoo Technologies South Africa (Pty) LTD.", Address: "Building 17 - Huawei Office Park, 124 Western Service Road, Woodmead - Johannesburg, Gauteng, 2191"},
	{ID: "sparkoo-cl", Name: "Sparkoo Technologies Chile SpA", Address: "ROSARIO NORTE 530 OF 1101 LAS CONDES"},
	{ID: "sparkoo-pe", Name: "Sparkoo Technologies PERU S.A.C.", Address: "Calle Las Begonias 415, Int. 2301, San Isidro, Lima 27, Perú"},
	{ID: "sparkoo-br", Name: "Sparkoo Technologies Do Brasil Ltda.", Address: "Avenida Doutor Chucri Zaidan, S/N, conjunto 252, Edifício EZ Towers, Vila São Francisco, São Paulo/SP, CEP 04711-130"},
	{ID: "sparkoo-th", Name: "Sparkoo Technologies (Thailand) Co., Ltd.", Address: "No. 9, G Tower Grand Rama 9, Room No. GN01-04, 35th Floor, Rama 9 Road, Huaykwang Sub-district, Huaykwang District, Bangkok Metropolis"},
	{ID: "sparkoo-hk", Name: "Sparkoo Technologies Hong Kong Co., Limited", Address: "7/F., Tower 6, The Gateway, No. 9 Canton Road, Tsimshatsui,Kowloon"},
	{ID: "sparkoo-sa", Name: "Sparkoo Technologies Arabia Co., Ltd.", Address: "C-Center, Prince Mohammed Road, PO Box 295320, Riyadh, the Kingdom of Saudi Arabia"},
	{ID: "sparkoo-sg", Name: "Sparkoo Technologies Singapore Pte. Ltd.", Address: "1 Changi Business Park Ave 1 #05-01/06 Singapore 486058"},
}

// support is a request of a Brazilian for support from China, as design.md
// tells it: a Brazilian and a Singaporean safeguard.
func support() *decision.Decision {
	return &decision.Decision{
		Outcome:    decision.Allowed,
		Activity:   &decision.Activity{ID: "support"},
		Controller: &controllers[3],
		Basis:      decision.BasisRegisteredCountry,
		Country:    "BR",
		Statement:  &decision.Statement{ID: "2023-11-21", URL: "https://example.com/privacy"},
		Candidates: []decision.Candidate{{
			Region:    &decision.Region{Code: "cn-north-4", Country: "CN"},
			Recipient: &decision.Recipient{ID: "huawei-cloud-cn"},
			Transfer:  true,
			Safeguards: []*decision.Safeguard{
				{ID: "1", Tag: "br-lgpd-art33-iib-scc"}, {ID: "2", Tag: "sg-pdpa-contract"},
			},
		}},
	}
}

func TestControllerRoundTrip(t *testing.T) {
	for _, c := range controllers {
		fs, err := fields.Controller(&c, decision.BasisAccountCenter)
		if err != nil {
			t.Fatal(err)
		}
		if names(fs) != "Data-Controller Data-Controller-Name Data-Controller-Address Data-Controller-Basis" {
			t.Errorf("%s: fields %s", c.ID, names(fs))
		}
		if got := parseItem(t, value(fs, "Data-Controller")).Value; got != httpsfv.Token(c.ID) {
			t.Errorf("%s: id reads back as %v", c.ID, got)
		}
		if got := parseText(t, value(fs, "Data-Controller-Name")); got != c.Name {
			t.Errorf("%s: name reads back as %q", c.ID, got)
		}
		if got := parseText(t, value(fs, "Data-Controller-Address")); got != c.Address {
			t.Errorf("%s: address reads back as %q", c.ID, got)
		}
		if got := parseItem(t, value(fs, "Data-Controller-Basis")).Value; got != httpsfv.Token("account-center") {
			t.Errorf("%s: basis reads back as %v", c.ID, got)
		}
	}
}

func TestControllerWithoutAddress(t *testing.T) {
	fs, err := fields.Controller(&decision.Controller{ID: "unlisted", Name: "Nova Ltda."}, decision.BasisAccountCenter)
	if err != nil || names(fs) != "Data-Controller Data-Controller-Name Data-Controller-Basis" {
		t.Errorf("fields %s, %v", names(fs), err)
	}
}

func TestCandidate(t *testing.T) {
	d := support()
	fs, err := fields.Candidate(d, &d.Candidates[0])
	if err != nil {
		t.Fatal(err)
	}
	want := []decision.Field{
		{Name: "Data-Controller", Value: `sparkoo-br`},
		{Name: "Data-Controller-Name", Value: `"Sparkoo Technologies Do Brasil Ltda."`},
		{Name: "Privacy-Statement", Value: `"2023-11-21"`},
		{Name: "Data-Controller-Address", Value: `%"Avenida Doutor Chucri Zaidan, S/N, conjunto 252, Edif%c3%adcio EZ Towers, Vila S%c3%a3o Francisco, S%c3%a3o Paulo/SP, CEP 04711-130"`},
		{Name: "Data-Controller-Basis", Value: `registered-country`},
		{Name: "Data-Region", Value: `cn-north-4`},
		{Name: "Data-Subject-Country", Value: `BR`},
	}
	if !slices.Equal(fs, want) {
		t.Errorf("got  %v\nwant %v", fs, want)
	}
	d.Country = ""
	if fs, err = fields.Candidate(d, &d.Candidates[0]); err != nil || strings.Contains(names(fs), "Country") {
		t.Errorf("without a country: %s, %v", names(fs), err)
	}
}

func TestTransfer(t *testing.T) {
	d := support()
	prefix, err := fields.Transfer(d, &d.Candidates[0])
	if err != nil {
		t.Fatal(err)
	}
	if want := `CN;activity=support;safeguards="br-lgpd-art33-iib-scc sg-pdpa-contract";recipient=huawei-cloud-cn`; prefix != want {
		t.Errorf("got  %s\nwant %s", prefix, want)
	}
	item := parseItem(t, fields.AppendRecord(prefix, "gw-sg-1#42"))
	if item.Value != httpsfv.Token("CN") {
		t.Errorf("destination %v", item.Value)
	}
	for name, want := range map[string]any{
		"activity": httpsfv.Token("support"), "safeguards": "br-lgpd-art33-iib-scc sg-pdpa-contract",
		"recipient": httpsfv.Token("huawei-cloud-cn"), "record": "gw-sg-1#42",
	} {
		if got, _ := item.Params.Get(name); got != want {
			t.Errorf("parameter %s is %v, want %v", name, got, want)
		}
	}
}

func TestTransferWithoutSafeguards(t *testing.T) {
	d := support()
	d.Candidates[0].Safeguards = nil
	prefix, err := fields.Transfer(d, &d.Candidates[0])
	if err != nil {
		t.Fatal(err)
	}
	item := parseItem(t, prefix)
	if got, ok := item.Params.Get("safeguards"); !ok || got != "" {
		t.Errorf("safeguards %v, want an empty string", got)
	}
}

func TestNoTransfer(t *testing.T) {
	d := support()
	d.Candidates[0].Transfer = false
	prefix, err := fields.Transfer(d, &d.Candidates[0])
	if err != nil || parseItem(t, prefix).Value != false {
		t.Errorf("Transfer = %q, %v, want ?0", prefix, err)
	}
	if got := fields.AppendRecord(prefix, "gw-sg-1#42"); got != "?0" {
		t.Errorf("with a record it is %q, want ?0", got)
	}
}

func TestAppendRecord(t *testing.T) {
	for _, record := range []string{"gw-sg-1#42", `a"b\c`, "São#1", "a\r\nb"} {
		got, _ := parseItem(t, fields.AppendRecord("SG;activity=serving", record)).Params.Get("record")
		if s, ok := got.(httpsfv.DisplayString); ok {
			got = string(s)
		}
		if got != record {
			t.Errorf("record %q reads back as %v", record, got)
		}
	}
	if got := fields.AppendRecord("SG", ""); got != "SG" {
		t.Errorf("without a record: %q", got)
	}
	if got := fields.AppendRecord("SG", "\xff#1"); got != `SG;record=%"%ef%bf%bd#1"` {
		t.Errorf("with a record that is no UTF-8: %q", got)
	}
	if allocs := testing.AllocsPerRun(100, func() { fields.AppendRecord("SG;activity=serving", "gw-sg-1#42") }); allocs > 1 {
		t.Errorf("%v allocations, want 1", allocs)
	}
}

func TestRenderErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(d *decision.Decision)
		want   string
	}{
		{"no controller", func(d *decision.Decision) { d.Controller = nil }, "rendering the controller: there is none"},
		{"controller id", func(d *decision.Decision) { d.Controller = &decision.Controller{ID: "a b"} }, `field Data-Controller: rendering "a b" as a token: `},
		{"controller name", func(d *decision.Decision) { d.Controller = &decision.Controller{ID: "a", Name: "\xff"} }, `field Data-Controller-Name: rendering "\xff" as text: not valid UTF-8`},
		{"basis", func(d *decision.Decision) { d.Basis = "" }, `field Data-Controller-Basis: rendering "" as a token: `},
		{"no statement", func(d *decision.Decision) { d.Statement = nil }, "rendering a candidate: it has no region or no statement is in force"},
		{"no region", func(d *decision.Decision) { d.Candidates[0].Region = nil }, "rendering a candidate: it has no region or no statement is in force"},
		{"region code", func(d *decision.Decision) { d.Candidates[0].Region = &decision.Region{Code: "3"} }, `rendering the candidate in region "3": field Data-Region: rendering "3" as a token: `},
		{"no recipient", func(d *decision.Decision) { d.Candidates[0].Recipient = nil }, "rendering a transfer: it lacks region, recipient or activity"},
		{"no activity", func(d *decision.Decision) { d.Activity = nil }, "rendering a transfer: it lacks region, recipient or activity"},
		{"tag", func(d *decision.Decision) { d.Candidates[0].Safeguards[0].Tag = "a b" }, `rendering a safeguard's tag: rendering "a b" as a token: `},
		{"recipient id", func(d *decision.Decision) { d.Candidates[0].Recipient = &decision.Recipient{} }, `rendering the transfer of activity "support" to recipient "" in "CN": `},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := support()
			tt.change(d)
			_, err := fields.Candidate(d, &d.Candidates[0])
			if err == nil {
				_, err = fields.Transfer(d, &d.Candidates[0])
			}
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Fatalf("got %v\nwant %s...", err, tt.want)
			}
			fields.Finish(d)
			if d.Outcome != decision.Denied || d.Reason != decision.NoRegion || d.Unlock != err.Error() ||
				len(d.Candidates) != 0 || len(d.Refused) != 1 {
				t.Errorf("Finish left %+v", d)
			}
		})
	}
}

func TestFinish(t *testing.T) {
	d := support()
	broken := d.Candidates[0]
	broken.Region = &decision.Region{Code: "not a code"}
	home := d.Candidates[0]
	home.Region, home.Transfer = &decision.Region{Code: "sa-brazil-1", Country: "BR"}, false
	d.Candidates = append(d.Candidates, broken, home)
	fields.Finish(d)
	if d.Outcome != decision.Allowed || len(d.Candidates) != 2 || len(d.Refused) != 1 || d.Refused[0].Region != "not a code" {
		t.Fatalf("Finish left %+v", d)
	}
	for i, want := range []string{
		`CN;activity=support;safeguards="br-lgpd-art33-iib-scc sg-pdpa-contract";recipient=huawei-cloud-cn`, "?0",
	} {
		last := d.Candidates[i].Fields[len(d.Candidates[i].Fields)-1]
		if last.Name != "Data-Transfer" || last.Value != want {
			t.Errorf("candidate %d: last field %v, want Data-Transfer %s", i, last, want)
		}
	}
	if got := value(d.Candidates[1].Fields, "Data-Region"); got != "sa-brazil-1" {
		t.Errorf("region %s", got)
	}
	// The second candidate's fields are its own, whatever they were made from.
	for i := range d.Candidates {
		c := &d.Candidates[i]
		want, err := fields.Candidate(d, c)
		if err != nil || !slices.Equal(c.Fields[:len(c.Fields)-1], want) {
			t.Errorf("candidate %d: fields %v, want %v (%v)", i, c.Fields, want, err)
		}
	}
}

func TestFinishWaived(t *testing.T) {
	d := support()
	d.Outcome, d.Reason = decision.Denied, decision.NoSafeguard
	d.Waived, d.Candidates = &d.Candidates[0], nil
	fields.Finish(d)
	if d.Outcome != decision.Denied || d.Reason != decision.NoSafeguard || value(d.Waived.Fields, "Data-Region") != "cn-north-4" {
		t.Errorf("Finish left %+v", d)
	}
	d.Waived.Region = &decision.Region{}
	fields.Finish(d)
	if d.Waived != nil {
		t.Error("a waived candidate that cannot be rendered is still there")
	}
}

func TestFinishZero(t *testing.T) {
	var d decision.Decision
	fields.Finish(&d)
	if d.Outcome != decision.Denied || len(d.Candidates) != 0 || d.Reason != "" {
		t.Errorf("Finish left %+v", d)
	}
}

func TestResponse(t *testing.T) {
	want := []decision.Field{
		{Name: "Data-Controller", Value: `sparkoo-br`},
		{Name: "Data-Controller-Name", Value: `"Sparkoo Technologies Do Brasil Ltda."`},
		{Name: "Privacy-Statement", Value: `"2023-11-21"`},
	}
	bare := support()
	bare.Candidates = nil
	finished := support()
	fields.Finish(finished)
	waived := support()
	waived.Waived, waived.Candidates = &waived.Candidates[0], nil
	fields.Finish(waived)
	for name, d := range map[string]*decision.Decision{"bare": bare, "finished": finished, "waived": waived, "unfinished": support()} {
		if got := fields.Response(d); !slices.Equal(got, want) {
			t.Errorf("%s: %v\nwant %v", name, got, want)
		}
	}
	if allocs := testing.AllocsPerRun(100, func() { fields.Response(finished) }); allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
	if got := fields.Response(new(decision.Decision)); len(got) != 0 {
		t.Errorf("of the zero decision: %v", got)
	}
	bare.Controller = &decision.Controller{ID: "no token", Name: "\xff"}
	if got := fields.Response(bare); !slices.Equal(got, want[2:]) {
		t.Errorf("with a controller that cannot be rendered: %v", got)
	}
}

//clause:tests §10.2
func TestLink(t *testing.T) {
	tests := []struct{ url, want string }{
		{"https://example.com/privacy?lang=en", `<https://example.com/privacy?lang=en>; rel="privacy-policy"`},
		{"", ""},
		{"https://example.com/>; rel=\"x", ""},
		{"https://example.com/a b", ""},
		{"https://example.com/\r\nX: y", ""},
		{"https://example.com/São", ""},
	}
	for _, tt := range tests {
		d := &decision.Decision{Statement: &decision.Statement{URL: tt.url}}
		if got := fields.Link(d); got != tt.want {
			t.Errorf("Link for %q = %q, want %q", tt.url, got, tt.want)
		}
	}
	if got := fields.Link(new(decision.Decision)); got != "" {
		t.Errorf("of the zero decision: %q", got)
	}
}

// names joins the names of fs.
func names(fs []decision.Field) string {
	var all []string
	for _, f := range fs {
		all = append(all, f.Name)
	}
	return strings.Join(all, " ")
}

// value returns the value of a field, or "" when it is absent.
func value(fs []decision.Field, name string) string {
	for _, f := range fs {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}
