package columns

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
	"github.com/sparkoo/transfergate/internal/record"
)

// Build makes the file beside a sealed segment of a ledger, in place of one that is
// there. It holds the segment's rows in memory, some 30 MB.
func Build(ctx context.Context, dir ledger.Dir, s ledger.Sealed) error {
	b := newBuilder(s)
	node := dir.Node()
	for e, err := range dir.Entries(s.First) {
		if err != nil {
			return err
		}
		if b.n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if e.ID != b.id(b.n) {
			return fmt.Errorf("entry %s is missing", b.id(b.n))
		}
		if err := b.add(query.NewRow(node, dir.Class, e.ID, e.Data)); err != nil {
			return err
		}
		if b.n == b.entries {
			break // the next may be damaged, which is none of this segment's
		}
	}
	if b.n < b.entries {
		return fmt.Errorf("the segment from %s has %d entries, not %d", s.First, b.n, b.entries)
	}
	if err := b.finish(); err != nil {
		return err
	}
	return b.replace(s)
}

// builder collects the values of a segment by columns.
type builder struct {
	about   about
	first   record.ID
	entries int
	n       int // rows there are
	values  *query.Values
	keys    []*query.Key
	columns []*column // of the keys
	types   []string
	times   []int64
	ends    map[record.ID]query.Ended
}

func newBuilder(s ledger.Sealed) *builder {
	n := int(s.Entries) // at most 65,536
	b := &builder{
		about: about{Version: Version, Keys: keysDigest(), Root: hex.EncodeToString(s.Root[:]), First: s.First.String(), Entries: n},
		first: s.First, entries: n, keys: query.Stored(), types: make([]string, n), times: make([]int64, n), ends: make(map[record.ID]query.Ended),
	}
	var stated []*query.Key // by the entry itself
	for _, k := range b.keys {
		c := &column{key: k}
		b.columns = append(b.columns, c)
		if !k.Late() {
			stated = append(stated, k)
		}
	}
	b.values = query.NewValues(stated)
	return b
}

func (b *builder) id(row int) record.ID {
	return record.ID{Epoch: b.first.Epoch, Index: b.first.Index + uint64(row)} // not negative
}

// add takes in the next entry.
func (b *builder) add(row query.Row) error {
	i := b.n
	b.n++
	b.times[i], b.types[i] = row.Time, row.Type
	if row.Damage == nil && row.Type == record.TypeOutcome {
		row.Damage = query.ReadOutcomes(row.Data, func(of record.ID, end query.Ended) { b.ends[of] = slices.Clone(end) })
	}
	if row.Time != 0 {
		b.span(row.Time)
	}
	values := b.values.Of(&row)
	if row.Damage != nil || !known(row.Type) {
		b.about.Odd = append(b.about.Odd, i)
		return nil
	}
	at := 0
	for _, c := range b.columns {
		if c.key.Late() {
			continue
		}
		if err := c.put(i, b.entries, values[at]); err != nil {
			return err
		}
		at++
	}
	return nil
}

func (b *builder) span(at int64) {
	if b.about.Low == 0 || at < b.about.Low {
		b.about.Low = at
	}
	b.about.High = max(b.about.High, at)
}

// finish puts how the transfers ended, of which the entries after them tell.
func (b *builder) finish() error {
	for _, c := range b.columns {
		if !c.key.Late() {
			continue
		}
		for i, kind := range b.types {
			row := query.Row{Type: kind, Ended: b.ends[b.id(i)]}
			if value := c.key.Derived(&row); value != "" {
				if err := c.put(i, b.entries, []string{value}); err != nil {
					return err
				}
			}
		}
	}
	for id, end := range b.ends {
		if id.Compare(b.first) < 0 {
			b.about.Ends = append(b.about.Ends, end)
		}
	}
	slices.SortFunc(b.about.Ends, func(x, y query.Ended) int { return slices.Compare(x, y) })
	return nil
}

// known reports whether this program knows a type of entry.
var known = func() func(string) bool {
	all := make(map[string]bool)
	for _, t := range record.Types() {
		all[t.Name] = true
	}
	return func(kind string) bool { return all[kind] }
}()

// column collects the values of a key, by a dictionary.
type column struct {
	key     *query.Key
	codes   []int32 // nil while no row has a value
	cells   []string
	firsts  []string         // the first value of each
	codeOf  map[string]int32 // by the only value, or by all of them with their lengths
	several bool             // a row has more than one
	last    string           // only value of the row before
	lastOf  int32            // its code

	room []byte
}

