package columns

import (
	"fmt"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// Read are the columns of entries, cut or read one by one by query.Values, and how many
// were cut.
func Read(entries [][]byte, whole bool) (shown []string, cut int) {
	first := record.ID{Epoch: 1}
	b := newBuilder(newReader(), nil, first, len(entries))
	for i, data := range entries {
		e := ledger.Entry{ID: b.id(i), Data: data}
		if whole {
			b.addRow(query.NewRow("gw-1", "", e.ID, e.Data))
			continue
		}
		if l, _ := b.read(data); l != nil {
			cut++
		}
		b.add("gw-1", "", e)
	}
	b.finish()
	shown = append(shown, fmt.Sprintf("%d %d odd %v ends %q", b.about.Low, b.about.High, b.about.Odd, b.about.Ends), fmt.Sprint(b.times), fmt.Sprintf("%q", b.types))
	for _, c := range b.columns {
		if c.codes == nil && c.marks == nil && c.numbers == nil {
			continue
		}
		values := make([][]string, len(entries))
		for i, code := range c.codes {
			values[i] = c.sets[code]
		}
		shown = append(shown, fmt.Sprintf("%s %q %d %d", c.key.Name, values, c.marks, c.numbers))
	}
	return shown, cut
}
