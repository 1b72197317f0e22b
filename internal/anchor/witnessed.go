package anchor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sparkoo/transfergate/internal/durable"
	"github.com/sparkoo/transfergate/internal/tiles"
)

// remembered is how many checkpoints wait for more signatures: a witness that is
// slower than the others by more checkpoints than these signs alone.
const remembered = 8

// collection holds the signatures that witnesses gave to the latest checkpoints.
type collection []*cosigned

// cosigned is a checkpoint with the lines of its witnesses, by their names.
type cosigned struct {
	own   string
	size  int64
	lines map[string]string
}

// add adds a witness's line and returns the checkpoint with the most lines of
// those remembered, of several the latest.
func (c *collection) add(own string, size int64, witness, line string) *cosigned {
	i := slices.IndexFunc(*c, func(s *cosigned) bool { return s.own == own })
	if i < 0 {
		*c = append(*c, &cosigned{own: own, size: size, lines: map[string]string{}})
		slices.SortStableFunc(*c, func(a, b *cosigned) int { return int(min(1, max(-1, a.size-b.size))) })
		*c = (*c)[max(0, len(*c)-remembered):]
		i = slices.IndexFunc(*c, func(s *cosigned) bool { return s.own == own })
	}
	if i >= 0 { // else it is older than all
		(*c)[i].lines[witness] = line
	}
	best := (*c)[0]
	for _, s := range *c {
		if len(s.lines) >= len(best.lines) {
			best = s
		}
	}
	return best
}

// note is the signed checkpoint, the log's own signature first.
func (s *cosigned) note() []byte {
	var b strings.Builder
	b.WriteString(s.own)
	names := make([]string, 0, len(s.lines))
	for name := range s.lines {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.WriteString(s.lines[name])
	}
	return []byte(b.String())
}

// collect keeps a witness's signature and writes the best witnessed checkpoint.
func (pub *Publisher) collect(log Log, t *tiles.Tree, witness, line string) error {
	pub.mu.Lock()
	defer pub.mu.Unlock()
	if len(pub.signed) > 0 && !strings.HasPrefix(pub.signed[0].own, t.Origin+"\n") {
		pub.signed = nil // of an epoch that ended
	}
	best := pub.signed.add(string(ownSignature(t)), t.N, witness, line)
	if err := durable.WriteFile(log.Witnessed, best.note(), 0o644); err != nil {
		return fmt.Errorf("keeping the witnessed checkpoint: %w", err)
	}
	return nil
}
