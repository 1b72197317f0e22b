package query

import (
	"fmt"
	"io"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// parquetRows is how many rows are held in memory, and written together.
const parquetRows = 1 << 16

// damageColumn says what is wrong with an entry that cannot be read.
const damageColumn = "damage"

// parquetWriter writes rows as a Parquet file: a column for each key, by its name. A time
// is a timestamp of microseconds in UTC, a number a number, a key of which an entry may
// have several values a list of texts, and whatever else a text.
type parquetWriter struct {
	file    *parquet.GenericWriter[any]
	columns []*Key // of the file's columns, in its order; nil for what is wrong with the entry
	place   []int  // of each among the keys that are read
	row     parquet.Row
	held    int
}

func newParquetWriter(to io.Writer, keys []*Key) *parquetWriter {
	nodes := parquet.Group{damageColumn: parquet.Optional(parquet.String())}
	place := make(map[string]int)
	for i, k := range keys {
		nodes[k.Name], place[k.Name] = parquetNode(k), i
	}
	schema := parquet.NewSchema("records", nodes)
	w := &parquetWriter{file: parquet.NewGenericWriter[any](to, schema, parquet.Compression(&zstd.Codec{Level: zstd.DefaultLevel}), parquet.CreatedBy("transfergate", "1", ""))}
	for _, path := range schema.Columns() {
		i, there := place[path[0]]
		if !there {
			w.columns, w.place = append(w.columns, nil), append(w.place, -1)
			continue
		}
		w.columns, w.place = append(w.columns, keys[i]), append(w.place, i)
	}
	return w
}

func parquetNode(k *Key) parquet.Node {
	switch {
	case k.Name == timeKey:
		return parquet.Optional(parquet.Timestamp(parquet.Microsecond))
	case k.many:
		return parquet.Repeated(parquet.Encoded(parquet.String(), &parquet.RLEDictionary))
	case k.Kind == Number:
		return parquet.Optional(parquet.Int(64))
	case k.Kind == Truth:
		return parquet.Optional(parquet.Leaf(parquet.BooleanType))
	case k.fold:
		return parquet.Optional(parquet.Encoded(parquet.String(), &parquet.RLEDictionary))
	default:
		return parquet.Optional(parquet.String())
	}
}

// write writes a row, whose values are those of the keys. A row that cannot be read has
// its number, and what is wrong with it.
func (w *parquetWriter) write(row *Row, values [][]string) error {
	w.row = w.row[:0]
	for column, k := range w.columns {
		all, err := parquetValues(row, k, values, w.place[column])
		if err != nil {
			return err
		}
		if len(all) == 0 {
			w.row = append(w.row, parquet.NullValue().Level(0, 0, column))
		}
		for i, v := range all {
			w.row = append(w.row, v.Level(min(i, 1), 1, column))
		}
	}
	if _, err := w.file.WriteRows([]parquet.Row{w.row}); err != nil {
		return fmt.Errorf("writing Parquet: %w", err)
	}
	if w.held++; w.held == parquetRows {
		w.held = 0
		return w.file.Flush()
	}
	return nil
}

// parquetValues are the values of a row in a column.
func parquetValues(row *Row, k *Key, values [][]string, place int) (all []parquet.Value, err error) {
	switch {
	case k == nil && row.Damage != nil:
		return []parquet.Value{parquet.ByteArrayValue([]byte(row.Damage.Error()))}, nil
	case k == nil:
		return nil, nil
	case k.Name == "record":
		return []parquet.Value{parquet.ByteArrayValue([]byte(row.Name.String()))}, nil
	case row.Damage != nil:
		return nil, nil
	case k.Name == timeKey:
		return []parquet.Value{parquet.Int64Value(row.Time)}, nil
	}
	for _, text := range values[place] {
		v := parquet.ByteArrayValue([]byte(text))
		switch {
		case k.many:
		case k.Kind == Truth:
			v = parquet.BooleanValue(text == "true")
		case k.Kind == Number:
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("record %s: %s is no number: %w", row.Name, k.Name, err)
			}
			v = parquet.Int64Value(n)
		}
		all = append(all, v)
	}
	return all, nil
}
