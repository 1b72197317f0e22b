package record_test

import (
	"fmt"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
)

func ExampleTransfer_Append() {
	r := record.Transfer{
		Header:   record.Header{Type: record.TypeRefused, Node: "gw-sg-1", Time: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), ID: [16]byte{1}, Salt: [16]byte{2}},
		Activity: "support", Country: "BR", Requester: record.Self, Bytes: -1,
		Decision: record.Denied, Enforced: true, Reason: "no_safeguard", Clause: "§9", Law: "br",
	}
	fmt.Printf("%s\n", r.Append(nil))
	// Output: {"activity":"support","clause":"§9","country":"BR","decision":"denied","enforced":true,"id":"01000000-0000-0000-0000-000000000000","law":"br","node":"gw-sg-1","reason":"no_safeguard","requester":"self","salt":"AgAAAAAAAAAAAAAAAAAAAA","time":"2026-12-01T00:00:00.000000Z","type":"transfer.refused","v":"xfer/2"}
}

func ExampleParse() {
	e, err := record.Parse([]byte(`{"id":"01000000-0000-0000-0000-000000000000","node":"gw-sg-1","outcomes":[["7.18402","complete",200,0,1306]],` +
		`"salt":"AgAAAAAAAAAAAAAAAAAAAA","time":"2026-12-01T00:00:00.000000Z","type":"transfer.outcome","v":"xfer/1"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range e.(*record.Outcomes).Outcomes {
		fmt.Println(record.Name{Node: e.Head().Node, ID: o.Record}, o.State, o.Status)
	}
	_, err = record.Parse([]byte(`{"bytes":-1,"type":"policy.snapshot","v":"xfer/1"}`))
	fmt.Println(err)
	// Output:
	// gw-sg-1#7.18402 complete 200
	// the entry is malformed at byte 9, in its member bytes: a whole number from 0 to 9007199254740991 is wanted here
}

func ExampleParseName() {
	n, err := record.ParseName("gw-sg-1/support#7.18402")
	fmt.Println(n.Node, n.Class, n.Epoch, n.Index, err)
	// Output: gw-sg-1 support 7 18402 <nil>
}
