package columns

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/sparkoo/transfergate/internal/ledger"
	"github.com/sparkoo/transfergate/internal/query"
)

// Version is that of the files; another one is made anew.
const Version = 2

// kind is that of the files beside a segment, see [ledger.Sealed.Side].
const kind = "parquet"

// timeColumn has when the entries were written, as a timestamp of microseconds in UTC.
const timeColumn = "time"

// about is what a file says of itself, as JSON in its metadata.
type about struct {
	Version int    `json:"version"`
	Keys    string `json:"keys"` // digest of what has a column
	Root    string `json:"root"` // of the segment's tree
	First   string `json:"first"`
	Entries int    `json:"entries"`
	// Low and High are when the oldest and the newest were written, in microseconds.
	Low  int64 `json:"low"`
	High int64 `json:"high"`
	// Columns are the names of the columns, in their order.
	Columns []string `json:"columns"`
	// Odd are the entries without values, counted from 0.
	Odd []int `json:"odd,omitempty"`
	// Ends are what entries tell of the end of transfers before the segment.
	Ends []query.Ended `json:"ends,omitempty"`
}

// aboutKey names it in the metadata.
const aboutKey = "transfergate"

func readAbout(text string) (a about, err error) {
	_, data, _ := strings.Cut(text, " ") // the checksum is of the whole footer
	if err := json.Unmarshal([]byte(data), &a); err != nil {
		return a, fmt.Errorf("what the file says of itself: %w", err)
	}
	return a, nil
}

// File is an open file. It is for one goroutine.
type File struct {
	ending
	about about
	class string
	file  *os.File
	group parquet.RowGroup
	times []int64
	known map[*query.Key]*query.Column
}

var _ query.Segment = (*File)(nil)

// ErrUnfit: the file is not of this segment, or of another version.
var ErrUnfit = errors.New("the columns are of another segment or version")

// There reports whether a segment has a file beside it, whatever is in it.
func There(s ledger.Sealed) bool {
	_, err := os.Stat(s.Side(kind))
	return err == nil
}

// Open opens the file beside a segment of a class. The error satisfies
// errors.Is(err, fs.ErrNotExist) if there is none, and is ErrUnfit or another one if it
// is not to be used.
func Open(class string, s ledger.Sealed) (*File, error) {
	path := s.Side(kind)
	f, err := os.Open(path) // beside a segment of the ledger
	if err != nil {
		return nil, err
	}
	file, err := read(f, class, s)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the columns %s: %w", path, err), f.Close())
	}
	return file, nil
}

func read(f *os.File, class string, s ledger.Sealed) (file *File, err error) {
	defer recovered(&err)
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkFooter(f, info.Size()); err != nil {
		return nil, err
	}
	p, err := parquet.OpenFile(f, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	text, _ := p.Lookup(aboutKey)
	a, err := readAbout(text)
	if err != nil {
		return nil, err
	}
	if a.Version != Version || a.Keys != keysDigest() || a.Root != hex.EncodeToString(s.Root[:]) || a.First != s.First.String() || uint64(a.Entries) != s.Entries { // not negative if it fits
		return nil, ErrUnfit
	}
	groups := p.RowGroups()
	if len(groups) != 1 || groups[0].NumRows() != int64(a.Entries) {
		return nil, errors.New("the file has another number of rows than it says")
	}
	var names []string
	for _, column := range p.Root().Columns() {
		names = append(names, column.Name())
	}
	if !slices.Equal(names, a.Columns) {
		return nil, errors.New("the file has other columns than it says")
	}
	return &File{ending: ending{first: s.First, n: a.Entries}, about: a, class: class, file: f, group: groups[0], known: make(map[*query.Key]*query.Column)}, nil
}

// recovered makes an error of a panic: a damaged file is none that a library need expect.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("reading columns: %v", r)
	}
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// Span is when the oldest and the newest entries were written, in microseconds.
func (f *File) Span() (low, high int64) { return f.about.Low, f.about.High }

// Odd are the rows without values.
func (f *File) Odd() []int { return f.about.Odd }

// Ends are what entries of the segment tell of the end of transfers before it.
func (f *File) Ends() []query.Ended { return f.about.Ends }

// Times implements query.Segment.
func (f *File) Times() (times []int64, err error) {
	if f.times != nil {
		return f.times, nil
	}
	times = make([]int64, 0, f.Len())
	err = f.pages(timeColumn, func(page parquet.Page) error {
		data := page.Data()
		times = append(times, data.Int64()...)
		return nil
	})
	if err == nil && len(times) != f.Len() {
		err = errors.New("the column time has another number of rows")
	}
	if err != nil {
		return nil, err
	}
	f.times = times
	return times, nil
}

// Column implements query.Segment.
func (f *File) Column(k *query.Key) (*query.Column, error) {
	if k.Name == "class" {
		return &query.Column{Codes: make([]int32, f.Len()), Sets: [][]string{{f.class}}}, nil
	}
	if !slices.Contains(query.Stored(), k) || k.Name == timeColumn {
		return nil, nil
	}
	if c := f.known[k]; c != nil {
		return c, nil
	}
	c, err := f.column(k.Name)
	if err == nil && k.Late() {
		c, err = f.corrected(k, c, f.column)
	}
	if err != nil {
		return nil, err
	}
	f.known[k] = c
	return c, nil
}

// column reads a column; one that is not there has no values.
func (f *File) column(name string) (c *query.Column, err error) {
	if !slices.Contains(f.about.Columns, name) {
		return &query.Column{Codes: make([]int32, f.Len()), Sets: [][]string{nil}}, nil
	}
	c = new(query.Column)
	err = f.pages(name, func(page parquet.Page) error {
		data, dictionary := page.Data(), page.Dictionary()
		switch {
		case dictionary == nil && page.Type().Kind() == parquet.Int64:
			c.Numbers = append(c.Numbers, data.Int64()...)
			return nil
		case dictionary == nil:
			c.Marks = append(c.Marks, data.Uint32()...)
			return nil
		}
		if c.Sets == nil {
			cells := make([]string, dictionary.Len())
			c.Sets = make([][]string, len(cells))
			for i := range cells {
				cells[i] = string(dictionary.Index(int32(i)).ByteArray()) // below Len
				if c.Sets[i], err = readCell(cells[i : i+1 : i+1]); err != nil {
					return err
				}
			}
		}
		c.Codes = append(c.Codes, data.Int32()...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(c.Codes)+len(c.Marks)+len(c.Numbers) != f.Len() {
		return nil, fmt.Errorf("the column %s has another number of rows", name)
	}
	for _, code := range c.Codes {
		if code < 0 || int(code) >= len(c.Sets) {
			return nil, fmt.Errorf("the column %s has a code that stands for nothing", name)
		}
	}
	return c, nil
}

// pages hands on the pages of a column.
func (f *File) pages(name string, visit func(parquet.Page) error) (err error) {
	defer recovered(&err)
	i := slices.Index(f.about.Columns, name)
	if i < 0 {
		return fmt.Errorf("the column %s is missing", name)
	}
	pages := f.group.ColumnChunks()[i].Pages()
	defer func() { err = errors.Join(err, pages.Close()) }()
	for {
		page, err := pages.ReadPage()
		if err != nil {
			return ended(err)
		}
		err = visit(page)
		parquet.Release(page)
		if err != nil {
			return err
		}
	}
}

// Ended is what is told of the end of the transfer that a row is; nil if nothing is.
func (f *File) Ended(i int) (query.Ended, error) { return f.endedAt(i, f) }
