package config_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sparkoo/transfergate/config"
	"github.com/sparkoo/transfergate/internal/decision"
)

// TestLoad reads every kind of value in the small policy.
func TestLoad(t *testing.T) {
	p, err := config.Load("testdata/small")
	if err != nil {
		t.Fatal(err)
	}
	// What sha256sum prints for the eight files, in the order of digestOf's
	// comment, piped into sha256sum.
	if want := "322e54730388d34a53d4db7c8e0b3fd46149efbd82c99c2343a3b584b1d00049"; p.Digest != want {
		t.Errorf("digest %s, want %s", p.Digest, want)
	}
	if got := p.Controllers[0]; got.ID != "one-br" || got.Address != "Rua 1, São Paulo" || !slices.Equal(got.Serves, []string{"BR", "PT"}) || got.Default {
		t.Errorf("controller %+v", got)
	}
	if got := p.Recipients[0]; got.Name != "Main" || got.Address != "1 Road" || got.Country != "SG" || got.Withhold != nil {
		t.Errorf("a recipient that is a controller takes over its name, address and country; got %+v", got)
	}
	if got := p.Recipients[1].Withhold; !slices.Equal(got, []string{"field:X-Trace", "cookies"}) {
		t.Errorf("withhold %q", got)
	}
	if got, want := p.Recipients[2].Withhold, []string{"cookies", "authorization", "client-address", "referer", "user-agent", "identity-fields"}; !slices.Equal(got, want) {
		t.Errorf("an affiliate's withhold is %q by default, want %q", got, want)
	}
	// An unquoted NO is Norway, not false.
	// Members and a territory by alias follow the law's own countries.
	if got := p.Laws[2].Countries; !slices.Equal(got, []string{"SG", "NO", "GF"}) {
		t.Errorf("countries %q", got)
	}
	if p.Activities[0].Order != decision.OrderDeclared || p.Activities[1].Order != decision.OrderHome {
		t.Errorf("orders %q and %q", p.Activities[0].Order, p.Activities[1].Order)
	}
	s := p.Safeguards[0]
	if !s.Recipients.Any || s.Exporters.Any || !slices.Equal(s.Exporters.Of, []string{"one-br", "one-sg"}) {
		t.Errorf("sets of %+v", s)
	}
	if s.Position != "testdata/small/safeguards.yaml:2" {
		t.Errorf("position %q", s.Position)
	}
	// Of two statements the first has two versions; they stand in order of their beginning.
	want := []string{"2023-11-21 main", "events-1 events", "2026-01-01 main"}
	for i, st := range p.Statements {
		if st.ID+" "+st.Name != want[i] || (st.SHA256 != "") != (st.ID == "2026-01-01") {
			t.Errorf("statement %d: %+v, want %s", i, st, want[i])
		}
	}
	if got := p.Statements[1].Clauses; p.Statement != "main" || !slices.Equal(got, []string{"1a", "2a", "2-basis(a)", "§4(c)", "§9"}) {
		t.Errorf("default statement %q, clauses of another %q", p.Statement, got)
	}
	if got := p.Statements[0].Clauses; len(got) != 4+12+7+4 || !slices.Equal(got[12:16], []string{"1l", "§2", "2a", "2b"}) {
		t.Errorf("a version that lists no clauses has %q", got)
	}
	if got := p.Laws[1].Mechanisms[1]; got.Tag != "br-lgpd-art33-viii-consent" || !got.Occasional || !got.Confirm || !slices.Equal(got.DPV, []string{"dpv:Consent"}) {
		t.Errorf("mechanism %+v", got)
	}
	// Six months after 2026-03-01, a day of UTC.
	if got := s.Review; got.EveryMonths != 6 || got.Owner != "counsel" || !got.Due().Equal(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("review %+v, due %s", got, got.Due())
	}
	if got := p.Safeguards[1].Evidence["notification"]; got.Reference != "letter" || !got.Date.Equal(time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("evidence %+v", got)
	}
	if a := p.Assessments[0]; a.ID != "TIA-1" || !a.Acceptable || a.Law != "sg" || !slices.Equal(a.Measures, []string{"cookies"}) || p.UnknownLaw != decision.SingaporeUnknown {
		t.Errorf("assessment %+v, unknown laws: %s", a, p.UnknownLaw)
	}
}

