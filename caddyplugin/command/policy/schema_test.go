package policy

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/record"
)

// The schemas printed are those that lie beside the registers.
func TestSchema(t *testing.T) {
	var names bytes.Buffer
	if err := printSchema(&names, "", false); err != nil {
		t.Fatal(err)
	}
	if got := names.String(); got != "statement\ncontrollers\nlaws\nregions\nrecipients\nactivities\nsafeguards\nassessments\n" {
		t.Errorf("registers %q", got)
	}
	for name := range strings.Lines(names.String()) {
		name = strings.TrimSpace(name)
		want, err := os.ReadFile("../../../config/schema/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		for _, spelling := range []string{name, name + ".yaml"} {
			var got bytes.Buffer
			if err := printSchema(&got, spelling, false); err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s: another schema than in config/schema (%v)", spelling, err)
			}
		}
	}
	var entries bytes.Buffer
	want, wantErr := record.Schema()
	if err := printSchema(&entries, "record", false); err != nil || wantErr != nil || !bytes.Equal(entries.Bytes(), want) || len(want) == 0 {
		t.Errorf("the schema of records: %v, %v, %.100s", err, wantErr, &entries)
	}
	if err := printSchema(&names, "recipient", false); err == nil || err.Error() != `no register "recipient"; did you mean 'recipients'?` {
		t.Errorf("an unknown register: %v", err)
	}
}
