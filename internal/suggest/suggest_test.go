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

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		word      string
		known     []string
		sentence  string
		orNothing string
	}{
		{"nodes", []string{"node", "ledger"}, "did you mean 'node'?", "did you mean 'node'?"},
		{"quux", []string{"node", "ledger"}, "use one of node, ledger", ""},
		{"aa", []string{"ab", "ac"}, "use one of ab, ac", ""}, // two are as near
		{"quux", []string{"node"}, "there is only 'node'", ""},
		{"node", nil, "there is none", ""},
	} {
		if got := suggest.For(c.word, c.known); got != c.sentence {
			t.Errorf("%q among %q: got %q, want %q", c.word, c.known, got, c.sentence)
		}
		if got := suggest.DidYouMean(c.word, c.known); got != c.orNothing {
			t.Errorf("%q among %q, or nothing: got %q, want %q", c.word, c.known, got, c.orNothing)
		}
	}
}
