package columns

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/bits"
	"os"
	"slices"

	"github.com/parquet-go/parquet-go/compress/zstd"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/sparkoo/transfergate/internal/ledger"
)

// replace writes the file and puts it beside the segment.
func (b *builder) replace(s ledger.Sealed) error {
	path := s.Side(kind)
	temporary := s.Side(fmt.Sprint(kind, os.Getpid())) + ".tmp"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) // beside a segment of the ledger
	if err != nil {
		return err
	}
	file, err := b.file()
	if err == nil {
		err = signFooter(file)
	}
	if err == nil {
		_, err = f.Write(file)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, path); err != nil && !errors.Is(err, fs.ErrNotExist) { // gone with its epoch
		return err
	}
	return nil
}

// writer writes a Parquet file of one row group: a page of codes for each column and one
// of what they stand for. The library's own takes values and looks up the code of each,
// which takes longer than all the rest.
type writer struct {
	bytes.Buffer
	rows    int
	schema  []format.SchemaElement
	columns []format.ColumnChunk
	codes   []byte // memory for a page
	packed  []byte
}

// packer compresses pages. Better levels take much longer, and gain little: codes are
// packed already.
var packer = &zstd.Codec{Level: zstd.SpeedFastest}

// file is the file.
func (b *builder) file() ([]byte, error) {
	w := &writer{rows: b.rows}
	w.WriteString("PAR1")
	columns := slices.Clone(b.columns)
	slices.SortFunc(columns, func(x, y *column) int { return cmp.Compare(x.key.Name, y.key.Name) })
	for _, c := range columns {
		var err error
		switch {
		case c.key.Name == timeColumn:
			err = w.numbers(timeColumn, b.times, format.LogicalType{Value: &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: &format.MicroSeconds{}}}}, deprecated.TimestampMicros)
		case c.marks != nil:
			err = w.marks(c.key.Name, c.marks)
		case c.numbers != nil:
			err = w.numbers(c.key.Name, c.numbers, format.LogicalType{Value: &format.IntType{BitWidth: 64, IsSigned: true}}, deprecated.Int64)
		case c.codes != nil:
			err = w.coded(c)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("writing the column %s: %w", c.key.Name, err)
		}
		b.about.Columns = append(b.about.Columns, c.key.Name)
	}
	text, err := json.Marshal(b.about)
	if err != nil {
		return nil, err
	}
	err = w.footer(string(text))
	return w.Bytes(), err
}

// begin notes a column.
func (w *writer) begin(name string, kind format.Type, logical format.LogicalType, converted deprecated.ConvertedType, encoding format.Encoding, codec format.CompressionCodec) *format.ColumnMetaData {
	w.schema = append(w.schema, format.SchemaElement{
		Type: thrift.New(kind), RepetitionType: thrift.New(format.Required), Name: name, LogicalType: logical, ConvertedType: thrift.New(converted),
	})
	w.columns = append(w.columns, format.ColumnChunk{MetaData: format.ColumnMetaData{
		Type: kind, Encoding: []format.Encoding{encoding}, PathInSchema: []string{name}, Codec: codec, NumValues: int64(w.rows), DataPageOffset: int64(w.Len()),
	}})
	return &w.columns[len(w.columns)-1].MetaData
}

// page writes a page.
func (w *writer) page(m *format.ColumnMetaData, header format.PageHeader, data []byte) error {
	stored := data
	if m.Codec == format.Zstd {
		var err error
		if w.packed, err = packer.Encode(w.packed[:0], data); err != nil {
			return err
		}
		stored = w.packed
	}
	header.UncompressedPageSize, header.CompressedPageSize = int32(len(data)), int32(len(stored)) // a segment is not that long
	header.CRC = int32(crc32.ChecksumIEEE(stored))                                                // its bits
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &header)
	if err != nil {
		return err
	}
	w.Write(head)
	w.Write(stored)
	m.TotalUncompressedSize += int64(len(head) + len(data))
	m.TotalCompressedSize += int64(len(head) + len(stored))
	return nil
}

