package world_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/country"
	"github.com/sparkoo/transfergate/internal/world"
)

// Names are those of ISO 3166-1 as English readers know them.
func TestName(t *testing.T) {
	for code, want := range map[string]string{"CL": "Chile (CL)", "BR": "Brazil (BR)", "RU": "Russia (RU)", "": "", "XX": "XX", "142": "142"} {
		if got := world.Name(code); got != want {
			t.Errorf("%q is named %q, want %q", code, got, want)
		}
	}
	for _, code := range country.All() {
		if got := world.Name(code); len(got) < len("Chad (TD)") || !strings.HasSuffix(got, " ("+code+")") {
			t.Errorf("%s is named %q", code, got)
		}
	}
}

func TestList(t *testing.T) {
	// The United Nations count 47 countries in Asia besides Taiwan and the two regions
	// of China, none of them in Europe (M.49).
	all := country.All()
	var asia []string
	for _, code := range all {
		if strings.Contains("AF AM AZ BH BD BT BN KH CN HK MO CY GE IN ID IR IQ IL JP JO KZ KP KR KW KG LA LB MY MV MN MM NP OM PK PH QA SA SG LK PS SY TJ TH TL TR TM TW AE UZ VN YE", code) {
			asia = append(asia, code)
		}
	}
	for want, codes := range map[string][]string{
		"":                            nil,
		"BR, CL":                      {"BR", "CL"},
		"all of Asia":                 asia,
		"Asia but JP":                 slices.DeleteFunc(slices.Clone(asia), func(c string) bool { return c == "JP" }),
		"BR in Americas; all of Asia": append([]string{"BR"}, asia...),
		"all of Africa; all of Americas; all of Asia; all of Europe; all of Oceania": all,
	} {
		if got := world.List(codes, all); got != want {
			t.Errorf("%v: %q, want %q", codes, got, want)
		}
	}
}

// TestListLeavesNoneOut: from what is said every country can be told to be in or not.
func TestListLeavesNoneOut(t *testing.T) {
	all := country.All()
	code := regexp.MustCompile(`\b[A-Z]{2}\b`)
	rapid.Check(t, func(t *rapid.T) {
		chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, len(all), rapid.ID[string]).Draw(t, "chosen")
		slices.Sort(chosen)
		text := world.List(chosen, all)
		if strings.Contains(text, "more") {
			t.Fatalf("%s counts", text)
		}
		named := map[string]bool{}
		for part := range strings.SplitSeq(text, "; ") {
			area, but, _ := strings.Cut(part, " but ")
			if but != "" || strings.HasPrefix(area, "all of ") {
				for _, c := range code.FindAllString(but, -1) {
					if slices.Contains(chosen, c) {
						t.Fatalf("%s is excepted in %s", c, text)
					}
				}
				continue
			}
			for _, c := range code.FindAllString(part, -1) {
				named[c] = true
				if !slices.Contains(chosen, c) {
					t.Fatalf("%s is not meant by %s", c, text)
				}
			}
		}
	})
}