// put sets the values of a row.
func (c *column) put(row, rows int, set []string) error {
	if len(set) == 0 {
		return nil
	}
	if c.codes == nil {
		c.codes, c.codeOf, c.cells = make([]int32, rows), make(map[string]int32), []string{""}
		c.firsts = []string{""}
	}
	if len(set) == 1 && c.lastOf > 0 && set[0] == c.last {
		c.codes[row] = c.lastOf
		return nil
	}
	c.room = c.room[:0]
	if len(set) > 1 {
		c.several = true
		for _, v := range set {
			c.room = binary.AppendUvarint(c.room, uint64(len(v)))
			c.room = append(c.room, v...)
		}
		c.room = append(c.room, 0) // one value ends otherwise
	} else {
		c.room = append(append(c.room, set[0]...), 1)
	}
	code, there := c.codeOf[string(c.room)]
	if !there {
		first := strings.Clone(set[0]) // it is a part of the entry
		text, err := cell(append([]string{first}, set[1:]...))
		if err != nil {
			return err
		}
		code = int32(len(c.cells)) // not more than rows
		c.cells, c.firsts = append(c.cells, text), append(c.firsts, first)
		c.codeOf[string(c.room)] = code
	}
	c.codes[row] = code
	if len(set) == 1 {
		c.last, c.lastOf = c.firsts[code], code
	}
	return nil
}

// marked reports whether hashes stand for the values: nearly each row has another one.
func (c *column) marked() bool {
	return c.key.Marked() && !c.several && len(c.cells) > len(c.codes)/8
}

// replace writes the file and puts it beside the segment.
func (b *builder) replace(s ledger.Sealed) error {
	path := s.Side(kind)
	temporary := s.Side(fmt.Sprint(kind, os.Getpid())) + ".tmp"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // beside a segment of the ledger
	if err != nil {
		return err
	}
	var file bytes.Buffer
	err = b.write(&file)
	if err == nil {
		err = signFooter(file.Bytes())
	}
	if err == nil {
		_, err = f.Write(file.Bytes())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, path); err != nil && !errors.Is(err, fs.ErrNotExist) { // gone with its epoch
		return err
	}
	return nil
}

// write writes the file. A column is a page, whose statistics nobody needs.
func (b *builder) write(to io.Writer) error {
	compressed := &zstd.Codec{Level: zstd.DefaultLevel}
	nodes := parquet.Group{timeColumn: parquet.Compressed(parquet.Encoded(parquet.Timestamp(parquet.Microsecond), &parquet.DeltaBinaryPacked), compressed)}
	columns := make(map[string]*column)
	for _, c := range b.columns {
		switch {
		case c.codes == nil || c.key.Name == timeColumn:
			continue
		case c.marked():
			nodes[c.key.Name] = parquet.Uint(32)
		default:
			nodes[c.key.Name] = parquet.Compressed(parquet.Encoded(parquet.String(), &parquet.RLEDictionary), compressed)
		}
		columns[c.key.Name] = c
	}
	schema := parquet.NewSchema("entries", nodes)
	options := []parquet.WriterOption{schema, parquet.PageBufferSize(8*b.entries + 1), parquet.CreatedBy("transfergate", fmt.Sprint(Version), "")}
	for name := range nodes {
		options = append(options, parquet.SkipPageBounds(name), parquet.SkipPageStatistics(name))
	}
	w := parquet.NewGenericWriter[any](to, options...)
	values := make([]parquet.Value, b.entries)
	for i, path := range schema.Columns() {
		name := path[0]
		b.about.Columns = append(b.about.Columns, name)
		if name == timeColumn {
			for row, at := range b.times {
				values[row] = parquet.Int64Value(at)
			}
		} else {
			columns[name].values(values)
		}
		if _, err := w.ColumnWriters()[i].WriteRowValues(values); err != nil {
			return fmt.Errorf("writing the column %s: %w", name, err)
		}
	}
	text, err := json.Marshal(b.about)
	if err != nil {
		return err
	}
	w.SetKeyValueMetadata(aboutKey, noChecksum+string(text))
	return w.Close()
}

// values are the cells of all rows, or the marks in their place.
func (c *column) values(all []parquet.Value) {
	texts := make([]parquet.Value, len(c.cells))
	for code, text := range c.cells {
		switch {
		case !c.marked():
			texts[code] = parquet.ByteArrayValue([]byte(text))
		case code == 0:
			texts[code] = parquet.Int32Value(0)
		default:
			texts[code] = parquet.Int32Value(int32(query.Mark(c.firsts[code]))) // the same bits
		}
	}
	for row, code := range c.codes {
		all[row] = texts[code]
	}
}