func (w *writer) data(m *format.ColumnMetaData, encoding format.Encoding, data []byte) error {
	m.DataPageOffset = int64(w.Len())
	return w.page(m, format.PageHeader{Type: format.DataPageV2, DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
		NumValues: int32(w.rows), NumRows: int32(w.rows), Encoding: encoding, IsCompressed: thrift.New(m.Codec == format.Zstd),
	})}, data)
}

// marks writes a column of marks.
func (w *writer) marks(name string, marks []uint32) error {
	m := w.begin(name, format.Int32, format.LogicalType{Value: &format.IntType{BitWidth: 32}}, deprecated.Uint32, format.Plain, format.Uncompressed)
	w.codes = w.codes[:0]
	for _, mark := range marks {
		w.codes = binary.LittleEndian.AppendUint32(w.codes, mark)
	}
	return w.data(m, format.Plain, w.codes)
}

// numbers writes a column of numbers.
func (w *writer) numbers(name string, numbers []int64, logical format.LogicalType, converted deprecated.ConvertedType) error {
	m := w.begin(name, format.Int64, logical, converted, format.DeltaBinaryPacked, format.Zstd)
	var err error
	if w.codes, err = new(delta.BinaryPackedEncoding).EncodeInt64(w.codes[:0], numbers); err != nil {
		return err
	}
	return w.data(m, format.DeltaBinaryPacked, w.codes)
}

// coded writes a column of codes, and what they stand for.
func (w *writer) coded(c *column) error {
	m := w.begin(c.key.Name, format.ByteArray, format.LogicalType{Value: &format.StringType{}}, deprecated.UTF8, format.RLEDictionary, format.Zstd)
	m.Encoding = append(m.Encoding, format.Plain)
	m.DictionaryPageOffset = int64(w.Len())
	w.codes = w.codes[:0]
	for _, set := range c.sets {
		text, err := cell(set)
		if err != nil {
			return err
		}
		w.codes = append(binary.LittleEndian.AppendUint32(w.codes, uint32(len(text))), text...) // an entry is not that long
	}
	err := w.page(m, format.PageHeader{Type: format.DictionaryPage, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{
		NumValues: int32(len(c.sets)), Encoding: format.Plain, // not more than rows
	})}, w.codes)
	if err != nil {
		return err
	}
	width := max(1, bits.Len32(uint32(len(c.sets)-1)))
	w.codes = append(w.codes[:0], byte(width))
	room, err := (&rle.Encoding{BitWidth: width}).EncodeInt32(nil, c.codes)
	if err != nil {
		return err
	}
	w.codes = append(w.codes, room...)
	return w.data(m, format.RLEDictionary, w.codes)
}

// footer writes what the file has, and what it says of itself.
func (w *writer) footer(about string) error {
	total, packed := int64(0), int64(0)
	for _, c := range w.columns {
		total, packed = total+c.MetaData.TotalUncompressedSize, packed+c.MetaData.TotalCompressedSize
	}
	root := format.SchemaElement{Name: "entries", NumChildren: thrift.New(int32(len(w.schema)))} // there are tens of keys
	orders := make([]format.ColumnOrder, len(w.schema))
	for i := range orders {
		orders[i].Value = &format.TypeDefinedOrder{}
	}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &format.FileMetaData{
		Version: 2, Schema: append([]format.SchemaElement{root}, w.schema...), NumRows: int64(w.rows),
		RowGroups:        []format.RowGroup{{Columns: w.columns, TotalByteSize: total, NumRows: int64(w.rows), FileOffset: 4, TotalCompressedSize: packed}},
		KeyValueMetadata: []format.KeyValue{{Key: aboutKey, Value: noChecksum + about}},
		CreatedBy:        fmt.Sprintf("transfergate version %d(build )", Version), ColumnOrders: orders,
	})
	if err != nil {
		return err
	}
	w.Write(footer)
	w.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(footer)))) // it is not that long
	w.WriteString("PAR1")
	return nil
}