// TestDates checks where a day begins. The offsets are those of the zones: São
// Paulo -3 h, Santiago -3 h in summer, Kathmandu +5:45 h.
func TestDates(t *testing.T) {
	for _, test := range []struct{ written, want string }{
		{"2026-12-01", "2026-12-01T03:00:00Z"}, // by the row's zone, America/Sao_Paulo
		{"2026-12-01 UTC", "2026-12-01T00:00:00Z"},
		{"2026-12-01 America/Santiago", "2026-12-01T03:00:00Z"},
		{"2026-12-01 Asia/Kathmandu", "2026-11-30T18:15:00Z"},
		{"2026-12-01T00:00:00+08:00", "2026-11-30T16:00:00Z"},
		{`"2026-12-01T00:00:00Z"`, "2026-12-01T00:00:00Z"},
	} {
		fsys := small(t)
		edit(t, fsys, "safeguards.yaml", "valid_until: 2027-01-01", "valid_until: "+test.written)
		p, err := config.LoadFS(fsys, "p")
		if err != nil {
			t.Errorf("%s: %v", test.written, err)
			continue
		}
		if got := p.Safeguards[0].Validity.Until.Format(time.RFC3339); got != test.want {
			t.Errorf("%s is %s, want %s", test.written, got, test.want)
		}
	}
	p, err := config.LoadFS(small(t), "p")
	if err != nil {
		t.Fatal(err)
	}
	// Without a zone a day is one of UTC.
	if got := p.Laws[1].Validity.From.Format(time.RFC3339); got != "2026-06-01T00:00:00Z" {
		t.Errorf("2026-06-01 without a zone is %s", got)
	}
}

// The digest changes with every byte of every file, and with nothing else.
func TestDigest(t *testing.T) {
	load := func(fsys fstest.MapFS) string {
		t.Helper()
		p, err := config.LoadFS(fsys, "p")
		if err != nil {
			t.Fatal(err)
		}
		return p.Digest
	}
	seen := map[string]string{load(small(t)): "the policy as it is"}
	for name := range small(t) {
		fsys := small(t)
		fsys[name].Data = append(fsys[name].Data, "# a comment\n"...)
		d := load(fsys)
		if other, twice := seen[d]; twice {
			t.Errorf("%s changed has the digest of %s", name, other)
		}
		seen[d] = name
	}
	fsys := small(t)
	fsys["README.md"] = &fstest.MapFile{Data: []byte("text")}
	if seen[load(fsys)] == "" {
		t.Error("a file that is no register changes the digest")
	}
}

// FuzzLoad holds that no bytes in a register make reading panic, and that what
// is refused is refused with problems that name a file and a code.
func FuzzLoad(f *testing.F) {
	base := small(f)
	for name := range base {
		f.Add(name, base[name].Data)
	}
	f.Add("laws.yaml", []byte("laws: [{id: [}"))
	f.Add("laws.yaml", []byte("laws: [{countries: {a: b}, default: [], zone: }]"))
	f.Add("safeguards.yaml", []byte("safeguards: [{exporters: {}, valid_from: 2026-01-01 x}]"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if base[name] == nil {
			t.Skip()
		}
		fsys := fstest.MapFS{}
		maps.Copy(fsys, base)
		fsys[name] = &fstest.MapFile{Data: data}
		p, err := config.LoadFS(fsys, "p")
		if (p == nil) == (err == nil) {
			t.Fatalf("policy %v with error %v", p, err)
		}
		if err == nil {
			return
		}
		problems, ok := err.(config.Problems)
		if !ok || len(problems) == 0 {
			t.Fatalf("error %v is no list of problems", err)
		}
		for _, problem := range problems {
			if problem.File == "" || problem.Code == "" || problem.Text == "" {
				t.Errorf("problem %+v", problem)
			}
		}
	})
}

// Every row says where it stands, so that an explanation can name it.
func TestRowsHavePositions(t *testing.T) {
	p, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	for want, got := range map[string]string{
		"config/policy/statement.yaml:":   p.Statements[0].Position,
		"config/policy/controllers.yaml:": p.Controllers[0].Position,
		"config/policy/laws.yaml:":        p.Laws[0].Position,
		"config/policy/regions.yaml:":     p.Regions[0].Position,
		"config/policy/recipients.yaml:":  p.Recipients[0].Position,
		"config/policy/activities.yaml:":  p.Activities[0].Position,
		"config/policy/safeguards.yaml:":  p.Safeguards[0].Position,
	} {
		if !strings.HasPrefix(got, want) || got == want {
			t.Errorf("got %q, want %sLINE", got, want)
		}
	}
}
