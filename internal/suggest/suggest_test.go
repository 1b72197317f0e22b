package suggest_test

import (
	"testing"

	"github.com/sparkoo/transfergate/internal/suggest"
)

func TestNearest(t *testing.T) {
	controllers := []string{"sparkoo-za", "sparkoo-sa", "sparkoo-sg", "sparkoo-br"}
	for _, c := range []struct {
		word  string
		known []string
		want  string
	}{
		{"nodes", []string{"node", "mode", "demo"}, "node"},
		{"Node", []string{"node", "ledger"}, "node"},
		{"sparko-br", controllers, "sparkoo-br"},
		{"sparkoo-sq", controllers, ""}, // sa or sg?
		{"quux", []string{"node", "ledger"}, ""},
		{"UK", []string{"GB"}, ""},
		{"", []string{"node"}, ""},
		{"são-paolo", []string{"são-paulo"}, "são-paulo"},
	} {
		if got := suggest.Nearest(c.word, c.known); got != c.want {
			t.Errorf("%q: got %q, want %q", c.word, got, c.want)
		}
	}
}
