package record_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/record"
)

// membersOf are the members of a type.
func membersOf(t *testing.T, name string) []record.Member {
	t.Helper()
	for _, kind := range record.Types() {
		if kind.Name == name {
			return kind.Members
		}
	}
	t.Fatalf("no type %s", name)
	return nil
}

// What Walk hands on is what stands in the entry, of the members that are asked for.
func TestWalk(t *testing.T) {
	// Walk asks for the form of an entry, not for all of its members.
	const transfer = `{"bytes":7,"categories":["1a","1c"],"demo":true,"enforced":false,"id":"x","instrument":"new","node":"gw-1"}`
	const outcome = `{"id":"x","outcomes":[["1.4","complete",200,1,2],["1.5","unknown",0,0,0]],"v":"xfer/1"}`
	const legs = `{"enforced":true,"legs":[{"kind":"edge","laws":[{"law":"br","safeguard":"s\"1"},{"law":"sg"}]},{"kind":"serving","to":"CN"}],"node":"gw-1"}`
	for _, c := range []struct {
		kind, entry, want string
		only              []string
	}{
		{"transfer.accepted", transfer, "bytes=7 categories=1a categories=1c demo=true enforced=false", []string{"bytes", "categories", "demo", "enforced"}},
		{"transfer.outcome", outcome, "outcomes= record=1.4 state=complete status=200 bytes=1 response_bytes=2 record=1.5 state=unknown status=0 bytes=0 response_bytes=0", []string{"outcomes"}},
		{"transfer.accepted", legs, `legs= kind=edge laws= law=br safeguard=s"1 law=sg kind=serving to=CN`, []string{"legs"}},
		{"transfer.accepted", legs, "", nil},
	} {
		members := slices.DeleteFunc(membersOf(t, c.kind), func(m record.Member) bool { return !slices.Contains(c.only, m.Name) })
		var got []string
		err := record.Walk([]byte(c.entry), members, func(m *record.Member, value string) { got = append(got, fmt.Sprintf("%s=%s", m.Name, value)) })
		if text := strings.Join(got, " "); err != nil || text != c.want {
			t.Errorf("%s\n%v\n%s, want\n%s", c.entry, err, text, c.want)
		}
	}
	for _, bad := range []string{"", "{", `{"bytes":}`, `{"bytes":1}x`, `{"categories":"1a"}`} {
		if err := record.Walk([]byte(bad), membersOf(t, "transfer.accepted"), func(*record.Member, string) {}); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}
