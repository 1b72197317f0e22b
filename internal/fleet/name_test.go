package fleet_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/sparkoo/transfergate/internal/fleet"
)

func TestNames(t *testing.T) {
	o, err := fleet.OriginOf("support", "transfergate/gw-br-1/0011223344556677/epoch-000007")
	if err != nil {
		t.Fatal(err)
	}
	for want, n := range map[string]fleet.Name{
		"live/gw-br-1/support/0011223344556677/epoch-000007/0000000000000256-512.zst": {Kind: fleet.Live, First: 256, Count: 512},
		"checkpoint/gw-br-1/support/0011223344556677/epoch-000007/0000000000000768":   {Kind: fleet.Checkpoint, First: 768},
		"sealed/gw-br-1/support/0011223344556677/epoch-000007/000001.zst":             {Kind: fleet.Sealed, First: 1},
		"hashes/gw-br-1/support/0011223344556677/epoch-000007/000001.tiles":           {Kind: fleet.Hashes, First: 1},
		"settings/gw-br-1/support/0011223344556677/epoch-000007/EPOCH":                {Kind: fleet.Settings},
	} {
		n.Origin, n.Epoch = o, 7
		if n.String() != want {
			t.Errorf("%s, and it should be %s", n, want)
		}
		if again, err := fleet.ParseName(want); err != nil || again != n {
			t.Errorf("%s is read as %+v, %v", want, again, err)
		}
	}
	if got := o.Log(7); got != "transfergate/gw-br-1/0011223344556677/epoch-000007" {
		t.Error(got)
	}
	for _, text := range []string{
		"", "live", "live/a/b/c/epoch-000001/", "live/a/b/c/epoch-000001/0-1.zst", "live/a/b/c/epoch-000001/0000000000000000-0.zst",
		"live/a/b/c/epoch-000001/0000000000000000-4097.zst", "live/a/b/c/epoch-000001/0000000000000000-01.zst", "live/a/b/c/epoch-1/0000000000000000-1.zst",
		"live/../b/c/epoch-000001/0000000000000000-1.zst", "other/a/b/c/epoch-000001/0000000000000000", "live/a/b/c/epoch-000001/0000000000000000-1.zst/x",
		"checkpoint/a/b/c/epoch-000001/9999999999999999999", "sealed/a/b/c/epoch-000001/1.zst", "settings/a/b/c/epoch-000001/epoch",
	} {
		if n, err := fleet.ParseName(text); err == nil {
			t.Errorf("%q is taken for %+v", text, n)
		}
	}
	for _, log := range []string{"", "transfergate/a/b", "transfergate/a/b/epoch-1", "other/a/b/epoch-000001", "transfergate/a_b/c/epoch-000001"} {
		if o, err := fleet.OriginOf("default", log); err == nil {
			t.Errorf("%q is taken for %+v", log, o)
		}
	}
}

// Every name is read as what was written, and names sort by place.
func TestNamesProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9-]{0,8}`)
		draw := func() fleet.Name {
			n := fleet.Name{Kind: rapid.SampledFrom(fleet.Kinds()).Draw(t, "kind"), Epoch: rapid.Uint32Range(1, 2_000_000).Draw(t, "epoch"),
				Origin: fleet.Origin{Node: part.Draw(t, "node"), Class: part.Draw(t, "class"), Instance: part.Draw(t, "instance")}}
			switch n.Kind {
			case fleet.Live:
				n.First, n.Count = rapid.Uint64Range(0, 1<<40).Draw(t, "first"), rapid.Uint64Range(1, fleet.MaxEntries).Draw(t, "count")
			case fleet.Checkpoint:
				n.First = rapid.Uint64Range(0, 1<<40).Draw(t, "first")
			case fleet.Sealed, fleet.Hashes:
				n.First = rapid.Uint64Range(0, 1<<16).Draw(t, "first")
			case fleet.Settings:
			}
			return n
		}
		n := draw()
		if again, err := fleet.ParseName(n.String()); err != nil || again != n {
			t.Fatalf("%+v is read as %+v, %v", n, again, err)
		}
		if n.Kind == fleet.Live || n.Kind == fleet.Checkpoint {
			later := n
			later.First += rapid.Uint64Range(1, 1<<40).Draw(t, "more")
			if n.String() >= later.String() {
				t.Fatalf("%s sorts after %s", n, later)
			}
		}
	})
}
