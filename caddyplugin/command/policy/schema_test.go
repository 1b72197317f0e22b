package policy

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// The schemas printed are those that lie beside the registers.
func TestSchema(t *testing.T) {
	var names bytes.Buffer
	if err := printSchema(&names, "", false); err != nil {
		t.Fatal(err)
	}
	if got := names.String(); got != "statement\ncontrollers\nlaws\nregions\nrecipients\nactivities\nsafeguards\n" {
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
	if err := printSchema(&names, "recipient", false); err == nil || err.Error() != `no register "recipient"; did you mean "recipients"?` {
		t.Errorf("an unknown register: %v", err)
	}
}
