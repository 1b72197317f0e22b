package tiles_test

import (
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/sparkoo/transfergate/internal/tiles"
)

// A node's key verifies what the node signs under an epoch's name, and nothing
// of another node.
func TestLogKey(t *testing.T) {
	t.Parallel()
	const origin = "transfergate/gw-1/abc/epoch-000007"
	_, own := newKey(t, origin)
	if got, err := tiles.LogKey(own+"\n", origin); err != nil || got != own {
		t.Errorf("LogKey of the log's own key = %q, %v", got, err)
	}
	for _, name := range []string{"transfergate/gw", "transfergate/gw-1/abc/epoch-00000", "transfergate/gw-2", origin + "/x", "x"} {
		_, other := newKey(t, name)
		if got, err := tiles.LogKey(other, origin); err == nil {
			t.Errorf("LogKey of a key of %s = %q", name, got)
		}
	}
	if _, err := tiles.LogKey("transfergate/gw-1", origin); err == nil {
		t.Error("a name is a key")
	}
	// The RFC 8032 test vector's public key, so that both have one key.
	public := []byte("\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a")
	node, err := note.NewEd25519VerifierKey("transfergate/gw-1", public)
	if err != nil {
		t.Fatal(err)
	}
	want, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tiles.LogKey(node, origin); err != nil || got != want {
		t.Errorf("LogKey of the node's key = %q, %v, want %q", got, err, want)
	}
}
