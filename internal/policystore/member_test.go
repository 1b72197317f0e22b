package policystore_test

import (
	"strings"
	"testing"

	"github.com/sparkoo/transfergate/internal/decision"
	"github.com/sparkoo/transfergate/internal/policystore"
)

// What a shadow would have decided stands in a record as long as it is short: it must
// not keep the record from being written.
func TestShadowMemberIsBounded(t *testing.T) {
	shadow := &policystore.Shadow{Policy: &decision.Policy{Digest: strings.Repeat("a", 64)}}
	for _, length := range []int{1, 128, 1 << 12, 1 << 16, 1 << 20} {
		would := &decision.Decision{Controller: &decision.Controller{ID: strings.Repeat("x", length)}}
		member := shadow.Member("stops", would)
		if len(member) > policystore.MaxMember || (length <= 128) != (member != nil) {
			t.Errorf("a name of %d bytes makes a member of %d", length, len(member))
		}
	}
}
