package policydiff_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policydiff"
)

// fill writes something into every member.
func fill(v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for _, member := range v.Fields() {
			fill(member)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		entry := reflect.New(v.Type().Elem()).Elem()
		fill(entry)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("one"), entry)
	case reflect.String:
		v.SetString("one")
	case reflect.Int:
		v.SetInt(1)
	case reflect.Bool:
	default:
		panic("a member of another kind: " + v.Type().String())
	}
}

// members calls do with every member, however deep, and its path.
func members(path string, v reflect.Value, do func(path string, v reflect.Value)) {
	if _, at := reflect.TypeAssert[time.Time](v); !at {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				name := v.Type().Field(i).Name
				// Where a row stands says nothing, and the digest is not of a register.
				if name != "Position" && path+"."+name != ".Digest" {
					members(path+"."+name, v.Field(i), do)
				}
			}
			return
		case reflect.Slice:
			members(path+"[0]", v.Index(0), do)
		case reflect.Pointer:
			members(path, v.Elem(), do)
		default:
		}
	}
	do(path, v)
}

// otherwise gives a member another value.
func otherwise(v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = x.AddDate(0, 0, 1)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.SetZero()
	case reflect.Slice:
		more := reflect.New(v.Type().Elem()).Elem()
		v.Set(reflect.Append(v, more))
	case reflect.Map:
		v.SetMapIndex(reflect.ValueOf("two"), reflect.New(v.Type().Elem()).Elem())
	case reflect.String:
		v.SetString("another")
	case reflect.Int:
		v.SetInt(2)
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic("a member of another kind: " + v.Type().String())
	}
}

// TestEveryMemberIsTold changes one member of the registers at a time, of all that the
// types have: none may change in silence.
func TestEveryMemberIsTold(t *testing.T) {
	whole := func() *decision.Policy {
		p := new(decision.Policy)
		fill(reflect.ValueOf(p).Elem())
		return p
	}
	var paths []string
	members("", reflect.ValueOf(whole()).Elem(), func(path string, _ reflect.Value) { paths = append(paths, path) })
	if len(paths) < 150 || !slices.Contains(paths, ".Clocks[0].Breach.Authority.Within.N") {
		t.Fatalf("%d members: %q", len(paths), paths)
	}
	for i, path := range paths {
		p, n := whole(), 0
		members("", reflect.ValueOf(p).Elem(), func(_ string, v reflect.Value) {
			if n == i {
				otherwise(v)
			}
			n++
		})
		rows := policydiff.DiffRows(whole(), p)
		if len(rows) == 0 {
			t.Errorf("%s changes in silence", path)
			continue
		}
		for _, row := range rows {
			if row.Change == "changed" && (len(row.Details) == 0 || slices.Contains(row.Details, "")) {
				t.Errorf("%s: nothing is said of what changes: %+v", path, row)
			}
		}
		if back := policydiff.DiffRows(p, whole()); len(back) == 0 {
			t.Errorf("%s changes back in silence", path)
		}
	}
}

// TestRowsInWords holds what is said of rows of which nothing decides, as somebody reads
// it who wrote them.
func TestRowsInWords(t *testing.T) {
	hours, days := decision.Term{N: 72, Unit: decision.Hours}, decision.Term{N: 3, Unit: decision.BusinessDays}
	before := &decision.Policy{
		Clocks: []decision.Clocks{{
			Law: "br", Breach: &decision.Breach{Authority: &decision.Notification{To: "ANPD", Within: days, From: decision.FromAwareness}},
			Rights: &decision.Rights{None: "nobody asks"}, Position: "laws.yaml:5",
		}},
		Controllers: []decision.Controller{{ID: "one", Email: "a@example.com", Party: decision.Party{OwnedBy: &decision.Owner{Name: "Parent", Share: 100}}}},
		Activities:  []decision.Activity{{ID: "storage", Measures: []string{"encryption", "pseudonyms"}, Erasure: []decision.Erasure{{Within: decision.Term{N: 30, Unit: decision.Days}, From: decision.FromClosed}}}},
		Assessments: []decision.Assessment{{ID: "tia", Countries: decision.Set{Of: []string{"SG"}}, Acceptable: true}},
		Laws:        []decision.Law{{ID: "br", Title: "LGPD", Mechanisms: []decision.Mechanism{{Tag: "a-b-c", Title: "One"}, {Tag: "a-b-d", Title: "Two"}}}},
		UnknownLaw:  decision.SingaporeUnknown,
	}
	after := &decision.Policy{
		Clocks: []decision.Clocks{{
			Law: "br", Breach: &decision.Breach{Authority: &decision.Notification{To: "ANPD", Within: hours, From: decision.FromOccurrence}, Persons: &decision.Notification{None: "nobody"}},
			Position: "laws.yaml:9", Validity: decision.Validity{From: time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)},
		}},
		Controllers: []decision.Controller{{ID: "one", RightsPortal: "https://example.com", Party: decision.Party{OwnedBy: &decision.Owner{Name: "Parent", Share: 40}}}},
		Activities:  []decision.Activity{{ID: "storage", Measures: []string{"pseudonyms"}, Erasure: []decision.Erasure{{Within: decision.Term{N: 30, Unit: decision.Days}, From: decision.FromWithdrawal}}}},
		Assessments: []decision.Assessment{{ID: "tia", Countries: decision.Set{Any: true}}},
		Laws:        []decision.Law{{ID: "br", Title: "LGPD", Mechanisms: []decision.Mechanism{{Tag: "a-b-d", Title: "Two", Occasional: true}, {Tag: "a-b-c", Title: "One"}}}},
	}
	want := []string{
		"controller one is changed: rights_portal: https://example.com instead of nothing; email: nothing instead of a@example.com; owned_by share: 40 instead of 100",
		"law br (LGPD) is changed: mechanisms a-b-d occasional: true instead of false; mechanisms: in the order a-b-d, a-b-c",
		"clock br is changed: breach authority within: 72 hours instead of 3 business days; breach authority from: occurrence instead of awareness; " +
			"breach persons is newly said; breach persons none: nobody instead of nothing; rights is no longer said; valid_from: 2026-12-01 03:00 UTC instead of nothing, " +
			"in force from 2026-12-01 03:00 UTC [laws.yaml:9]",
		"activity storage is changed: erasure 30 days from: consent-withdrawn instead of account-closed; measures: no longer encryption",
		"assessment tia is changed: countries: any instead of SG; conclusion: false instead of true",
		"setting unknown_law is changed: nothing instead of singapore",
	}
	var got []string
	for _, row := range policydiff.DiffRows(before, after) {
		got = append(got, fmt.Sprint(row))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
