package record_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/record"
)

func TestName(t *testing.T) {
	for text, want := range map[string]record.Name{
		"gw-sg-1#7.18402":         {Node: "gw-sg-1", ID: record.ID{Epoch: 7, Index: 18402}},
		"gw-sg-1/support#7.18402": {Node: "gw-sg-1", Class: "support", ID: record.ID{Epoch: 7, Index: 18402}},
		"1.0":                     {ID: record.ID{Epoch: 1}},
	} {
		got, err := record.ParseName(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s is %+v, %v, and written %s", text, got, err, got)
		}
	}
	for text, why := range map[string]string{
		"":                    "is not the number of a record",
		"42":                  "epoch and index, as in 1.18402",
		"1.":                  "epoch and index",
		"1.-2":                "epoch and index",
		"01.2":                "epoch and index",
		"1.2 ":                "epoch and index",
		"4294967296.1":        "epoch and index",
		"#1.2":                "node, epoch and index",
		"gw#1":                "node, epoch and index",
		"gw#1.2#1.3":          "node, epoch and index",
		"gw/Support#1.2":      "'Support' cannot name a class",
		"gw/#1.2":             "'' cannot name a class",
		"gw/default#1.2":      "'default' is the class of what belongs to no other",
		"gw/support/more#1.2": "'support/more' cannot name a class",
	} {
		if got, err := record.ParseName(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q is %+v, %v; want %q", text, got, err, why)
		}
	}
}

func TestNameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := record.Name{
			Node: rapid.StringMatching(`[A-Za-z][A-Za-z0-9-]{0,62}`).Draw(t, "node"), Class: rapid.StringMatching(`(|c[a-z0-9-]{0,31})`).Draw(t, "class"),
			ID: record.ID{Epoch: rapid.Uint32().Draw(t, "epoch"), Index: rapid.Uint64().Draw(t, "index")},
		}
		if got, err := record.ParseName(n.String()); err != nil || got != n {
			t.Fatalf("%s is read as %+v, %v", n, got, err)
		}
	})
}

func TestIDOrder(t *testing.T) {
	a, b, c := record.ID{Epoch: 1, Index: 9}, record.ID{Epoch: 2}, record.ID{Epoch: 2, Index: 1}
	if a.Compare(b) >= 0 || b.Compare(c) >= 0 || c.Compare(a) <= 0 || a.Compare(a) != 0 {
		t.Error("ids are not in the order of their entries")
	}
}

func TestCheckClass(t *testing.T) {
	for name, good := range map[string]bool{
		"help": true, "a": true, "a-1": true, strings.Repeat("a", 32): true,
		"": false, "default": false, "Help": false, "1a": false, "a/b": false, "..": false, "a.b": false, strings.Repeat("a", 33): false, "a\n": false,
	} {
		if err := record.CheckClass(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}
