package record_test

import (
	"testing"
	"time"

	"github.com/sparkoo/transfergate/internal/record"
)

// Counted denials stand with all that tells them apart, are read as they were written,
// and are valid by the schema.
func TestCounted(t *testing.T) {
	noon := time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	c := record.Counted{
		Header: record.Header{Node: "gw-sg-1", Time: noon.Add(time.Minute), ID: [16]byte{1}, Salt: [16]byte{2}},
		Reason: "not_identified", Site: "api.example.com", From: noon, To: noon.Add(time.Minute), Counted: 1995, Full: 5,
		Requester: "huawei-cloud-cn@CN", Subject: "h1:2026-12:x",
	}
	const want = `{"counted":1995,"from":"2026-12-01T12:00:00.000000Z","full":5,"id":"01000000-0000-0000-0000-000000000000","node":"gw-sg-1",` +
		`"reason":"not_identified","requester":"huawei-cloud-cn@CN","salt":"AgAAAAAAAAAAAAAAAAAAAA","site":"api.example.com","subject":"h1:2026-12:x",` +
		`"time":"2026-12-01T12:01:00.000000Z","to":"2026-12-01T12:01:00.000000Z","type":"refusals.counted","v":"xfer/2"}`
	line := c.Append(nil)
	if string(line) != want {
		t.Fatalf("got  %s\nwant %s", line, want)
	}
	e, err := record.Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	if read, ok := e.(*record.Counted); !ok || read.Counted != 1995 || !read.To.Equal(c.To) || string(read.Append(nil)) != want {
		t.Errorf("read as %+v", e)
	}
	if err := validate(t, compiled(t), line); err != nil {
		t.Error(err)
	}
}
